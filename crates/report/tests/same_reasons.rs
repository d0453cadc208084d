//! The report, the conversion and a run that fails give the same reasons for files that are left
//! out, and what was looked for is listed once per call.

#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use futures::executor::block_on;
use report::{Part, Verdict};
use trace::{FileSource, MemorySource};

/// Every file of a folder that opens, and how many do not.
fn open(folder: &Path, parts: &mut Vec<Part>) -> usize {
    let mut inside: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inside.sort();
    let mut refused = 0;
    for path in inside {
        if path.is_dir() {
            refused += open(&path, parts);
            continue;
        }
        let source = FileSource::open(&path);
        match source.and_then(|source| block_on(trace::open(Rc::new(source)))) {
            Ok(opened) => {
                let (id, path) = (parts.len(), path.display().to_string());
                parts.push(Part { id, path, what: opened.what });
            }
            Err(_) => refused += 1,
        }
    }
    refused
}

/// Why each file is left out.
fn reasons(verdicts: &[Verdict]) -> BTreeMap<usize, String> {
    let left_out = verdicts.iter().filter(|verdict| !verdict.used);
    left_out.filter_map(|verdict| Some((verdict.id, verdict.text.clone()?))).collect()
}

/// Names of all files that a run leaves out, whether it can be assembled or not.
fn of_a_run(parts: &[Part]) -> BTreeMap<usize, String> {
    match report::assemble(parts) {
        Ok(run) => reasons(&run.verdicts),
        Err(_) => reasons(&report::explain(parts)),
    }
}

fn lists(reasons: &BTreeMap<usize, String>) -> usize {
    reasons.values().map(|text| text.matches("Looked for").count()).sum()
}

#[test]
fn every_kind_has_the_same_reasons_for_report_and_conversion() {
    let field = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/field");
    let mut kinds = 0;
    let mut with_reasons = BTreeSet::new();
    for entry in fs::read_dir(field).unwrap() {
        let folder = entry.unwrap().path();
        let mut parts = Vec::new();
        let refused = open(&folder, &mut parts);
        assert!(!parts.is_empty() || refused > 0, "{}", folder.display());
        kinds += 1;
        let run = of_a_run(&parts);
        let (_, verdicts) = report::traces(&parts);
        let conversion = reasons(&verdicts);
        for (id, text) in &conversion {
            assert_eq!(run.get(id), Some(text), "{}", parts[*id].path);
            with_reasons.insert(folder.clone());
        }
        assert!(lists(&run) <= 1 && lists(&conversion) <= 1, "{}: {run:?}", folder.display());
    }
    assert!(kinds > 30 && with_reasons.len() >= 3, "{kinds} kinds, {with_reasons:?} with reasons");
}

#[test]
fn what_was_looked_for_is_listed_once() {
    let field =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/field/09a-csv-pandas-float-step");
    for run_too in [false, true] {
        let mut parts = Vec::new();
        if run_too {
            assert_eq!(open(&field, &mut parts), 0);
        }
        let before = parts.len();
        for name in ["a.bin", "b.png", "c/notes.md", "d.log"] {
            let source = Rc::new(MemorySource::new(name, b"\x01\x02nothing".to_vec()));
            let what = block_on(trace::open(source)).unwrap().what;
            parts.push(Part { id: parts.len(), path: name.to_owned(), what });
        }
        let run = of_a_run(&parts);
        assert_eq!(report::assemble(&parts).is_ok(), run_too);
        let (_, verdicts) = report::traces(&parts);
        for found in [&run, &reasons(&verdicts)] {
            let unknown: Vec<&String> = found.range(before..).map(|(_, text)| text).collect();
            assert_eq!(unknown.len(), 4);
            assert!(unknown.iter().all(|text| text.contains("not a known part of a run")), "{unknown:?}");
            assert_eq!(lists(found), 1, "{unknown:?}");
        }
    }
}
