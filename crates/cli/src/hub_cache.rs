//! Steps from the branches of the Hugging Face cache on disk.

use std::{
    fs,
    path::{Path, PathBuf},
};

use trace::{CachedBranches, LARGEST_REFERENCE};

/// Folders below `refs` that are searched for branches; names of branches may contain slashes.
const DEPTH: usize = 4;

/// The step in the name of the branch whose snapshot contains a file or folder.
pub fn step_of_branch(path: &Path) -> Option<u64> {
    let snapshots =
        path.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == "snapshots"))?;
    let mut branches = CachedBranches::default();
    add(&snapshots.parent()?.join("refs"), DEPTH, &mut branches);
    branches.step(&path.display().to_string())
}

/// Adds the small files in a folder; what cannot be read is ignored.
fn add(folder: &Path, depth: usize, branches: &mut CachedBranches) {
    let paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    for path in paths {
        let Ok(file) = fs::metadata(&path) else { continue };
        if file.is_dir() && depth > 0 {
            add(&path, depth - 1, branches);
        } else if file.is_file()
            && file.len() <= LARGEST_REFERENCE
            && let Ok(content) = fs::read(&path)
        {
            branches.add(&path.display().to_string(), &content);
        }
    }
}
