//! A report as one HTML file that needs no network and no scripts: verdict, charts, tables and the
//! report itself as JSON, so that Grokscope opens the file again.

mod chart;
mod escape;

use std::fmt::Write as _;

use report::{Report, SETTINGS, export};

use crate::{
    chart::counted,
    domain_lines, number, palette,
    table::{NamedTable, Table},
    tables,
    theme::Theme,
    verdict,
};
use escape::escaped;

const STYLE: &str = include_str!("style.css");

/// Blocks everything but the page's own styles, should anything slip through the escapes.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Writes a report as a self-contained HTML page.
#[must_use]
pub fn html(report: &Report) -> String {
    let title = if report.title.trim().is_empty() { "Grokscope report" } else { report.title.trim() };
    let title = escaped(title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        colors()
    );
    out += &about(report);
    out += &finding(report);
    out += &charts(report);
    out += &settings(report);
    out += "<h2>Tables</h2>\n";
    for named in tables(report) {
        out += &named_table(&named);
    }
    out += &notes(report);
    out += &export::json_element(report);
    out += "</main>\n</body>\n</html>\n";
    out
}

/// The colours of the domains in both themes.
fn colors() -> String {
    let rules = |theme: Theme| -> String {
        let rule = |at: usize| format!(".d{at} {{ color: {}; }}", palette::domain(at, theme).color);
        (0..8).map(rule).collect::<Vec<_>>().join("\n")
    };
    format!("{}\n@media (prefers-color-scheme: dark) {{\n{}\n}}\n", rules(Theme::Light), rules(Theme::Dark))
}

/// Model, size and origin of the figures.
fn about(report: &Report) -> String {
    let model = report.run.model.iter().map(|model| escaped(model));
    let sizes = [
        counted(report.run.samples as u64, "sample"),
        counted(report.checkpoints.len() as u64, "checkpoint"),
        counted(report.domains.len() as u64, "domain"),
        format!(
            "{} of {}",
            counted(report.run.layers as u64, "layer"),
            counted(report.run.experts as u64, "expert")
        ),
    ];
    let parts: Vec<String> = model.chain(sizes).collect();
    let rounding = report
        .rounded_to_bits
        .map(|bits| format!(" From a link: values are rounded to {bits} bits."))
        .unwrap_or_default();
    format!(
        "<p class=\"soft\">{}. Made by {}.{rounding} Drop this file on Grokscope’s page to open the report again.</p>\n",
        parts.join(", "),
        escaped(&report.made_by)
    )
}

/// Verdict and domain lines.
fn finding(report: &Report) -> String {
    let mut out = String::from("<section aria-label=\"Verdict\">\n");
    for (at, sentence) in verdict(report).iter().enumerate() {
        let class = if at == 0 { " class=\"headline\"" } else { "" };
        // Writing to a string does not fail.
        writeln!(out, "<p{class}>{}</p>", escaped(sentence)).ok();
    }
    out += "</section>\n<h2>Domains</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Domain</th>\
            <th scope=\"col\">State</th><th scope=\"col\">Delay</th><th scope=\"col\">Change of pathway distance</th>\
            <th scope=\"col\">Pathway distance</th><th scope=\"col\">Accuracy</th></tr></thead>\n<tbody>\n";
    let spark = |path: &str, domain: usize| {
        if path.is_empty() {
            return number::MISSING.to_owned();
        }
        format!(
            "<svg class=\"spark d{}\" viewBox=\"0 0 120 24\" aria-hidden=\"true\"><path class=\"line\" d=\"{path}\"/></svg>",
            domain % 8
        )
    };
    for line in domain_lines(report) {
        let or_missing = |text: &Option<String>| escaped(text.as_deref().unwrap_or(number::MISSING));
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escaped(&line.name),
            escaped(&line.state),
            or_missing(&line.delay),
            or_missing(&line.change),
            spark(&line.distance, line.domain),
            spark(&line.accuracy, line.domain)
        )
        .ok();
    }
    out + "</tbody></table></div>\n"
}

fn charts(report: &Report) -> String {
    let figures: String = chart::CHARTS.iter().filter_map(|chart| chart.figure(report)).collect();
    if figures.is_empty() {
        return String::new();
    }
    let mut legend = String::new();
    for (at, domain) in report.domains.iter().enumerate().take(chart::MOST) {
        write!(
            legend,
            "<li><svg class=\"d{}\" viewBox=\"0 0 32 12\" aria-hidden=\"true\"><path class=\"line\"{} d=\"M0 6H32\"/></svg>{}</li>",
            at % 8,
            chart::dash(at),
            escaped(&domain.name)
        )
        .ok();
    }
    let part = if report.domains.len() > chart::MOST {
        format!(
            "<p class=\"soft\">The charts show the first {} of {} domains; the tables have all.</p>\n",
            chart::MOST,
            number::count(report.domains.len() as u64)
        )
    } else {
        String::new()
    };
    format!(
        "<h2>Charts</h2>\n{part}<ul class=\"legend\">{legend}</ul>\n<div class=\"charts\">\n{figures}</div>\n"
    )
}

fn settings(report: &Report) -> String {
    let row = |setting: &report::Setting| {
        let value = setting.text(&report.settings);
        let no_unit = setting.unit.is_empty() || value.is_empty();
        let unit = if no_unit { String::new() } else { format!(" {}", escaped(setting.unit)) };
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}{unit}</td><td class=\"soft\">{}</td></tr>\n",
            escaped(setting.name),
            escaped(if value.is_empty() { number::MISSING } else { &value }),
            escaped(setting.hint)
        )
    };
    let rows: String = SETTINGS.iter().map(row).collect();
    format!(
        "<details><summary>Settings</summary><div class=\"scroll\"><table><tbody>\n{rows}</tbody></table></div></details>\n"
    )
}

fn named_table(named: &NamedTable) -> String {
    let note = if named.note.is_empty() {
        String::new()
    } else {
        format!("<p class=\"soft\">{}</p>", escaped(&named.note))
    };
    format!("<details><summary>{}</summary>{note}{}</details>\n", escaped(&named.title), table(&named.table))
}

fn table(table: &Table) -> String {
    let class = |numeric: bool| if numeric { " class=\"number\"" } else { "" };
    let mut out = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
    for (at, column) in table.columns.iter().enumerate() {
        write!(out, "<th scope=\"col\"{}>{}</th>", class(table.is_numeric(at)), escaped(&column.heading()))
            .ok();
    }
    out += "</tr></thead>\n<tbody>\n";
    for row in &table.rows {
        out += "<tr>";
        for cell in row {
            write!(out, "<td{}>{}</td>", class(cell.is_number()), escaped(&cell.display())).ok();
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

fn notes(report: &Report) -> String {
    if report.notes.is_empty() {
        return String::new();
    }
    let note = |note: &report::Note| format!("<li>{}</li>", escaped(&note.text));
    let notes: Vec<String> = report.notes.iter().map(note).collect();
    format!("<h2>Notes</h2>\n<ul>\n{}\n</ul>\n", notes.join("\n"))
}
