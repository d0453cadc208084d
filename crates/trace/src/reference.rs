//! What a name or link in a list or on a page at an address means, as far as it stays at the same server: what WHATWG's
//! standard says of such references. (The `url` crate would bring the tables of international names with it.)

/// An address up to its last slash.
pub fn folder_of(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or(url);
    path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or(path)
}

/// Scheme and server of an address, and what comes behind.
fn origin(url: &str) -> Option<(&str, &str)> {
    let start = url.find("://")? + 3;
    let end = url.get(start..)?.find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    Some((url.get(..end)?, url.get(end..)?))
}

/// The address that a reference means on the page or in the list at `base`.
///
/// # Errors
/// A sentence, where it means another server or no address that is fetched.
pub fn resolve(base: &str, reference: &str) -> Result<String, String> {
    let no = |why: &str| {
        Err(format!("`{}`, which the list names, was not asked for: {why}.", shortened(reference)))
    };
    if reference.is_empty() || reference.contains(|letter: char| letter.is_control() || letter == '\\') {
        return no("it is no name of a file");
    }
    let Some((server, behind)) = origin(base) else { return no("its list has no address") };
    let reference = reference.split('#').next().unwrap_or_default();
    let scheme = server.split("//").next().unwrap_or_default();
    let lower = reference.to_ascii_lowercase();
    let whole = if lower.starts_with("https://") || lower.starts_with("http://") {
        Some(reference.to_owned())
    } else if reference.starts_with("//") {
        Some(format!("{scheme}{reference}"))
    } else {
        None
    };
    let (path, query) = match &whole {
        Some(whole) => match origin(whole) {
            Some((other, behind)) if other.eq_ignore_ascii_case(server) => parts(behind),
            _ => {
                return no(
                    "it is at another server than the list. If it is to be read, name its address too",
                );
            }
        },
        None if reference.split('/').next().is_some_and(|first| first.contains(':')) => {
            return no("only http and https addresses are");
        }
        None => parts(reference),
    };
    let path = if path.starts_with('/') {
        path.to_owned()
    } else if whole.is_some() {
        format!("/{path}")
    } else {
        let folder = match folder_of(behind) {
            folder if folder.starts_with('/') => folder,
            _ => "/",
        };
        format!("{folder}{path}")
    };
    Ok(format!("{server}{}{query}", without_dots(&path)))
}

/// A path and its query with `?`.
fn parts(text: &str) -> (&str, &str) {
    text.find('?').and_then(|at| text.split_at_checked(at)).unwrap_or((text, ""))
}

/// A path without `.` and `..`, which never lead above the server.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.trim_start_matches('/').split('/').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

/// The beginning of a text, for a message.
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
    fn references_mean_addresses() {
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
        /// Whatever a list says, its own server alone is asked.
        #[test]
        fn references_stay_at_their_server(reference in "\\PC{0,40}|[./:?#@a\\\\-]{0,20}|(https?:)?//[a-z.:@/]{0,20}") {
            if let Ok(url) = resolve(BASE, &reference) {
                prop_assert!(url.starts_with("https://example.org/"), "{reference:?} {url:?}");
                let path = url.split('?').next().unwrap_or_default();
                prop_assert!(!path.split('/').any(|part| part == ".."), "{reference:?} {url:?}");
            }
        }
    }
}
