//! A report that was read, wherever it came from: everything that page and command line make of it.

use figures::{
    ChartOptions, ExpertOrder, Figure, LayerMeasure, TimelineOptions, coactivation, delays, experts, layers,
    sweep, tables, timeline, verdict,
};
use report::{LinkOptions, Report, csv_tables, decode, json, link, parse_json};

use crate::files::{all_said, said};

/// Does with a report what is done with reports; with most of them only one thing, as all of it takes many times as long
/// as reading. The input tells which.
///
/// # Panics
/// When something of it cannot be done.
pub fn use_it(report: &Report, input: &[u8]) {
    match crc32fast::hash(input) % 16 {
        0 => through_link(report),
        1 | 2 => show(report),
        3 | 4 => through_json(report),
        _ => {}
    }
}

/// Draws and says everything that there is of a report.
fn show(report: &Report) {
    timeline(report, &TimelineOptions::default()).iter().for_each(drawn);
    let options = ChartOptions::default();
    let last = report.checkpoints.len().saturating_sub(1);
    for domain in report.domains.iter().take(3) {
        let name = &domain.name;
        LayerMeasure::ALL
            .iter()
            .filter_map(|&measure| layers(report, name, measure, &options))
            .for_each(|of| drawn(&of));
        experts(report, name, last, 0, ExpertOrder::Load, &options).iter().for_each(drawn);
        coactivation(report, name, 0, &options).iter().for_each(drawn);
        delays(report, name, &options).iter().for_each(drawn);
        sweep(report, name, &options).iter().for_each(drawn);
    }
    for named in tables(report) {
        said(&named.title);
        assert!(!named.table.markdown().is_empty(), "{} is not even a table without rows", named.id);
    }
    all_said(&verdict(report));
    for (name, text) in csv_tables(report) {
        assert!(text.contains(','), "the table {name} has no columns");
    }
}

/// A figure has words for those who do not see it.
fn drawn(figure: &Figure) {
    assert!(!figure.summary.is_empty(), "{} has no summary", figure.id);
}

/// Writes a report as JSON and reads it again.
fn through_json(report: &Report) {
    let text = json(report);
    let again = parse_json(&text).expect("what was written can be read");
    assert!(json(&again) == text, "through JSON it became another report");
}

/// Writes a report as a link, with all there is, and reads it again.
fn through_link(report: &Report) {
    let Ok(written) = link::write(report, &LinkOptions::EVERYTHING) else { return };
    let again = decode(&written.text).expect("what was written can be read");
    assert!(json(&again) == json(&written.seen), "through a link it became another report");
}
