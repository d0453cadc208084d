//! URLs of Hugging Face's Hub and of GitHub. Users copy the URLs of pages that show a file; the
//! file itself has another URL, which is derived here without any request.

/// The Hub.
const HUB: &str = "https://huggingface.co/";

/// GitHub's pages.
const GITHUB: &str = "https://github.com/";

/// GitHub's files.
const RAW: &str = "https://raw.githubusercontent.com/";

/// First parts of the Hub's paths that are not owners of repositories.
const NOT_OWNERS: [&str; 11] = [
    "api",
    "blog",
    "collections",
    "docs",
    "join",
    "learn",
    "login",
    "organizations",
    "papers",
    "settings",
    "tasks",
];

/// The content of a page, with the URL of the content itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    File(String),
    /// A folder; ends in `/`.
    Folder(String),
}

/// The file or folder that a page of the Hub or of GitHub shows; `None` for every other URL,
/// including that of a file itself. `path` is a URL without its query.
#[must_use]
pub fn shown(path: &str) -> Option<Target> {
    if let Some(rest) = path.strip_prefix(HUB).or_else(|| path.strip_prefix("https://hf.co/")) {
        return shown_by_hub(rest);
    }
    shown_by_github(path.strip_prefix(GITHUB)?)
}

fn shown_by_hub(rest: &str) -> Option<Target> {
    let (place, word) = HubPlace::parse(rest)?;
    match word {
        Word::Tree => Some(Target::Folder(place.folder())),
        Word::Blob => Some(Target::File(place.file(&place.path))),
        Word::Resolve => None,
    }
}

fn shown_by_github(rest: &str) -> Option<Target> {
    let mut parts = rest.trim_end_matches('/').splitn(4, '/');
    let (owner, name) = (filled(parts.next()?)?, filled(parts.next()?)?);
    let (word, place) = (parts.next(), parts.next());
    let at = |place: &str| format!("{RAW}{owner}/{name}/{place}");
    match (word, place) {
        (None, _) => Some(Target::Folder(at("HEAD/"))),
        (Some("tree"), Some(place)) => Some(Target::Folder(at(&format!("{place}/")))),
        (Some("blob" | "raw"), Some(place)) => Some(Target::File(at(place))),
        _ => None,
    }
}

fn filled(part: &str) -> Option<&str> {
    Some(part).filter(|part| !part.is_empty())
}

/// The view of a repository in a URL of the Hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// A page that shows a folder.
    Tree,
    /// A page that shows a file.
    Blob,
    /// The bytes.
    Resolve,
}

/// The kind of a repository of the Hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Model,
    Dataset,
    Space,
}

impl Kind {
    /// The path before the repository in URLs of pages.
    fn prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
            Self::Space => "spaces/",
        }
    }
}

/// A place in a repository of the Hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubPlace {
    kind: Kind,
    /// `owner/name`.
    repository: String,
    /// A branch, tag or commit.
    revision: String,
    /// A file, or a folder without a final slash; empty for the whole repository.
    path: String,
}

impl HubPlace {
    /// The place that a URL of the Hub names; `None` for any other URL.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let path = url.split(['?', '#']).next().unwrap_or(url);
        Self::parse(path.strip_prefix(HUB)?).map(|(place, _)| place)
    }

    fn parse(rest: &str) -> Option<(Self, Word)> {
        let (kind, rest) = [Kind::Dataset, Kind::Space]
            .into_iter()
            .find_map(|kind| Some((kind, rest.strip_prefix(kind.prefix())?)))
            .unwrap_or((Kind::Model, rest));
        let mut parts = rest.trim_end_matches('/').splitn(5, '/');
        let (owner, name) = (filled(parts.next()?)?, filled(parts.next()?)?);
        if NOT_OWNERS.contains(&owner) {
            return None;
        }
        let word = match parts.next() {
            None | Some("tree") => Word::Tree,
            Some("blob") => Word::Blob,
            Some("resolve" | "raw") => Word::Resolve,
            Some(_) => return None,
        };
        let revision = parts.next().unwrap_or("main").to_owned();
        let path = parts.next().unwrap_or_default().to_owned();
        if word == Word::Blob && path.is_empty() {
            return None;
        }
        Some((Self { kind, repository: format!("{owner}/{name}"), revision, path }, word))
    }

    /// The folder's URL; ends in `/`.
    #[must_use]
    pub fn folder(&self) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!("{}/", self.path) };
        self.file(&path)
    }

    /// The URL of a file in the repository. A name from the list of files has to be [`escaped`]
    /// before.
    #[must_use]
    pub fn file(&self, path: &str) -> String {
        let Self { kind, repository, revision, .. } = self;
        format!("{HUB}{}{repository}/resolve/{revision}/{path}", kind.prefix())
    }

    /// The URL of the JSON list of the files in the folder and its subfolders.
    #[must_use]
    pub fn list(&self) -> String {
        let Self { kind, repository, revision, path } = self;
        let kind = match kind {
            Kind::Model => "models",
            Kind::Dataset => "datasets",
            Kind::Space => "spaces",
        };
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        format!("{HUB}api/{kind}/{repository}/tree/{revision}{path}?recursive=true")
    }

    /// The repository's page, where its terms are accepted.
    #[must_use]
    pub fn page(&self) -> String {
        format!("{HUB}{}{}", self.kind.prefix(), self.repository)
    }

    /// `owner/name`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The path in the repository, without a final slash.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The revision.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// The command that downloads the repository at this revision.
    #[must_use]
    pub fn download(&self) -> String {
        let mut command = format!("hf download {}", self.repository);
        match self.kind {
            Kind::Model => {}
            Kind::Dataset => command.push_str(" --repo-type dataset"),
            Kind::Space => command.push_str(" --repo-type space"),
        }
        if self.revision != "main" {
            command.push_str(&format!(" --revision {}", self.revision));
        }
        command
    }
}

/// A name as part of a URL: characters that end a path or start an escape are escaped.
#[must_use]
pub fn escaped(name: &str) -> String {
    name.replace('%', "%25").replace('#', "%23").replace('?', "%3F").replace('\\', "%5C")
}

/// Whether a URL is GitHub's, which lets other sites read files of repositories and nothing else.
#[must_use]
pub fn is_github(url: &str) -> bool {
    url.starts_with(GITHUB) || url.starts_with(RAW)
}

#[cfg(test)]
mod tests {
    use super::{HubPlace, Target, escaped, shown};

    fn folder(address: &str, expected: &str) {
        assert_eq!(shown(address), Some(Target::Folder(expected.to_owned())), "{address}");
        assert_eq!(shown(expected), None, "{expected}");
    }

    fn file(address: &str, expected: &str) {
        assert_eq!(shown(address), Some(Target::File(expected.to_owned())), "{address}");
        assert_eq!(shown(expected), None, "{expected}");
    }

    #[test]
    fn pages_of_the_hub_give_urls_of_their_content() {
        let model = "https://huggingface.co/allenai/OLMoE-1B-7B-0924";
        folder(model, &format!("{model}/resolve/main/"));
        folder(&format!("{model}/tree/step5000-tokens20B"), &format!("{model}/resolve/step5000-tokens20B/"));
        folder(&format!("{model}/tree/main/a/tree/x/"), &format!("{model}/resolve/main/a/tree/x/"));
        folder(&format!("{model}/tree/refs%2Fpr%2F1"), &format!("{model}/resolve/refs%2Fpr%2F1/"));
        file(&format!("{model}/blob/main/a/b.npz"), &format!("{model}/resolve/main/a/b.npz"));
        let data = "https://huggingface.co/datasets/CMU-FLAME/FLAME-MoE-Traces";
        folder(data, &format!("{data}/resolve/main/"));
        folder(
            "https://hf.co/datasets/CMU-FLAME/FLAME-MoE-Traces/tree/v1/x",
            &format!("{data}/resolve/v1/x/"),
        );
        file(&format!("{data}/blob/main/a.parquet"), &format!("{data}/resolve/main/a.parquet"));
        let space = "https://huggingface.co/spaces/a/b";
        file(&format!("{space}/blob/main/a.parquet"), &format!("{space}/resolve/main/a.parquet"));
    }

    #[test]
    fn pages_of_github_give_urls_of_their_content() {
        let raw = "https://raw.githubusercontent.com/a/b";
        folder("https://github.com/a/b", &format!("{raw}/HEAD/"));
        folder("https://github.com/a/b/tree/main/traces", &format!("{raw}/main/traces/"));
        file("https://github.com/a/b/blob/main/traces/x.npz", &format!("{raw}/main/traces/x.npz"));
        file("https://github.com/a/b/raw/refs/heads/main/x.npz", &format!("{raw}/refs/heads/main/x.npz"));
    }

    #[test]
    fn other_urls_are_not_changed() {
        for address in [
            "https://example.org/a/b/tree/main",
            "https://huggingface.co",
            "https://huggingface.co/docs/hub",
            "https://huggingface.co/a",
            "https://huggingface.co//b",
            "https://huggingface.co/a/b/discussions/1",
            "https://huggingface.co/a/b/blob/main",
            "https://huggingface.co/datasets/a",
            "https://huggingface.co/api/models/a/b",
            "https://huggingface.co.example.org/a/b/blob/main/c",
            "https://github.com/a",
            "https://github.com/a/b/releases/download/v1/x.npz",
            "https://github.com/a/b/blob",
            "http://github.com/a/b/blob/main/c",
        ] {
            assert_eq!(shown(address), None, "{address}");
        }
    }

    #[test]
    fn places_have_urls_of_list_and_page_and_a_download_command() {
        let place =
            HubPlace::of("https://huggingface.co/datasets/a/b/resolve/v1/x/y/?download=true").unwrap();
        assert_eq!(place.list(), "https://huggingface.co/api/datasets/a/b/tree/v1/x/y?recursive=true");
        assert_eq!(place.page(), "https://huggingface.co/datasets/a/b");
        assert_eq!(place.download(), "hf download a/b --repo-type dataset --revision v1");
        assert_eq!((place.repository(), place.revision(), place.path()), ("a/b", "v1", "x/y"));
        let place = HubPlace::of("https://huggingface.co/a/b/resolve/main/config.json").unwrap();
        assert_eq!(
            place.list(),
            "https://huggingface.co/api/models/a/b/tree/main/config.json?recursive=true"
        );
        assert_eq!(place.download(), "hf download a/b");
        assert_eq!(HubPlace::of("https://example.org/a/b/resolve/main/c"), None);
    }

    #[test]
    fn names_are_escaped_in_urls() {
        assert_eq!(escaped("50% of #1?.npz"), "50%25 of %231%3F.npz");
    }
}
