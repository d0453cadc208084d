//! Counting tests while their words go by.

use std::{
    fmt,
    io::{BufRead as _, BufReader},
    ops::Add,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Lines that are kept of what the failed tests of one program say.
const KEPT: usize = 80;

/// Tests that passed and failed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Passed.
    pub passed: u64,
    /// Failed.
    pub failed: u64,
    /// Not run, since something that nobody has to have is not there.
    pub skipped: u64,
    /// What the failed ones say.
    pub words: Vec<String>,
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
            words: [self.words, other.words].concat(),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(formatter, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

/// Runs a program, shows what it says, and adds the tests that it counts, with the words of those that failed.
pub fn counted(command: &mut Command, count: &mut Count) -> Result<()> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} could not be started", shell::called(command)))?;
    let words = child.stdout.take().context("the program has no output")?;
    let mut failures = Failures::default();
    for line in BufReader::new(words).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        failures.hear(&line);
        *count = std::mem::take(count) + tests_in(&line);
    }
    count.words.append(&mut failures.0);
    let status = child.wait()?;
    if !status.success() {
        bail!("{} ended with {status}", shell::called(command));
    }
    Ok(())
}

/// The words of failed tests: libtest's and Node's both come behind a title, in the end.
#[derive(Default)]
struct Failures(Vec<String>, bool);

impl Failures {
    fn hear(&mut self, line: &str) {
        let Self(kept, within) = self;
        match line.trim() {
            "failures:" | "✖ failing tests:" => *within = true,
            end if end.starts_with("test result: ") => *within = false,
            _ if *within && kept.len() < KEPT => kept.push(line.to_owned()),
            _ => {}
        }
    }
}

/// What one line says of tests: the closing lines of libtest, of wasm-bindgen's runner, of Node's and of the examples'.
fn tests_in(line: &str) -> Count {
    if let Some((_, rest)) = line.split_once("test result: ") {
        let words: Vec<&str> = rest.split_whitespace().collect();
        let before = |word: &str| {
            let number =
                words.windows(2).find(|pair| pair[1].trim_end_matches(';') == word).map(|pair| pair[0]);
            number.and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        return Count { passed: before("passed"), failed: before("failed"), ..Count::default() };
    }
    let number = |word: &str| {
        line.trim().strip_prefix(word).and_then(|number| number.trim().parse().ok()).unwrap_or_default()
    };
    Count { passed: number("ℹ pass "), failed: number("ℹ fail "), ..Count::default() }
}

#[cfg(test)]
mod tests {
    use super::{Count, Failures, tests_in};

    fn count(passed: u64, failed: u64) -> Count {
        Count { passed, failed, ..Count::default() }
    }

    #[test]
    fn closing_lines_are_understood() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(tests_in(line), count(12, 3));
        assert_eq!(tests_in("test result: 4 passed; 1 failed"), count(4, 1));
        assert_eq!(tests_in("ℹ pass 7"), count(7, 0));
        assert_eq!(tests_in("ℹ fail 2"), count(0, 2));
        assert_eq!(tests_in("test engines::agree ... ok"), Count::default());
        assert_eq!(tests_in("ℹ pass by"), Count::default());
    }

    #[test]
    fn words_of_failed_tests_are_kept() {
        let heard = |text: &str| {
            let mut failures = Failures::default();
            text.lines().for_each(|line| failures.hear(line));
            failures.0
        };
        let libtest = "test a ... FAILED\n\nfailures:\n---- a stdout ----\n1 is not 2\ntest result: FAILED. 0 passed; 1 failed\ntest b ... ok";
        assert_eq!(heard(libtest), ["---- a stdout ----", "1 is not 2"]);
        assert_eq!(heard("✖ a\nℹ fail 1\n\n✖ failing tests:\n\n✖ a\n  1 !== 2"), ["", "✖ a", "  1 !== 2"]);
        assert!(heard("test result: ok. 1 passed; 0 failed").is_empty());
    }

    #[test]
    fn what_was_not_run_is_said() {
        assert_eq!(count(3, 0).to_string(), "3 passed, 0 failed");
        let all = count(3, 0) + Count { skipped: 1, ..Count::default() };
        assert_eq!(all.to_string(), "3 passed, 0 failed, 1 skipped");
    }
}
