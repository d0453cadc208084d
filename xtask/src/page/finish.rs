//! The last step of a build: one build identifier at the end of every address, so that files of two
//! builds never mix in a browser's cache, and the list of files that the service worker keeps.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use super::files::{read, write};
use crate::live::{self, EngineState};

/// The tag in `index.html` that starts the page.
const START: &str = "<script type=\"module\" src=\"./boot.js\"></script>";

/// The tag in `index.html` with the picture for previews of links.
const PICTURE: &str = "<meta property=\"og:image\" content=\"./preview.png\">";

/// The comment in `index.html` that a link to the source code replaces.
const SOURCE: &str = "<!-- source -->";

/// What is in the line of `index.html` that only trunk reads.
const TRUNK: &str = "data-trunk";

/// How a page follows later builds. A published page does not.
pub struct Live {
    /// Initial state of the engine.
    pub engine: EngineState,
    /// Whether the page is rebuilt after changes. The service worker then keeps no file.
    pub watched: bool,
}

/// Finishes the page in a folder and returns its build identifier.
pub fn finish(folder: &Path, live: Option<&Live>) -> Result<String> {
    if live.is_some() {
        write(&folder.join(live::SCRIPT_NAME), live::SCRIPT)?;
        let loader = folder.join(live::ENGINE_LOADER);
        write(&loader, &[live::ENGINE_PENDING, &read(&loader)?].concat())?;
    }
    let files = files(folder)?;
    let build = identify(&files, live.map_or(0, |_| now()));
    let page = folder.join("index.html");
    write(&page, &finish_page(&read(&page)?, &build, live.is_some())?)?;
    let notes = folder.join("notes.html");
    write(&notes, &stamped(read(&notes)?, "notes.html", &["style.css", "notes.js"], &build)?)?;
    if live.is_none_or(|live| !live.watched) {
        let service = folder.join("sw.js");
        write(&service, &finish_service(&read(&service)?, &build, files.keys())?)?;
    }
    if let Some(Live { engine, watched }) = live {
        live::write_state(folder, &build, *engine, "", *watched)?;
    }
    Ok(build)
}

/// Writes the absolute URLs of a finished page and of its picture, which previews of links need.
///
/// # Errors
/// If the page has no picture, or cannot be read or written.
pub fn set_address(folder: &Path, address: &str) -> Result<()> {
    let page = folder.join("index.html");
    write(&page, &with_address(&read(&page)?, address)?)
}

fn with_address(page: &str, address: &str) -> Result<String> {
    ensure!(page.matches(PICTURE).count() == 1, "index.html does not have the tag {PICTURE} once");
    let tags = format!(
        "<meta property=\"og:url\" content=\"{address}\">\n    \
         <meta property=\"og:image\" content=\"{address}preview.png\">"
    );
    Ok(page.replace(PICTURE, &tags))
}

/// Links the page to its source code.
///
/// # Errors
/// If the page has no place for the link, or cannot be read or written.
pub fn set_source(folder: &Path, source: &str) -> Result<()> {
    let page = folder.join("index.html");
    write(&page, &with_source(&read(&page)?, source)?)
}

fn with_source(page: &str, source: &str) -> Result<String> {
    ensure!(page.matches(SOURCE).count() == 1, "index.html does not have {SOURCE} once");
    Ok(page.replace(SOURCE, &format!(" · <a href=\"{source}\" rel=\"noreferrer\">Source code</a>")))
}

/// Nanoseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos())
}

/// Every file under a folder with its content's hash, by its address relative to the page.
fn files(folder: &Path) -> Result<BTreeMap<String, [u8; 32]>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| format!("{} cannot be listed", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let relative = path.strip_prefix(folder)?;
            let parts: Vec<_> =
                relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            let content = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            found.insert(parts.join("/"), Sha256::digest(content).into());
        }
    }
    Ok(found)
}

/// The first twelve digits of a hash over names, hashes and a salt. The engine is added to a live
/// page later and is not in the hash, which is what the salt is for.
fn identify(files: &BTreeMap<String, [u8; 32]>, salt: u128) -> String {
    let mut all = Sha256::new();
    all.update(salt.to_le_bytes());
    for (name, hash) in files {
        all.update(name.as_bytes());
        all.update([0]);
        all.update(hash);
    }
    all.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn finish_page(page: &str, build: &str, live: bool) -> Result<String> {
    ensure!(page.matches(START).count() == 1, "index.html does not have the tag {START} once");
    ensure!(
        !page.contains("<script>") && page.matches("<script").count() == 1,
        "index.html has a second script, which its content security policy may block: start it from boot.js"
    );
    let mut page: String = page.split_inclusive('\n').filter(|line| !line.contains(TRUNK)).collect();
    if live {
        let script = format!("{START}<script type=\"module\" src=\"./{}\"></script>", live::SCRIPT_NAME);
        page = page.replace(START, &script);
    }
    let scripts = ["boot.js", "app.js", "app_bg.wasm", "style.css", "worker_loader.js", "vendor/charts.js"];
    let scripts: Vec<&str> = scripts.into_iter().chain(live.then_some(live::SCRIPT_NAME)).collect();
    stamped(page, "index.html", &scripts, build)
}

/// Adds the build identifier to the addresses of these files in a page.
fn stamped(mut page: String, name: &str, files: &[&str], build: &str) -> Result<String> {
    for file in files {
        let plain = format!("\"./{file}\"");
        if !page.contains(&plain) {
            bail!("{name} does not name {plain}, which gets the build identifier");
        }
        page = page.replace(&plain, &format!("\"./{file}?v={build}\""));
    }
    Ok(page)
}

fn finish_service<'a>(service: &str, build: &str, files: impl Iterator<Item = &'a String>) -> Result<String> {
    let files: Vec<&String> = files.collect();
    let kept = files.iter().filter_map(|file| kept_address(file, build)).collect();
    let list = serde_json::to_string_pretty(&[vec!["./".to_owned()], kept].concat())?;
    let more: Vec<String> = files.iter().filter_map(|file| later_address(file, build)).collect();
    let more = serde_json::to_string_pretty(&more)?;
    let mut service = service.to_owned();
    for (plain, finished) in [
        ("const BUILD = \"\";", format!("const BUILD = \"{build}\";")),
        ("const FILES = [];", format!("const FILES = {list};")),
        ("const MORE = [];", format!("const MORE = {more};")),
    ] {
        ensure!(service.matches(plain).count() == 1, "sw.js does not have the line `{plain}` once");
        service = service.replace(plain, &finished);
    }
    Ok(service)
}

/// The address under which the service worker keeps a file from the first visit on; `None` for
/// files that it keeps when they are first requested, or never.
fn kept_address(file: &str, build: &str) -> Option<String> {
    let name = Path::new(file);
    let ending = name.extension()?.to_str()?;
    let apart = ["index.html", "sw.js"].contains(&file)
        || file.starts_with("example/")
        // Megabytes that only checkpoints need; kept when they are first fetched.
        || file.starts_with("engine")
        || file.starts_with("live.")
        || ["md", "txt"].contains(&ending);
    if apart {
        return None;
    }
    Some(address(file, ending, build))
}

/// The address under which the service worker keeps a file when it is first used or the user asks:
/// the engine and the example run.
fn later_address(file: &str, build: &str) -> Option<String> {
    let ending = Path::new(file).extension()?.to_str()?;
    let is_later = file.starts_with("engine") || file.starts_with("example/");
    (is_later && !["md", "txt"].contains(&ending)).then(|| address(file, ending, build))
}

/// The address of a file as the page requests it.
fn address(file: &str, ending: &str, build: &str) -> String {
    // Snippets of wasm-bindgen have a hash in their names already.
    let dated = ["js", "wasm", "css"].contains(&ending) && !file.starts_with("snippets/");
    if dated { format!("./{file}?v={build}") } else { format!("./{file}") }
}

#[cfg(test)]
mod tests {
    use super::{finish_page, finish_service, identify, kept_address, with_address, with_source};

    const PAGE: &str = r#"<meta name="grokscope-worker" content="./worker_loader.js">
<meta name="grokscope-charts" content="./vendor/charts.js">
<link rel="stylesheet" href="./style.css">
<link rel="modulepreload" href="./app.js"><link rel="preload" href="./app_bg.wasm">
<script type="module" src="./boot.js"></script>"#;

    #[test]
    fn addresses_name_their_build() {
        let page = finish_page(PAGE, "abc", false).unwrap();
        assert!(page.contains(r#"<script type="module" src="./boot.js?v=abc"></script>"#));
        for file in ["worker_loader.js", "vendor/charts.js", "style.css", "app.js", "app_bg.wasm"] {
            assert!(page.contains(&format!("\"./{file}?v=abc\"")), "{file}");
        }
        assert!(!page.contains("live.js"));
    }

    #[test]
    fn a_live_page_has_one_script_more() {
        let page = finish_page(PAGE, "abc", true).unwrap();
        assert!(page.contains(r#"<script type="module" src="./live.js?v=abc"></script>"#), "{page}");
    }

    #[test]
    fn previews_of_links_have_absolute_urls() {
        let page = with_address(include_str!("../../../index.html"), "https://example.org/g/").unwrap();
        for tag in [
            r#"<meta property="og:url" content="https://example.org/g/">"#,
            r#"<meta property="og:image" content="https://example.org/g/preview.png">"#,
        ] {
            assert_eq!(page.matches(tag).count(), 1, "{tag}");
        }
        assert!(with_address(&page, "https://example.org/").is_err());
    }

    #[test]
    fn the_page_links_to_its_source() {
        let page = with_source(include_str!("../../../index.html"), "https://example.org/code/").unwrap();
        let link = r#" · <a href="https://example.org/code/" rel="noreferrer">Source code</a>"#;
        assert_eq!(page.matches(link).count(), 1);
        assert!(with_source(&page, "https://example.org/").is_err());
    }

    #[test]
    fn what_trunk_reads_is_left_out() {
        let page = finish_page(&format!("<link data-trunk rel=\"rust\">\n{PAGE}"), "abc", false).unwrap();
        assert_eq!(page, finish_page(PAGE, "abc", false).unwrap());
    }

    #[test]
    fn another_script_is_refused() {
        assert!(finish_page(&format!("{PAGE}<script>alert(1)</script>"), "abc", false).is_err());
        assert!(finish_page(&format!("{PAGE}<script src=\"./x.js\"></script>"), "abc", false).is_err());
        assert!(finish_page("<p>", "abc", false).is_err());
    }

    #[test]
    fn the_service_worker_lists_what_it_keeps() {
        let files = [
            "app.js",
            "engine.js",
            "example/README.md",
            "example/run.json",
            "icons/icon.svg",
            "index.html",
            "sw.js",
            "vendor/README.md",
        ];
        let files: Vec<String> = files.map(str::to_owned).into();
        let service =
            finish_service("const BUILD = \"\";\nconst FILES = [];\nconst MORE = [];\n", "abc", files.iter())
                .unwrap();
        assert_eq!(
            service,
            "const BUILD = \"abc\";\nconst FILES = [\n  \"./\",\n  \"./app.js?v=abc\",\n  \"./icons/icon.svg\"\n];\nconst MORE = [\n  \"./engine.js?v=abc\",\n  \"./example/run.json\"\n];\n"
        );
        assert!(finish_service("const BUILD = \"\";", "abc", files.iter()).is_err());
    }

    #[test]
    fn snippets_keep_their_address() {
        assert_eq!(
            kept_address("snippets/a-0123/inline0.js", "abc").as_deref(),
            Some("./snippets/a-0123/inline0.js")
        );
        assert_eq!(kept_address("example/step-1.safetensors", "abc"), None);
        assert_eq!(kept_address("engine_bg.wasm", "abc"), None);
    }

    #[test]
    fn the_identifier_follows_names_contents_and_salt() {
        let one = [("a".to_owned(), [0_u8; 32])].into();
        let other_name = [("b".to_owned(), [0_u8; 32])].into();
        let other_content = [("a".to_owned(), [1_u8; 32])].into();
        assert_eq!(identify(&one, 0).len(), 12);
        assert_ne!(identify(&one, 0), identify(&other_name, 0));
        assert_ne!(identify(&one, 0), identify(&other_content, 0));
        assert_ne!(identify(&one, 0), identify(&one, 1));
    }
}
