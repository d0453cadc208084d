//! The files of a folder that are written to the end.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use trace::listing::is_data;

use crate::checkpoint_files;

/// Levels of folders that are looked into.
const MOST_LEVELS: usize = 8;

/// Largest header of a safetensors file that is read.
const LARGEST_HEADER: u64 = 100_000_000;

/// Time without a change after which the user is told about an unfinished file.
const STALLED: Duration = Duration::from_mins(1);

/// Names of files that are not finished, by what downloads and collectors append.
const UNFINISHED: [&str; 5] = [".tmp", ".part", ".partial", ".incomplete", ".crdownload"];

/// Size and time of change of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub bytes: u64,
    /// When it was changed last.
    pub modified: SystemTime,
}

/// What changed since the last look. Paths are relative to the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Complete files that were not there.
    pub added: Vec<PathBuf>,
    /// Complete files with another content.
    pub replaced: Vec<PathBuf>,
    /// Files that are gone.
    pub removed: Vec<PathBuf>,
    /// What the user should know, each sentence once.
    pub notes: Vec<String>,
}

impl Changes {
    /// Whether the run is the same as before.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.replaced.is_empty() && self.removed.is_empty()
    }
}

/// A folder into which a training writes.
pub struct Folder {
    root: PathBuf,
    /// What is written there and is no trace: the report and the events.
    outputs: Vec<PathBuf>,
    complete: BTreeMap<PathBuf, Stamp>,
    /// Unfinished files as they were last seen.
    waiting: BTreeMap<PathBuf, Stamp>,
    told: Vec<PathBuf>,
}

impl Folder {
    /// A folder that was not looked at yet.
    pub fn new(root: PathBuf, outputs: Vec<PathBuf>) -> Self {
        Self { root, outputs, complete: BTreeMap::new(), waiting: BTreeMap::new(), told: Vec::new() }
    }

    /// Complete files by their path in the folder.
    pub fn complete(&self) -> &BTreeMap<PathBuf, Stamp> {
        &self.complete
    }

    /// Whether no file is being written.
    pub fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a file that is no file of tensors is seen for the first time or being written: it may name the domains.
    pub fn awaits_names(&self) -> bool {
        self.waiting.keys().any(|path| !is_tensors(path))
    }

    /// Looks at the folder. A file of tensors is complete when it is as long as its header says, any other when it is as
    /// long and as old as at the last look.
    ///
    /// # Errors
    /// The folder cannot be read: it was removed, or its disk is gone.
    pub fn look(&mut self) -> io::Result<Changes> {
        let mut paths = Vec::new();
        collect(&self.root, 0, &mut paths)?;
        let outputs: Vec<PathBuf> =
            self.outputs.iter().filter_map(|output| fs::canonicalize(output).ok()).collect();
        paths.retain(|path| fs::canonicalize(path).map_or(true, |path| !outputs.contains(&path)));
        let mut changes = Changes::default();
        for folder in checkpoint_files::take_out(&mut paths) {
            self.tell_once(&folder, &mut changes, || checkpoint_files::sentence(&folder));
        }
        let mut seen = BTreeMap::new();
        for path in paths {
            // A file that vanished since it was listed is not there.
            let Ok(found) = fs::metadata(&path) else { continue };
            let stamp = Stamp { bytes: found.len(), modified: found.modified()? };
            let inside = path.strip_prefix(&self.root).unwrap_or(&path).to_owned();
            seen.insert(inside, (path, stamp));
        }
        let gone: Vec<PathBuf> =
            self.complete.keys().filter(|path| !seen.contains_key(*path)).cloned().collect();
        for path in gone {
            self.complete.remove(&path);
            changes.removed.push(path);
        }
        self.waiting.retain(|path, _| seen.contains_key(path));
        for (inside, (path, stamp)) in seen {
            if self.complete.get(&inside) == Some(&stamp) {
                continue;
            }
            if !self.is_complete(&path, &inside, stamp) {
                self.note_unfinished(&path, inside, stamp, &mut changes);
                continue;
            }
            self.waiting.remove(&inside);
            match self.complete.insert(inside.clone(), stamp) {
                None => changes.added.push(inside),
                Some(_) => changes.replaced.push(inside),
            }
        }
        Ok(changes)
    }

    fn is_complete(&self, path: &Path, inside: &Path, stamp: Stamp) -> bool {
        if is_tensors(path) {
            return promised_bytes(path).is_ok_and(|promised| promised == Some(stamp.bytes));
        }
        self.waiting.get(inside) == Some(&stamp)
    }

    fn note_unfinished(&mut self, path: &Path, inside: PathBuf, stamp: Stamp, changes: &mut Changes) {
        let age = SystemTime::now().duration_since(stamp.modified).unwrap_or_default();
        if self.waiting.insert(inside, stamp) == Some(stamp) && age > STALLED {
            self.tell_once(path, changes, || {
                let promised = promised_bytes(path).ok().flatten();
                let promised = promised.map_or_else(|| "a whole header".to_owned(), |bytes| format!("{bytes} bytes"));
                format!(
                    "{}: it has {} bytes and should have {promised}, and was last changed {} s ago, so it is not read. It is \
                     read once it is whole: write it again if its writer was stopped.",
                    path.display(),
                    stamp.bytes,
                    age.as_secs()
                )
            });
        }
    }

    fn tell_once(&mut self, path: &Path, changes: &mut Changes, sentence: impl FnOnce() -> String) {
        if !self.told.iter().any(|told| told == path) {
            self.told.push(path.to_owned());
            changes.notes.push(sentence());
        }
    }
}

fn is_tensors(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
}

/// Files that may belong to a run, in the order of their names.
fn collect(folder: &Path, level: usize, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut inside = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    inside.sort();
    for path in inside {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') || trace::is_system_file(&name) {
            continue;
        }
        if path.is_dir() {
            if level < MOST_LEVELS {
                // A folder that was removed meanwhile has no files.
                collect(&path, level + 1, paths).ok();
            }
        } else if is_data(&name)
            && name != "index.json"
            && !UNFINISHED.iter().any(|ending| name.ends_with(ending))
        {
            paths.push(path);
        }
    }
    Ok(())
}

/// Size of a safetensors file by its header; none while this is not whole.
fn promised_bytes(path: &Path) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let mut length = [0; 8];
    if file.read_exact(&mut length).is_err() {
        return Ok(None);
    }
    let length = u64::from_le_bytes(length);
    if length > LARGEST_HEADER {
        return Ok(None);
    }
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header)?;
    let Ok(serde_json::Value::Object(tensors)) = serde_json::from_slice(&header) else { return Ok(None) };
    let end = |tensor: &serde_json::Value| tensor.get("data_offsets")?.get(1)?.as_u64();
    Ok((8 + length).checked_add(tensors.values().filter_map(end).max().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use super::{Changes, Folder};

    /// An empty folder, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("grokscope-watch-{name}-{}", std::process::id()));
            fs::remove_dir_all(&path).ok();
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn folder(&self) -> Folder {
            Folder::new(self.0.clone(), vec![self.0.join("report.json"), self.0.join("events.jsonl")])
        }

        fn write(&self, name: &str, bytes: &[u8]) {
            fs::write(self.0.join(name), bytes).unwrap();
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).ok();
        }
    }

    fn tensors(bytes: usize) -> Vec<u8> {
        let header = format!(r#"{{"a":{{"dtype":"U8","shape":[{bytes}],"data_offsets":[0,{bytes}]}}}}"#);
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.resize(file.len() + bytes, 0);
        file
    }

    fn added(names: &[&str]) -> Changes {
        Changes { added: names.iter().map(Into::into).collect(), ..Changes::default() }
    }

    #[test]
    fn a_file_of_tensors_counts_once_it_is_as_long_as_its_header_says() {
        let scratch = Scratch::new("tensors");
        let mut folder = scratch.folder();
        let whole = tensors(40);
        for length in [0, 5, 20, whole.len() - 1] {
            scratch.write("step-1.safetensors", &whole[..length]);
            assert!(folder.look().unwrap().is_empty(), "{length} bytes");
            assert!(folder.look().unwrap().is_empty(), "{length} bytes");
        }
        scratch.write("step-1.safetensors", &whole);
        assert_eq!(folder.look().unwrap(), added(&["step-1.safetensors"]));
        assert!(folder.look().unwrap().is_empty());
        scratch.write("step-1.safetensors", &tensors(41));
        let replaced = folder.look().unwrap();
        assert_eq!(replaced.replaced, [PathBuf::from("step-1.safetensors")]);
        fs::remove_file(scratch.0.join("step-1.safetensors")).unwrap();
        assert_eq!(folder.look().unwrap().removed, [PathBuf::from("step-1.safetensors")]);
    }

    #[test]
    fn another_file_counts_once_it_stays_as_it_is() {
        let scratch = Scratch::new("others");
        let mut folder = scratch.folder();
        scratch.write("run.json", b"{");
        assert!(folder.look().unwrap().is_empty() && folder.awaits_names());
        scratch.write("run.json", b"{}");
        assert!(folder.look().unwrap().is_empty() && folder.awaits_names());
        assert_eq!(folder.look().unwrap(), added(&["run.json"]));
        assert!(!folder.awaits_names());
        scratch.write("step-1.safetensors", &tensors(40)[..60]);
        assert!(folder.look().unwrap().is_empty() && !folder.awaits_names());
    }

    #[test]
    fn the_report_and_unfinished_names_are_no_traces() {
        let scratch = Scratch::new("names");
        let mut folder = scratch.folder();
        for name in [
            "report.json",
            "events.jsonl",
            "index.json",
            ".step-1.npz",
            "step-1.npz.tmp",
            "notes.md",
            "step-2.npz.part",
        ] {
            scratch.write(name, b"{}");
        }
        folder.look().unwrap();
        assert!(folder.look().unwrap().is_empty());
    }

    #[test]
    fn an_unfinished_file_that_stays_is_told_once() {
        let scratch = Scratch::new("stalled");
        let mut folder = scratch.folder();
        scratch.write("step-1.safetensors", &tensors(40)[..60]);
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_mins(5);
        fs::File::options()
            .write(true)
            .open(scratch.0.join("step-1.safetensors"))
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        assert!(folder.look().unwrap().notes.is_empty(), "seen once");
        let notes = folder.look().unwrap().notes;
        assert!(notes[0].contains("it has 60 bytes and should have"), "{notes:?}");
        assert!(folder.look().unwrap().notes.is_empty());
    }

    #[test]
    fn a_folder_that_is_gone_is_an_error() {
        let mut folder = Folder::new(Path::new("/no/such/folder").into(), vec!["report.json".into()]);
        assert!(folder.look().is_err());
    }
}
