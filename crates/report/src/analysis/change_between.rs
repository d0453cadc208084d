//! Changes of the pathway distance between any two checkpoints, on demand.

use super::{change, driver::Analysis, run::Run};
use crate::{
    model::{Change, Group},
    settings::Settings,
};

impl Analysis {
    /// Change of the pathway distance of a domain's group from one checkpoint to another, given by
    /// index. Needs no new distances.
    ///
    /// `None` if the domain or a checkpoint is not measured yet, or if the change is undefined.
    #[must_use]
    pub fn change_between(
        &self,
        run: &Run,
        settings: &Settings,
        domain: &str,
        group: Group,
        from: usize,
        to: usize,
    ) -> Option<Change> {
        let index = run.domains.iter().position(|found| found.name == domain)?;
        if from.max(to) >= run.checkpoints.len() {
            return None;
        }
        change::between(&self.job(run, settings), index, group, from, to)
    }
}
