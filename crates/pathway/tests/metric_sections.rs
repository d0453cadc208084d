//! Every public metric function cites the section of `docs/metrics.md` that defines it.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Start of a citation; split, so that it is not a citation itself.
const CITATION: &str = concat!("docs", "/metrics.md#");

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The source files of a folder and of the folders in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Name and text of each source file of the crate, without its unit tests.
fn sources() -> Vec<(String, String)> {
    let mut sources: Vec<(String, String)> = files(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"))
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap().to_owned();
            (path.file_stem().unwrap().to_string_lossy().into_owned(), code)
        })
        .collect();
    sources.sort();
    sources
}

/// Anchors of all headings of `docs/metrics.md`, as GitHub makes them.
fn anchors() -> BTreeSet<String> {
    let text = fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let anchor = |heading: &str| {
        let words = heading.to_lowercase();
        words
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect::<String>()
    };
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// The anchors that a text cites.
fn citations(text: &str) -> Vec<String> {
    let parts = text.split(CITATION).skip(1);
    parts.map(|part| part.chars().take_while(|&c| c.is_alphanumeric() || c == '-').collect()).collect()
}

/// Name and doc comment of each free public function.
fn functions(code: &str) -> Vec<(String, String)> {
    let mut functions = Vec::new();
    let mut doc = String::new();
    for line in code.lines() {
        if line.starts_with("///") {
            doc.push_str(line);
        } else if let Some(rest) = line.strip_prefix("pub fn ") {
            let name = rest.chars().take_while(|&c| c.is_alphanumeric() || c == '_').collect();
            functions.push((name, std::mem::take(&mut doc)));
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    functions
}

#[test]
fn every_citation_names_a_section() {
    let anchors = anchors();
    assert!(anchors.contains("pathway-distance"), "docs/metrics.md has sections: {anchors:?}");
    for (module, code) in sources() {
        for cited in citations(&code) {
            assert!(anchors.contains(&cited), "{module} cites {CITATION}{cited}, which is no section");
        }
    }
}

#[test]
fn every_metric_function_cites_its_section() {
    let mut found = 0;
    for (module, code) in sources() {
        for (name, doc) in functions(&code) {
            assert!(!citations(&doc).is_empty(), "{module}::{name} cites no section of docs/metrics.md");
            found += 1;
        }
    }
    assert!(found > 20, "only {found} public functions were found");
}

/// Methods are defined by the section that their module cites.
#[test]
fn every_module_with_public_methods_cites_a_section() {
    for (module, code) in sources() {
        if code.contains("\n    pub fn ") {
            assert!(!citations(&code).is_empty(), "{module} cites no section of docs/metrics.md");
        }
    }
}
