//! Text as HTML.

/// Escapes text for elements and for attributes in double quotes. Control characters that HTML does
/// not allow become spaces.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_text_becomes_markup() {
        assert_eq!(
            escaped("<b a=\"1\" c='2'>&\u{0}</b>"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp; &lt;/b&gt;"
        );
    }
}
