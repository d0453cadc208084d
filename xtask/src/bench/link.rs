//! How long a link is, and how fast it is opened.

use std::{process::Command, time::Instant};

use anyhow::{Context as _, Result};

use super::{
    generate::{self, Shape},
    run,
};
use crate::{project::Project, shell};

/// What the project promises to fit into 2,000 characters.
const SHAPE: Shape = Shape { samples: 400, checkpoints: 10, layers: 16, experts: 64 };

/// The program is started so many times, and the median is told.
const TIMES: usize = 51;

/// Packs a report of ten checkpoints and four domains, and opens it again.
pub fn measure(project: &Project) -> Result<String> {
    let folder = project.target.join("bench/link");
    let files = generate::traces(&folder, &SHAPE)?;
    let cli = run::cli(project)?;
    let report = folder.join("report.json");
    shell::run(Command::new(&cli).arg("report").args(files).arg("-o").arg(&report))?;
    let link = shell::output(Command::new(&cli).arg("link").arg(&report))?;
    let link = link.trim();
    let opened = folder.join("opened.json");
    let mut milliseconds = (0..TIMES)
        .map(|_| {
            let start = Instant::now();
            shell::run(Command::new(&cli).args(["open", link, "-o"]).arg(&opened))?;
            Ok(start.elapsed().as_secs_f64() * 1e3)
        })
        .collect::<Result<Vec<f64>>>()?;
    milliseconds.sort_by(f64::total_cmp);
    let median = milliseconds.get(TIMES / 2).context("nothing was measured")?;
    Ok(format!(
        "A report of 10 checkpoints and 4 domains: **{} characters**. `grokscope open` takes {median:.1} ms from its start to the\n\
         JSON on disk (median of {TIMES}), which is more than decoding alone.",
        link.len()
    ))
}
