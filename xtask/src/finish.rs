//! `finish`: what trunk's hook does to a fresh build.
//!
//! The page allows no inline script, so that the start of the program moves into `boot.js`; and every address gets
//! the build's identifier, so that files of two builds never mix in a browser's cache.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha256};

use crate::{project::Project, shell};

/// Set by `dist` to the path of wasm-opt: then the wasm is made as small and as fast as it gets.
pub const WASM_OPT: &str = "GROKSCOPE_WASM_OPT";

/// Finishes the build in the folder that trunk names.
pub fn run(project: &Project) -> Result<()> {
    let staging = std::env::var_os("TRUNK_STAGING_DIR").context(
        "`finish` is called by trunk after a build: use `cargo xtask serve` or `cargo xtask dist`",
    )?;
    let staging = PathBuf::from(staging);
    for loader in ["worker_loader.js", "engine_loader.js"] {
        fs::copy(project.root.join("www").join(loader), staging.join(loader))
            .with_context(|| format!("{loader} cannot be copied"))?;
    }
    if let Some(wasm_opt) = std::env::var_os(WASM_OPT) {
        optimise(
            Path::new(&wasm_opt),
            &staging.join("app_bg.wasm"),
            // Larger than -Oz by itself, smaller once it is compressed; all the more without hints of alignment.
            &["-O1", "--dealign", "--strip-debug", "--strip-producers"],
        )?;
        optimise(
            Path::new(&wasm_opt),
            &staging.join("worker_bg.wasm"),
            &["-O3", "--strip-debug", "--strip-producers"],
        )?;
        optimise(
            Path::new(&wasm_opt),
            &staging.join("engine_bg.wasm"),
            // Making megabytes of shader compiler smaller takes ten minutes and is not needed for its budget.
            &["--strip-debug", "--strip-producers"],
        )?;
    }

    let files = files(&staging)?;
    let build = identify(&files);
    let page = staging.join("index.html");
    write(&page, &finish_page(&read(&page)?, &build)?)?;
    let service = staging.join("sw.js");
    write(&service, &finish_service(&read(&service)?, &build, files.keys())?)
}

fn optimise(wasm_opt: &Path, wasm: &Path, how: &[&str]) -> Result<()> {
    let mut node = Command::new("node");
    node.arg(wasm_opt).args(how);
    // What the compiler uses; wasm-opt would otherwise refuse it.
    node.args([
        "--enable-bulk-memory",
        "--enable-bulk-memory-opt",
        "--enable-call-indirect-overlong",
        "--enable-extended-const",
        "--enable-multivalue",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-reference-types",
        "--enable-sign-ext",
        "--enable-simd",
    ]);
    node.arg(wasm).arg("-o").arg(wasm);
    shell::run(&mut node).with_context(|| format!("{} could not be optimised", wasm.display()))
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

/// Changes whenever any file does: the first twelve digits of a hash over names and hashes.
fn identify(files: &BTreeMap<String, [u8; 32]>) -> String {
    let mut all = Sha256::new();
    for (name, hash) in files {
        all.update(name.as_bytes());
        all.update([0]);
        all.update(hash);
    }
    all.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn finish_page(page: &str, build: &str) -> Result<String> {
    const START: &str = "<script type=\"module\">";
    const END: &str = "</script>";
    let start = page.find(START).context("trunk's page has no script that starts the program")?;
    let end = page[start..].find(END).context("trunk's script has no end")? + start + END.len();
    ensure!(page[start..end].contains("TrunkApplicationStarted"), "the page's first script is not trunk's");
    let boot = "<script type=\"module\" src=\"./boot.js\"></script>";
    let mut page = [&page[..start], boot, &page[end..]].concat();
    ensure!(
        !page.contains("<script>") && !page.contains(START),
        "the page has another inline script, which it forbids itself"
    );
    for file in ["boot.js", "app.js", "app_bg.wasm", "style.css", "worker_loader.js", "vendor/charts.js"] {
        let plain = format!("\"./{file}\"");
        if !page.contains(&plain) {
            bail!("the page does not name {plain}, which should get the build's identifier");
        }
        page = page.replace(&plain, &format!("\"./{file}?v={build}\""));
    }
    Ok(page)
}

fn finish_service<'a>(service: &str, build: &str, files: impl Iterator<Item = &'a String>) -> Result<String> {
    let kept: Vec<String> = files.filter_map(|file| kept_address(file, build)).collect();
    let list = serde_json::to_string_pretty(&[vec!["./".to_owned()], kept].concat())?;
    let mut service = service.to_owned();
    for (plain, finished) in [
        ("const BUILD = \"\";", format!("const BUILD = \"{build}\";")),
        ("const FILES = [];", format!("const FILES = {list};")),
    ] {
        ensure!(service.matches(plain).count() == 1, "sw.js does not have the line `{plain}`");
        service = service.replace(plain, &finished);
    }
    Ok(service)
}

/// The address under which the service worker keeps a file from the first visit on; none for what is kept when it is
/// first asked for, or never.
fn kept_address(file: &str, build: &str) -> Option<String> {
    let name = Path::new(file);
    let ending = name.extension()?.to_str()?;
    let apart = ["index.html", "sw.js"].contains(&file)
        || file.starts_with("example/")
        // Megabytes that only who runs checkpoints needs; kept when they are first fetched.
        || file.starts_with("engine")
        || ["md", "txt"].contains(&ending);
    if apart {
        return None;
    }
    // What wasm-bindgen's own scripts import has a hash in its name already.
    let dated = ["js", "wasm", "css"].contains(&ending) && !file.starts_with("snippets/");
    Some(if dated { format!("./{file}?v={build}") } else { format!("./{file}") })
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{finish_page, finish_service, identify, kept_address};

    const PAGE: &str = r#"<meta name="grokscope-worker" content="./worker_loader.js">
<meta name="grokscope-charts" content="./vendor/charts.js">
<script type="module">
import init from './app.js'; dispatchEvent(new CustomEvent("TrunkApplicationStarted"));
</script>
<link rel="stylesheet" href="./style.css"/>
<link rel="modulepreload" href="./app.js"><link rel="preload" href="./app_bg.wasm">"#;

    #[test]
    fn the_page_keeps_no_inline_script_and_names_its_build() {
        let page = finish_page(PAGE, "abc").unwrap();
        assert!(page.contains(r#"<script type="module" src="./boot.js?v=abc"></script>"#));
        assert!(!page.contains("TrunkApplicationStarted"));
        for file in ["worker_loader.js", "vendor/charts.js", "style.css", "app.js", "app_bg.wasm"] {
            assert!(page.contains(&format!("\"./{file}?v=abc\"")), "{file}");
        }
    }

    #[test]
    fn a_second_inline_script_is_refused() {
        let page = format!("{PAGE}<script>alert(1)</script>");
        assert!(finish_page(&page, "abc").is_err());
        assert!(finish_page("<p>", "abc").is_err());
    }

    #[test]
    fn the_service_worker_lists_what_it_keeps() {
        let files =
            ["app.js", "example/run.json", "icons/icon.svg", "index.html", "sw.js", "vendor/README.md"];
        let files: Vec<String> = files.map(str::to_owned).into();
        let service =
            finish_service("const BUILD = \"\";\nconst FILES = [];\n", "abc", files.iter()).unwrap();
        assert_eq!(
            service,
            "const BUILD = \"abc\";\nconst FILES = [\n  \"./\",\n  \"./app.js?v=abc\",\n  \"./icons/icon.svg\"\n];\n"
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
    fn the_identifier_follows_names_and_contents() {
        let one = [("a".to_owned(), [0_u8; 32])].into();
        let other_name = [("b".to_owned(), [0_u8; 32])].into();
        let other_content = [("a".to_owned(), [1_u8; 32])].into();
        assert_eq!(identify(&one).len(), 12);
        assert_ne!(identify(&one), identify(&other_name));
        assert_ne!(identify(&one), identify(&other_content));
    }
}
