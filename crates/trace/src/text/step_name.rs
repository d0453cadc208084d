//! The training step in the name of a file or of its folder: `step-1000.safetensors`,
//! `step5000-tokens20B/trace.safetensors`, `checkpoint-5000`, `iter_0001000`, `step-50K-104b`, `step_15_000`.

/// The origin of a trace's training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepSource {
    /// The file's content.
    Metadata,
    /// The name of the file or of its folder.
    FileName,
    /// The number of the checkpoint in the name of the file or its folder (`ckpt-3`), which need not
    /// be a step.
    CheckpointName,
    /// The user.
    User,
    /// The step is unknown.
    None,
}

/// Step and tokens in the name of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedStep {
    /// Training step.
    pub step: u64,
    /// Training tokens; names round them, mostly down to billions.
    pub tokens: Option<u64>,
    /// Whether the word before the number counts checkpoints (`ckpt3`), which need not be steps.
    pub of_checkpoint: bool,
}

impl NamedStep {
    /// Where the step comes from.
    #[must_use]
    pub fn source(self) -> StepSource {
        if self.of_checkpoint { StepSource::CheckpointName } else { StepSource::FileName }
    }
}

/// Words before a step, longest first where one contains another.
const STEPS: [&str; 3] = ["global_step", "step", "iter"];

/// Words before a number that is a step in most runs and the checkpoint's own number in others.
const CHECKPOINTS: [&str; 2] = ["checkpoint", "ckpt"];

/// Suffixes of large numbers.
const SCALES: [(char, u64); 4] =
    [('k', 1_000), ('m', 1_000_000), ('b', 1_000_000_000), ('t', 1_000_000_000_000)];

/// Digits after which a number is refused; no run has more steps.
const MOST_DIGITS: usize = 15;

/// Reads a path or address from its last part to its first. In each part, a step counts more than a checkpoint's number.
#[must_use]
pub fn step_from_name(path: &str) -> Option<NamedStep> {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    path.rsplit(['/', '\\']).find_map(step_from_part)
}

fn step_from_part(part: &str) -> Option<NamedStep> {
    let lower = part.to_ascii_lowercase();
    let after = |words: &[&str]| words.iter().find_map(|word| number_after(&lower, word));
    let (step, of_checkpoint) = match after(&STEPS) {
        Some(step) => (step, false),
        None => (after(&CHECKPOINTS)?, true),
    };
    // Tokens without a unit are not those of training.
    let tokens = ["tokens", "token"].iter().find_map(|word| number_after(&lower, word));
    let tokens = tokens.filter(|tokens| tokens.scale >= 1_000_000).map(|tokens| tokens.value);
    Some(NamedStep { step: step.value, tokens, of_checkpoint })
}

/// A number in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    value: u64,
    /// Factor by which a suffix multiplied the number; 1 without a suffix.
    scale: u64,
}

/// The number after a word. The word must not be the tail of another one (`timestep`). It may be a plural or an
/// `iteration`, and one `-`, `_`, `=` or `.` may separate it from the number.
fn number_after(text: &str, word: &str) -> Option<Number> {
    text.match_indices(word).find_map(|(at, _)| {
        if text.get(..at)?.ends_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let rest = text.get(at + word.len()..)?;
        let rest = rest.strip_prefix("ation").or_else(|| rest.strip_prefix('s')).unwrap_or(rest);
        whole_number(rest.strip_prefix(['-', '_', '=', '.']).unwrap_or(rest))
    })
}

/// The number at the start of a text, if it ends where a token of the name ends: `50k-104b` has one, `12abc` has none.
fn whole_number(text: &str) -> Option<Number> {
    let (mut digits, mut rest) = digits(text)?;
    let mut fraction = "";
    let grouped = groups(&digits, rest);
    if matches!(grouped, Groups::Unclear) {
        return None;
    }
    if let Groups::All(all, after) = grouped {
        (digits, rest) = (all, after);
    } else if let Some((decimals, after)) = rest.strip_prefix('.').and_then(self::digits)
        && after.starts_with(|c: char| SCALES.iter().any(|&(suffix, _)| c == suffix))
    {
        fraction = rest.get(1..1 + decimals.len())?;
        rest = after;
    }
    let scaled = SCALES.iter().find_map(|&(suffix, scale)| Some((rest.strip_prefix(suffix)?, scale)));
    let (rest, scale) = scaled.unwrap_or((rest, 1));
    if rest.starts_with(|c: char| c.is_ascii_alphanumeric()) || digits.len() > MOST_DIGITS {
        return None;
    }
    let whole = digits.parse::<u64>().ok()?.checked_mul(scale)?;
    let part = match fraction {
        "" => 0,
        // More decimals than the unit has places would not be a whole number.
        text if text.len() < 12 => {
            text.parse::<u64>().ok()?.checked_mul(scale)? / 10_u64.pow(text.len() as u32)
        }
        _ => return None,
    };
    Some(Number { value: whole.checked_add(part)?, scale })
}

/// Digits at the start, and what follows them.
fn digits(text: &str) -> Option<(String, &str)> {
    let end = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    (end > 0).then_some((text.get(..end)?.to_owned(), text.get(end..)?))
}

/// Groups of digits after the first one.
enum Groups<'a> {
    /// There are none.
    None,
    /// All digits, and what follows them.
    All(String, &'a str),
    /// Whether the last group is part of the number is unknown: `500_001` may be file 1 of step 500.
    Unclear,
}

/// Groups of three digits after the first one to three, as in `15_000`.
fn groups<'a>(first: &str, rest: &'a str) -> Groups<'a> {
    let (mut all, mut rest) = (first.to_owned(), rest);
    while first.len() <= 3
        && !first.starts_with('0')
        && let Some((group, after)) = rest.strip_prefix(['_', ',']).and_then(digits)
        && group.len() == 3
    {
        all.push_str(&group);
        rest = after;
    }
    if all.len() == first.len() {
        Groups::None
    } else if all.ends_with('0') {
        Groups::All(all, rest)
    } else {
        Groups::Unclear
    }
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

    fn step(path: &str) -> Option<u64> {
        step_from_name(path).map(|named| named.step)
    }

    #[test]
    fn names_as_people_write_them() {
        for (path, expected) in [
            ("step-1000.safetensors", 1000),
            ("run/step-00750.safetensors", 750),
            ("checkpoint-5000/trace.safetensors", 5000),
            ("out/iter_0001000/trace.npz", 1000),
            ("iteration-12.npz", 12),
            ("global_step3000.safetensors", 3000),
            ("C:\\runs\\STEP_7\\x.safetensors", 7),
            ("https://example.org/step-8.safetensors?download=true", 8),
            ("stage2-ingredient1-step4000-tokens17B/t.safetensors", 4000),
            ("0.5-step1000.npz", 1000),
        ] {
            assert_eq!(step(path), Some(expected), "{path}");
        }
        for path in ["timestep-5.safetensors", "stepwise.safetensors", "gates.safetensors"] {
            assert_eq!(step(path), None, "{path}");
        }
        assert_eq!(step("step99999999999999999999999.safetensors"), None);
    }

    #[test]
    fn suffixes_and_groups_of_digits() {
        for (path, expected) in [
            ("TinyMoE-1.1B-intermediate-step-50K-104b/trace.safetensors", 50_000),
            ("TinyMoE-1.1B-intermediate-step-1195k-token-2.5T/trace.safetensors", 1_195_000),
            ("ckpt-1k/trace.safetensors", 1000),
            ("step_1.5M.npz", 1_500_000),
            ("step-2.safetensors", 2),
            ("step_15_000/trace.npz", 15_000),
            ("step_1,250,000.npz", 1_250_000),
            // The second number is not a group of three after one to three digits.
            ("step_2000_001.jsonl", 2000),
            ("step_15_0/trace.npz", 15),
        ] {
            assert_eq!(step(path), Some(expected), "{path}");
        }
        // Either file 1 of step 500, or step 500,001.
        assert_eq!(step("step_500_001.jsonl"), None);
    }

    #[test]
    fn a_number_that_goes_on_is_none() {
        for path in ["step12abc.npz", "step-3of10.npz", "ckpt4x2.npz", "step1e5.npz", "step5kb.npz"] {
            assert_eq!(step(path), None, "{path}");
        }
    }

    #[test]
    fn a_step_counts_more_than_a_checkpoint() {
        let named = |path| step_from_name(path).map(|named| (named.step, named.of_checkpoint));
        assert_eq!(named("ckpt2_step2000/trace.safetensors"), Some((2000, false)));
        assert_eq!(named("ckpt2/trace.safetensors"), Some((2, true)));
    }

    #[test]
    fn tokens_ride_along() {
        let tokens = |path| step_from_name(path).and_then(|named| named.tokens);
        assert_eq!(tokens("step5000-tokens20B/trace.safetensors"), Some(20_000_000_000));
        assert_eq!(tokens("step-1195k-token-2.5T/trace.safetensors"), Some(2_500_000_000_000));
        assert_eq!(tokens("step5-tokens7.safetensors"), None);
    }

    #[test]
    fn numbers_at_the_end() {
        assert_eq!(trailing_number("run-a/tokens-7000.safetensors"), Some(7000));
        assert_eq!(trailing_number("tokens.safetensors"), None);
    }
}
