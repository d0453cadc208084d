//! The cache of the Hugging Face Hub: `REPOSITORY/snapshots/COMMIT` has the files of a commit,
//! `REPOSITORY/refs/BRANCH` names the commit of a branch, and `REPOSITORY/blobs` has the content that
//! snapshots link to.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::step_name::step_from_name;

/// Most bytes of a file that names a commit.
pub const LARGEST_REFERENCE: u64 = 128;

/// The branches of cached repositories, by repository and commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachedBranches(BTreeMap<(String, String), BTreeSet<String>>);

impl CachedBranches {
    /// Adds a file in `refs` with its content; other files are ignored.
    pub fn add(&mut self, path: &str, content: &[u8]) {
        let path = path.replace('\\', "/");
        let commit = std::str::from_utf8(content).map(str::trim).unwrap_or_default();
        for (repository, branch) in splits(&path, "refs").filter(|_| is_commit(commit)) {
            let branches = self.0.entry((repository.to_owned(), commit.to_owned())).or_default();
            branches.insert(branch.to_owned());
        }
    }

    /// The training step that the branches of a snapshot name, for the snapshot's folder or a path in
    /// it; `None` if no branch names a step, or if they name different ones.
    #[must_use]
    pub fn step(&self, path: &str) -> Option<u64> {
        let path = path.replace('\\', "/");
        let (repository, commit) = snapshot(&path)?;
        let branches = self.0.get(&(repository.to_owned(), commit.to_owned()))?;
        let steps: BTreeSet<u64> =
            branches.iter().filter_map(|branch| Some(step_from_name(branch)?.step)).collect();
        steps.first().copied().filter(|_| steps.len() == 1)
    }
}

/// What a file of the cache is, where it is not part of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheFile {
    /// It names the commit of a branch.
    Reference,
    /// Content that snapshots link to, or another file of the cache itself.
    Internal,
}

/// The repositories of the cache that have snapshots among some paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachedRepositories(BTreeSet<String>);

impl CachedRepositories {
    /// Finds the repositories.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let repository = |path: &str| {
            let path = path.replace('\\', "/");
            snapshot(&path).map(|(repository, _)| repository.to_owned())
        };
        Self(paths.into_iter().filter_map(repository).collect())
    }

    /// What the cache has a file for; `None` for files of snapshots and files outside.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<CacheFile> {
        let path = path.replace('\\', "/");
        let within = |folder| splits(&path, folder).any(|(repository, _)| self.0.contains(repository));
        if within("refs") {
            Some(CacheFile::Reference)
        } else if within("blobs") || within(".no_exist") {
            Some(CacheFile::Internal)
        } else {
            None
        }
    }
}

/// Repository and commit of a path in a snapshot, or of a snapshot's folder.
fn snapshot(path: &str) -> Option<(&str, &str)> {
    splits(path, "snapshots").find_map(|(repository, inside)| {
        let commit = inside.split('/').next().filter(|commit| is_commit(commit))?;
        Some((repository, commit))
    })
}

/// What comes before and after each folder of this name.
fn splits<'a>(path: &'a str, folder: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let first = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')).map(|inside| ("", inside));
    let name = format!("/{folder}/");
    let others: Vec<_> = path
        .match_indices(&name)
        .filter_map(|(at, _)| Some((path.get(..at)?, path.get(at + name.len()..)?)))
        .collect();
    first.into_iter().chain(others)
}

/// Whether a text is the hash of a commit.
fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{CacheFile, CachedBranches, CachedRepositories};

    const ONE: &str = "0123456789abcdef0123456789abcdef01234567";
    const TWO: &str = "1123456789abcdef0123456789abcdef01234567";

    #[test]
    fn branches_name_the_step_of_their_commit() {
        let mut branches = CachedBranches::default();
        branches.add("hub/models--a--b/refs/main", ONE.as_bytes());
        branches.add("hub/models--a--b/refs/step500-tokens2B", format!("{ONE}\n").as_bytes());
        branches.add("hub/models--a--b/refs/step7000", TWO.as_bytes());
        branches.add("hub/models--a--b/refs/step1", b"not a commit");
        let path = |commit: &str| format!("hub/models--a--b/snapshots/{commit}/config.json");
        assert_eq!(branches.step(&path(ONE)), Some(500));
        assert_eq!(branches.step(&format!("hub/models--a--b/snapshots/{TWO}")), Some(7000));
        assert_eq!(branches.step(&format!("hub/models--a--c/snapshots/{TWO}")), None);
        assert_eq!(branches.step(&path("step1")), None);
        branches.add("hub\\models--a--b\\refs\\pr\\step501", ONE.as_bytes());
        assert_eq!(branches.step(&path(ONE)), None, "two branches with different steps");
    }

    #[test]
    fn files_of_the_cache_itself_are_known() {
        let snapshot = format!("models--a--b/snapshots/{ONE}/config.json");
        let known = CachedRepositories::of([snapshot.as_str(), "other/refs/x"]);
        assert_eq!(known.file("models--a--b/refs/pr/1"), Some(CacheFile::Reference));
        assert_eq!(known.file("models--a--b/blobs/abc"), Some(CacheFile::Internal));
        assert_eq!(known.file(&snapshot), None);
        assert_eq!(known.file("other/refs/x"), None);
        assert_eq!(known.file("blobs/x"), None);
        let nested = format!("snapshots/models--a--b/snapshots/{ONE}");
        let known = CachedRepositories::of([nested.as_str()]);
        assert_eq!(known.file("snapshots/models--a--b/blobs/x"), Some(CacheFile::Internal));
    }
}
