//! Charts of the flow between layers, which are computed from the traces of the run.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
};

use figures::ChartOptions;
use protocol::{Drawn, Event};
use report::{Error, Group, GroupFlow, Report, Settings, TraceRun};

use crate::{
    map::MapProgress,
    post::post,
    run_state::{RunState, UNREAD, place_in},
};

/// Flows that are kept at most.
const MOST_KEPT: usize = 16;

/// Links of all flows that are kept at most, 128 MiB.
const MOST_LINKS_KEPT: usize = 1 << 24;

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
    /// Charts of the flow of a domain at these checkpoints of the report, and sentences on what is missing.
    pub async fn draw(
        &self,
        state: &RunState,
        report: &Report,
        domain: &str,
        checkpoints: [usize; 2],
        least: Option<f64>,
        options: &ChartOptions,
    ) -> Drawn {
        let mut flows = [None, None];
        let mut notes: Vec<String> = Vec::new();
        for (place, checkpoint) in flows.iter_mut().zip(checkpoints) {
            match self.flow(state, report, domain, options.group, checkpoint).await {
                Ok(Some(flow)) => *place = Some((checkpoint, flow)),
                Ok(None) => {
                    return Drawn { notes: vec![UNREAD.to_owned()], ..Drawn::default() };
                }
                Err(error @ Error::NoFlow { .. }) => {
                    let note = error.to_string();
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
                Err(error) => post(&Event::Failed { message: error.to_string() }),
            }
        }
        let flows = flows.each_ref().map(|flow| flow.as_ref().map(|(at, flow)| (*at, &**flow)));
        Drawn { figures: figures::flow(report, domain, flows, least, options), notes, ..Drawn::default() }
    }

    /// The flow at a checkpoint of the report; none while the run does not have that checkpoint.
    async fn flow(
        &self,
        state: &RunState,
        report: &Report,
        domain: &str,
        group: Group,
        checkpoint: usize,
    ) -> Result<Option<Rc<GroupFlow>>, Error> {
        let Some(run) = state.run() else { return Ok(None) };
        let Some(checkpoint) = place_in(&run, report, checkpoint) else { return Ok(None) };
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
        let links: usize = kept.values().chain([&found]).map(|flow| flow.flow.links.len()).sum();
        if kept.len() >= MOST_KEPT || links > MOST_LINKS_KEPT {
            kept.clear();
        }
        kept.insert(key, Rc::clone(&found));
        Ok(Some(found))
    }
}
