//! Length of links and time to open them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result};

use super::{
    generate::{self, Shape},
    run,
};
use crate::{project::Project, shell};

/// A run whose link must fit into 2,000 characters.
const SHAPE: Shape = Shape { samples: 400, checkpoints: 10, layers: 16, experts: 64 };

/// Runs of the program per median.
const RUNS: usize = 51;

/// Writes and opens links of reports with ten checkpoints and of the whole example run.
pub fn measure(project: &Project) -> Result<String> {
    let cli = run::cli(project)?;
    let folder = project.target.join("bench/link");
    let made = generate::traces(&folder, &SHAPE)?;
    let example = files(&project.root.join("www/example"))?;
    let (traces, rest): (Vec<PathBuf>, Vec<PathBuf>) =
        example.iter().cloned().partition(|path| is_trace(path));
    // Evenly spaced, including the first and the last.
    let last = traces.len().saturating_sub(1);
    let ten = (0..10).filter_map(|place| traces.get(place * last / 9).cloned()).chain(rest);
    let rows = [
        ("synthetic figures, 10 checkpoints, 4 domains, no benchmark", made),
        ("ten checkpoints of the example run, 4 domains", ten.collect()),
        ("the example run, 33 checkpoints, 4 domains", example),
    ];
    let mut table = format!(
        "`grokscope open` is timed from its start to the JSON on disk, median of {RUNS}, which is more than decoding alone.\n\n\
         | report | characters in the link | bits per main figure | milliseconds to open |\n|---|---|---|---|"
    );
    for (what, files) in rows {
        let (characters, bits, milliseconds) = one(&cli, &folder, &files)?;
        table.push_str(&format!("\n| {what} | {characters} | {bits} | {milliseconds:.1} |"));
    }
    Ok(table)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    // The page's list of files and its description are not part of the run.
    files.retain(|path| !path.ends_with("index.json") && !path.ends_with("README.md"));
    files.sort();
    Ok(files)
}

fn is_trace(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))
}

/// Characters of the link, bits of a main figure, milliseconds to open.
fn one(cli: &Path, folder: &Path, files: &[PathBuf]) -> Result<(usize, u64, f64)> {
    let report = folder.join("report.json");
    shell::run(Command::new(cli).arg("report").args(files).arg("-o").arg(&report))?;
    let link = shell::output(Command::new(cli).arg("link").arg(&report))?;
    let link = link.trim();
    let opened = folder.join("opened.json");
    let mut milliseconds = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            shell::run(Command::new(cli).args(["open", link, "-o"]).arg(&opened))?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        })
        .collect::<Result<Vec<f64>>>()?;
    milliseconds.sort_by(f64::total_cmp);
    let median = milliseconds.get(RUNS / 2).context("nothing was measured")?;
    let seen: serde_json::Value = serde_json::from_slice(&fs::read(&opened)?)?;
    let bits = seen["rounded_to_bits"].as_u64().context("the opened report has no `rounded_to_bits`")?;
    Ok((link.len(), bits, *median))
}
