//! `grokscope report` on the example run: the verdict that it prints is the one in the run's README,
//! so that the page's text about the run and its report agree.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use report::{Claim, ClaimKind};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The traces and results of the example run.
fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository().join("www/example")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| !path.ends_with("index.json") && !path.ends_with("README.md"));
    paths.sort();
    paths
}

/// Where the verdict is in a document.
fn verdict_of(text: &str) -> Range<usize> {
    let start = "<!-- verdict -->\n";
    let from = text.find(start).unwrap() + start.len();
    from..from + text[from..].find("<!-- end -->").unwrap()
}

#[test]
fn the_printed_verdict_is_the_one_in_its_readme() {
    let output = std::env::temp_dir().join(format!("grokscope-example-{}.json", std::process::id()));
    let ran = Command::new(env!("CARGO_BIN_EXE_grokscope"))
        .arg("report")
        .args(files())
        .arg("-o")
        .arg(&output)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let printed = String::from_utf8(ran.stdout).unwrap();
    let written = report::parse_json(&fs::read_to_string(&output).unwrap());
    fs::remove_file(&output).ok();
    let written = written.unwrap();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<String>>();
    assert_eq!(words(&printed), words(&figures::verdict(&written).join(" ")));

    let path = repository().join("www/example/README.md");
    let mut readme = fs::read_to_string(&path).unwrap();
    let place = verdict_of(&readme);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        readme.replace_range(place, &printed);
        fs::write(&path, readme).unwrap();
    } else {
        assert_eq!(readme[place], printed, "UPDATE_EXPECT=1 cargo test -p cli --test example writes it anew");
    }

    // What docs/metrics.md says of this run in words: no domain follows accuracy.
    let follows: Vec<&Claim> = written
        .claims
        .iter()
        .filter(|claim| claim.kind == ClaimKind::Follows && claim.metric.as_deref() == Some("distance"))
        .collect();
    assert_eq!(follows.len(), 4);
    for claim in follows {
        assert_eq!(claim.holds, Some(false), "{claim:?}");
    }
}
