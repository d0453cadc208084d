//! The documents name the endings of the files that this crate reads.
#![cfg(not(target_arch = "wasm32"))]

use std::{collections::BTreeSet, path::Path};

use trace::{has_known_ending, known_endings};

fn document(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path))
}

/// The code spans of a text on one or several lines, without fenced blocks.
fn code_spans(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

#[test]
fn the_list_of_endings_is_that_of_the_formats() {
    let traces = document("docs/traces.md").expect("the document exists");
    let (_, list) = traces.split_once("The endings of these files are ").expect("the list begins");
    let (list, _) = list.split_once("\n\n").expect("the list ends");
    let listed: BTreeSet<&str> =
        code_spans(list).into_iter().filter_map(|span| span.strip_prefix('.')).collect();
    assert_eq!(listed, known_endings().collect());
}

#[test]
fn files_in_the_readme_have_known_endings() {
    let readme = document("README.md").expect("the document exists");
    let commands = readme.split("```sh").skip(1).filter_map(|block| block.split("```").next());
    let words = commands.flat_map(str::split_whitespace).chain(code_spans(&readme));
    let is_ending = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    let files: BTreeSet<&str> = words
        .filter(|word| word.rsplit_once('.').is_some_and(|(_, ending)| is_ending(ending) && ending != "py"))
        // Names of Python.
        .filter(|word| !word.contains("numpy"))
        .collect();
    assert!(files.contains("samples.jsonl") && files.contains("step-5000.safetensors"), "{files:?}");
    for file in files {
        assert!(has_known_ending(file), "{file}");
    }
}
