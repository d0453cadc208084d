//! What an address that the user named stands for: one file, or a checkpoint's folder.

/// An address as it is fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file.
    File(String),
    /// A checkpoint's folder; ends in `/`.
    Folder(String),
}

/// What stands for a checkpoint's folder at the end of an address.
const SIGNS: [&str; 2] = ["/config.json", "/model.safetensors.index.json"];

/// Hugging Face's own pages show a file or folder under these; its files are under the other name.
const SHOWN: [&str; 2] = ["/tree/", "/blob/"];

/// Reads an address: a folder ends in `/`, or names a checkpoint's `config.json` or index. A page of Hugging Face's Hub
/// becomes what it shows.
#[must_use]
pub fn read(address: &str) -> Address {
    let address = address.split('#').next().unwrap_or(address);
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let (path, is_tree) = of_hub(path);
    let whole = |path: String| match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    };
    // What is asked beyond a path (a signature, say) holds for one file only.
    if query.is_some_and(|query| query != "download=true") {
        return Address::File(whole(path));
    }
    if path.ends_with('/') {
        return Address::Folder(path);
    }
    if is_tree {
        return Address::Folder(format!("{path}/"));
    }
    match SIGNS.iter().find_map(|sign| path.strip_suffix(sign)) {
        Some(folder) => Address::Folder(format!("{folder}/")),
        None => Address::File(whole(path)),
    }
}

/// The path of a file or folder that a page of the Hub shows, and whether it is a folder's; any other path as it is.
fn of_hub(path: &str) -> (String, bool) {
    let Some(rest) = path.strip_prefix("https://huggingface.co/") else { return (path.to_owned(), false) };
    let mut parts = rest.splitn(3, '/');
    let (Some(org), Some(name), Some(shown)) = (parts.next(), parts.next(), parts.next()) else {
        return (path.to_owned(), false);
    };
    let shown = format!("/{shown}");
    match SHOWN.iter().find_map(|kind| Some((*kind, shown.strip_prefix(kind)?))) {
        Some((kind, what)) => {
            (format!("https://huggingface.co/{org}/{name}/resolve/{what}"), kind == "/tree/")
        }
        None => (path.to_owned(), false),
    }
}

/// The folder's name for people and for its step: without what every address of the kind has.
#[must_use]
pub fn folder_name(folder: &str) -> String {
    folder.trim_end_matches('/').to_owned()
}

/// Whether a shard's name in an index is a file beside it, so that no other address is asked than the user named.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    let odd = |letter: char| matches!(letter, '/' | '\\' | '?' | '#' | ':' | '%') || letter.is_control();
    !name.is_empty() && !name.starts_with('.') && !name.contains(odd)
}

#[cfg(test)]
mod tests {
    use super::{Address, folder_name, is_plain, read};

    fn folder(address: &str, expected: &str) {
        assert_eq!(read(address), Address::Folder(expected.to_owned()), "{address}");
    }

    fn file(address: &str, expected: &str) {
        assert_eq!(read(address), Address::File(expected.to_owned()), "{address}");
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
    fn pages_of_the_hub_become_what_they_show() {
        let model = "https://huggingface.co/allenai/OLMoE-1B-7B-0924";
        let step = format!("{model}/resolve/step5000-tokens20B/");
        folder(&format!("{model}/tree/step5000-tokens20B"), &step);
        folder(&format!("{model}/tree/step5000-tokens20B/"), &step);
        folder(&format!("{model}/blob/step5000-tokens20B/config.json"), &step);
        folder(&format!("{model}/resolve/step5000-tokens20B/"), &step);
        folder(&format!("{model}/tree/main/inside/tree/x"), &format!("{model}/resolve/main/inside/tree/x/"));
        file(&format!("{model}/blob/main/a.npz"), &format!("{model}/resolve/main/a.npz"));
        file(model, model);
        file("https://example.org/a/b/tree/main", "https://example.org/a/b/tree/main");
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
