//! Steps of the tour about routing: pathway distance, layers, map.

use report::{ClaimKind, Course, Group};

use super::guide::{Guide, TourStep};
use crate::{
    chart,
    layers::LayerMeasure,
    number, series,
    verdict::{change, follows, headline},
};

/// Domains beyond this number are not listed.
const LISTED: usize = 5;

/// How the pathway distance changes, beside its null and the other domains.
pub(super) fn distance(guide: Guide<'_>) -> Option<TourStep> {
    let name = &guide.lead.name;
    let claim = guide.said.of_metric(ClaimKind::Falls, name, "distance")?;
    let group = claim.group.unwrap_or_default();
    let course = guide.report.course(name, "distance", group)?;
    let mut shows = format!("{name}: {}.", change::distance(guide.said, name)?);
    let others: Vec<String> = guide
        .said
        .domains()
        .filter(|other| *other != name.as_str())
        .filter_map(|other| Some(format!("{other} {}", change::brief(guide.said, other)?)))
        .collect();
    if !others.is_empty() && others.len() <= LISTED {
        shows.push_str(&format!(" Other domains: {}.", others.join("; ")));
    }
    let checkpoint = guide.checkpoint(claim.figure("to_step"));
    if let Some(null) = null(guide, course, checkpoint) {
        shows.push_str(&null);
    }
    let follows = headline::headline(guide.said).or_else(|| {
        let claim = guide.said.of_metric(ClaimKind::Follows, name, "distance")?;
        follows::distance(claim).map(|text| format!("{text}."))
    });
    Some(TourStep {
        title: "Pathway distance".into(),
        shows,
        limits: follows
            .unwrap_or_else(|| "Whether distance follows accuracy cannot be told from this report.".into()),
        view: "timeline".into(),
        chart: "distance".into(),
        domain: name.clone(),
        checkpoint,
    })
}

/// The distance of random pathways beside that of the samples, in a sentence with a space before it. Random pathways
/// have the lengths of all samples, also beside the distance of the memorized ones.
fn null(guide: Guide<'_>, course: &Course, checkpoint: usize) -> Option<String> {
    let null = guide.report.course(&guide.lead.name, "null_distance", Group::All)?;
    let (here, random) = (series::at(&course.values, checkpoint)?, series::at(&null.values, checkpoint)?);
    let step = guide.report.checkpoints.get(checkpoint)?.step;
    let (samples, lengths) = match course.group {
        Group::Memorized => ("the memorized samples of ", "with the lengths of all samples"),
        Group::All => ("", "of the same lengths"),
    };
    Some(format!(
        " At {} the distance of {samples}{} is {} {}; random pathways {lengths} (dotted) have {}.",
        chart::step_name(step),
        guide.lead.name,
        number::plain(here),
        guide.report.unit_name(),
        number::plain(random)
    ))
}

/// Which layers change most and least.
pub(super) fn layers(guide: Guide<'_>) -> Option<TourStep> {
    let name = &guide.lead.name;
    let measure = LayerMeasure::all().next()?;
    let courses = guide.report.layer_courses(name, measure.metric.id, measure.group(Group::All));
    let mut changes: Vec<(usize, f64, f64)> = courses
        .iter()
        .filter_map(|course| {
            let defined = series::defined(&course.values, guide.report.checkpoints.len());
            Some((course.layer?, defined.first()?.1, defined.last()?.1))
        })
        .collect();
    changes.sort_by(|a, b| (b.2 - b.1).abs().total_cmp(&(a.2 - a.1).abs()));
    let (most, least) = (changes.first()?, changes.last()?);
    let values = |(_, from, to): &(usize, f64, f64)| {
        format!("from {} to {}", number::plain(*from), number::plain(*to))
    };
    let mut shows = format!(
        "Of {}, layer {} of {name} changes most, {}",
        chart::counted(changes.len() as u64, "layer"),
        most.0,
        values(most)
    );
    if changes.len() > 1 {
        shows.push_str(&format!(", and layer {} least, {}", least.0, values(least)));
    }
    Some(TourStep {
        title: "Layer by layer".into(),
        shows: format!("{}: {shows}. The colours have one scale for all checkpoints.", measure.name()),
        limits: "Means have no intervals here. A layer that changes most is not shown to cause the change of accuracy."
            .into(),
        view: "layers".into(),
        chart: format!("layers-{}", measure.id()),
        domain: name.clone(),
        checkpoint: guide.last,
    })
}

/// Distances within a domain and between domains.
pub(super) fn map(guide: Guide<'_>) -> Option<TourStep> {
    let name = &guide.lead.name;
    let at = |course: &Course| series::at(&course.values, guide.last);
    let within = at(guide.report.course(name, "distance", Group::All)?)?;
    let tau = guide.report.settings.tau.to_bits();
    let between: Vec<String> = guide
        .report
        .courses
        .iter()
        .filter(|course| course.metric == "distance" && course.group == Group::All && course.layer.is_none())
        .filter(|course| course.tau.is_none_or(|at| at.to_bits() == tau))
        .filter_map(|course| {
            let other = course.other_domain.as_deref()?;
            let names = [course.domain.as_str(), other];
            let other = names.into_iter().find(|one| *one != name.as_str())?;
            names.contains(&name.as_str()).then_some(())?;
            Some(format!("{} from one of {other}", number::plain(at(course)?)))
        })
        .collect();
    let step = chart::step_name(guide.report.checkpoints.get(guide.last)?.step);
    let between = match between.len() {
        1..=LISTED => format!("; one of {name} is {}", between.join(", ")),
        _ => String::new(),
    };
    Some(TourStep {
        title: "The distance map".into(),
        shows: format!(
            "Each cell is the distance of two samples; dark cells are pairs with similar pathways. At {step} two \
             samples of {name} are {} {} apart on average{between}.",
            number::plain(within),
            guide.report.unit_name()
        ),
        limits: "Samples of one domain may be routed alike because their text is alike. The map does not tell this \
                 from what the model has learned."
            .into(),
        view: "map".into(),
        chart: "map".into(),
        domain: name.clone(),
        checkpoint: guide.last,
    })
}
