//! Checkpoints among files that should be traces. As on the page, a folder with a model's
//! configuration and weights is a checkpoint.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use trace::{belongs_to_run, is_weights};

/// Size in bytes below which a file named like weights may be a pointer of Git LFS instead.
const POINTER: u64 = 1024;

/// Takes the files of checkpoints out of a list, and returns the folders of these.
pub fn take_out(files: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let mut names: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    for (folder, name) in files.iter().filter_map(|path| split(path)) {
        names.entry(folder).or_default().push(name);
    }
    let folders: BTreeSet<PathBuf> = names
        .into_iter()
        .filter(|(_, names)| names.iter().any(|name| name == "config.json"))
        .filter(|(_, names)| names.iter().any(|name| is_weights(name)))
        .map(|(folder, _)| folder.to_owned())
        .collect();
    files.retain(|path| {
        let Some((folder, name)) = split(path) else { return true };
        let is_pointer = || is_weights(&name) && fs::metadata(path).is_ok_and(|found| found.len() < POINTER);
        !folders.contains(folder) || belongs_to_run(&name) || is_pointer()
    });
    folders.into_iter().collect()
}

/// The sentence for a checkpoint.
pub fn sentence(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "{folder}: a checkpoint, not a trace. Make its trace with `grokscope trace --checkpoint {folder} --samples \
         samples.jsonl -o traces`, and give the traces."
    )
}

fn split(path: &Path) -> Option<(&Path, String)> {
    Some((path.parent()?, path.file_name()?.to_string_lossy().into_owned()))
}
