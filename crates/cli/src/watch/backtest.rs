//! Replays a run checkpoint by checkpoint: which events the watching would have reported when, and whether they lasted.

use std::collections::{BTreeMap, BTreeSet};

use figures::number;
use report::{Analysis, ClaimKind, Distances, OnsetRule, Part, Phase, Report};
use trace::FileKind;

use super::{
    WatchOptions,
    events::{Event, all_events, new_events, state_name},
};
use crate::{
    analyse::analyse,
    error::Error,
    load::{FileOptions, open_all},
};

/// An event of the replay.
struct Reported {
    event: Event,
    /// Step at which a report no longer had the event.
    taken_back: Option<u64>,
}

/// Replays the run of a folder and prints a table of its events. Nothing is written.
///
/// # Errors
/// The folder cannot be read, a setting is wrong, no run can be made of its files, or the backend failed.
pub async fn backtest(options: &WatchOptions, distances: &dyn Distances) -> Result<(), Error> {
    let (mut parts, checkpoints) = open_folder(options).await?;
    // A new analysis, so that nothing is known from later checkpoints.
    let analysis = Analysis::default();
    let mut noted = BTreeSet::new();
    let mut reported: Vec<Reported> = Vec::new();
    let mut last: Option<Report> = None;
    let mut failed = None;
    for (step, added) in checkpoints {
        parts.extend(added);
        let (settings, title) = (&options.settings, &options.title);
        let report = match analyse(&analysis, &mut parts, settings, title, &[], distances, &mut noted).await {
            Ok(report) => report,
            // The first checkpoints alone need not be a run.
            Err(error) => {
                failed = Some(error);
                continue;
            }
        };
        failed = None;
        let now = all_events(&report);
        for known in &mut reported {
            if known.taken_back.is_none() && !now.iter().any(|event| event.is_same(&known.event)) {
                known.taken_back = Some(step);
            }
        }
        for event in new_events(last.as_ref(), &report) {
            if !reported.iter().any(|known| known.event.is_same(&event)) {
                reported.push(Reported { event, taken_back: None });
            }
        }
        last = Some(report);
    }
    match (failed, last) {
        (Some(error), _) => Err(error),
        (None, None) => {
            // Usually the error that names what is missing.
            analysis.assemble(&parts)?;
            eprintln!("{}: no trace of a known training step to replay", options.folder.display());
            Ok(())
        }
        (None, Some(whole)) => {
            print!("{}", table(&reported, &whole));
            Ok(())
        }
    }
}

/// Files that belong to no single checkpoint, and the traces of each step.
async fn open_folder(options: &WatchOptions) -> Result<(Vec<Part>, BTreeMap<u64, Vec<Part>>), Error> {
    let mut folder = options.new_folder();
    // Files other than tensors are complete at the second look.
    for _ in 0..2 {
        let looked = folder.look();
        let changes = looked.map_err(|source| Error::File { path: options.folder.clone(), source })?;
        for note in &changes.notes {
            eprintln!("note: {note}");
        }
    }
    let mut others = Vec::new();
    let mut checkpoints: BTreeMap<u64, Vec<Part>> = BTreeMap::new();
    let mut next_id = 0;
    for inside in folder.complete().keys() {
        for Part { path, what, .. } in
            open_all(&[options.folder.join(inside)], &FileOptions::default()).await?
        {
            let contents = match what {
                FileKind::Traces(traces) => traces.into_iter().map(FileKind::Trace).collect(),
                other => vec![other],
            };
            for what in contents {
                let step = match &what {
                    FileKind::Trace(trace) => trace.info.step,
                    FileKind::Layer(layer) => layer.step,
                    _ => None,
                };
                let part = Part { id: next_id, path: path.clone(), what };
                next_id += 1;
                match step {
                    Some(step) => checkpoints.entry(step).or_default().push(part),
                    None => others.push(part),
                }
            }
        }
    }
    Ok((others, checkpoints))
}

/// The table of the events, with the claim of the whole run for each.
fn table(reported: &[Reported], whole: &Report) -> String {
    let mut rows = vec![
        [
            "reported at",
            "domain",
            "event",
            "t° half",
            "t°# half",
            "lead",
            "before end",
            "whole run",
            "taken back",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    let end = whole.checkpoints.last().map_or(0, |last| last.step);
    let steps = |from: u64, to: u64| i64::try_from(i128::from(to) - i128::from(from)).unwrap_or(i64::MAX);
    let mut verdicts = Vec::new();
    for Reported { event, taken_back } in reported {
        let at = |index: Option<usize>| Some(whole.checkpoints.get(index?)?.step);
        let domain = whole.domain(&event.domain);
        let samples = at(domain.and_then(|domain| domain.memorization.half(OnsetRule::Causal)));
        let found = domain.and_then(|domain| domain.generalization.as_ref());
        let items = at(found.and_then(|found| found.half(OnsetRule::Causal)));
        let missing = || "–".to_owned();
        let verdict = verdict(event, whole);
        verdicts.push(verdict);
        rows.push(vec![
            number::count(event.noticed_at),
            event.domain.clone(),
            state_name(event.state).to_owned(),
            samples.map_or_else(missing, number::count),
            items.map_or_else(missing, number::count),
            items.map_or_else(missing, |items| number::signed(steps(event.noticed_at, items))),
            number::count(end.saturating_sub(event.noticed_at)),
            match verdict {
                Some(true) => "holds",
                Some(false) => "does not hold",
                None => "undecided",
            }
            .to_owned(),
            taken_back.map_or_else(|| "no".to_owned(), |step| format!("at {}", number::count(step))),
        ]);
    }
    let count = |wanted: Option<bool>| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let taken_back = reported.iter().filter(|event| event.taken_back.is_some()).count();
    format!(
        "{}\n{} events over {} checkpoints: the whole run's claim holds for {}, does not hold for {}, is undecided for {}; \
         {taken_back} taken back.\nSteps are training steps. lead: from the event to the step by which half of the items \
         are generalized (t°#); negative if the event came later. whole run: the claim `memorized`, or that the distance of the \
         memorized samples falls (structuring) or rises (diverging), at the last checkpoint. One run: how often such events \
         are right in other runs does not follow from it.\n",
        aligned(&rows),
        reported.len(),
        whole.checkpoints.len(),
        count(Some(true)),
        count(Some(false)),
        count(None),
    )
}

/// Whether the whole run's claim of the same content holds.
fn verdict(event: &Event, whole: &Report) -> Option<bool> {
    let (kind, metric) = match event.state {
        Phase::Learning => return None,
        Phase::Memorized => (ClaimKind::Memorized, None),
        Phase::Structuring => (ClaimKind::Falls, Some("distance")),
        Phase::Diverging => (ClaimKind::Rises, Some("distance")),
    };
    let mut claims = whole.claims.iter();
    let of_domain = Some(event.domain.as_str());
    claims
        .find(|claim| {
            claim.kind == kind
                && claim.domain.as_deref() == of_domain
                && (metric.is_none() || claim.metric.as_deref() == metric)
        })
        .and_then(|claim| claim.holds)
}

/// Rows with columns of equal width.
fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            format!("{cell}{}", " ".repeat(width(column).saturating_sub(cell.chars().count())))
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
