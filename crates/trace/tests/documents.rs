//! The documents name the endings of the files that this crate reads.
#![cfg(not(target_arch = "wasm32"))]

use std::{collections::BTreeSet, path::Path};

use trace::{has_known_ending, known_endings, supported};

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
        .filter(|word| !word.contains("numpy") && !word.starts_with("python -m "))
        .collect();
    assert!(files.contains("samples.jsonl") && files.contains("step-5000.safetensors"), "{files:?}");
    for file in files {
        assert!(has_known_ending(file), "{file}");
    }
}

/// Text of the table of formats, in which code is in backticks, as HTML.
fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let parts = text.split('`').enumerate();
    parts
        .map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}

/// `UPDATE_EXPECT=1` rewrites the list.
#[test]
fn the_page_lists_the_formats() {
    const BEGIN: &str = "with the table of formats. -->\n";
    const END: &str = "          <!-- end of formats -->";
    let page = document("index.html").expect("the page exists");
    let (before, rest) = page.split_once(BEGIN).expect("the list begins");
    let (listed, after) = rest.split_once(END).expect("the list ends");
    let lines = supported()
        .into_iter()
        .map(|entry| format!("          <dt>{}</dt><dd>{}</dd>\n", html(entry.name), html(entry.form)));
    let expected = lines.collect::<Vec<_>>().concat();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../index.html");
        let new = path.with_extension("new");
        std::fs::write(&new, [before, BEGIN, &expected, END, after].concat())
            .expect("the page can be written");
        // Other tests read the page meanwhile.
        std::fs::rename(new, path).expect("the page can be replaced");
    } else {
        assert_eq!(listed, expected, "UPDATE_EXPECT=1 rewrites the list in index.html");
    }
}

#[test]
fn the_page_and_the_readme_show_the_same_python() {
    let (page, readme) = (
        document("index.html").expect("the page exists"),
        document("README.md").expect("the document exists"),
    );
    let mut blocks = readme.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.find(|block| block.contains("save_file")).expect("README has the lines");
    let code: Vec<String> = lines.lines().filter(|line| !line.starts_with('#')).map(html).collect();
    assert!(code.len() > 3);
    assert!(page.contains(&code.join("\n")), "index.html shows other lines than README.md");
}
