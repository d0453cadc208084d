//! What a target begins with: the project's own fixtures, good and malformed, and inputs that once were findings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::project::Project;

/// Longer fixtures are cut by no target in a way that leaves something of them.
const LONGEST: u64 = 64 << 10;

/// Fixtures of one target: folders and files of `tests/fixtures`, and the endings of names that it takes.
struct Fixtures {
    places: &'static [&'static str],
    endings: &'static [&'static str],
    /// Whether an input begins with a line that names the file.
    named: bool,
}

/// Folders with traces of ids.
const IDS: &[&str] = &["traces", "traces/megatron", "malformed/ids"];

/// Folders with files that are dropped on the page.
const EVERYTHING: &[&str] =
    &["traces", "traces/flame-moe", "traces/megatron", "malformed", "malformed/ids", "demo-run", "archives"];

fn of(target: &str) -> Fixtures {
    let files = |places, endings| Fixtures { places, endings, named: true };
    match target {
        "safetensors" => files(&["traces", "malformed", "router-geometry"], &["safetensors"]),
        "npz" => files(&["traces", "malformed"], &["npz", "npy"]),
        "parquet" => files(&["traces/flame-moe", "malformed"], &["parquet"]),
        "ids" => files(IDS, &["jsonl", "csv"]),
        "results" => files(&["malformed", "demo-run", "traces"], &["json", "jsonl", "csv"]),
        "archives" => files(&["archives", "malformed", "traces"], &["zip", "tar", "gz", "zst", "npz"]),
        "report" => Fixtures { places: &["reports", "links"], endings: &["json"], named: false },
        "link" => Fixtures { places: &["links"], endings: &["txt"], named: false },
        "messages" => Fixtures { places: &[], endings: &[], named: false },
        _ => files(EVERYTHING, &[""]),
    }
}

/// Writes the seeds of a target into a folder.
pub fn plant(project: &Project, target: &str, folder: &Path) -> Result<()> {
    let Fixtures { places, endings, named } = of(target);
    for place in places {
        for path in files(&project.root.join("tests/fixtures").join(place))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let fits = endings.iter().any(|ending| name.ends_with(ending));
            if !fits || fs::metadata(&path)?.len() > LONGEST {
                continue;
            }
            let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let inputs: Vec<Vec<u8>> = match target {
                // A link a line, each behind its name.
                "link" => bytes
                    .split(|&byte| byte == b'\n')
                    .filter_map(|line| {
                        line.windows(3).position(|at| at == b"#r=").map(|at| line[at..].to_vec())
                    })
                    .collect(),
                _ if named => vec![[name.as_bytes(), b"\n", &bytes].concat()],
                _ => vec![bytes],
            };
            for (at, input) in inputs.iter().enumerate() {
                let seed = folder.join(format!("{}-{name}-{at}", place.replace('/', "-")));
                fs::write(&seed, input).with_context(|| format!("{} cannot be written", seed.display()))?;
            }
        }
    }
    // Those that are kept beside the targets are inputs as they are.
    for path in files(&project.root.join("fuzz/seeds").join(target))? {
        let name = path.file_name().unwrap_or_default();
        fs::copy(&path, folder.join(name)).with_context(|| format!("{} cannot be copied", path.display()))?;
    }
    Ok(())
}

/// The files in a folder, ascending by name; none where there is no such folder.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("{} cannot be listed", folder.display()))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
