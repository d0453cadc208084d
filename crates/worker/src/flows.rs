//! Charts of the flow between layers, which are computed from the traces of the run.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
};

use figures::ChartOptions;
use protocol::{Drawn, Event};
use report::{Error, Group, GroupFlow, Report, Settings, TraceRun};

use crate::{map::MapProgress, post::post, run_state::RunState};

/// Flows that are kept at most; one takes up to 8 L E^2 bytes.
const MOST_KEPT: usize = 16;

/// Domain, whether the group is that of memorized samples, and index of the checkpoint.
type Key = (String, bool, usize);

/// The flows of the run that were computed last.
#[derive(Default)]
pub struct Flows {
    /// The run and the settings that the flows are of.
    of: RefCell<(Weak<TraceRun>, Settings)>,
    kept: RefCell<BTreeMap<Key, Rc<GroupFlow>>>,
}

impl Flows {
    /// Charts of the flow of a domain at these checkpoints; none without the run's traces.
    pub async fn draw(
        &self,
        state: &RunState,
        report: &Report,
        domain: &str,
        checkpoints: [usize; 2],
        least: Option<f64>,
        options: &ChartOptions,
    ) -> Drawn {
        let mut flows = Vec::new();
        for checkpoint in checkpoints {
            match self.flow(state, domain, options.group, checkpoint).await {
                Ok(Some(flow)) => flows.push((checkpoint, flow)),
                Ok(None) => return Drawn::default(),
                // Said where the charts would be.
                Err(Error::NoFlow { .. }) => {}
                Err(error) => post(&Event::Failed { message: error.to_string() }),
            }
        }
        let flows: Vec<(usize, &GroupFlow)> = flows.iter().map(|(at, flow)| (*at, &**flow)).collect();
        Drawn { figures: figures::flow(report, domain, &flows, least, options), ..Drawn::default() }
    }

    async fn flow(
        &self,
        state: &RunState,
        domain: &str,
        group: Group,
        checkpoint: usize,
    ) -> Result<Option<Rc<GroupFlow>>, Error> {
        let Some(run) = state.run() else { return Ok(None) };
        let settings = state.settings();
        {
            let mut of = self.of.borrow_mut();
            if !of.0.upgrade().is_some_and(|known| Rc::ptr_eq(&known, &run)) || of.1 != settings {
                *of = (Rc::downgrade(&run), settings.clone());
                self.kept.borrow_mut().clear();
            }
        }
        let key = (domain.to_owned(), group == Group::Memorized, checkpoint);
        if let Some(flow) = self.kept.borrow().get(&key) {
            return Ok(Some(Rc::clone(flow)));
        }
        let watch = MapProgress::quiet();
        let found = state.analysis().flow(&run, &settings, domain, group, checkpoint, &watch).await?;
        let found = Rc::new(found);
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, Rc::clone(&found));
        Ok(Some(found))
    }
}
