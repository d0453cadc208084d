//! Detects changes of the sources, by size and time of every file.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Sources of the page, relative to the project's root.
const SOURCES: [&str; 6] = ["crates", "www", "index.html", "Cargo.toml", "Cargo.lock", ".cargo"];

type Snapshot = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Snapshot of the sources.
pub struct Watch {
    root: PathBuf,
    seen: Snapshot,
}

impl Watch {
    /// Remembers the sources of a project as they are now.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), seen: snapshot(root) }
    }

    /// Whether a file was changed, added or removed since [`Self::new`] or the last
    /// [`Self::accept`].
    pub fn changed(&self) -> bool {
        snapshot(&self.root) != self.seen
    }

    /// Remembers the sources as they are now.
    pub fn accept(&mut self) {
        self.seen = snapshot(&self.root);
    }
}

fn snapshot(root: &Path) -> Snapshot {
    let mut found = Snapshot::new();
    let mut waiting: Vec<PathBuf> = SOURCES.iter().map(|source| root.join(source)).collect();
    while let Some(path) = waiting.pop() {
        // Editors replace files and remove temporary ones, so a missing file is not an error.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            waiting.extend(entries.map(|entry| entry.path()));
        } else {
            found.insert(path, (metadata.len(), metadata.modified().ok()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Watch;

    #[test]
    fn changed_added_and_removed_files_are_seen() {
        let root = std::env::temp_dir().join(format!("grokscope-watch-{}", std::process::id()));
        let file = root.join("crates/app/src/main.rs");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "a").unwrap();
        let mut watch = Watch::new(&root);
        assert!(!watch.changed());
        fs::write(&file, "ab").unwrap();
        assert!(watch.changed());
        watch.accept();
        assert!(!watch.changed());
        fs::write(root.join("index.html"), "").unwrap();
        assert!(watch.changed());
        watch.accept();
        fs::remove_file(&file).unwrap();
        assert!(watch.changed());
        fs::write(root.join("README.md"), "").unwrap();
        watch.accept();
        assert!(!watch.changed());
        fs::remove_dir_all(&root).unwrap();
    }
}
