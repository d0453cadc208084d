//! Headings and links of Markdown documents.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// What the documents use beside plain Markdown.
pub const OPTIONS: Options = Options::ENABLE_TABLES;

/// A heading.
#[derive(Debug, PartialEq, Eq)]
pub struct Heading {
    /// From 1 to 6.
    pub level: u8,
    /// Its text without markup.
    pub text: String,
    /// Its anchor, as GitHub writes it.
    pub anchor: String,
}

/// All headings of a document, in order.
pub fn headings(markdown: &str) -> Vec<Heading> {
    let mut found: Vec<Heading> = Vec::new();
    let mut open: Option<(HeadingLevel, String)> = None;
    for event in Parser::new_ext(markdown, OPTIONS) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => open = Some((level, String::new())),
            Event::End(TagEnd::Heading(_)) => {
                if let Some((level, text)) = open.take() {
                    let anchor = anchor(&text);
                    found.push(Heading { level: level as u8, text, anchor });
                }
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading)) = &mut open {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}

/// Targets of all links and images of a document.
pub fn links(markdown: &str) -> Vec<String> {
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(dest_url.into_string())
        }
        _ => None,
    };
    Parser::new_ext(markdown, OPTIONS).filter_map(target).collect()
}

/// The anchor of a heading: lower case, hyphens for spaces, no punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{headings, links};

    #[test]
    fn headings_have_the_anchors_of_github() {
        let text = "# Metrics\n\ntext\n\n## Null distance, and `structure`\n\n```\n# no heading\n```\n";
        let found = headings(text);
        let found: Vec<(u8, &str)> = found.iter().map(|h| (h.level, h.anchor.as_str())).collect();
        assert_eq!(found, [(1, "metrics"), (2, "null-distance-and-structure")]);
    }

    #[test]
    fn links_and_images_are_found() {
        let text = "[a](b.md#c) ![d](e.webp) `[f](g)`\n\n[h]: i.md\n[h]";
        assert_eq!(links(text), ["b.md#c", "e.webp", "i.md"]);
    }
}
