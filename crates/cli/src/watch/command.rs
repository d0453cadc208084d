//! The command that is run for every event.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

/// Time between two looks at a running command.
const POLL: Duration = Duration::from_millis(20);

/// A program and its arguments, run directly and not by a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCommand {
    program: String,
    arguments: Vec<String>,
}

impl FromStr for EventCommand {
    type Err = String;

    /// Splits a command at spaces; double quotes keep spaces. Nothing else has a meaning, so paths of Windows stay as they
    /// are.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quoted = false;
        for letter in text.chars() {
            match letter {
                '"' => {
                    quoted = !quoted;
                    word.get_or_insert_default();
                }
                letter if letter.is_whitespace() && !quoted => words.extend(word.take()),
                letter => word.get_or_insert_default().push(letter),
            }
        }
        if quoted {
            return Err("a double quote is not closed".to_owned());
        }
        words.extend(word);
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty()).ok_or("name a program")?;
        Ok(Self { program, arguments: words.collect() })
    }
}

impl EventCommand {
    /// Runs the command with an event as one line of JSON on its standard input, and waits for its end.
    ///
    /// # Errors
    /// A sentence: the program cannot be started, failed, or did not end in time and was stopped.
    pub fn run(&self, json: &str, timeout: Duration) -> Result<(), String> {
        let failed = |reason: &str| format!("--on-event: {}: {reason}", self.program);
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .spawn()
            .map_err(|error| failed(&format!("{error}. Check the path; no shell runs it.")))?;
        if let Some(mut input) = child.stdin.take() {
            let line = format!("{json}\n");
            // A program that does not read its input must not block the watching. One that ends without reading is right.
            thread::spawn(move || input.write_all(line.as_bytes()).ok());
        }
        let start = Instant::now();
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(failed(&status.to_string())),
                Ok(None) if start.elapsed() < timeout => thread::sleep(POLL),
                Ok(None) => {
                    child.kill().ok();
                    child.wait().ok();
                    return Err(failed(&format!(
                        "it did not end within {} s and was stopped",
                        timeout.as_secs()
                    )));
                }
                Err(error) => return Err(failed(&error.to_string())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::EventCommand;

    #[test]
    fn a_command_is_split_at_spaces_outside_quotes() {
        let command: EventCommand = r#"  "C:\My tools\tell.exe" --to  $HOME;ls "" "#.parse().unwrap();
        assert_eq!(command.program, r"C:\My tools\tell.exe");
        assert_eq!(command.arguments, ["--to", "$HOME;ls", ""]);
        for wrong in ["", "  ", r#""""#, r#"tell "me"#] {
            wrong.parse::<EventCommand>().unwrap_err();
        }
    }
}
