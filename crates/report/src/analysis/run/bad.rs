//! Samples whose gates cannot be used at some checkpoint. The same samples are followed through all
//! checkpoints, so that they leave the run.

use std::collections::{BTreeMap, BTreeSet};

use trace::BadSample;

use super::part::{Stepped, Verdict};

/// Samples whose gates cannot be used, by file and step.
pub type BadSamples = BTreeMap<(usize, u64), Vec<BadSample>>;

/// Samples that cannot be used at one checkpoint.
#[derive(Clone, Debug)]
pub struct LeftOut {
    /// Training step.
    pub step: u64,
    /// The samples and their faults.
    pub samples: Vec<BadSample>,
}

impl LeftOut {
    /// The sentences for notes.
    pub fn sentence(&self) -> String {
        let fault = self.samples.first().map(|first| first.fault.to_string()).unwrap_or_default();
        format!(
            "{fault} Because of step {}, {} {} left out at all checkpoints, as the same samples are followed through \
             the run.",
            self.step,
            BadSample::listed(&self.samples),
            if self.samples.len() == 1 { "is" } else { "are" },
        )
    }
}

/// The samples that cannot be used, by step: those that an analysis found, those that files were
/// read without, and those with a token that cannot be used.
///
/// Where the run would lose more than half of its samples, the checkpoint with most of them is
/// left out instead.
pub(super) fn unusable(
    traces: &mut Vec<Stepped>,
    known: &BadSamples,
    of_tokens: &BTreeMap<u64, Vec<BadSample>>,
    verdicts: &mut Vec<Verdict>,
) -> BTreeMap<u64, Vec<BadSample>> {
    let mut bad: BTreeMap<u64, Vec<BadSample>> = BTreeMap::new();
    for (id, step, trace) in traces.iter() {
        let found = known.get(&(*id, *step)).into_iter().flatten().chain(trace.left_out());
        let mut found: Vec<BadSample> = found.cloned().collect();
        let known: BTreeSet<String> = found.iter().map(|bad| bad.id.clone()).collect();
        let of_tokens = of_tokens.get(step).into_iter().flatten();
        found.extend(of_tokens.filter(|bad| !known.contains(&bad.id)).cloned());
        if !found.is_empty() {
            bad.insert(*step, found);
        }
    }
    loop {
        let ids: BTreeSet<&str> = bad.values().flatten().map(|bad| bad.id.as_str()).collect();
        let most = traces.iter().map(|(_, _, trace)| trace.samples_in_file()).max().unwrap_or(0);
        if ids.len().saturating_mul(2) <= most {
            return bad;
        }
        let Some(worst) = bad.iter().max_by_key(|(_, samples)| samples.len()).map(|(&step, _)| step) else {
            return bad;
        };
        let count = bad.remove(&worst).map_or(0, |samples| samples.len());
        for (id, step, trace) in traces.extract_if(.., |(_, step, _)| *step == worst) {
            let text = format!(
                "{}: the gates of {count} of its {} samples cannot be used. With those of the other checkpoints, the \
                 run would lose more than half of its samples, so step {step} is left out.",
                trace.info.name,
                trace.samples_in_file(),
            );
            verdicts.push(Verdict { id, used: false, text: Some(text) });
        }
    }
}

/// Adds to the verdict on each file which of its samples the run lacks.
pub(super) fn leave_out(
    unusable: &BTreeMap<u64, Vec<BadSample>>,
    traces: &[Stepped],
    verdicts: &mut Vec<Verdict>,
) -> Vec<LeftOut> {
    let mut all = Vec::new();
    for (id, step, _) in traces {
        let Some(samples) = unusable.get(step) else { continue };
        let left_out = LeftOut { step: *step, samples: samples.clone() };
        verdicts.push(Verdict { id: *id, used: true, text: Some(left_out.sentence()) });
        all.push(left_out);
    }
    all
}
