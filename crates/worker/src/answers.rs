//! Answers of the user about files: roles of their tensors, and the shape of their expert ids.

use std::{cell::Cell, rc::Rc};

use protocol::{Event, MappingChoice, MappingSheet, Question};
use trace::{IdsSettings, Proposal};

use crate::{
    entry::Entry,
    file_table::FileTable,
    mapping,
    opening::{Failure, Opening, Overrides, open_with},
    post::post,
};

/// Questions about files, and their answers.
pub struct Answers {
    files: Rc<FileTable>,
    /// Experts per layer, if the user has entered the number.
    experts: Cell<Option<usize>>,
}

impl Answers {
    /// Answers about these files.
    pub fn new(files: Rc<FileTable>) -> Self {
        Self { files, experts: Cell::new(None) }
    }

    /// Forgets the number of experts.
    pub fn clear(&self) {
        self.experts.set(None);
    }

    /// Asks for the mapping of the first file for which it was not asked. One answer serves all
    /// files with the same tensors.
    pub fn ask(&self) {
        let first = self.files.change_all(|files| {
            let first = files
                .iter()
                .find_map(|file| Some((file.row.id, file.proposal().filter(|_| !file.was_asked)?.clone())));
            let (id, proposal) = first?;
            for file in files {
                file.was_asked |= is_alike(&proposal, file);
            }
            Some(id)
        });
        if let Some(id) = first {
            self.propose(id);
        }
    }

    /// Posts the proposed mapping of a file.
    pub fn propose(&self, id: usize) {
        let sheet = self.files.read(|files| {
            let file = files.iter().find(|file| file.row.id == id)?;
            let proposal = file.proposal()?;
            Some(MappingSheet {
                id,
                path: file.row.path.clone(),
                reasons: proposal.reasons.clone(),
                rows: mapping::rows(proposal),
                step: file.step.or_else(|| trace::step_from_name(&file.row.path).map(|named| named.step)),
                others: files.iter().filter(|other| is_alike(proposal, other)).count() - 1,
            })
        });
        if let Some(sheet) = sheet {
            post(&Event::Proposal(Box::new(sheet)));
        }
    }

    /// Opens a file with a mapping, and then all other files with the same tensors. Returns whether
    /// the files changed; if the mapping does not fit the first file, none is changed.
    pub async fn use_mapping(
        &self,
        id: usize,
        choices: &[MappingChoice],
        experts: Option<usize>,
        step: Option<u64>,
    ) -> bool {
        let proposal = self.files.change(id, |file| file.proposal().cloned()).flatten();
        let Some(proposal) = proposal else { return false };
        let mapping = Some(mapping::mapping(&proposal, choices, experts));
        let overrides = Overrides { mapping, ..Overrides::default() };
        match self.open_as(id, &overrides).await {
            None => return false,
            Some(Err(failure)) => {
                let line = match &failure {
                    Failure::Trace(error) => mapping::row_of(&proposal, error),
                    Failure::Report { .. } => None,
                };
                post(&Event::AnswerResult { refused: Some(failure.to_string()), line });
                return false;
            }
            Some(Ok(opening)) => self.apply_opened(id, opening, step),
        }
        let others: Vec<usize> = self.files.read(|files| {
            let others = files.iter().filter(|file| is_alike(&proposal, file));
            others.map(|file| file.row.id).collect()
        });
        for other in others {
            match self.open_as(other, &overrides).await {
                Some(Ok(opening)) => self.apply_opened(other, opening, None),
                Some(Err(failure)) => {
                    self.files.change(other, |file| file.set_verdict(false, Some(failure.to_string())));
                }
                None => {}
            }
        }
        accept()
    }

    /// Opens a file of expert ids with this shape. Returns whether the file changed.
    pub async fn use_shape(&self, id: usize, ids: IdsSettings) -> bool {
        match self.open_as(id, &Overrides { ids, ..Overrides::default() }).await {
            None => false,
            Some(Err(failure)) => refuse(&failure),
            Some(Ok(opening)) => {
                self.files.change(id, |file| file.ids = ids);
                self.apply_opened(id, opening, None);
                accept()
            }
        }
    }

    /// Opens all files of ids that do not state it with this number of experts per layer. Returns
    /// whether the files changed; if the number does not fit one of them, none is changed.
    pub async fn use_experts(&self, experts: usize) -> bool {
        let asking = self.without_experts(|_| true);
        let mut openings = Vec::with_capacity(asking.len());
        for (id, ids) in asking {
            let ids = IdsSettings { experts: Some(experts), ..ids };
            match self.open_as(id, &Overrides { ids, ..Overrides::default() }).await {
                None => {}
                Some(Err(failure)) => return refuse(&failure),
                Some(Ok(opening)) => openings.push((id, ids, opening)),
            }
        }
        self.experts.set(Some(experts));
        for (id, ids, opening) in openings {
            self.files.change(id, |file| file.ids = ids);
            self.apply_opened(id, opening, None);
        }
        accept()
    }

    /// Applies the number of experts to files that were added after the user had entered it.
    pub async fn apply_experts(&self) {
        let Some(experts) = self.experts.get() else { return };
        for (id, ids) in self.without_experts(|ids| ids.experts.is_none()) {
            let ids = IdsSettings { experts: Some(experts), ..ids };
            // Set even if it does not fit, so that it is not tried again.
            self.files.change(id, |file| file.ids = ids);
            let opened = self.open_as(id, &Overrides { ids, ..Overrides::default() }).await;
            if let Some(Ok(opening)) = opened {
                self.apply_opened(id, opening, None);
            }
        }
    }

    /// The files of ids that do not state the number of experts, and what the user entered for
    /// them.
    fn without_experts(&self, which: fn(&IdsSettings) -> bool) -> Vec<(usize, IdsSettings)> {
        let asks = |file: &&Entry| file.row.question == Some(Question::Experts) && which(&file.ids);
        self.files.read(|files| files.iter().filter(asks).map(|file| (file.row.id, file.ids)).collect())
    }

    /// Opens a file with information from the user; none if the file was removed.
    async fn open_as(&self, id: usize, overrides: &Overrides) -> Option<Result<Opening, Failure>> {
        let request = self.files.change(id, |file| file.open_request()).flatten()?;
        Some(open_with(request, overrides).await)
    }

    fn apply_opened(&self, id: usize, opening: Opening, step: Option<u64>) {
        self.files.change(id, |file| {
            file.step = step.or(file.step);
            file.apply_opened(Ok(opening))
        });
    }
}

/// Whether a file has a proposal for the same tensors.
fn is_alike(proposal: &Proposal, file: &Entry) -> bool {
    file.proposal().is_some_and(|other| mapping::alike(proposal, other))
}

/// Tells the page that its answer was accepted. Returns that files changed.
fn accept() -> bool {
    post(&Event::AnswerResult { refused: None, line: None });
    true
}

/// Tells the page why its answer was refused. Returns that no file changed.
fn refuse(failure: &Failure) -> bool {
    post(&Event::AnswerResult { refused: Some(failure.to_string()), line: None });
    false
}
