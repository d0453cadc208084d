//! Counts tests in the output of their programs.

use std::{
    fmt,
    io::{BufRead as _, BufReader},
    ops::Add,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// Lines that are kept of the messages of one program's failed tests.
const MAX_LINES: usize = 80;

/// How many tests passed, failed and were skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests that need an optional program which is missing.
    pub skipped: u64,
    /// The messages of the failed tests.
    pub messages: Vec<String>,
}

impl Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
            messages: [self.messages, other.messages].concat(),
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

/// Runs a program, prints its output, and adds the tests that it counts and the messages of those that failed.
///
/// # Errors
/// If the program cannot be started or fails.
pub fn counted(command: &mut Command, count: &mut Count) -> Result<()> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} could not be started", shell::called(command)))?;
    let output = child.stdout.take().context("the program has no output")?;
    let mut failures = Failures::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        failures.read_line(&line);
        *count = std::mem::take(count) + tests_in(&line);
    }
    count.messages.append(&mut failures.lines);
    let status = child.wait()?;
    if !status.success() {
        bail!("{} ended with {status}", shell::called(command));
    }
    Ok(())
}

/// The messages of failed tests: libtest and Node print them at the end, after a title.
#[derive(Default)]
struct Failures {
    lines: Vec<String>,
    /// Whether the title was read.
    inside: bool,
}

impl Failures {
    fn read_line(&mut self, line: &str) {
        match line.trim() {
            "failures:" | "✖ failing tests:" => self.inside = true,
            end if end.starts_with("test result: ") => self.inside = false,
            _ if self.inside && self.lines.len() < MAX_LINES => self.lines.push(line.to_owned()),
            _ => {}
        }
    }
}

/// The tests counted by one line: a last line of libtest, wasm-bindgen's runner, Node or the examples.
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
    fn last_lines_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(tests_in(line), count(12, 3));
        assert_eq!(tests_in("test result: 4 passed; 1 failed"), count(4, 1));
        assert_eq!(tests_in("ℹ pass 7"), count(7, 0));
        assert_eq!(tests_in("ℹ fail 2"), count(0, 2));
        assert_eq!(tests_in("test engines::agree ... ok"), Count::default());
        assert_eq!(tests_in("ℹ pass by"), Count::default());
    }

    #[test]
    fn messages_of_failed_tests_are_kept() {
        let read = |text: &str| {
            let mut failures = Failures::default();
            text.lines().for_each(|line| failures.read_line(line));
            failures.lines
        };
        let libtest = "test a ... FAILED\n\nfailures:\n---- a stdout ----\n1 is not 2\ntest result: FAILED. 0 passed; 1 failed\ntest b ... ok";
        assert_eq!(read(libtest), ["---- a stdout ----", "1 is not 2"]);
        assert_eq!(read("✖ a\nℹ fail 1\n\n✖ failing tests:\n\n✖ a\n  1 !== 2"), ["", "✖ a", "  1 !== 2"]);
        assert!(read("test result: ok. 1 passed; 0 failed").is_empty());
    }

    #[test]
    fn skipped_tests_are_displayed() {
        assert_eq!(count(3, 0).to_string(), "3 passed, 0 failed");
        let all = count(3, 0) + Count { skipped: 1, ..Count::default() };
        assert_eq!(all.to_string(), "3 passed, 0 failed, 1 skipped");
    }
}
