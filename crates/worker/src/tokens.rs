//! Charts of the experts of single tokens, which are read from the traces of the run.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::{Rc, Weak},
};

use protocol::{Drawing, Drawn, Event};
use report::{Error, ExpertTokens, Report, TokenExperts, TraceRun};

use crate::{
    map::MapProgress,
    post::post,
    run_state::{RunState, UNREAD, place_in},
};

/// Counts that are kept at most.
const MOST_KEPT: usize = 16;

/// Domain, index of the checkpoint, and layer.
type Key = (String, usize, usize);

/// The counts of the run that were made last.
#[derive(Default)]
pub struct Tokens {
    of: RefCell<Weak<TraceRun>>,
    kept: RefCell<BTreeMap<Key, Rc<ExpertTokens>>>,
}

impl Tokens {
    /// Charts for a [`Drawing::Tokens`], and sentences on what is missing.
    pub async fn draw(&self, state: &RunState, report: &Report, drawing: &Drawing) -> Drawn {
        let Drawing::Tokens { domain, sample, from, checkpoints, layer, expert, options } = drawing else {
            return Drawn::default();
        };
        let unread = || Drawn { notes: vec![UNREAD.to_owned()], ..Drawn::default() };
        let Some(run) = state.run() else { return unread() };
        let [early, late] = *checkpoints;
        let [Some(early_in_run), Some(late_in_run)] = [early, late].map(|at| place_in(&run, report, at))
        else {
            return unread();
        };
        let mut notes = Notes::default();
        let members = run.domains.iter().find(|found| found.name == *domain).map(|found| &*found.samples);
        let is_member = |sample: usize| members?.iter().find(|&&member| member as usize == sample);
        let chosen = sample.and_then(is_member).or(members.and_then(|members| members.first()));
        let (mut figures, mut id) = (Vec::new(), String::new());
        if let Some(&sample) = chosen {
            let read = async |at| state.analysis().token_experts(&run, sample as usize, at).await;
            let now = notes.unless(read(late_in_run).await);
            let then = if late == early { now.clone() } else { notes.unless(read(early_in_run).await) };
            let then =
                then.filter(|then| now.as_ref().is_none_or(|now| notes.unless(now.flips(then)).is_some()));
            if let Some(now) = &now {
                notes.on_names(now);
                id.clone_from(&now.sample.id);
            }
            let (before, after) =
                (then.as_ref().map(|then| (early, then)), now.as_ref().map(|now| (late, now)));
            figures = figures::tokens(report, before, after, *from, options);
        }
        if let Some(found) = notes.unless(self.count(state, &run, domain, late_in_run, *layer).await) {
            match figures::expert_tokens(report, domain, late, *layer, *expert, &found, options) {
                Ok(figure) => figures.push(figure),
                Err(note) => notes.add(note),
            }
        }
        Drawn { figures, sample: id, notes: notes.0, ..Drawn::default() }
    }

    async fn count(
        &self,
        state: &RunState,
        run: &Rc<TraceRun>,
        domain: &str,
        checkpoint: usize,
        layer: usize,
    ) -> Result<Rc<ExpertTokens>, Error> {
        if !self.of.borrow().upgrade().is_some_and(|known| Rc::ptr_eq(&known, run)) {
            *self.of.borrow_mut() = Rc::downgrade(run);
            self.kept.borrow_mut().clear();
        }
        let key = (domain.to_owned(), checkpoint, layer);
        if let Some(found) = self.kept.borrow().get(&key) {
            return Ok(Rc::clone(found));
        }
        let watch = MapProgress::quiet();
        let found = Rc::new(state.analysis().expert_tokens(run, domain, checkpoint, layer, &watch).await?);
        let mut kept = self.kept.borrow_mut();
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, Rc::clone(&found));
        Ok(found)
    }
}

/// Sentences on what is missing, each once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn add(&mut self, note: String) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// The value, or a note on its absence. Errors of reading are shown as errors.
    fn unless<T>(&mut self, found: Result<T, Error>) -> Option<T> {
        match found {
            Ok(found) => return Some(found),
            Err(Error::NoTokens { reason }) => self.add(capitalized(&reason)),
            Err(error) => post(&Event::Failed { message: error.to_string() }),
        }
        None
    }

    /// Says why the tokens of a sample have no names although a list has some.
    fn on_names(&mut self, found: &TokenExperts) {
        if let Some(listed) = found.listed {
            self.add(format!(
                "Tokens are named by their position: the list of samples has {listed} token ids of `{}`, the trace {} \
                 tokens. List the ids of exactly the tokens that the trace records.",
                found.sample.id,
                found.tokens()
            ));
        }
    }
}

/// The sentence with a capital letter.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
