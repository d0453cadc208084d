//! What the user says of files that do not say it themselves: what their tensors are, and the shape of their expert ids.

use std::rc::Rc;

use protocol::{Event, MappingChoice, MappingSheet, Question};
use trace::IdsSettings;

use crate::{
    analyst::Analyst,
    files::Entry,
    mapping,
    opening::{Failure, Known, Opening, open_known},
    post::post,
};

impl Analyst {
    /// Asks about the first file of which the user was not asked yet; one question serves all files with the same tensors.
    pub fn ask(&self) {
        let mut files = self.files.borrow_mut();
        let first = files
            .iter()
            .find_map(|file| Some((file.row.id, file.proposal().filter(|_| !file.asked)?.clone())));
        let Some((id, proposal)) = first else { return };
        for file in files.iter_mut() {
            file.asked |= file.proposal().is_some_and(|other| mapping::alike(&proposal, other));
        }
        drop(files);
        self.propose(id);
    }

    /// Tells the page what a file's tensors are thought to be.
    pub fn propose(&self, id: usize) {
        let files = self.files.borrow();
        let Some(file) = files.iter().find(|file| file.row.id == id) else { return };
        let Some(proposal) = file.proposal() else { return };
        let alike = |other: &&Entry| other.proposal().is_some_and(|other| mapping::alike(proposal, other));
        post(&Event::Proposal(Box::new(MappingSheet {
            id,
            path: file.row.path.clone(),
            reasons: proposal.reasons.clone(),
            rows: mapping::rows(proposal),
            step: file.step.or_else(|| trace::step_from_name(&file.row.path).map(|named| named.step)),
            others: files.iter().filter(alike).count() - 1,
        })));
    }

    /// Reads a file as the user says, and all others with the same tensors; where the first cannot be so, none is.
    pub async fn use_mapping(
        self: &Rc<Self>,
        id: usize,
        choices: &[MappingChoice],
        experts: Option<usize>,
        step: Option<u64>,
    ) {
        let Some(proposal) = self.change(id, |file| file.proposal().cloned()).flatten() else { return };
        let known =
            Known { mapping: Some(mapping::mapping(&proposal, choices, experts)), ..Known::default() };
        match self.open_as(id, &known).await {
            None => return,
            Some(Err(failure)) => {
                let line = match &failure {
                    Failure::Trace(error) => mapping::row_of(&proposal, error),
                    Failure::Report { .. } => None,
                };
                post(&Event::AnswerResult { refused: Some(failure.to_string()), line });
                return;
            }
            Some(Ok(opening)) => self.settle(id, opening, step),
        }
        let alike = |file: &Entry| file.proposal().is_some_and(|other| mapping::alike(&proposal, other));
        let others: Vec<usize> =
            self.files.borrow().iter().filter(|file| alike(file)).map(|file| file.row.id).collect();
        for other in others {
            match self.open_as(other, &known).await {
                Some(Ok(opening)) => self.settle(other, opening, None),
                Some(Err(failure)) => {
                    self.change(other, |file| file.judge(false, Some(failure.to_string())));
                }
                None => {}
            }
        }
        post(&Event::AnswerResult { refused: None, line: None });
        self.restart();
    }

    /// Reads a file of expert ids in the shape that the user says.
    pub async fn use_shape(self: &Rc<Self>, id: usize, ids: IdsSettings) {
        match self.open_as(id, &Known { ids, ..Known::default() }).await {
            None => {}
            Some(Err(failure)) => {
                post(&Event::AnswerResult { refused: Some(failure.to_string()), line: None })
            }
            Some(Ok(opening)) => {
                self.change(id, |file| file.ids = ids);
                self.settle(id, opening, None);
                post(&Event::AnswerResult { refused: None, line: None });
                self.restart();
            }
        }
    }

    /// Reads all files of ids that do not tell it with so many experts a layer; where one of them cannot be so, none is.
    pub async fn use_experts(self: &Rc<Self>, experts: usize) {
        let asking = self.asking_for_experts(|_| true);
        let mut openings = Vec::with_capacity(asking.len());
        for (id, ids) in asking {
            let ids = IdsSettings { experts: Some(experts), ..ids };
            match self.open_as(id, &Known { ids, ..Known::default() }).await {
                None => {}
                Some(Err(failure)) => {
                    post(&Event::AnswerResult { refused: Some(failure.to_string()), line: None });
                    return;
                }
                Some(Ok(opening)) => openings.push((id, ids, opening)),
            }
        }
        self.experts.set(Some(experts));
        for (id, ids, opening) in openings {
            self.change(id, |file| file.ids = ids);
            self.settle(id, opening, None);
        }
        post(&Event::AnswerResult { refused: None, line: None });
        self.restart();
    }

    /// Files that came after the user had said how many experts a layer has are read so too, if they can be.
    pub async fn apply_experts(&self) {
        let Some(experts) = self.experts.get() else { return };
        for (id, ids) in self.asking_for_experts(|ids| ids.experts.is_none()) {
            let ids = IdsSettings { experts: Some(experts), ..ids };
            // Also where it fails, so that it is not tried again.
            self.change(id, |file| file.ids = ids);
            if let Some(Ok(opening)) = self.open_as(id, &Known { ids, ..Known::default() }).await {
                self.settle(id, opening, None);
            }
        }
    }

    /// The files of ids that do not tell how many experts a layer has, and what the user said of them.
    fn asking_for_experts(&self, which: fn(&IdsSettings) -> bool) -> Vec<(usize, IdsSettings)> {
        let files = self.files.borrow();
        let asking =
            files.iter().filter(|file| file.row.question == Some(Question::Experts) && which(&file.ids));
        asking.map(|file| (file.row.id, file.ids)).collect()
    }

    /// Opens a file as it is known; none where it is gone.
    async fn open_as(&self, id: usize, known: &Known) -> Option<Result<Opening, Failure>> {
        let ticket = self.change(id, |file| file.door_ticket()).flatten()?;
        Some(open_known(ticket, known).await)
    }

    fn settle(&self, id: usize, opening: Opening, step: Option<u64>) {
        self.change(id, |file| {
            file.step = step.or(file.step);
            file.settle(Ok(opening))
        });
    }
}
