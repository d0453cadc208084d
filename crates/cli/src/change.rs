//! Changes between two checkpoints that the user asks for.

use std::str::FromStr;

use report::{Analysis, Report, TraceRun};

use crate::error::Error;

/// Training steps of two checkpoints, the earlier one first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepPair {
    from: u64,
    to: u64,
}

impl FromStr for StepPair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let steps = text.split_once(':').and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        match steps {
            Some((from, to)) if from < to => Ok(Self { from, to }),
            Some(_) => Err("give the earlier step first, such as 1000:5000".to_owned()),
            None => Err("give two training steps, such as 1000:5000".to_owned()),
        }
    }
}

impl StepPair {
    /// Indices of the checkpoints in a run.
    ///
    /// # Errors
    /// [`Error::NoSuchStep`] if the run lacks one of the steps.
    pub fn places(self, run: &TraceRun) -> Result<(usize, usize), Error> {
        let place = |step: u64| {
            let found = run.checkpoints.iter().position(|at| at.step == step);
            found.ok_or_else(|| Error::NoSuchStep {
                step,
                steps: run.checkpoints.iter().map(|at| at.step.to_string()).collect::<Vec<_>>().join(", "),
            })
        };
        Ok((place(self.from)?, place(self.to)?))
    }

    /// Adds the changes of every domain to the report.
    ///
    /// # Errors
    /// [`Error::NoSuchStep`] if the run lacks one of the steps.
    pub fn add(self, analysis: &Analysis, run: &TraceRun, report: &mut Report) -> Result<(), Error> {
        let (from, to) = self.places(run)?;
        let before: Vec<usize> = report.domains.iter().map(|domain| domain.changes.len()).collect();
        analysis.add_changes(run, report, from, to);
        for (domain, before) in report.domains.iter().zip(before) {
            if domain.changes.len() == before {
                let Self { from, to } = self;
                eprintln!(
                    "note: {}: no change between steps {from} and {to}: it needs three samples whose distance is not 0",
                    domain.name
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::StepPair;

    #[test]
    fn two_steps_are_read_with_the_earlier_first() {
        assert_eq!("1000:5000".parse(), Ok(StepPair { from: 1_000, to: 5_000 }));
        for text in ["", "1000", "1000:", "a:b", "5000:1000", "7:7", "-1:3", "1:2:3"] {
            let error = text.parse::<StepPair>().map_err(|error| error.contains("such as 1000:5000"));
            assert_eq!(error, Err(true), "{text}");
        }
    }
}
