//! Steps of the tour about training: memorized share, accuracy, consistency.

use report::{ClaimKind, Group, Why};

use super::guide::{Guide, TourStep, sentence};
use crate::{
    chart, number, series,
    verdict::{
        follows, memorized as words,
        said::{count, enumerated},
    },
};

/// How loss and memorized share change.
pub(super) fn memorized(guide: Guide<'_>) -> Option<TourStep> {
    let claim = guide.said.of_domain(ClaimKind::Memorized, &guide.lead.name)?;
    if claim.why == Why::NoLosses {
        return None;
    }
    let checkpoint = guide.checkpoint(claim.figure("half_step"));
    let name = &guide.lead.name;
    let mut shows = format!("{name}: {}.", words::memorized(claim));
    if let Some(loss) = loss(guide, checkpoint) {
        shows.insert_str(0, &loss);
    }
    let holds =
        |kind: ClaimKind| guide.said.of_domain(kind, name).is_some_and(|claim| claim.holds == Some(true));
    let title = match (holds(ClaimKind::Memorized), holds(ClaimKind::GeneralizedAfter)) {
        (true, true) => "The loss falls first",
        (true, false) => "The loss falls",
        _ => "The loss",
    };
    Some(TourStep {
        title: title.into(),
        shows,
        limits:
            "A low loss on training samples does not show whether the model remembers their answers or has \
                 learned a rule."
                .into(),
        view: "timeline".into(),
        chart: if guide.report.eps(guide.lead).is_some() { "memorized" } else { "loss" }.into(),
        domain: name.clone(),
        checkpoint,
    })
}

/// The training loss at the first checkpoint and at a later one, in a sentence with a space after it.
fn loss(guide: Guide<'_>, checkpoint: usize) -> Option<String> {
    let course = guide.report.course(&guide.lead.name, "loss", Group::All)?;
    let (from, to) = (series::at(&course.values, 0)?, series::at(&course.values, checkpoint)?);
    let step = |at: usize| guide.report.checkpoints.get(at).map(|at| chart::step_name(at.step));
    (checkpoint > 0).then_some(())?;
    Some(format!(
        "The training loss of {} goes from {} at {} to {} at {}. ",
        guide.lead.name,
        number::plain(from),
        step(0)?,
        number::plain(to),
        step(checkpoint)?
    ))
}

/// How accuracy changes, and how long after memorization.
pub(super) fn accuracy(guide: Guide<'_>) -> Option<TourStep> {
    let name = &guide.lead.name;
    let rises = guide.said.of_metric(ClaimKind::Rises, name, "accuracy")?;
    rises.figure("from").and(rises.figure("to"))?;
    let after = guide.said.of_domain(ClaimKind::GeneralizedAfter, name);
    let later = after.is_some_and(|claim| claim.holds == Some(true));
    let mut shows = format!("{name}: {}.", words::accuracy(guide.said, name)?);
    let generalized = words::generalized(guide.said, name);
    if let Some(generalized) = &generalized {
        shows.push_str(&format!(" {generalized}."));
    }
    let others: Vec<&str> = guide.said.domains().filter(|other| *other != name.as_str()).collect();
    let not_later: Vec<&str> = others
        .iter()
        .copied()
        .filter(|other| {
            let claim = guide.said.of_domain(ClaimKind::GeneralizedAfter, other);
            claim.is_none_or(|claim| claim.holds != Some(true))
        })
        .collect();
    let exceptions = match not_later.len() {
        0 => String::new(),
        1..=6 if later => format!(" This order is not clear in {}.", enumerated(&not_later)),
        number if later => {
            format!(" This order is not clear in {} other domains.", number::count(number as u64))
        }
        _ => String::new(),
    };
    let items = match guide.lead.items as u64 {
        0 => "Accuracy is measured on the benchmark of this run only.".to_owned(),
        items => {
            format!("Accuracy is measured on {} of one benchmark only.", chart::counted(items, "item"))
        }
    };
    let unsolved = match generalized {
        Some(_) => " Items that are never solved do not count in the half.",
        None => "",
    };
    Some(TourStep {
        title: if later { "Accuracy rises later" } else { "Accuracy" }.into(),
        shows,
        limits: format!("{items}{unsolved}{exceptions}"),
        view: "timeline".into(),
        chart: "accuracy".into(),
        domain: name.clone(),
        checkpoint: guide.checkpoint(after.and_then(|claim| claim.figure("generalized_step"))),
    })
}

/// Whether consistency follows accuracy.
pub(super) fn consistency(guide: Guide<'_>) -> Option<TourStep> {
    let name = &guide.lead.name;
    let claim = guide.said.of_metric(ClaimKind::Follows, name, "consistency")?;
    let group = claim.group.unwrap_or_default();
    let course = guide.report.course(name, "consistency", group)?;
    let defined = series::defined(&course.values, guide.report.checkpoints.len());
    let (&(first, from), &(last, to)) = (defined.first()?, defined.last()?);
    let step = |at: usize| guide.report.checkpoints.get(at).map(|at| chart::step_name(at.step));
    let n = count(claim, "n");
    let follows = follows::consistency(claim).map(|text| format!(" {}", sentence(&text)));
    Some(TourStep {
        title: "Consistency between layers".into(),
        shows: format!(
            "The median consistency of {name} is {} at {} and {} at {}.{}",
            number::plain(from),
            step(first)?,
            number::plain(to),
            step(last)?,
            follows.unwrap_or_default()
        ),
        limits: if n > 0 {
            format!(
                "{} of one run are not independent, so the agreement of two curves does not show a cause.",
                chart::counted(n, "checkpoint")
            )
        } else {
            "The agreement of two curves of one run does not show a cause.".into()
        },
        view: "timeline".into(),
        chart: "consistency".into(),
        domain: name.clone(),
        checkpoint: last,
    })
}
