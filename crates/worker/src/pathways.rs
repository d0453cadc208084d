//! Two samples of the run and their aligned pathways.

use protocol::{AlignedCheckpoint, Alignment, Event, PairChoice, SampleRef};
use report::PairOfSamples;

use crate::{post::post, run_state::RunState};

/// Posts the samples whose id or domain contains `query`, at most `limit`.
pub fn find_samples(state: &RunState, query: &str, limit: usize) {
    let run = state.run();
    let query = query.to_lowercase();
    let mut samples = Vec::new();
    let mut matching = 0;
    for (index, sample) in run.iter().flat_map(|run| run.samples.iter().enumerate()) {
        if sample.id.to_lowercase().contains(&query) || sample.domain.to_lowercase().contains(&query) {
            matching += 1;
            if samples.len() < limit {
                samples.push(reference(index, sample));
            }
        }
    }
    post(&Event::Samples { samples, matching });
}

/// Chooses two samples and posts their aligned pathways.
pub async fn choose_pair(state: &RunState, choice: PairChoice, checkpoint: usize) {
    let Some(run) = state.run() else {
        post(&Event::Failed { message: "Pathways need the run's own traces. Drop its files first.".into() });
        return;
    };
    let choice = match choice {
        PairChoice::Samples { a, b } => PairOfSamples::These(a, b),
        PairChoice::Random { domain, seed } => PairOfSamples::Random { domain, seed },
        PairChoice::Nearest { domain } => PairOfSamples::Nearest { domain },
        PairChoice::Farthest { domain } => PairOfSamples::Farthest { domain },
    };
    let settings = state.settings();
    match state.analysis().choose(&run, &settings, &choice, checkpoint, state.pool()).await {
        Ok((a, b)) => {
            let checkpoints = state
                .analysis()
                .align(&run, &settings, a, b)
                .into_iter()
                .map(|at| AlignedCheckpoint { step: at.step, distance: at.distance, layers: at.layers });
            post(&Event::Alignment(Box::new(Alignment {
                a: reference(a, &run.samples[a]),
                b: reference(b, &run.samples[b]),
                checkpoints: checkpoints.collect(),
            })));
        }
        Err(error) => post(&Event::Failed { message: error.to_string() }),
    }
}

fn reference(index: usize, sample: &trace::SampleMeta) -> SampleRef {
    SampleRef { index, id: sample.id.clone(), domain: sample.domain.clone() }
}
