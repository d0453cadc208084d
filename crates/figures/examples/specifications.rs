//! Writes every figure of a report as Vega-Lite files, to be opened in the Vega editor, and prints the rest.
//!
//! `cargo run -p figures --example specifications -- report.json folder [light|dark]`

use std::{error::Error, fs, path::Path};

use figures::{
    Axis, ChartOptions, ExpertOrder, Figure, LayerMeasure, Theme, TimelineOptions, coactivation, delays,
    experts, layers, sweep, tables, timeline, verdict,
};
use report::Report;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [report, folder, rest @ ..] = arguments.as_slice() else {
        return Err(
            "usage: specifications REPORT.json FOLDER [light|dark] [step|tokens|log] [present]".into()
        );
    };
    let report: Report = serde_json::from_slice(&fs::read(report)?)?;
    let has = |word: &str| rest.iter().any(|given| given == word);
    let theme = if has("dark") { Theme::Dark } else { Theme::Light };
    let axis = if has("log") {
        Axis::LogStep
    } else if has("tokens") {
        Axis::Tokens
    } else {
        Axis::Step
    };
    let present = has("present");
    fs::create_dir_all(folder)?;
    let options = TimelineOptions { axis, theme, present, ..TimelineOptions::default() };
    for figure in timeline(&report, &options) {
        write(folder, "timeline", &figure)?;
    }
    let options = ChartOptions { axis, theme, present, ..ChartOptions::default() };
    for (index, domain) in report.domains.iter().enumerate() {
        let mut figures: Vec<Figure> = LayerMeasure::all()
            .filter_map(|measure| layers(&report, &domain.name, measure, &options))
            .collect();
        let last = report.checkpoints.len().saturating_sub(1);
        figures.extend(experts(&report, &domain.name, last, 0, ExpertOrder::Load, &options));
        figures.extend(coactivation(&report, &domain.name, 0, &options));
        figures.extend(delays(&report, &domain.name, &options));
        figures.extend(sweep(&report, &domain.name, &options));
        for figure in &figures {
            // The index stands for the name, which may be no file name.
            write(folder, &format!("domain-{index}"), figure)?;
        }
    }
    for named in tables(&report) {
        println!("## {} ({})\n\n{}\n\n{}", named.title, named.id, named.note, named.table.markdown());
    }
    for line in verdict(&report) {
        println!("{line}");
    }
    Ok(())
}

fn write(folder: &str, group: &str, figure: &Figure) -> Result<(), Box<dyn Error>> {
    let path = Path::new(folder).join(format!("{group}-{}.vl.json", figure.id));
    fs::write(path, &figure.spec)?;
    println!("{}: {}", figure.id, figure.summary);
    Ok(())
}
