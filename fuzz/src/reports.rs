//! Uses a report as the page and the command line do.

use figures::{
    ChartOptions, ExpertOrder, Figure, LayerMeasure, TimelineOptions, coactivation, delays, experts, layers,
    sweep, tables, timeline, verdict,
};
use report::{LinkOptions, Report, csv_tables, decode, json, link, parse_json};

use crate::files::{check_message, check_messages};

/// Shows or writes some of the reports, selected by a hash of the input: doing everything with each would take many times
/// as long as reading.
///
/// # Panics
/// If a check fails.
pub fn exercise(report: &Report, input: &[u8]) {
    match crc32fast::hash(input) % 16 {
        0 => link_round_trip(report),
        1 | 2 => show(report),
        3 | 4 => json_round_trip(report),
        _ => {}
    }
}

/// Makes every chart, table and sentence of a report.
fn show(report: &Report) {
    timeline(report, &TimelineOptions::default()).iter().for_each(check_figure);
    let options = ChartOptions::default();
    let last = report.checkpoints.len().saturating_sub(1);
    for domain in report.domains.iter().take(3) {
        let name = &domain.name;
        LayerMeasure::all()
            .filter_map(|measure| layers(report, name, measure, &options))
            .for_each(|of| check_figure(&of));
        experts(report, name, last, 0, ExpertOrder::Load, &options).iter().for_each(check_figure);
        coactivation(report, name, 0, &options).iter().for_each(check_figure);
        delays(report, name, &options).iter().for_each(check_figure);
        sweep(report, name, &options).iter().for_each(check_figure);
    }
    for named in tables(report) {
        check_message(&named.title);
        assert!(!named.table.markdown().is_empty(), "{} has no header row", named.id);
    }
    check_messages(&verdict(report));
    for (name, text) in csv_tables(report) {
        assert!(text.contains(','), "the table {name} has no columns");
    }
}

/// Checks that a figure has a text for screen readers.
fn check_figure(figure: &Figure) {
    assert!(!figure.summary.is_empty(), "{} has no summary", figure.id);
}

/// Writes a report as JSON and reads it again.
fn json_round_trip(report: &Report) {
    let text = json(report);
    let again = parse_json(&text).expect("a written report can be read");
    assert!(json(&again) == text, "JSON changed the report");
}

/// Writes a report as a link with everything in it and reads it again.
fn link_round_trip(report: &Report) {
    let Ok(written) = link::write(report, &LinkOptions::EVERYTHING) else { return };
    let again = decode(&written.text).expect("a written report can be read");
    assert!(json(&again) == json(&written.seen), "the link changed the report");
}
