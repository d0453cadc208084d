//! The outcome of a target, read from libFuzzer's output.

use std::{fmt, path::Path};

/// Lines of a failed target's output that are shown.
const MAX_LINES: usize = 40;

/// The outcome of a target.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Inputs tried.
    pub executions: u64,
    /// Edges of the control flow that were reached.
    pub edges: u64,
    /// All edges, including those of libraries.
    pub all_edges: u64,
    /// Inputs kept because each reaches something that no other does.
    pub inputs: u64,
    /// The failure, the path of the input, and how to run it again.
    pub finding: Option<String>,
}

impl Outcome {
    /// Reads the output of a finished target.
    pub fn of(output: &str, succeeded: bool, program: &Path, log: &Path) -> Self {
        let mut outcome = Self::default();
        for line in output.lines() {
            if let Some(runs) = after(line, "stat::number_of_executed_units:") {
                outcome.executions = runs;
            } else if let Some(all) = line.split_once(" modules").and_then(|(_, rest)| after(rest, "(")) {
                outcome.all_edges = outcome.all_edges.max(all);
            }
            if line.starts_with('#') {
                outcome.executions = after(line, "#").unwrap_or(0).max(outcome.executions);
                outcome.edges = after(line, "cov: ").unwrap_or(0).max(outcome.edges);
                outcome.inputs = after(line, "corp: ").unwrap_or(outcome.inputs);
            }
        }
        if !succeeded {
            outcome.finding = Some(finding(output, program, log));
        }
        outcome
    }
}

/// The number after a word.
fn after(line: &str, word: &str) -> Option<u64> {
    let rest = line.split_once(word)?.1.trim_start();
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

/// The lines that describe the failure, and how to run its input again.
fn finding(output: &str, program: &Path, log: &Path) -> String {
    // Settings and progress come before; the input in other notations after.
    let lines = output.lines().filter(|line| !line.starts_with(['#', '\t']));
    let lines = lines
        .skip_while(|line| ["INFO: ", "WARNING: ", "Dictionary: "].iter().any(|word| line.starts_with(word)));
    let shown: Vec<&str> = lines.filter(|line| !line.is_empty()).take(MAX_LINES).collect();
    let shown = shown.join("\n");
    let input =
        output.lines().find_map(|line| line.split_once("Test unit written to ").map(|(_, path)| path.trim()));
    let again = match input {
        Some(input) => format!("The input is {input}\nRun it again: {} {input}", program.display()),
        None => "libFuzzer named no input.".to_owned(),
    };
    format!("{shown}\n{again}\nIts whole output: {}", log.display())
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, edges, all_edges, inputs, finding } = self;
        let word = if finding.is_some() { "FINDING" } else { "nothing found" };
        write!(
            formatter,
            "{executions:>10} executions, {edges:>6} of {all_edges} edges, {inputs:>5} inputs kept, {word}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
INFO: Seed: 1
INFO: Loaded 1 modules   (152037 inline 8-bit counters): 152037 [0x1, 0x2), 
#1026\tINITED cov: 1811 ft: 4123 corp: 311/85Kb exec/s: 513 rss: 51Mb
#4096\tpulse  cov: 1925 ft: 4506 corp: 340/91Kb lim: 4096 exec/s: 409 rss: 60Mb
";

    #[test]
    fn executions_and_edges_are_those_of_the_last_line() {
        let end = format!("{OUTPUT}Done 5000 runs in 10 second(s)\nstat::number_of_executed_units: 5000\n");
        let outcome = Outcome::of(&end, true, Path::new("ids"), Path::new("log"));
        let expected =
            Outcome { executions: 5000, edges: 1925, all_edges: 152_037, inputs: 340, finding: None };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn a_finding_names_its_input() {
        let end = format!("{OUTPUT}thread panicked\nartifact_prefix='x/'; Test unit written to x/crash-1\n");
        let outcome = Outcome::of(&end, false, Path::new("ids"), Path::new("log"));
        let finding = outcome.finding.unwrap_or_default();
        assert!(
            finding.contains("thread panicked") && finding.contains("Run it again: ids x/crash-1"),
            "{finding}"
        );
        assert_eq!(outcome.executions, 4096);
    }
}
