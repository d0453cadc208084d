//! One checkpoint's gates, read once by ranges of samples and let go: what stays is a ranking (from which pathways at
//! every threshold are written), a few scalars a sample, and sums a group.

use std::rc::Rc;

use pathway::{Coactivation, LayerEntropy, LoadCounts, Ranking, RouterGram, SampleConsistency, SaturationSum, Spectrum};
use trace::{GateKind, OpenTrace};

use super::{host::Watch, run::RunCheckpoint};
use crate::error::Error;

/// Samples whose gates are in memory at once, by the bytes that they take as f32.
const CHUNK_BYTES: usize = 8 << 20;

/// Samples between two breaths: a few milliseconds of computing at 16 layers of 64 experts.
const SAMPLES_A_BREATH: usize = 32;

/// What is known of one checkpoint whatever the groups are.
#[derive(Debug)]
pub struct Digest {
    /// Pathways of the run's samples at every threshold.
    pub ranking: Ranking,
    /// Consistency of each sample; `None` where no router matrix is given.
    pub consistency: Option<Vec<SampleConsistency>>,
    /// Entropy of the mean gates, `[S][L]`, nats.
    pub entropy: Vec<f32>,
}

/// Sums over the samples of one domain that need the selections of single tokens.
#[derive(Debug)]
pub struct Selections {
    /// How often each expert was selected.
    pub load: LoadCounts,
    /// Agreement with the last checkpoint.
    pub saturation: Option<SaturationSum>,
    /// Which experts go together; at the last checkpoint only.
    pub coactivation: Option<Coactivation>,
}

/// What one pass over a checkpoint's gates shall bring.
#[derive(Debug, Default)]
pub struct Wanted {
    /// The digest, with pathways at these thresholds.
    pub digest: Option<Vec<f64>>,
    /// Gates' second moments of these groups (ascending samples of the run).
    pub spectra: Vec<Rc<[u32]>>,
    /// Sums of the unit vectors of the flattened gates of these groups (METRICS 6, without embeddings).
    pub unit_sums: Vec<Rc<[u32]>>,
}

impl Wanted {
    /// Whether there is nothing to read for.
    pub fn is_empty(&self) -> bool {
        self.digest.is_none() && self.spectra.is_empty() && self.unit_sums.is_empty()
    }
}

/// What one pass has brought, in the order of what was wanted.
#[derive(Debug)]
pub struct Brought {
    /// The digest.
    pub digest: Option<Digest>,
    /// Second moments.
    pub spectra: Vec<Spectrum>,
    /// Sums of unit vectors and how many were summed.
    pub unit_sums: Vec<pathway::UnitSum>,
}

/// Reads a checkpoint's gates once and folds them into everything that is wanted.
pub async fn read_gates(
    checkpoint: &RunCheckpoint,
    wanted: &Wanted,
    watch: &dyn Watch,
    mut read: impl FnMut(u64),
) -> Result<Brought, Error> {
    let trace = &*checkpoint.trace;
    let (layers, experts) = (trace.info.layers, trace.info.experts);
    let width = layers * experts;
    let frequency = trace.info.gate_kind == GateKind::SelectionFrequency;
    let gram = match (&wanted.digest, frequency) {
        (Some(_), false) => trace.router().await?.map(|router| router_gram(&router)),
        _ => None,
    }
    .transpose()?;
    let mut fold = Fold::new(checkpoint, wanted, gram.as_ref())?;
    let total_rows = trace.info.samples.len();
    let chunk = (CHUNK_BYTES / (4 * width.max(1))).clamp(1, total_rows.max(1));
    let bytes_a_row = trace.info.bytes / (total_rows.max(1) as u64);
    let mut start = 0;
    while start < total_rows {
        let end = (start + chunk).min(total_rows);
        let gates = trace.gates(start..end).await?;
        let counts = if frequency { trace.counts(start..end).await? } else { None };
        for (i, row) in gates.chunks_exact(width).enumerate() {
            fold.push(start + i, row, counts.as_ref().map(|counts| counts.of(i)))?;
            if (i + 1) % SAMPLES_A_BREATH == 0 {
                watch.breathe().await;
            }
        }
        read(bytes_a_row * (end - start) as u64);
        watch.breathe().await;
        start = end;
    }
    fold.finish()
}

/// The Gram blocks of a trace's router, computed or as stored.
fn router_gram(router: &trace::Router) -> Result<RouterGram, Error> {
    Ok(match router {
        trace::Router::Weights { layers, experts, width, values } => {
            RouterGram::from_weights(*layers, *experts, *width, values)?
        }
        trace::Router::Gram { layers, experts, values } => RouterGram::from_blocks(*layers, *experts, values)?,
    })
}

/// The accumulators of one pass. Rows come in the trace's order; a row that is no sample of the run is skipped.
struct Fold<'a> {
    /// For each row of the trace the sample of the run.
    sample_of: Vec<Option<u32>>,
    in_order: bool,
    digest: Option<DigestFold<'a>>,
    spectra: Vec<(Membership, Spectrum)>,
    unit_sums: Vec<(Membership, pathway::UnitSum)>,
}

struct DigestFold<'a> {
    ranking: Ranking,
    gram: Option<&'a RouterGram>,
    consistency: Vec<SampleConsistency>,
    entropy: Vec<f32>,
    /// Order in which the samples of the run came.
    order: Vec<u32>,
}

/// Who belongs to a group, for asking by sample.
struct Membership(Vec<bool>);

impl Membership {
    fn new(members: &[u32], samples: usize) -> Self {
        let mut is_member = vec![false; samples];
        for &member in members {
            is_member[member as usize] = true;
        }
        Self(is_member)
    }

    fn has(&self, sample: u32) -> bool {
        self.0[sample as usize]
    }
}

impl<'a> Fold<'a> {
    fn new(checkpoint: &RunCheckpoint, wanted: &Wanted, gram: Option<&'a RouterGram>) -> Result<Self, Error> {
        let trace = &*checkpoint.trace;
        let (layers, experts) = (trace.info.layers, trace.info.experts);
        let samples = checkpoint.row_of.len();
        let mut sample_of = vec![None; trace.info.samples.len()];
        for (sample, &row) in checkpoint.row_of.iter().enumerate() {
            if let Some(slot) = sample_of.get_mut(row as usize) {
                *slot = Some(sample as u32);
            }
        }
        let digest = match &wanted.digest {
            None => None,
            Some(taus) => Some(DigestFold {
                ranking: Ranking::new(layers, experts, taus)?,
                gram,
                consistency: Vec::new(),
                entropy: Vec::new(),
                order: Vec::new(),
            }),
        };
        let spectra = wanted
            .spectra
            .iter()
            .map(|members| (Membership::new(members, samples), Spectrum::new(layers, experts)))
            .collect();
        let unit_sums = wanted
            .unit_sums
            .iter()
            .map(|members| (Membership::new(members, samples), pathway::UnitSum::new(layers * experts)))
            .collect();
        let in_order = checkpoint.row_of.windows(2).all(|pair| pair[0] < pair[1]);
        Ok(Self { sample_of, in_order, digest, spectra, unit_sums })
    }

    fn push(&mut self, row: usize, gates: &[f32], counts: Option<trace::SampleCounts<'_>>) -> Result<(), Error> {
        let Some(sample) = self.sample_of.get(row).copied().flatten() else { return Ok(()) };
        if let Some(digest) = &mut self.digest {
            digest.push(sample, gates, counts)?;
        }
        for (members, spectrum) in &mut self.spectra {
            if members.has(sample) {
                spectrum.push_sample(gates);
            }
        }
        for (members, sum) in &mut self.unit_sums {
            if members.has(sample) {
                sum.push(gates);
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Brought, Error> {
        let Self { in_order, digest, spectra, unit_sums, .. } = self;
        Ok(Brought {
            digest: digest.map(|digest| digest.finish(in_order)),
            spectra: spectra.into_iter().map(|(_, spectrum)| spectrum).collect(),
            unit_sums: unit_sums.into_iter().map(|(_, sum)| sum).collect(),
        })
    }
}

impl DigestFold<'_> {
    fn push(&mut self, sample: u32, gates: &[f32], counts: Option<trace::SampleCounts<'_>>) -> Result<(), Error> {
        match counts {
            Some(counts) => self.ranking.push_counts(counts.values, counts.k, counts.tokens)?,
            None => self.ranking.push_sample(gates)?,
        }
        if let Some(gram) = self.gram {
            self.consistency.push(pathway::sample_consistency(gates, gram));
        }
        pathway::entropy_by_layer(gates, self.ranking.experts(), &mut self.entropy);
        self.order.push(sample);
        Ok(())
    }

    /// Brings what came in the trace's order into the run's.
    fn finish(self, in_order: bool) -> Digest {
        let Self { ranking, gram, consistency, entropy, order } = self;
        let layers = ranking.layers();
        let consistency = gram.map(|_| consistency);
        if in_order {
            return Digest { ranking, consistency, entropy };
        }
        let mut place = vec![0_usize; order.len()];
        for (at, &sample) in order.iter().enumerate() {
            place[sample as usize] = at;
        }
        Digest {
            ranking: ranking.reordered(&place),
            consistency: consistency.map(|values| place.iter().map(|&at| values[at].clone()).collect()),
            entropy: place.iter().flat_map(|&at| entropy[at * layers..(at + 1) * layers].to_vec()).collect(),
        }
    }
}

/// Reads a checkpoint's selections once, and the last checkpoint's beside them, and sums them a domain.
pub async fn read_selections(
    checkpoint: &RunCheckpoint,
    last: &RunCheckpoint,
    domains: &[Rc<[u32]>],
    watch: &dyn Watch,
) -> Result<Option<Vec<Selections>>, Error> {
    let trace: &OpenTrace = &checkpoint.trace;
    if !trace.info.has_topk {
        return Ok(None);
    }
    let is_last = checkpoint.file == last.file;
    let compare = last.trace.info.has_topk && last.trace.info.top_k == trace.info.top_k;
    let (layers, experts) = (trace.info.layers, trace.info.experts);
    let ordered = trace.info.topk_ordered && last.trace.info.topk_ordered;
    let mut sums: Vec<Selections> = Vec::new();
    for members in domains {
        let mut load = LoadCounts::new(layers, experts);
        let mut saturation: Option<SaturationSum> = None;
        let mut coactivation = is_last.then(|| Coactivation::new(layers, experts));
        // A domain's samples mostly lie side by side: runs of rows are read together.
        for rows in runs_of_rows(members, checkpoint, last) {
            let Some(here) = trace.topk(rows.here.clone()).await? else { return Ok(None) };
            load.push(&here.ids, here.k);
            if let Some(coactivation) = &mut coactivation {
                coactivation.push(&here.ids, here.k);
            }
            if compare
                && let Some(there) = last.trace.topk(rows.last.clone()).await?
                && there.ids.len() == here.ids.len()
            {
                saturation
                    .get_or_insert_with(|| SaturationSum::new(layers, here.k, ordered))
                    .push(&here.ids, &there.ids);
            }
            watch.breathe().await;
        }
        sums.push(Selections { load, saturation, coactivation });
    }
    Ok(Some(sums))
}

/// Rows of the same samples in two traces.
struct Rows {
    here: std::ops::Range<usize>,
    last: std::ops::Range<usize>,
}

/// Splits samples into runs whose rows are neighbours in both traces, at most 256 long.
fn runs_of_rows(members: &[u32], here: &RunCheckpoint, last: &RunCheckpoint) -> Vec<Rows> {
    let mut runs: Vec<Rows> = Vec::new();
    for &sample in members {
        let (row, last_row) = (here.row_of[sample as usize] as usize, last.row_of[sample as usize] as usize);
        match runs.last_mut() {
            Some(run) if run.here.end == row && run.last.end == last_row && run.here.len() < 256 => {
                run.here.end += 1;
                run.last.end += 1;
            }
            _ => runs.push(Rows { here: row..row + 1, last: last_row..last_row + 1 }),
        }
    }
    runs
}

/// Mean of the entropies of a group, `[L]`, nats.
pub fn mean_entropy(digest: &Digest, members: &[u32]) -> Vec<Option<f64>> {
    let layers = digest.ranking.layers();
    let mut sums = LayerEntropy::new(layers);
    for &sample in members {
        let at = sample as usize * layers;
        sums.push(&digest.entropy[at..at + layers]);
    }
    sums.means()
}
