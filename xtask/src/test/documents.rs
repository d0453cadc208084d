//! Checks the documents: every relative link leads to a file, every anchor to a heading, and so does every
//! `docs/….md#anchor` that code cites.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{markdown, project::Project, shell};

/// Files that may cite a document.
const CITING: [&str; 8] = ["rs", "md", "mjs", "js", "py", "toml", "html", "css"];

/// Checks all files that git tracks.
///
/// # Errors
/// Lists the file, the line's text and the target of everything that leads nowhere.
pub fn check(project: &Project) -> Result<()> {
    let mut list = Command::new("git");
    let list = shell::output(list.args(["ls-files"]).current_dir(&project.root))?;
    let mut texts = BTreeMap::new();
    let files: BTreeSet<PathBuf> = list.lines().map(PathBuf::from).collect();
    for file in &files {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        // This file's own tests cite documents that do not exist.
        let apart =
            file.starts_with("tests/fixtures") || *file == Path::new("xtask").join("src/test/documents.rs");
        if CITING.contains(&ending) && !apart {
            let path = project.root.join(file);
            let text =
                fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            texts.insert(file.clone(), text);
        }
    }
    let wrong = wrong(&texts, &|path| files.contains(path) || project.root.join(path).is_dir());
    if !wrong.is_empty() {
        bail!("{} references lead nowhere:\n{}", wrong.len(), wrong.join("\n"));
    }
    Ok(())
}

/// Every reference in the texts that leads nowhere, one line each.
fn wrong(texts: &BTreeMap<PathBuf, String>, exists: &dyn Fn(&Path) -> bool) -> Vec<String> {
    let anchors = |file: &Path| -> Option<BTreeSet<String>> {
        let text = texts.get(file).filter(|_| file.extension().is_some_and(|ending| ending == "md"))?;
        Some(markdown::headings(text).into_iter().map(|heading| heading.anchor).collect())
    };
    let leads = |file: &Path, anchor: Option<&str>| match (anchor, anchors(file)) {
        _ if !exists(file) => false,
        (Some(anchor), Some(anchors)) => anchors.contains(anchor),
        _ => true,
    };
    let mut wrong = Vec::new();
    for (file, text) in texts {
        if file.extension().is_some_and(|ending| ending == "md") {
            let folder = file.parent().unwrap_or(Path::new(""));
            for link in markdown::links(text) {
                // Addresses with a scheme are not followed.
                if link.contains("://") || link.starts_with("mailto:") {
                    continue;
                }
                let (path, anchor) = split(&link);
                let target = if path.is_empty() { file.clone() } else { joined(folder, path) };
                if !leads(&target, anchor) {
                    wrong.push(format!("  {}: [...]({link})", file.display()));
                }
            }
            continue;
        }
        for citation in citations(text) {
            let (path, anchor) = split(citation);
            if !leads(Path::new(path), anchor) {
                wrong.push(format!("  {}: {citation}", file.display()));
            }
        }
    }
    wrong
}

/// A link's path and its anchor.
fn split(link: &str) -> (&str, Option<&str>) {
    link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)))
}

/// A path relative to a folder, without `.` and `..`.
fn joined(folder: &Path, path: &str) -> PathBuf {
    let mut joined = folder.to_path_buf();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                joined.pop();
            }
            Component::CurDir => {}
            part => joined.push(part),
        }
    }
    joined
}

/// Every `docs/name.md` and `docs/name.md#anchor` in a text.
fn citations(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("docs/") {
        let rest = text.get(start..).unwrap_or_default();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/._#-".contains(c))).unwrap_or(rest.len());
        let citation = rest.get(..end).unwrap_or_default().trim_end_matches(['.', '#', '-']);
        if citation.contains(".md") {
            found.push(citation);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::PathBuf};

    use super::{citations, wrong};

    fn check(files: &[(&str, &str)]) -> Vec<String> {
        let texts: BTreeMap<PathBuf, String> =
            files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        wrong(&texts, &|path| texts.contains_key(path))
    }

    #[test]
    fn references_that_lead_somewhere_pass() {
        let found = check(&[
            ("docs/a.md", "# One\n\n[two](b.md#three) [up](../README.md) [self](#one) <https://x.y/z>"),
            ("docs/b.md", "## Three"),
            ("README.md", "[a](docs/a.md#one)"),
            ("src/lib.rs", "// see docs/b.md#three."),
        ]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn each_broken_reference_is_named() {
        let found = check(&[
            ("docs/a.md", "# One\n\n[gone](c.md) [no](#two)"),
            ("src/lib.rs", "// docs/a.md#three and docs/d.md"),
        ]);
        let expected =
            ["  docs/a.md: [...](c.md)", "  docs/a.md: [...](#two)", "  src/lib.rs: docs/a.md#three"];
        assert_eq!(found[..3], expected);
        assert_eq!(found[3], "  src/lib.rs: docs/d.md");
    }

    #[test]
    fn citations_end_before_punctuation() {
        let text = "(docs/metrics.md#pathway), docs/link.md. `docs/x.md#a-b`";
        assert_eq!(citations(text), ["docs/metrics.md#pathway", "docs/link.md", "docs/x.md#a-b"]);
    }
}
