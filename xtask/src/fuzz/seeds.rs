//! The inputs that a target starts with: fixtures of the tests, valid and malformed, and earlier findings.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::project::Project;

/// Bytes of the largest fixture that is used; targets would only read the start of larger ones.
const MAX_BYTES: u64 = 64 << 10;

/// The fixtures of one target: folders of `tests/fixtures`, and the endings of the file names that it reads.
struct Fixtures {
    folders: &'static [&'static str],
    endings: &'static [&'static str],
    /// Whether an input starts with a line that has the file name.
    named: bool,
}

/// Folders with traces of expert ids.
const IDS: &[&str] = &["traces", "traces/megatron", "malformed/ids"];

/// Folders with files for the page.
const EVERYTHING: &[&str] = &[
    "traces",
    "traces/flame-moe",
    "traces/megatron",
    "containers",
    "containers/tables",
    "malformed",
    "malformed/ids",
    "demo-run",
    "archives",
];

fn of(target: &str) -> Fixtures {
    let files = |folders, endings| Fixtures { folders, endings, named: true };
    match target {
        "safetensors" => files(&["traces", "malformed", "router-geometry"], &["safetensors"]),
        "npz" => files(&["traces", "containers", "malformed"], &["npz", "npy"]),
        "parquet" => {
            files(&["traces/flame-moe", "containers", "containers/tables", "malformed"], &["parquet"])
        }
        "ids" => files(IDS, &["jsonl", "csv"]),
        "results" => files(&["malformed", "demo-run", "traces"], &["json", "jsonl", "csv"]),
        "archives" => files(&["archives", "malformed", "traces"], &["zip", "tar", "gz", "zst", "npz"]),
        "report" => Fixtures { folders: &["reports", "links"], endings: &["json"], named: false },
        "link" => Fixtures { folders: &["links"], endings: &["txt"], named: false },
        "messages" => Fixtures { folders: &[], endings: &[], named: false },
        _ => files(EVERYTHING, &[""]),
    }
}

/// Writes the seeds of a target into a folder.
///
/// # Errors
/// If a fixture cannot be read or a seed not be written.
pub fn write(project: &Project, target: &str, folder: &Path) -> Result<()> {
    let Fixtures { folders, endings, named } = of(target);
    for source in folders {
        for path in files(&project.root.join("tests/fixtures").join(source))? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let fits = endings.iter().any(|ending| name.ends_with(ending));
            if !fits || fs::metadata(&path)?.len() > MAX_BYTES {
                continue;
            }
            let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let inputs: Vec<Vec<u8>> = match target {
                // One link per line, after its name.
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
                let seed = folder.join(format!("{}-{name}-{at}", source.replace('/', "-")));
                fs::write(&seed, input).with_context(|| format!("{} cannot be written", seed.display()))?;
            }
        }
    }
    if named {
        write_field(&project.root.join("tests/fixtures/field"), endings, folder)?;
    }
    // Seeds beside the targets are complete inputs.
    for path in files(&project.root.join("fuzz/seeds").join(target))? {
        let name = path.file_name().unwrap_or_default();
        fs::copy(&path, folder.join(name)).with_context(|| format!("{} cannot be copied", path.display()))?;
    }
    Ok(())
}

/// Writes files of the kinds that people have: of each kind the first one with each ending, with the
/// folders in its name.
fn write_field(field: &Path, endings: &[&str], folder: &Path) -> Result<()> {
    for kind in folders(field)? {
        let mut inside = vec![kind.clone()];
        let mut found: Vec<PathBuf> = Vec::new();
        while let Some(next) = inside.pop() {
            inside.extend(folders(&next)?);
            found.extend(files(&next)?);
        }
        found.sort();
        let mut seen = BTreeSet::new();
        for path in found {
            let name = path.strip_prefix(&kind).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_owned();
            let fits = endings.iter().any(|ending| name.ends_with(ending));
            if !fits || fs::metadata(&path)?.len() > MAX_BYTES || !seen.insert(ending) {
                continue;
            }
            let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            let kind = kind.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let seed = folder.join(format!("field-{kind}-{}", name.replace('/', "-")));
            fs::write(&seed, [name.as_bytes(), b"\n", &bytes].concat())
                .with_context(|| format!("{} cannot be written", seed.display()))?;
        }
    }
    Ok(())
}

/// The folders in a folder.
fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be listed", folder.display()))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<PathBuf>, _>>()?;
    paths.retain(|path| path.is_dir());
    paths.sort();
    Ok(paths)
}

/// The files in a folder, sorted by name; none if there is no such folder.
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
