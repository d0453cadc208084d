//! Lists the files of a folder at a URL from its `index.json`, from the Hub's list, or from the
//! page on which a server shows the folder. Nothing is requested here.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::Error,
    format::known_endings,
    text::json_words,
    web::{
        hub::{HubPlace, escaped},
        reference::{folder_of, readable, resolve, written},
    },
};

/// The most files that are read from one list.
pub const MOST_FILES: usize = 1_000;

/// The longest list that is read, in bytes; [`MOST_FILES`] files need a tenth of it.
pub const LARGEST_LIST: u64 = 4 << 20;

/// The expected form of an index.
const EXPECTED: &str = "a list of file names or addresses, or an object with such a list as `files`";

/// One file of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Path of the file, starting with the listed folder's name.
    pub path: String,
    /// URL of the file.
    pub url: String,
}

/// The content of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files, in the order of the list.
    pub files: Vec<Listed>,
    /// What was skipped, in full sentences.
    pub notes: Vec<String>,
}

/// Reads an `index.json`. Names are relative to its URL, and those that end in `/` are folders.
/// Files on other servers are skipped, as the user did not name them.
///
/// # Errors
/// [`Error::Text`] for any other content and for too many files.
pub fn read_index(url: &str, bytes: &[u8]) -> Result<Listing, Error> {
    let wrong = |place: &str, found: String| Error::Text {
        name: url.to_owned(),
        place: place.to_owned(),
        found,
        expected: EXPECTED.to_owned(),
        advice: "Write [\"step-100.safetensors\", …]; names are relative to the list.",
    };
    let value: Value =
        serde_json::from_slice(bytes).map_err(|error| wrong("content", json_words(bytes, &error)))?;
    let list = match value {
        Value::Array(list) => list,
        Value::Object(mut object) => match object.remove("files") {
            Some(Value::Array(list)) => list,
            Some(_) => return Err(wrong("`files`", "no list".to_owned())),
            None => return Err(wrong("content", "an object without `files`".to_owned())),
        },
        _ => return Err(wrong("content", "neither a list nor an object".to_owned())),
    };
    if list.is_empty() {
        return Err(wrong("content", "an empty list".to_owned()));
    }
    if list.len() > MOST_FILES {
        return Err(too_many(url, list.len()));
    }
    let mut found = Found::new(url);
    for (at, entry) in list.into_iter().enumerate() {
        let Value::String(entry) = entry else {
            return Err(wrong(&format!("entry {at}"), "no text".to_owned()));
        };
        match resolve(url, entry.trim()) {
            Ok(address) => found.add(address),
            Err(note) => found.notes.push(note),
        }
    }
    Ok(found.finish())
}

#[derive(Deserialize)]
struct HubEntry {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Reads the Hub's list of a folder, from the URL [`HubPlace::list`].
///
/// # Errors
/// [`Error::Text`] for any other content and for too many files.
pub fn read_hub(place: &HubPlace, bytes: &[u8]) -> Result<Listing, Error> {
    let url = place.list();
    let entries: Vec<HubEntry> = serde_json::from_slice(bytes).map_err(|error| Error::Text {
        name: url.clone(),
        place: "content".to_owned(),
        found: json_words(bytes, &error),
        expected: "the Hub's list of files".to_owned(),
        advice: "Name the files themselves, or download them and drop them here.",
    })?;
    // The Hub splits longer lists into pages of this length.
    if entries.len() >= MOST_FILES {
        return Err(too_many(&url, entries.len()));
    }
    let mut found = Found::new(&place.folder());
    for entry in entries.iter().filter(|entry| entry.kind == "file" && is_data(&entry.path)) {
        found.add(place.file(&escaped(&entry.path)));
    }
    Ok(found.finish())
}

/// Reads the page on which a server shows a folder: its links to data files in the folder. `folder`
/// ends in `/`.
#[must_use]
pub fn read_page(folder: &str, bytes: &[u8]) -> Listing {
    let page = String::from_utf8_lossy(bytes);
    let mut found = Found::new(folder);
    for link in links(&page) {
        let Ok(url) = resolve(folder, &link) else { continue };
        let inside =
            url.strip_prefix(&found.folder).is_some_and(|name| !name.contains(['/', '?']) && is_data(name));
        if inside && found.files.len() < MOST_FILES {
            found.add(url);
        }
    }
    found.finish()
}

fn too_many(url: &str, count: usize) -> Error {
    Error::Text {
        name: url.to_owned(),
        place: "the list".to_owned(),
        found: format!("{count} files or more"),
        expected: format!("at most {MOST_FILES}"),
        advice: "Name a folder of it, or pack its files into an archive.",
    }
}

/// Whether a file may be part of a run, by its name. Pages of folders and the Hub's lists are
/// filtered by it.
#[must_use]
pub fn is_data(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    // Megatron's logits; other `.bin` files are pickled weights.
    let pickled = ending == "bin" && !name.starts_with("logits_rank");
    !name.starts_with('.') && !pickled && known_endings().any(|known| known == ending)
}

/// The files found so far, without duplicates.
struct Found {
    /// The listed folder's URL; ends in `/`.
    folder: String,
    /// The folder's name.
    name: String,
    known: BTreeSet<String>,
    files: Vec<Listed>,
    notes: Vec<String>,
}

impl Found {
    /// `base` is the URL of the folder or of a file in it.
    fn new(base: &str) -> Self {
        let folder = folder_of(base);
        let name = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
        Self { folder, name, known: BTreeSet::new(), files: Vec::new(), notes: Vec::new() }
    }

    fn add(&mut self, url: String) {
        let url = written(url);
        if !self.known.insert(url.clone()) {
            return;
        }
        let inside = url.strip_prefix(&self.folder).map(|path| format!("{}/{path}", self.name));
        let path = inside.unwrap_or_else(|| url.clone());
        let path = readable(path.split('?').next().unwrap_or_default());
        self.files.push(Listed { path, url });
    }

    fn finish(self) -> Listing {
        Listing { files: self.files, notes: self.notes }
    }
}

/// The values of `href` on an HTML page.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    // ASCII lower case keeps byte offsets.
    let lower = page.to_ascii_lowercase();
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find("href=")) {
        at += found + "href=".len();
        let Some(rest) = page.get(at..) else { break };
        let link = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest.split(quote).nth(1),
            _ => rest.split(['>', ' ', '\t', '\r', '\n']).next(),
        };
        links.extend(link.map(|link| link.trim().replace("&amp;", "&")));
    }
    links
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::{Listing, MOST_FILES, read_hub, read_index, read_page};
    use crate::web::hub::HubPlace;

    const INDEX: &str = "https://example.org/runs/a/index.json";

    fn pairs(listing: &Listing) -> Vec<(&str, &str)> {
        listing.files.iter().map(|file| (file.path.as_str(), file.url.as_str())).collect()
    }

    #[test]
    fn an_index_lists_files_and_urls() {
        let text = r#"["step-1.npz", "b/step-2.npz?x=1", "./c.npz", "/other/d.npz", "../e.npz",
                       "https://example.org/runs/a/f.npz", "//example.org/g.npz", "step-1.npz"]"#;
        let listing = read_index(INDEX, text.as_bytes()).unwrap();
        assert_eq!(
            pairs(&listing),
            [
                ("a/step-1.npz", "https://example.org/runs/a/step-1.npz"),
                ("a/b/step-2.npz", "https://example.org/runs/a/b/step-2.npz?x=1"),
                ("a/c.npz", "https://example.org/runs/a/c.npz"),
                ("https://example.org/other/d.npz", "https://example.org/other/d.npz"),
                ("https://example.org/runs/e.npz", "https://example.org/runs/e.npz"),
                ("a/f.npz", "https://example.org/runs/a/f.npz"),
                ("https://example.org/g.npz", "https://example.org/g.npz"),
            ]
        );
        assert!(listing.notes.is_empty());
        let object = br#"{"title": "x", "files": ["step-1.npz"]}"#;
        let listing = read_index("http://127.0.0.1:8/index.json?x#y", object).unwrap();
        assert_eq!(pairs(&listing), [("127.0.0.1:8/step-1.npz", "http://127.0.0.1:8/step-1.npz")]);
    }

    #[test]
    fn files_on_other_servers_are_skipped() {
        let text = r#"["https://other.example/a.npz", "//other.example/a.npz", "http://example.org/a.npz",
                       "https://example.org.evil/a.npz", "https://example.org:8/a.npz", "https://u@example.org/a.npz",
                       "ftp://example.org/a.npz", "data:text/csv,a", "javascript:alert(1)", "file:///etc/passwd", "a\\b", "",
                       "kept.npz"]"#;
        let listing = read_index(INDEX, text.as_bytes()).unwrap();
        assert_eq!(pairs(&listing), [("a/kept.npz", "https://example.org/runs/a/kept.npz")]);
        assert_eq!(listing.notes.len(), 12, "{:?}", listing.notes);
        assert!(listing.notes[0].contains("another server"), "{}", listing.notes[0]);
        assert!(listing.notes[6].contains("only http and https"), "{}", listing.notes[6]);
    }

    #[test]
    fn a_malformed_index_is_explained() {
        let many = serde_json::to_vec(&vec!["x"; MOST_FILES + 1]).unwrap();
        let cases: [(&[u8], &str); 8] = [
            (b"", "content"),
            (b"<!DOCTYPE html>", "content"),
            (b"3", "neither a list nor an object"),
            (b"{}", "without `files`"),
            (br#"{"files": 3}"#, "`files`: no list"),
            (b"[]", "an empty list"),
            (br#"["a", {"path": "b"}]"#, "entry 1: no text"),
            (&many, "at most 1000"),
        ];
        for (text, words) in cases {
            let error = read_index(INDEX, text).unwrap_err().to_string();
            assert!(error.starts_with(INDEX) && error.contains(words), "{error}");
        }
        let most = serde_json::to_vec(&vec!["x"; MOST_FILES]).unwrap();
        assert_eq!(read_index(INDEX, &most).unwrap().files.len(), 1);
    }

    #[test]
    fn lists_of_the_hub_contain_subfolders() {
        let place = HubPlace::of("https://huggingface.co/datasets/o/n/resolve/main/traces/").unwrap();
        let text = r#"[{"type":"directory","oid":"0","size":0,"path":"traces/step 5"},
                       {"type":"file","oid":"1","size":9,"path":"traces/step 5/layer_02.parquet","lfs":{"size":9}},
                       {"type":"file","oid":"2","size":9,"path":"traces/100%.npz"},
                       {"type":"file","oid":"3","size":9,"path":"traces/.gitattributes"},
                       {"type":"file","oid":"4","size":9,"path":"traces/README.md"}]"#;
        let listing = read_hub(&place, text.as_bytes()).unwrap();
        let folder = "https://huggingface.co/datasets/o/n/resolve/main/traces";
        assert_eq!(
            pairs(&listing),
            [
                ("traces/step 5/layer_02.parquet", format!("{folder}/step%205/layer_02.parquet").as_str()),
                ("traces/100%.npz", format!("{folder}/100%25.npz").as_str()),
            ]
        );
        let error = read_hub(&place, br#"{"error": "x"}"#).unwrap_err().to_string();
        assert!(error.contains("the Hub's list of files"), "{error}");
        let entry = serde_json::json!({"type": "file", "path": "a.npz"});
        let many = serde_json::to_vec(&vec![entry; MOST_FILES]).unwrap();
        assert!(read_hub(&place, &many).unwrap_err().to_string().contains("at most 1000"));
    }

    #[test]
    fn a_page_of_a_folder_lists_its_files() {
        let page = br##"<html><a href="../">Up</a> <a HREF='step-1.npz'>1</a> <a href=step-2.npz>2</a>
            <a href="/run/step-3.npz">3</a> <a href="https://example.org/run/step-4.safetensors">4</a>
            <a href="a&amp;b.npz">5</a> <a href="?C=M;O=A">sort</a> <a href="inner/">inner</a> <a href="inner/x.npz">x</a>
            <a href="/elsewhere/x.npz">x</a> <a href="https://other.example/run/x.npz">x</a> <a href="style.css">x</a>
            <a href="step-1.npz">again</a> <a href="#top">x</a> <a href="x.npz?y">x</a> <a href="unclosed.npz"##;
        let listing = read_page("https://example.org/run/", page);
        let names =
            ["step-1.npz", "step-2.npz", "step-3.npz", "step-4.safetensors", "a&b.npz", "unclosed.npz"];
        let paths: Vec<&str> = listing.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, names.map(|name| format!("run/{name}")));
        assert!(listing.files.iter().all(|file| file.url.starts_with("https://example.org/run/")));
        assert!(listing.notes.is_empty());
        assert_eq!(read_page("https://example.org/run/", b"\xff\xfe href=").files, []);
        let many: Vec<String> = (0..2 * MOST_FILES).map(|at| format!("<a href={at}.npz>")).collect();
        assert_eq!(read_page("https://example.org/run/", many.concat().as_bytes()).files.len(), MOST_FILES);
    }

    proptest! {
        /// No page and no list makes a reader panic.
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "(href=|[\"'<>\u{130}é])*") {
            for page in [bytes.as_slice(), text.as_bytes()] {
                for file in read_page("https://example.org/run/", page).files {
                    prop_assert!(file.url.starts_with("https://example.org/run/"), "{file:?}");
                }
            }
            drop(read_index(INDEX, &bytes));
        }
    }
}
