//! Checkpoints among files that were dropped together. A folder with a model's configuration and
//! weights is a checkpoint, regardless of its other files.

use std::collections::BTreeMap;

use trace::{CacheFile, CachedRepositories, is_weights};

/// The folder of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its path inside what was dropped.
    pub path: String,
    /// Its files, as positions in the list of paths. A tokenizer from a parent folder is the last
    /// one.
    pub files: Vec<usize>,
}

/// Dropped files, divided into checkpoints and others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    /// The checkpoints, in the order of their first files.
    pub folders: Vec<Folder>,
    /// All other files.
    pub others: Vec<usize>,
    /// The others that are tokenizers of checkpoints.
    pub tokenizers: Vec<usize>,
    /// Files that name the commits of branches in the Hugging Face cache.
    pub references: Vec<usize>,
}

/// Folder and name of a path.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once(['/', '\\']).unwrap_or(("", path))
}

fn is_config(name: &str) -> bool {
    name == "config.json"
}

/// Divides files into checkpoints and others by their paths. Leaves out the content files of the
/// Hugging Face cache, to which its snapshots link.
#[must_use]
pub fn sort(paths: &[String]) -> Sorted {
    let mut by_folder: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut sorted = Sorted::default();
    let cache = CachedRepositories::of(paths.iter().map(String::as_str));
    for (at, path) in paths.iter().enumerate() {
        match cache.file(path) {
            None => by_folder.entry(split(path).0).or_default().push(at),
            Some(CacheFile::Reference) => sorted.references.push(at),
            Some(CacheFile::Internal) => {}
        }
    }
    let named = |files: &[usize], wanted: fn(&str) -> bool| {
        files.iter().any(|&at| paths.get(at).is_some_and(|path| wanted(split(path).1)))
    };
    for (path, files) in by_folder {
        if named(&files, is_config) && named(&files, is_weights) {
            let of_the_run =
                |&at: &usize| paths.get(at).is_some_and(|path| trace::belongs_to_run(split(path).1));
            let (others, files) = files.into_iter().partition(of_the_run);
            sorted.folders.push(Folder { path: path.to_owned(), files });
            sorted.others.extend::<Vec<usize>>(others);
        } else {
            sorted.others.extend(files);
        }
    }
    sorted.folders.sort_by_key(|folder| folder.files.first().copied());
    sorted.others.sort_unstable();
    let tokenizers: BTreeMap<&str, usize> = sorted
        .others
        .iter()
        .filter_map(|&at| Some((split(paths.get(at)?), at)))
        .filter(|((_, name), _)| *name == "tokenizer.json")
        .map(|((folder, _), at)| (folder, at))
        .collect();
    for folder in &mut sorted.folders {
        if named(&folder.files, |name| name == "tokenizer.json") {
            continue;
        }
        // The tokenizer of the nearest parent folder.
        let mut above = folder.path.as_str();
        while !above.is_empty() {
            above = split(above).0;
            if let Some(&at) = tokenizers.get(above) {
                folder.files.push(at);
                if !sorted.tokenizers.contains(&at) {
                    sorted.tokenizers.push(at);
                }
                break;
            }
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::{Folder, sort};

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|&path| path.to_owned()).collect()
    }

    #[test]
    fn checkpoints_keep_their_files_and_find_a_tokenizer_above() {
        let paths = paths(&[
            "run/samples.jsonl",
            "run/checkpoints/step0/config.json",
            "run/checkpoints/step0/model-00001-of-00001.safetensors",
            "run/checkpoints/step25/config.json",
            "run/checkpoints/step25/model.safetensors",
            "run/checkpoints/step25/tokenizer.json",
            "run/checkpoints/tokenizer.json",
        ]);
        let sorted = sort(&paths);
        let folder = |path: &str, files: &[usize]| Folder { path: path.to_owned(), files: files.into() };
        assert_eq!(
            sorted.folders,
            [folder("run/checkpoints/step0", &[1, 2, 6]), folder("run/checkpoints/step25", &[3, 4, 5])]
        );
        assert_eq!((sorted.others, sorted.tokenizers), (vec![0, 6], vec![6]));
    }

    #[test]
    fn branches_of_the_hub_cache_are_no_files_of_the_run() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let inside = |name: &str| format!("models--a--b/snapshots/{commit}/{name}");
        let names = [inside("config.json"), inside("model.safetensors")];
        let paths = paths(&[
            &names[0],
            &names[1],
            "models--a--b/refs/step500",
            "models--a--b/blobs/ab12",
            "x/refs/y",
        ]);
        let sorted = sort(&paths);
        assert_eq!(sorted.folders.len(), 1);
        assert_eq!((sorted.references, sorted.others), (vec![2], vec![4]));
    }

    #[test]
    fn files_picked_one_by_one_are_a_checkpoint_without_a_folder() {
        let paths = paths(&["config.json", "pytorch_model.bin", "samples.jsonl"]);
        let sorted = sort(&paths);
        assert_eq!(sorted.folders, [Folder { path: String::new(), files: vec![0, 1] }]);
        assert_eq!(sorted.others, [2]);
    }

    #[test]
    fn traces_beside_a_configuration_are_traces() {
        let sorted = sort(&paths(&["run/config.json", "run/step-1.safetensors", "shards/model.safetensors"]));
        assert_eq!((sorted.folders.len(), sorted.others.len()), (0, 3));
    }
}
