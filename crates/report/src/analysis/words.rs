//! Names from files in sentences.

/// Names that one sentence lists.
const LISTED: usize = 6;

/// Characters of an id or a domain that a sentence repeats.
const SHOWN: usize = 60;

/// The first few names, separated by commas.
pub fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The start of a long name.
pub fn short(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
