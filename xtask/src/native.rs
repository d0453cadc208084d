//! The native tests, which also compile the command line program.

use std::process::Command;

use anyhow::Result;

use crate::{lint, project::Project, shell};

/// The call of cargo that compiles, lints and runs the native tests. Always with the same features and the same compiler:
/// with others, all would be compiled again.
///
/// # Errors
/// If the place of this Rust cannot be asked.
pub fn native_tests(project: &Project) -> Result<Command> {
    let mut tests = Command::new(shell::cargo());
    tests.args(["test", "--workspace", "--locked"]).current_dir(&project.root);
    // The engine is tested through `olmoe` and in the browser; natively it would only build burn's GPU part.
    tests.args(["--exclude", "engine"]);
    lint::while_compiling(project, &mut tests)?;
    Ok(tests)
}
