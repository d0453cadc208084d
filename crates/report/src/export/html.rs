//! The report inside an HTML file, as JSON that browsers do not run.

use crate::{Report, json};

/// Start of the element; no other text of an exported page contains it, because `<` is escaped.
const START: &str = "<script type=\"application/json\" id=\"grokscope-report\">";

/// End of the element.
const END: &str = "</script>";

/// The report as a script element that holds JSON.
#[must_use]
pub fn json_element(report: &Report) -> String {
    // `<` occurs only inside of JSON's texts, where it can be escaped: no text ends the element.
    format!("{START}\n{}\n{END}\n", json(report).replace('<', "\\u003c"))
}

/// The JSON in an exported HTML page; nothing else of the page is read. `None` for other files.
#[must_use]
pub fn json_in_html(html: &str) -> Option<&str> {
    let (_, rest) = html.split_once(START)?;
    Some(rest.split_once(END)?.0)
}

#[cfg(test)]
mod tests {
    use super::json_in_html;

    #[test]
    fn only_the_element_is_read() {
        let page =
            "<p>{}</p><script type=\"application/json\" id=\"grokscope-report\">{\"a\":1}</script><p>x";
        assert_eq!(json_in_html(page), Some("{\"a\":1}"));
        assert_eq!(json_in_html("<script type=\"application/json\" id=\"grokscope-report\">{"), None);
        assert_eq!(json_in_html("{}"), None);
    }
}
