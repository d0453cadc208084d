//! Analyzes files and says on the terminal what was left out.

use std::{
    cell::Cell,
    collections::BTreeSet,
    io::{IsTerminal as _, Write as _},
};

use report::{Analysis, Distances, Part, Pending, Report, Settings, Stage, Watch};

use crate::{change::StepPair, error::Error};

/// Analyzes files. Those that cannot be read are reported, and removed from `parts`. Notes in `printed` are not printed
/// again; those that are printed are added to it.
///
/// # Errors
/// No run can be made of the files, a setting or a change does not fit it, or the backend failed.
pub async fn analyse(
    analysis: &Analysis,
    parts: &mut Vec<Part>,
    settings: &Settings,
    title: &str,
    changes: &[StepPair],
    distances: &dyn Distances,
    printed: &mut BTreeSet<String>,
) -> Result<Report, Error> {
    loop {
        let run = analysis.assemble(parts).inspect_err(|_| {
            for text in report::explain(parts).iter().filter_map(|verdict| verdict.text.as_ref()) {
                eprintln!("left out: {text}");
            }
        })?;
        for verdict in run.verdicts.iter().filter_map(|verdict| verdict.text.as_ref()) {
            if printed.insert(verdict.clone()) {
                eprintln!("note: {verdict}");
            }
        }
        // Before anything is measured, so that a wrong step costs no time.
        changes.iter().try_for_each(|change| change.places(&run).map(|_| ()))?;
        match analysis.analyse(&run, settings, title, distances, &Terminal::default()).await {
            Err(report::Error::Checkpoint { file, source }) => {
                eprintln!("left out: {source}");
                parts.retain(|part| part.id != file);
            }
            Err(report::Error::BadSamples { .. }) => {}
            done => {
                let mut report = done?;
                changes.iter().try_for_each(|change| change.add(analysis, &run, &mut report))?;
                return Ok(report);
            }
        }
    }
}

/// Prints the progress of the analysis on a terminal.
#[derive(Default)]
struct Terminal {
    percent: Cell<Option<u64>>,
}

impl Watch for Terminal {
    fn yield_now(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn progress(&self, stage: &Stage, done: u64, total: u64) {
        let percent = Some(done * 100 / total.max(1));
        if self.percent.replace(percent) == percent || !std::io::stderr().is_terminal() {
            return;
        }
        let what = match stage {
            Stage::Gates => "bytes of gates",
            Stage::Distances => "pairs",
        };
        let end = if done == total { "\n" } else { "" };
        eprint!("\r{done} of {total} {what}   {end}");
        std::io::stderr().flush().ok();
    }

    fn partial(&self, _: bool, _: &dyn Fn() -> Report) {}
}
