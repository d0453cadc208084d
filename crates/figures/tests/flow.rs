//! Charts of the flow between layers.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::small;
use figures::{Cell, ChartOptions, flow};
use pathway::FlowSum;
use report::{GroupFlow, Report};
use serde_json::Value;

/// Two layers of three experts: expert 0 is followed by expert 2.
fn found() -> GroupFlow {
    let mut sum = FlowSum::new(2, 3).unwrap();
    sum.push(&[0.8, 0.1, 0.1, 0.1, 0.0, 0.9]).unwrap();
    sum.push(&[0.6, 0.2, 0.2, 0.3, 0.0, 0.7]).unwrap();
    GroupFlow { flow: sum.finish().unwrap(), of: 5 }
}

fn domain(report: &Report) -> String {
    report.domains[0].name.clone()
}

#[test]
fn links_above_the_least_share_are_drawn_and_listed_with_the_strongest_first() {
    let report = small();
    let found = found();
    let figures = flow(
        &report,
        &domain(&report),
        [Some((0, &found)), Some((4, &found))],
        Some(2.0),
        &ChartOptions::default(),
    );
    assert_eq!(
        figures.iter().map(|figure| figure.id.as_str()).collect::<Vec<_>>(),
        ["flow-early", "flow-late"]
    );
    // The uniform share is 1/9; only the link from 0 to 2 has more than twice as much: (0.72 + 0.42) / 2.
    let rows = &figures[0].table.rows;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0][..3], [Cell::Integer(0), Cell::Integer(0), Cell::Integer(2)]);
    let Cell::Number(share, _) = rows[0][3] else { panic!("a share") };
    assert!((share - 0.57).abs() < 1e-7, "{share}");
    let Cell::Number(times, _) = rows[0][4] else { panic!("a multiple") };
    assert!((times - 5.13).abs() < 1e-6, "{times}");
    let strongest = "1 link drawn, with 57 % of the gate mass. The strongest goes from expert 0 of layer 0 to expert 2 of layer 1, with 57 %.";
    assert!(figures[0].summary.ends_with(strongest), "{}", figures[0].summary);
    let spec: Value = serde_json::from_str(&figures[0].spec).unwrap();
    assert_eq!(spec["datasets"]["links"].as_array().unwrap().len(), 1);
    assert_eq!(spec["datasets"]["experts"].as_array().unwrap().len(), 6);
    assert_eq!(spec["datasets"]["experts"][1]["path"], "1 → 2");
    let subtitle = spec["title"]["subtitle"].to_string();
    assert!(subtitle.contains("evenly chosen"), "2 of 5 samples: {subtitle}");
}

#[test]
fn a_late_flow_without_an_early_one_is_the_late_chart() {
    let report = small();
    let found = found();
    let figures =
        flow(&report, &domain(&report), [None, Some((4, &found))], Some(2.0), &ChartOptions::default());
    assert_eq!(figures.iter().map(|figure| figure.id.as_str()).collect::<Vec<_>>(), ["flow-late"]);
    assert!(figures[0].title.starts_with("Flow at step 4,000: "), "{}", figures[0].title);
}

#[test]
fn both_charts_have_the_scale_of_the_strongest_link() {
    let report = small();
    let mut even = FlowSum::new(2, 3).unwrap();
    even.push(&[1.0; 6]).unwrap();
    let even = GroupFlow { flow: even.finish().unwrap(), of: 1 };
    let found = found();
    let figures = flow(
        &report,
        &domain(&report),
        [Some((0, &even)), Some((1, &found))],
        Some(1.0),
        &ChartOptions::default(),
    );
    let scale = |at: usize| {
        let spec: Value = serde_json::from_str(&figures[at].spec).unwrap();
        spec["layer"][0]["encoding"]["strokeWidth"]["scale"]["domain"][1].clone()
    };
    assert_eq!(scale(0), scale(1));
    assert_eq!(figures[0].table.rows.len(), 9);
}

#[test]
fn the_usual_threshold_leaves_two_links_per_expert() {
    let report = small();
    let found = found();
    let figures = flow(&report, &domain(&report), [Some((0, &found)), None], None, &ChartOptions::default());
    let spec: Value = serde_json::from_str(&figures[0].spec).unwrap();
    // No threshold leaves six links, so the lowest is used, which leaves one.
    assert!(spec["title"]["subtitle"].to_string().contains("1 link with at least 1.5 times"));
    let mut sum = FlowSum::new(3, 2).unwrap();
    sum.push(&[1.0, 0.0, 0.0, 1.0, 1.0, 0.0]).unwrap();
    sum.push(&[0.0, 1.0, 1.0, 0.0, 0.0, 1.0]).unwrap();
    let found = GroupFlow { flow: sum.finish().unwrap(), of: 2 };
    let figures = flow(&report, &domain(&report), [Some((0, &found)), None], None, &ChartOptions::default());
    let spec: Value = serde_json::from_str(&figures[0].spec).unwrap();
    // Four links of half the mass, twice the uniform quarter.
    assert!(spec["title"]["subtitle"].to_string().contains("4 links with at least 2 times"));
}

#[test]
fn an_unknown_domain_or_checkpoint_has_no_chart() {
    let report = small();
    let found = found();
    let options = ChartOptions::default();
    assert!(flow(&report, "nowhere", [Some((0, &found)), None], Some(1.0), &options).is_empty());
    assert!(flow(&report, &domain(&report), [Some((99, &found)), None], Some(1.0), &options).is_empty());
}
