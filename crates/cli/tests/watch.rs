//! `grokscope watch`: events of the states are those of an independent program (tests/reference/onsets.py), are reported once,
//! in `events.jsonl` and to the command; the replay reports the same at the checkpoints of the states.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/onsets")
}

/// A copy of the run with known states, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("grokscope-events-{name}-{}", std::process::id()));
        fs::remove_dir_all(&path).ok();
        fs::create_dir_all(&path).unwrap();
        for entry in fs::read_dir(fixtures().join("run-o")).unwrap() {
            let from = entry.unwrap().path();
            fs::copy(&from, path.join(from.file_name().unwrap())).unwrap();
        }
        Self(path)
    }

    fn watch(&self, options: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_grokscope"));
        command.arg("watch").arg(&self.0).args(["--pairs", "exact", "--every", "1"]).args(options);
        command.output().unwrap()
    }

    fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.0.join("events.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Standard output of a run that ended well.
fn printed(ran: &Output) -> String {
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout.clone()).unwrap()
}

/// Changes of state by the reference: step, domain, state; sorted.
fn expected() -> Vec<(u64, String, String)> {
    let golden = fs::read_to_string(fixtures().join("run-o.json")).unwrap();
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let mut found = Vec::new();
    for (domain, figures) in golden["domains"].as_object().unwrap() {
        let mut before = "learning";
        for (step, state) in
            golden["steps"].as_array().unwrap().iter().zip(figures["states"].as_array().unwrap())
        {
            let phase = state["phase"].as_str().unwrap();
            if std::mem::replace(&mut before, phase) != phase {
                found.push((step.as_u64().unwrap(), domain.clone(), phase.to_owned()));
            }
        }
    }
    found.sort();
    assert!(
        found.iter().any(|event| event.2 == "structuring")
            && found.iter().any(|event| event.2 == "diverging")
    );
    found
}

fn keys(events: &[Value]) -> Vec<(u64, String, String)> {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    let mut keys: Vec<_> = events
        .iter()
        .map(|event| (event["step"].as_u64().unwrap(), text(event, "domain"), text(event, "state")))
        .collect();
    keys.sort();
    keys
}

#[test]
fn every_change_of_state_is_reported_once_also_after_a_restart() {
    let folder = Folder::new("once");
    let first = printed(&folder.watch(&["--once"]));
    let expected = expected();
    assert_eq!(keys(&folder.events()), expected);
    assert_eq!(first.matches("event at step").count(), expected.len(), "{first}");
    let events = folder.events();
    for event in &events {
        let bound = |name: &str| event[name].as_f64().unwrap();
        match event["state"].as_str().unwrap() {
            "structuring" => assert!(bound("upper") < 0.0, "{event}"),
            "diverging" => assert!(bound("lower") > 0.0, "{event}"),
            _ => {
                assert!(
                    event["declared"].as_u64().unwrap() * 5 >= event["samples"].as_u64().unwrap(),
                    "{event}"
                );
                assert!(event["false_alarm_rate"].is_null(), "{event}");
                continue;
            }
        }
        assert!((bound("false_alarm_rate") - 0.05).abs() < 1e-12, "{event}");
    }
    // Nothing is reported a second time.
    let second = printed(&folder.watch(&["--once"]));
    assert!(!second.contains("event at step"), "{second}");
    assert_eq!(folder.events(), events);
    // Without the last line, whose writer was stopped, only that event is reported again.
    let path = folder.0.join("events.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    let third = printed(&folder.watch(&["--once"]));
    assert_eq!(third.matches("event at step").count(), 1, "{third}");
    let lines = fs::read_to_string(&path).unwrap();
    assert_eq!(lines.lines().last(), text.lines().last());
}

#[test]
fn the_replay_reports_each_event_at_its_checkpoint_and_takes_none_back() {
    let folder = Folder::new("backtest");
    let table = printed(&folder.watch(&["--backtest"]));
    let mut rows: Vec<(u64, String, String)> = Vec::new();
    for line in table.lines().skip(1).take_while(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split_whitespace().collect();
        rows.push((cells[0].replace(',', "").parse().unwrap(), cells[1].to_owned(), cells[2].to_owned()));
        assert_eq!(cells.last(), Some(&"no"), "{table}");
    }
    rows.sort();
    assert_eq!(rows, expected(), "{table}");
    assert!(table.contains(" 0 taken back"), "{table}");
    assert!(!folder.0.join("events.jsonl").exists() && !folder.0.join("report.json").exists());
}

#[cfg(unix)]
#[test]
fn the_command_gets_each_event_as_a_line_of_json() {
    let folder = Folder::new("command");
    // Outside the folder that is watched.
    let copy = folder.0.with_extension("copy");
    fs::remove_file(&copy).ok();
    printed(&folder.watch(&["--once", "--on-event", &format!("tee -a \"{}\"", copy.display())]));
    let written = fs::read_to_string(&copy).unwrap();
    fs::remove_file(&copy).ok();
    assert_eq!(written, fs::read_to_string(folder.0.join("events.jsonl")).unwrap());
}

#[cfg(unix)]
#[test]
fn a_command_that_fails_or_does_not_end_is_named_and_stops_nothing() {
    let folder = Folder::new("failing");
    for (command, message) in [
        ("false", "--on-event: false: exit status: 1"),
        ("/no/such/program", "--on-event: /no/such/program: "),
        ("sleep 600", "--on-event: sleep: it did not end within 1 s and was stopped"),
    ] {
        fs::remove_file(folder.0.join("events.jsonl")).ok();
        let ran = folder.watch(&["--once", "--on-event-timeout", "1", "--on-event", command]);
        printed(&ran);
        let errors = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(errors.matches(message).count(), expected().len(), "{errors}");
        assert_eq!(keys(&folder.events()), expected());
    }
}
