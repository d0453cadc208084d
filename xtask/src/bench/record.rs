//! `BENCHMARKS.md`: one part per benchmark between two comments, so that each can be replaced alone.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

const HEAD: &str = "# Benchmarks\n\n`cargo xtask bench` writes this file; run it to measure your own machine. A section that names \
     another\ncommand contains the output of that command.\n";

/// Replaces the part with that name, or adds it at the end.
///
/// # Errors
/// If the file cannot be written.
pub fn replace(path: &Path, name: &str, part: &str) -> Result<()> {
    let old = fs::read_to_string(path).unwrap_or_else(|_| HEAD.to_owned());
    fs::write(path, replaced(&old, name, part))
        .with_context(|| format!("{} cannot be written", path.display()))
}

fn replaced(old: &str, name: &str, part: &str) -> String {
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let new = format!("{start}{part}{end}");
    match (old.find(&start), old.find(&end)) {
        (Some(from), Some(to)) if from < to => [&old[..from], &new, &old[to + end.len()..]].concat(),
        _ => format!("{}\n\n{new}", old.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::{HEAD, replaced};

    #[test]
    fn parts_are_replaced_alone() {
        let one = replaced(HEAD, "a", "first\n");
        let two = replaced(&one, "b", "second\n");
        let three = replaced(&two, "a", "third\n");
        assert!(three.starts_with(HEAD.trim_end()));
        assert!(!three.contains("first") && three.contains("second"));
        assert!(three.find("third") < three.find("second"));
        assert_eq!(replaced(&three, "a", "third\n"), three);
    }
}
