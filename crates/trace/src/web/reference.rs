//! Resolves a name or link in a list or on a page to a URL on the same server.

use percent_encoding::percent_decode_str;
use url::Url;

/// The folder of a URL, or the URL if it is a folder: without query, and with a final slash.
pub fn folder_of(url: &str) -> String {
    Url::parse(url).and_then(|url| url.join(".")).map_or_else(|_| url.to_owned(), String::from)
}

/// A URL in normal form.
pub fn written(url: String) -> String {
    Url::parse(&url).map_or(url, String::from)
}

/// A part of a URL, decoded for display.
pub fn readable(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// The URL of a reference on the page or in the list at `base`.
///
/// # Errors
/// A sentence, for another server or a URL that is not fetched.
pub fn resolve(base: &str, reference: &str) -> Result<String, String> {
    let no =
        |why: &str| Err(format!("`{}`, which the list names, was not fetched: {why}.", shortened(reference)));
    if reference.is_empty() || reference.contains(|letter: char| letter.is_control() || letter == '\\') {
        return no("it is no name of a file");
    }
    let Ok(base) = Url::parse(base) else { return no("its list has no address") };
    let Ok(mut url) = base.join(reference) else { return no("it is no address") };
    if !matches!(url.scheme(), "http" | "https") {
        return no("only http and https addresses are");
    }
    let same = url.origin() == base.origin() && url.username().is_empty() && url.password().is_none();
    if !same {
        return no("it is at another server than the list. If it is to be read, name its address too");
    }
    url.set_fragment(None);
    Ok(url.into())
}

/// The start of a text, for a message.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 120;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(LONGEST).collect::<String>())
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use proptest::prelude::*;

    use super::resolve;

    const BASE: &str = "https://example.org/runs/a/index.json";

    #[test]
    fn references_resolve_to_urls() {
        for (reference, address) in [
            ("b.npz", "https://example.org/runs/a/b.npz"),
            ("b/", "https://example.org/runs/a/b/"),
            (".", "https://example.org/runs/a/"),
            ("../../../../b.npz", "https://example.org/b.npz"),
            ("/b.npz?x=/../y#z", "https://example.org/b.npz?x=/../y"),
            ("HTTPS://EXAMPLE.ORG/b.npz", "https://example.org/b.npz"),
            ("https://example.org", "https://example.org/"),
            ("https://example.org?x", "https://example.org/?x"),
            ("b:c/d", ""),
            ("./b:c", "https://example.org/runs/a/b:c"),
        ] {
            assert_eq!(resolve(BASE, reference).unwrap_or_default(), address, "{reference}");
        }
        assert_eq!(resolve("https://example.org", "b.npz").unwrap(), "https://example.org/b.npz");
        assert_eq!(resolve("https://example.org?x", "b.npz").unwrap(), "https://example.org/b.npz");
        let long = resolve(BASE, &format!("ftp://{}", "é".repeat(1000))).unwrap_err();
        assert!(long.chars().count() < 250 && long.contains('…'), "{long}");
    }

    proptest! {
        /// No list can refer to another server.
        #[test]
        fn references_stay_on_their_server(reference in "\\PC{0,40}|[./:?#@a\\\\-]{0,20}|(https?:)?//[a-z.:@/]{0,20}") {
            if let Ok(url) = resolve(BASE, &reference) {
                prop_assert!(url.starts_with("https://example.org/"), "{reference:?} {url:?}");
                let path = url.split('?').next().unwrap_or_default();
                prop_assert!(!path.split('/').any(|part| part == ".."), "{reference:?} {url:?}");
            }
        }
    }
}
