//! The HTML export: complete, without scripts, with all text escaped, and readable again.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[expect(dead_code, reason = "other tests use more of it")]
mod common;

use figures::{html, tables, verdict};
use report::{Report, export::json_in_html, parse_json};

fn run_a() -> Report {
    parse_json(include_str!("../../../tests/fixtures/reports/run-a.json")).unwrap()
}

/// Text with the escapes of the export.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[test]
fn the_page_has_verdict_charts_and_tables() {
    let report = run_a();
    let page = html(&report);
    for sentence in verdict(&report) {
        assert!(page.contains(&format!(">{}</p>", escaped(&sentence))), "{sentence}");
    }
    for named in tables(&report) {
        assert!(page.contains(&format!("<summary>{}</summary>", escaped(&named.title))), "{}", named.title);
    }
    for chart in ["Accuracy", "Training loss", "Pathway distance"] {
        assert!(page.contains(&format!("<figure><h3>{chart}")), "{chart}");
    }
    assert!(page.contains("class=\"band\""), "the distance has intervals");
    assert_eq!(page.matches("<details>").count(), tables(&report).len() + 1);
}

#[test]
fn the_page_opens_again_as_the_same_report() {
    let report = run_a();
    let page = html(&report);
    assert_eq!(parse_json(json_in_html(&page).unwrap()).unwrap(), report);
}

#[test]
fn the_page_loads_and_runs_nothing() {
    let page = html(&run_a());
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("<script type=\"application/json\" id=\"grokscope-report\">"));
    for loaded in [" src=", " href=", "url(", "@import", " on"] {
        let style_and_body = page.split("<script").next().unwrap();
        let found = style_and_body.match_indices(loaded).any(|(at, _)| {
            // Words of sentences may begin with "on".
            loaded != " on"
                || style_and_body[at + 3..].trim_start_matches(char::is_alphabetic).starts_with("=\"")
        });
        assert!(!found, "{loaded}");
    }
}

#[test]
fn names_stay_text() {
    for name in common::NASTY {
        let mut report = run_a();
        let old = report.domains[0].name.clone();
        let name = format!("{name}</script><img src=x>");
        report.domains[0].name.clone_from(&name);
        for course in report.courses.iter_mut().filter(|course| course.domain == old) {
            course.domain.clone_from(&name);
        }
        for claim in report.claims.iter_mut().filter(|claim| claim.domain.as_ref() == Some(&old)) {
            claim.domain = Some(name.clone());
        }
        report.title.clone_from(&name);
        let page = html(&report);
        assert_eq!(page.matches("<script").count(), 1, "{name}");
        assert_eq!(page.matches("</script>").count(), 1, "{name}");
        assert!(!page.contains("<img"), "{name}");
        assert_eq!(parse_json(json_in_html(&page).unwrap()).unwrap().title, name);
    }
}

#[test]
fn the_legend_names_the_domains_that_are_drawn() {
    let mut report = run_a();
    let first = report.domains[0].clone();
    let more = (0..50).map(|at| report::Domain { name: format!("domain {at}"), ..first.clone() });
    report.domains.extend(more);
    let page = html(&report);
    let legend = page.split("<ul class=\"legend\">").nth(1).unwrap().split("</ul>").next().unwrap();
    assert_eq!(legend.matches("<li>").count(), 40);
    assert!(page.contains("the first 40 of 52 domains"));
}

#[test]
fn ticks_of_few_steps_are_whole_steps() {
    let mut report = run_a();
    report.checkpoints.truncate(3);
    for (at, checkpoint) in (0..).zip(&mut report.checkpoints) {
        checkpoint.step = at;
    }
    let page = html(&report);
    let labels = |page: &str| -> Vec<String> {
        let axis = page
            .split("text-anchor=\"middle\">")
            .skip(1)
            .map(|text| text.split('<').next().unwrap().to_owned());
        axis.take_while(|label| label != "Training step").collect()
    };
    assert_eq!(labels(&page), ["0", "1", "2"]);
    for (at, checkpoint) in (0..).zip(&mut report.checkpoints) {
        checkpoint.step = 100_000 + 500 * at;
    }
    let page = html(&report);
    assert_eq!(labels(&page)[..2], ["100,000", "100,200"]);
}

#[test]
fn ragged_reports_become_pages() {
    let mut report = run_a();
    for course in &mut report.courses {
        course.values.iter_mut().for_each(|value| *value = None);
    }
    assert!(!html(&report).contains("<figure>"));
    report.checkpoints.clear();
    report.domains.clear();
    report.courses.clear();
    report.claims.clear();
    assert!(html(&report).contains("no checkpoints"));
}
