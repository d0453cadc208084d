//! `grokscope report` on the example run: the verdict that it prints is the one in the run's README,
//! so that the page's text about the run and its report agree.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
};

use report::{Claim, ClaimKind, Group, Report};

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

/// Where a marked part is in a document.
fn part(text: &str, name: &str) -> Range<usize> {
    let start = format!("<!-- {name} -->\n");
    let from = text.find(&start).unwrap() + start.len();
    from..from + text[from..].find("<!-- end -->").unwrap()
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// A text in lines of up to 100 characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in words(text) {
        let last = lines.last_mut().unwrap();
        if last.chars().count() + word.chars().count() >= 100 {
            lines.push(word.to_owned());
        } else {
            *last = format!("{last}{}{word}", if last.is_empty() { "" } else { " " });
        }
    }
    lines.join("\n") + "\n"
}

/// A number with separators of thousands.
fn grouped(number: u64) -> String {
    if number < 1000 {
        number.to_string()
    } else {
        format!("{},{:03}", grouped(number / 1000), number % 1000)
    }
}

/// What loss and accuracy show, in words.
fn courses(report: &Report) -> String {
    let values =
        |metric: &str, domain: &str| report.course(domain, metric, Group::All).unwrap().values.clone();
    let mean_loss = |at: usize| {
        let of_domain = |domain: &report::Domain| values("loss", &domain.name)[at].unwrap();
        report.domains.iter().map(of_domain).sum::<f64>() / report.domains.len() as f64
    };
    let at = report.checkpoints.iter().position(|at| at.step == 750).unwrap();
    let reached: Vec<String> = report
        .domains
        .iter()
        .map(|domain| {
            let course = values("accuracy", &domain.name);
            let first = course.iter().position(|value| value.unwrap() >= 0.6).unwrap();
            let last = course.last().unwrap().unwrap();
            let step = grouped(report.checkpoints[first].step);
            format!("`{}` at step {step} (at the end {last:.2})", domain.name)
        })
        .collect();
    let (last, others) = reached.split_last().unwrap();
    format!(
        "The training loss, averaged over domains, falls from {:.2} to {:.2} nats by step 750. Accuracy on unseen questions \
         rises for much longer, and at a different time in each domain. It first reaches 0.6 in {} and {last}. This is \
         grokking, and it is local and asynchronous, as the paper reports for large models.",
        mean_loss(0),
        mean_loss(at),
        others.join(", "),
    )
}

/// What README's caption says of the run.
fn caption(report: &Report) -> String {
    let holding = |kind: ClaimKind, metric: Option<&str>| {
        let claims = report.claims.iter().filter(|claim| claim.kind == kind);
        claims.filter(|claim| claim.metric.as_deref() == metric && claim.holds == Some(true)).count()
    };
    let follows = match holding(ClaimKind::Follows, Some("distance")) {
        0 => "none".to_owned(),
        some => some.to_string(),
    };
    format!(
        "In {} of {} domains, test questions are solved clearly later than training samples are memorized; in {follows}, pathway \
         distance follows accuracy beyond chance",
        holding(ClaimKind::GeneralizedAfter, None),
        report.domains.len(),
    )
}

#[test]
fn the_printed_verdict_is_the_one_in_its_readme() {
    let output = std::env::temp_dir().join(format!("grokscope-example-{}.json", std::process::id()));
    let page = output.with_extension("html");
    let ran = Command::new(env!("CARGO_BIN_EXE_grokscope"))
        .arg("report")
        .args(files())
        .arg("-o")
        .arg(&output)
        .arg("--html")
        .arg(&page)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let printed = String::from_utf8(ran.stdout).unwrap();
    let written = report::parse_json(&fs::read_to_string(&output).unwrap());
    fs::remove_file(&output).ok();
    let written = written.unwrap();
    let html = fs::read_to_string(&page).unwrap();
    fs::remove_file(&page).ok();
    let embedded = report::export::json_in_html(&html).unwrap();
    assert_eq!(report::parse_json(embedded).unwrap(), written, "the HTML file holds the report");
    assert_eq!(words(&printed), words(&figures::verdict(&written).join(" ")));

    let shared = figures::share(&written, &report::LinkOptions::default()).unwrap();
    let opened = report::decode(&shared.text).unwrap();
    assert_eq!(figures::brief(&opened), figures::brief(&written), "the link's short form is the sender's");

    let path = repository().join("www/example/README.md");
    let mut readme = fs::read_to_string(&path).unwrap();
    for (name, text) in [("verdict", printed), ("courses", wrapped(&courses(&written)))] {
        let place = part(&readme, name);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            readme.replace_range(place, &text);
            fs::write(&path, &readme).unwrap();
        } else {
            assert_eq!(
                readme[place], text,
                "UPDATE_EXPECT=1 cargo test -p cli --test example writes it anew"
            );
        }
    }
    let front = fs::read_to_string(repository().join("README.md")).unwrap();
    let caption = caption(&written);
    assert!(words(&front).join(" ").contains(&caption), "README.md does not say: {caption}");

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
