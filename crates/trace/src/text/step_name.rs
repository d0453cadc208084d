//! Reads the training step from the name of a file or of its folder: `step-1000.safetensors`,
//! `step5000-tokens20B/trace.safetensors`, `checkpoint-5000`, `iter_0001000`.

/// Step and tokens in the name of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedStep {
    /// Training step.
    pub step: u64,
    /// Training tokens, rounded down to billions in such names.
    pub tokens: Option<u64>,
}

/// Words before the number, longest first where one contains another.
const WORDS: [&str; 5] = ["global_step", "checkpoint", "ckpt", "step", "iter"];

/// Reads a path or URL from its last part to its first.
#[must_use]
pub fn step_from_name(path: &str) -> Option<NamedStep> {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    path.rsplit(['/', '\\']).find_map(step_from_part)
}

fn step_from_part(part: &str) -> Option<NamedStep> {
    let lower = part.to_ascii_lowercase();
    let step = WORDS.iter().find_map(|word| number_after(&lower, word))?;
    let tokens = number_after(&lower, "tokens").and_then(|(billions, rest)| {
        if rest.starts_with('b') { billions.checked_mul(1_000_000_000) } else { None }
    });
    Some(NamedStep { step: step.0, tokens })
}

/// The number after a word, and the text after the number. The word must not be the end of another
/// one (`timestep`). One `-`, `_`, `=` or `.` may separate word and number, and the word may be
/// `iteration`.
fn number_after<'a>(text: &'a str, word: &str) -> Option<(u64, &'a str)> {
    text.match_indices(word).find_map(|(at, _)| {
        if text.get(..at)?.ends_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let rest = text.get(at + word.len()..)?;
        let rest = rest.strip_prefix("ation").or_else(|| rest.strip_prefix('s')).unwrap_or(rest);
        let rest = rest.strip_prefix(['-', '_', '=', '.']).unwrap_or(rest);
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest.get(..digits)?.parse().ok()?;
        Some((number, rest.get(digits..)?))
    })
}

/// The number at the end of a name like `tokens-7000.safetensors`.
#[must_use]
pub fn trailing_number(path: &str) -> Option<u64> {
    let file = path.split(['?', '#']).next()?.rsplit(['/', '\\']).next()?;
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let start = stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    stem.get(start..)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_common_forms() {
        let step = |path| step_from_name(path).map(|named| named.step);
        assert_eq!(step("step-1000.safetensors"), Some(1000));
        assert_eq!(step("run/step-00750.safetensors"), Some(750));
        assert_eq!(step("checkpoint-5000/trace.safetensors"), Some(5000));
        assert_eq!(step("out/iter_0001000/trace.npz"), Some(1000));
        assert_eq!(step("iteration-12.npz"), Some(12));
        assert_eq!(step("global_step3000.safetensors"), Some(3000));
        assert_eq!(step("C:\\runs\\STEP_7\\x.safetensors"), Some(7));
        assert_eq!(step("https://example.org/step-8.safetensors?download=true"), Some(8));
        assert_eq!(step("stage2-ingredient1-step4000-tokens17B/t.safetensors"), Some(4000));
        assert_eq!(step("timestep-5.safetensors"), None);
        assert_eq!(step("stepwise.safetensors"), None);
        assert_eq!(step("gates.safetensors"), None);
        assert_eq!(step("step99999999999999999999999.safetensors"), None);
    }

    #[test]
    fn names_with_training_tokens() {
        assert_eq!(
            step_from_name("step5000-tokens20B/trace.safetensors"),
            Some(NamedStep { step: 5000, tokens: Some(20_000_000_000) })
        );
        assert_eq!(step_from_name("step5-tokens7.safetensors"), Some(NamedStep { step: 5, tokens: None }));
    }

    #[test]
    fn numbers_at_the_end() {
        assert_eq!(trailing_number("run-a/tokens-7000.safetensors"), Some(7000));
        assert_eq!(trailing_number("tokens.safetensors"), None);
    }
}
