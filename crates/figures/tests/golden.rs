//! The small report, drawn and said: a change of anything shown is a change of this file.
//!
//! `UPDATE_EXPECT=1 cargo test -p figures --test golden` writes it anew; read the difference before keeping it.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use std::{fs, path::Path};

use figures::*;
use serde_json::{Value, json};

fn shown() -> Value {
    let report = common::small();
    let figures = timeline(&report, &TimelineOptions::default());
    let options = ChartOptions::default();
    let of_domain = LayerMeasure::all()
        .filter_map(|measure| layers(&report, "math", measure, &options))
        .chain(experts(&report, "math", 4, 0, ExpertOrder::Load, &options))
        .chain(coactivation(&report, "math", 0, &options))
        .chain(delays(&report, "math", &options))
        .chain(sweep(&report, "math", &options));
    let mut out = serde_json::Map::new();
    for figure in figures.into_iter().chain(of_domain) {
        let spec = serde_json::from_str(&figure.spec).unwrap_or(Value::Null);
        out.insert(
            figure.id.clone(),
            json!({ "summary": figure.summary, "spec": spec, "table": figure.table.markdown() }),
        );
    }
    let tables: Vec<_> = tables(&report)
        .into_iter()
        .map(|named| json!([named.id, named.title, named.note, named.table.markdown()]))
        .collect();
    json!({ "figures": out, "tables": tables, "verdict": verdict(&report) })
}

#[test]
fn the_small_report_is_drawn_and_said_as_before() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/small.json");
    // Compared as text: reading a number back may change its last digit.
    let shown = serde_json::to_string_pretty(&shown()).expect("plain data") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &shown).expect("the golden file can be written");
    }
    let golden = fs::read_to_string(&path).expect("the golden file is there");
    for (at, (now, before)) in shown.lines().zip(golden.lines()).enumerate() {
        assert_eq!(now, before, "line {} of {}", at + 1, path.display());
    }
    assert_eq!(shown.lines().count(), golden.lines().count());
}
