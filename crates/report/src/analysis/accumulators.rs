//! What one pass over a checkpoint's gates adds up. Each sum takes the samples in the order of the
//! trace, whichever thread adds them.

use std::{ops::Range, sync::Arc};

use pathway::{Comparison, DomainGates, RouterGram, Signatures, Spectrum, UnitSum};
use trace::GateKind;

use super::{
    block::{Block, Sample},
    cosines::CosineSums,
    digest::{Digest, DigestRequest, GateRequest, GateResults},
    ranked::{Failure, Ranked},
    run::RunCheckpoint,
};
use crate::{error::Error, work};

/// Part of the work for some samples, which needs no other part.
type Task<'a> = Box<dyn FnOnce() -> Result<(), Failure> + Send + 'a>;

/// Sums of one pass.
#[derive(Debug)]
pub struct Accumulators {
    digest: Option<DigestAccumulator>,
    spectra: Vec<(Membership, Spectrum)>,
    unit_sums: Vec<(Membership, UnitSum)>,
    cosines: Vec<CosineSums>,
}

#[derive(Debug)]
struct DigestAccumulator {
    ranked: Ranked,
    /// Position at which each sample of the run was read, and the next one.
    places: Vec<usize>,
    next: usize,
    domains: Option<DomainGates>,
    /// With the domain of each sample; only for several domains.
    signatures: Option<(Signatures, Arc<[u16]>)>,
}

/// Membership of samples in a group.
#[derive(Debug)]
struct Membership(Vec<bool>);

impl Membership {
    fn new(members: &[u32], samples: usize) -> Self {
        let mut is_member = vec![false; samples];
        for &member in members {
            is_member[member as usize] = true;
        }
        Self(is_member)
    }

    fn has(&self, sample: &Sample<'_>) -> bool {
        self.0[sample.number as usize]
    }
}

impl Accumulators {
    /// Empty sums of everything requested.
    ///
    /// # Errors
    /// The trace has no layers or experts, or too many.
    pub fn new(
        checkpoint: &RunCheckpoint,
        request: &GateRequest,
        gram: Option<RouterGram>,
    ) -> Result<Self, Error> {
        let info = &checkpoint.trace.info;
        let (layers, experts) = (info.layers, info.experts);
        let samples = checkpoint.row_of.len();
        let digest = request.digest.as_ref().map(|request| {
            let frequency = info.gate_kind == GateKind::SelectionFrequency;
            let ranked = Ranked::new((layers, experts), &request.taus, frequency, gram)?;
            DigestAccumulator::new(ranked, samples, request)
        });
        let spectra = request.spectra.iter().map(|members| {
            Ok::<_, Error>((Membership::new(members, samples), Spectrum::new(layers, experts)?))
        });
        let unit_sums = request.unit_sums.iter();
        let unit_sums =
            unit_sums.map(|members| (Membership::new(members, samples), UnitSum::new(layers * experts)));
        Ok(Self {
            digest: digest.transpose()?,
            spectra: spectra.collect::<Result<_, _>>()?,
            unit_sums: unit_sums.collect(),
            cosines: request.cosines.iter().map(|request| CosineSums::new(request, samples)).collect(),
        })
    }

    /// Adds the samples of a part of a block.
    ///
    /// # Errors
    /// The first sample that cannot be added.
    pub fn push(&mut self, block: &Block, part: Range<usize>) -> Result<(), Error> {
        let samples = block.samples(part);
        let numbers: Vec<usize> = samples.iter().map(|sample| sample.number as usize).collect();
        let gates: Vec<&[f32]> = samples.iter().map(|sample| sample.gates).collect();
        let members: Vec<Vec<&[f32]>> =
            self.spectra.iter().map(|(membership, _)| gates_of(&samples, membership)).collect();
        let mut tasks: Vec<Task<'_>> = Vec::new();
        if let Some(digest) = &mut self.digest {
            digest.tasks(&samples, &numbers, &gates, &mut tasks)?;
        }
        for ((_, spectrum), gates) in self.spectra.iter_mut().zip(&members) {
            for mut layer in spectrum.push_by_layer(gates)? {
                tasks.push(Box::new(move || {
                    layer.add(gates);
                    Ok(())
                }));
            }
        }
        let samples = &samples;
        for (membership, sum) in &mut self.unit_sums {
            tasks.push(Box::new(move || {
                for (place, sample) in samples.iter().enumerate() {
                    if membership.has(sample) {
                        sum.push(sample.gates).map_err(|error| (place, error))?;
                    }
                }
                Ok(())
            }));
        }
        for cosines in &mut self.cosines {
            tasks.push(Box::new(move || {
                for sample in samples {
                    cosines.push(sample.number, sample.gates);
                }
                Ok(())
            }));
        }
        let failures = work::map(tasks, |task| task().err());
        match failures.into_iter().flatten().min_by_key(|(place, _)| *place) {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// The results, and the comparison of signatures that the digest still lacks.
    pub fn finish(self) -> (GateResults, Option<Comparison>) {
        let Self { digest, spectra, unit_sums, cosines } = self;
        let (digest, comparison) = digest.map(DigestAccumulator::finish).unzip();
        let results = GateResults {
            digest,
            spectra: spectra.into_iter().map(|(_, spectrum)| spectrum).collect(),
            unit_sums: unit_sums.into_iter().map(|(_, sum)| sum).collect(),
            cosines: cosines.into_iter().map(CosineSums::finish).collect(),
        };
        (results, comparison.flatten())
    }
}

/// Gates of the samples of a group.
fn gates_of<'a>(samples: &[Sample<'a>], membership: &Membership) -> Vec<&'a [f32]> {
    samples.iter().filter(|sample| membership.has(sample)).map(|sample| sample.gates).collect()
}

impl DigestAccumulator {
    fn new(ranked: Ranked, samples: usize, request: &DigestRequest) -> Result<Self, Error> {
        let &DigestRequest { ref labels, domains, seed, .. } = request;
        let (layers, experts) = (ranked.ranking.layers(), ranked.ranking.experts());
        let width = layers * experts;
        let of_domains = labels.as_ref().map(|labels| {
            let permutations = pathway::permutations(samples, width, domains);
            DomainGates::new(layers, experts, labels, domains, permutations, seed)
        });
        let compared = labels.as_ref().filter(|_| domains > 1);
        Ok(Self {
            ranked,
            places: vec![0; samples],
            next: 0,
            domains: of_domains.transpose()?,
            signatures: compared.map(|labels| (Signatures::new(samples, width, seed), Arc::clone(labels))),
        })
    }

    /// Lists the work for some samples, the longest first.
    fn tasks<'a>(
        &'a mut self,
        samples: &'a [Sample<'a>],
        numbers: &'a [usize],
        gates: &'a [&'a [f32]],
        tasks: &mut Vec<Task<'a>>,
    ) -> Result<(), Error> {
        for &number in numbers {
            self.places[number] = self.next;
            self.next += 1;
        }
        let ranked = &mut self.ranked;
        tasks.push(Box::new(move || ranked.push(samples)));
        if let Some(domains) = &mut self.domains {
            for mut layer in domains.push_by_layer(numbers, gates)? {
                tasks.push(Box::new(move || {
                    layer.add(numbers, gates);
                    Ok(())
                }));
            }
        }
        if let Some((signatures, _)) = &mut self.signatures {
            tasks.push(Box::new(move || {
                for (place, (&number, gates)) in numbers.iter().zip(gates).enumerate() {
                    signatures.push(number, gates).map_err(|error| (place, error))?;
                }
                Ok(())
            }));
        }
        Ok(())
    }

    /// Reorders the results from the order of the trace to that of the run.
    fn finish(self) -> (Digest, Option<Comparison>) {
        let Self { ranked, places, domains, signatures, .. } = self;
        let comparison = signatures.map(|(signatures, labels)| signatures.compare(&labels));
        let (domains, information) = domains.map(DomainGates::finish).unzip();
        (Digest::new(ranked, &places, domains, information.flatten()), comparison)
    }
}
