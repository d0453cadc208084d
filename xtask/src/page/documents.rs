//! Documents as HTML pages without scripts, for reading beside the report: `docs/metrics.md` becomes `metrics.html`,
//! `www/example/README.md` becomes `example.html`.

use std::path::Path;

use anyhow::Result;
use pulldown_cmark::{CowStr, Event, Parser, Tag, TagEnd, html::push_html};

use super::files::{read, write};
use crate::{
    markdown::{OPTIONS, headings},
    project::Project,
};

/// The documents in `docs` that the page links to, and those that they link to.
const DOCUMENTS: [&str; 10] = [
    "checkpoints",
    "cli",
    "embed",
    "link",
    "metrics",
    "report-schema",
    "router-geometry",
    "sources",
    "traces",
    "views",
];

/// Writes the pages into the folder of a build.
///
/// # Errors
/// If a document cannot be read or a page cannot be written.
pub fn write_pages(project: &Project, folder: &Path) -> Result<()> {
    for name in DOCUMENTS {
        let text = read(&project.root.join("docs").join(name).with_extension("md"))?;
        write(&folder.join(name).with_extension("html"), &page(&text))?;
    }
    let example = read(&project.root.join("www/example/README.md"))?;
    write(&folder.join("example.html"), &page(&example))
}

fn page(markdown: &str) -> String {
    let headings = headings(markdown);
    let mut anchors = headings.iter().map(|heading| heading.anchor.clone());
    // Whether the link that is open leads to a file of the source, which is not beside the page. Links do not nest.
    let mut outside = false;
    let events = Parser::new_ext(markdown, OPTIONS).filter_map(|event| match event {
        Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
            Some(Event::Start(Tag::Heading { level, id: anchors.next().map(CowStr::from), classes, attrs }))
        }
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            outside = dest_url.starts_with("../");
            (!outside).then(|| Event::Start(Tag::Link { link_type, dest_url: target(dest_url), title, id }))
        }
        Event::End(TagEnd::Link) if outside => {
            outside = false;
            None
        }
        event => Some(event),
    });
    let mut body = String::new();
    push_html(&mut body, events);
    let sections = headings.iter().filter(|heading| heading.level == 2);
    let contents: Vec<String> = sections
        .map(|heading| format!("<li><a href=\"#{}\">{}</a></li>", heading.anchor, heading.text))
        .collect();
    let contents = contents.join("\n");
    let title = headings.first().map_or("Grokscope", |heading| &heading.text);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'self'; img-src 'self'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} - Grokscope</title>\n\
         <link rel=\"icon\" type=\"image/svg+xml\" href=\"./icons/icon.svg\">\n\
         <link rel=\"stylesheet\" href=\"./style.css\">\n</head>\n\
         <body>\n<main class=\"document prose\">\n<p><a href=\"./\">Grokscope</a></p>\n\
         <nav aria-label=\"Contents\"><ul>\n{contents}\n</ul></nav>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// The built page of a document that another one links to; other links are kept.
fn target(link: CowStr) -> CowStr {
    for name in DOCUMENTS {
        if let Some(anchor) = link.strip_prefix(&format!("{name}.md")) {
            return format!("./{name}.html{anchor}").into();
        }
    }
    link
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn headings_keep_their_anchors_and_are_listed() {
        let html = page(
            "# Metrics\n\n## Mean gates\n\n[The source](../README.md). `a < b`, see [pathway](#pathway) and [routers](router-geometry.md#figures).\n\n## Pathway\n",
        );
        assert!(html.contains("<h2 id=\"mean-gates\">Mean gates</h2>"), "{html}");
        assert!(html.contains("<li><a href=\"#pathway\">Pathway</a></li>"));
        assert!(html.contains("<code>a &lt; b</code>"));
        assert!(html.contains("href=\"./router-geometry.html#figures\""));
        assert!(html.contains("<p>The source. "), "{html}");
        assert!(!html.contains("<script"));
    }
}
