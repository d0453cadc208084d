//! The folder that is followed, and what is known about the training that writes to it.

use std::collections::BTreeMap;

use crate::format::duration;

/// Times the usual interval after which a training counts as stalled.
const STALLED: f64 = 3.0;

/// A followed folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Followed {
    /// Its address, which ends in `/`; the name of a folder of this machine.
    pub folder: String,
    /// Whether it is a folder of this machine, which no link can name.
    pub is_local: bool,
    /// Seconds between two looks.
    pub seconds: u32,
    /// Files that were added to the run, with the times of their change.
    pub known: BTreeMap<String, f64>,
    /// Files that appeared while it was paused.
    pub waiting: Vec<String>,
    /// Times at which traces were written, ascending, in seconds since 1970.
    times: Vec<f64>,
    /// A file that has another content since it was read.
    replaced: Option<String>,
    /// Why the last look failed.
    pub failed: Option<String>,
    /// Whether new files wait.
    pub paused: bool,
    /// The time, in seconds since 1970.
    pub now: f64,
    /// When it was named, in seconds since 1970.
    since: f64,
}

impl Followed {
    /// A folder of which nothing is known yet; `now` in seconds since 1970.
    pub fn new(folder: String, seconds: u32, is_local: bool, now: f64) -> Self {
        Self { folder, seconds, is_local, now, since: now, ..Self::default() }
    }

    /// What identifies the following of a folder: a folder may be named again.
    pub fn identity(&self) -> (String, u64) {
        (self.folder.clone(), self.since.to_bits())
    }

    /// What is known about the progress of the training, in words.
    pub fn words(&self) -> String {
        let kind = if self.is_local { "the folder " } else { "" };
        let mut words = format!("Following {kind}{}", self.folder);
        let since = |time: &f64| duration((self.now - time).max(0.0));
        match (self.times.last(), self.interval()) {
            (None, _) => words.push_str(": no files yet."),
            (Some(last), Some(interval)) if self.now - last > STALLED * interval => {
                words.push_str(&format!(
                    ": stalled? Nothing new for {}; before, a file came every {}.",
                    since(last),
                    duration(interval)
                ));
            }
            (Some(last), Some(interval)) if last + interval > self.now => {
                words.push_str(&format!(
                    ": last file {} ago, the next one expected in {}.",
                    since(last),
                    duration(last + interval - self.now)
                ));
            }
            (Some(last), _) => words.push_str(&format!(": last file {} ago.", since(last))),
        }
        if let Some(failed) = &self.failed {
            words.push_str(&format!(
                " It cannot be reached ({failed}); what was read stays, and it is asked again every {} s.",
                self.seconds
            ));
        }
        if let Some(replaced) = &self.replaced {
            words.push_str(&format!(" {replaced} was written again: reload the page to read it anew."));
        }
        if !self.waiting.is_empty() {
            words.push_str(&format!(" New files: {}.", self.waiting.len()));
        }
        words
    }

    /// Median time between two files, in seconds.
    fn interval(&self) -> Option<f64> {
        let mut between: Vec<f64> = self.times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        between.retain(|time| *time > 0.0);
        between.sort_by(f64::total_cmp);
        between.get(between.len() / 2).copied().filter(|_| between.len() >= 2)
    }

    /// Takes a list of files; files without a time are dated now. Returns those to add.
    pub fn take(&mut self, listed: impl Iterator<Item = (String, Option<f64>)>) -> Vec<String> {
        self.failed = None;
        for (address, time) in listed {
            let time = time.unwrap_or_else(|| self.known.get(&address).copied().unwrap_or(self.now));
            match self.known.insert(address.clone(), time) {
                None => {
                    self.waiting.push(address);
                    self.times.push(time);
                }
                Some(before) if before.total_cmp(&time).is_ne() => {
                    self.replaced = address.rsplit('/').next().map(str::to_owned);
                }
                Some(_) => {}
            }
        }
        self.times.sort_by(f64::total_cmp);
        if self.paused { Vec::new() } else { std::mem::take(&mut self.waiting) }
    }
}

#[cfg(test)]
mod tests {
    use super::Followed;

    fn followed(times: &[f64], now: f64) -> Followed {
        Followed { folder: "https://a/run/".to_owned(), times: times.to_vec(), now, ..Followed::default() }
    }

    #[test]
    fn the_next_file_is_expected_after_the_usual_time() {
        let said = |now: f64| followed(&[0.0, 60.0, 130.0, 190.0], now).words();
        assert_eq!(
            said(200.0),
            "Following https://a/run/: last file 10 s ago, the next one expected in 50 s."
        );
        assert_eq!(said(300.0), "Following https://a/run/: last file 1 min 50 s ago.");
        assert!(
            said(500.0)
                .contains("stalled? Nothing new for 5 min 10 s; before, a file came every 1 min 00 s.")
        );
        assert_eq!(followed(&[], 3.0).words(), "Following https://a/run/: no files yet.");
        assert_eq!(followed(&[1.0], 3.0).words(), "Following https://a/run/: last file 2 s ago.");
    }

    #[test]
    fn files_are_added_once_and_wait_while_paused() {
        let mut run = followed(&[], 5.0);
        let file = |name: &str, time: f64| (format!("https://a/run/{name}"), Some(time));
        assert_eq!(run.take([file("a", 1.0)].into_iter()), ["https://a/run/a"]);
        assert!(run.take([file("a", 1.0)].into_iter()).is_empty());
        run.paused = true;
        assert!(run.take([file("a", 1.0), file("b", 2.0)].into_iter()).is_empty());
        assert!(run.words().contains("New files: 1."));
        run.paused = false;
        assert_eq!(run.take([file("b", 2.0)].into_iter()), ["https://a/run/b"]);
        assert!(run.take([file("a", 4.0)].into_iter()).is_empty());
        assert!(run.words().contains("a was written again"), "{}", run.words());
    }
}
