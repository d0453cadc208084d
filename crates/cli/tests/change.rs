//! `grokscope report --change`: the changes are those of an independent program
//! (tests/reference/changes.py), are printed after the verdict, and no claim rests on them.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use report::{Change, Group, Report};
use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/onsets")
}

fn output_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("grokscope-change-{name}-{}.json", std::process::id()))
}

fn run(name: &str, changes: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grokscope"));
    command.arg("report").arg(fixtures().join("run-o")).args(["--pairs", "exact"]);
    for change in changes {
        command.args(["--change", change]);
    }
    command.arg("-o").arg(output_path(name)).output().unwrap()
}

fn report(name: &str, changes: &[&str]) -> (Report, String) {
    let ran = run(name, changes);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let written = report::parse_json(&fs::read_to_string(output_path(name)).unwrap());
    fs::remove_file(output_path(name)).ok();
    (written.unwrap(), String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn requested_changes_are_those_of_the_reference() {
    let (plain, verdict) = report("plain", &[]);
    let (found, printed) = report("reference", &["400:3000", "0:5000", "1500:2000"]);
    let golden = fs::read_to_string(fixtures().join("changes.json")).unwrap();
    let golden: Vec<Value> = serde_json::from_str(&golden).unwrap();
    let requested = |report: &Report| {
        report.domains.iter().flat_map(|domain| &domain.changes).filter(|change| change.requested).count()
    };
    assert_eq!((requested(&plain), requested(&found), golden.len()), (0, 12, 12));
    for expected in golden {
        let name = expected["domain"].as_str().unwrap();
        let group = if expected["group"] == "all" { Group::All } else { Group::Memorized };
        let index = |field: &str| expected[field].as_u64().unwrap() as usize;
        let is_it = |change: &&Change| {
            change.requested && (change.group, change.from, change.to) == (group, index("from"), index("to"))
        };
        let change = found.domain(name).unwrap().changes.iter().find(is_it).unwrap();
        assert_eq!((change.metric.as_str(), change.n), ("distance", index("n")));
        for (figure, field) in
            [(change.ratio, "ratio"), (change.se_ratio, "se_ratio"), (change.half_width, "half_width")]
        {
            let expected = expected[field].as_f64().unwrap();
            assert!((figure - expected).abs() < 1e-9, "{field} of {name}: {figure}, not {expected}");
        }
    }
    // 28 samples of `falls`, all memorized: ratio .8056, half width .0534.
    let words: Vec<&str> = printed.split_whitespace().collect();
    let said = "falls: Pathway distance of the 28 memorized samples changes by −19 % between step 400 and step \
                3,000 (95 % interval −25 to −14 %, over the choice of samples, not over other runs of the training).";
    assert!(words.join(" ").contains(said), "{printed}");
    // Everything else stays as it was.
    assert_eq!(found.claims, plain.claims);
    assert!(printed.starts_with(&verdict), "{printed}");
    for (with, without) in found.domains.iter().zip(&plain.domains) {
        let stored: Vec<Change> = with.changes.iter().filter(|change| !change.requested).cloned().collect();
        assert_eq!(stored, without.changes);
    }
}

#[test]
fn a_link_carries_requested_changes_with_their_label() {
    let (report, _) = report("link", &["400:3000"]);
    let link = report::encode(&report, &report::LinkOptions::default()).unwrap();
    let seen = report::decode(&link).unwrap();
    for (seen, sent) in seen.domains.iter().zip(&report.domains) {
        let labels = |domain: &report::Domain| -> Vec<(bool, usize, usize)> {
            domain.changes.iter().map(|change| (change.requested, change.from, change.to)).collect()
        };
        assert_eq!(labels(seen), labels(sent));
        assert_eq!(sent.changes.iter().filter(|change| change.requested).count(), 2);
    }
}

#[test]
fn a_step_without_a_checkpoint_is_an_error_that_names_the_steps() {
    for (change, message) in [
        ("400:3001", "the run has no checkpoint of step 3001. Its steps are 0, 50, 100,"),
        ("3000:400", "give the earlier step first"),
        ("400", "give two training steps"),
    ] {
        let ran = run("wrong", &[change]);
        let error = String::from_utf8_lossy(&ran.stderr);
        assert!(!ran.status.success() && error.contains(message), "{error}");
        assert!(!output_path("wrong").exists());
    }
}
