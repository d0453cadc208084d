//! The meaning of an address that the user entered: a file, a folder or a list of files.

use trace::hub::{Target, shown};

/// An address to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file.
    File(String),
    /// A folder with a checkpoint or with traces. Ends in `/`.
    Folder(String),
    /// A list of files.
    Index(String),
}

impl Address {
    /// The address itself.
    #[must_use]
    pub fn url(&self) -> &str {
        match self {
            Self::File(url) | Self::Folder(url) | Self::Index(url) => url,
        }
    }
}

/// The name of a list of files.
pub const INDEX: &str = "index.json";

/// Endings of an address that mean a checkpoint's folder.
const CHECKPOINT_FILES: [&str; 2] = ["/config.json", "/model.safetensors.index.json"];

/// Interprets an address. A folder ends in `/`, or names a checkpoint's `config.json` or index. A
/// page of the Hugging Face Hub or of GitHub is read as the file or folder that it shows.
#[must_use]
pub fn read(address: &str) -> Address {
    let address = address.split('#').next().unwrap_or(address);
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let path = match shown(path) {
        Some(Target::Folder(folder)) => return Address::Folder(folder),
        Some(Target::File(file)) => file,
        None => path.to_owned(),
    };
    let whole = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.clone(),
    };
    if path.rsplit('/').next() == Some(INDEX) {
        return Address::Index(whole);
    }
    // A query (a signature, for example) is valid for one file only.
    if query.is_some_and(|query| query != "download=true") {
        return Address::File(whole);
    }
    if path.ends_with('/') {
        return Address::Folder(path);
    }
    match CHECKPOINT_FILES.iter().find_map(|file| path.strip_suffix(file)) {
        Some(folder) => Address::Folder(format!("{folder}/")),
        None => Address::File(whole),
    }
}

/// Whether a link may contain the address: only HTTPS and this machine are allowed.
#[must_use]
pub fn may_be_linked(address: &str) -> bool {
    address.starts_with("https://") || trace::http_error::is_this_machine(address)
}

/// The name of a folder in the file table, from which its step is read: the address without the
/// final `/`.
#[must_use]
pub fn folder_name(folder: &str) -> String {
    folder.trim_end_matches('/').to_owned()
}

/// Whether a shard's name in an index is a file beside the index. Other addresses are not fetched,
/// because the user did not enter them.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    let odd =
        |character: char| matches!(character, '/' | '\\' | '?' | '#' | ':' | '%') || character.is_control();
    !name.is_empty() && !name.starts_with('.') && !name.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::{Address, folder_name, is_plain, may_be_linked, read};

    fn is(address: &str, expected: Address) {
        assert_eq!(read(address), expected, "{address}");
        assert_eq!(read(expected.url()), expected, "the result has the same meaning");
    }

    fn folder(address: &str, expected: &str) {
        is(address, Address::Folder(expected.to_owned()));
    }

    fn file(address: &str, expected: &str) {
        is(address, Address::File(expected.to_owned()));
    }

    fn index(address: &str, expected: &str) {
        is(address, Address::Index(expected.to_owned()));
    }

    #[test]
    fn folders_are_known_by_their_end() {
        folder("https://example.org/run/step5/", "https://example.org/run/step5/");
        folder("https://example.org/run/step5/config.json", "https://example.org/run/step5/");
        folder("https://example.org/run/step5/config.json?download=true", "https://example.org/run/step5/");
        folder("http://127.0.0.1:8/a/model.safetensors.index.json#x", "http://127.0.0.1:8/a/");
        file("https://example.org/run/step-5.safetensors", "https://example.org/run/step-5.safetensors");
        file("https://example.org/config.json?signature=1", "https://example.org/config.json?signature=1");
        file("https://example.org/my-config.json", "https://example.org/my-config.json");
        file("https://example.org/a.npz?download=true", "https://example.org/a.npz?download=true");
    }

    #[test]
    fn pages_become_what_they_show() {
        let model = "https://huggingface.co/allenai/OLMoE-1B-7B-0924";
        let step = format!("{model}/resolve/step5000-tokens20B/");
        folder(&format!("{model}/tree/step5000-tokens20B"), &step);
        folder(&format!("{model}/tree/step5000-tokens20B?not-for-all-audiences=true"), &step);
        folder(&format!("{model}/blob/step5000-tokens20B/config.json"), &step);
        folder(&format!("{model}/resolve/step5000-tokens20B/"), &step);
        file(&format!("{model}/blob/main/a.npz"), &format!("{model}/resolve/main/a.npz"));
        file("https://example.org/a/b/tree/main", "https://example.org/a/b/tree/main");
        let raw = "https://raw.githubusercontent.com/a/b/main";
        folder("https://github.com/a/b/tree/main/run", &format!("{raw}/run/"));
        folder("https://github.com/a/b/blob/main/run/config.json", &format!("{raw}/run/"));
        file(
            "https://github.com/a/b/blob/main/run/step-1.npz?raw=true",
            &format!("{raw}/run/step-1.npz?raw=true"),
        );
        index("https://github.com/a/b/blob/main/run/index.json", &format!("{raw}/run/index.json"));
    }

    #[test]
    fn lists_of_files_are_known_by_their_name() {
        index("https://example.org/run/index.json", "https://example.org/run/index.json");
        index("https://example.org/run/index.json?v=2#x", "https://example.org/run/index.json?v=2");
        file("https://example.org/run/my-index.json", "https://example.org/run/my-index.json");
    }

    #[test]
    fn links_name_servers_that_prove_who_they_are() {
        for address in ["https://example.org/a", "http://127.0.0.1:8000/run/", "http://localhost/run/"] {
            assert!(may_be_linked(address), "{address}");
        }
        for address in [
            "http://example.org/a",
            "http://localhost.example.org/",
            "ftp://a/b",
            "javascript:alert(1)",
            "a.npz",
        ] {
            assert!(!may_be_linked(address), "{address}");
        }
    }

    #[test]
    fn the_step_is_in_the_name() {
        let name = folder_name("https://huggingface.co/a/b/resolve/step5000-tokens20B/");
        assert_eq!(name, "https://huggingface.co/a/b/resolve/step5000-tokens20B");
        assert_eq!(trace::step_from_name(&name).map(|named| named.step), Some(5000));
    }

    #[test]
    fn shards_lie_beside_their_index() {
        assert!(is_plain("model-00001-of-00003.safetensors"));
        for name in ["", "../x", "/x", "a/b", "https://x", "x?y", "%2e%2e", ".x", "a\\b"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
