//! The project's chores, called as `cargo xtask <command>`. README and continuous integration call nothing else.

mod bench;
mod chromium;
mod debian;
mod dist;
mod examples;
mod finish;
mod fuzz;
mod page;
mod project;
mod serve;
mod server;
mod setup;
mod shell;
mod sizes;
mod test;
mod tools;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::project::Project;

const HELP: &str = "\
cargo xtask <command>

  setup                     fetch or build the tools that the page needs, into target/tools
  serve [--quick] [--port N] [--no-open]
                            build the page and serve it on this machine, with the example run
  dist [-o DIR]             build the folder that any static host can serve, from any path
  test [--only STAGE]...    every check there is, in headless Chromium too
  examples                  set up transformers in a folder of its own, and test the scripts in examples with it
  fuzz [TARGET]... [--seconds N | --runs N]
                            change bytes at random until a reader fails; a minute a target
  bench [distance|trace|run|engine|link|size]...
                            measure, and write BENCHMARKS.md
  help                      this text
";

fn main() {
    // Cargo, building what is fuzzed.
    if let Some(compiled) = fuzz::compile() {
        std::process::exit(compiled.unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            1
        }));
    }
    if let Err(error) = run() {
        eprintln!("\nerror: {error:#}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    let mut arguments = lexopt::Parser::from_env();
    let Some(first) = arguments.next()? else {
        print!("{HELP}");
        return Ok(());
    };
    let command = match first {
        Value(command) => command.string()?,
        Short('h') | Long("help") => "help".to_owned(),
        other => return Err(other.unexpected().into()),
    };
    match command.as_str() {
        "setup" => {
            end(&mut arguments)?;
            setup::run(&Project::find()?)
        }
        "serve" => serve::run(&Project::find()?, &serve::Options::parse(&mut arguments)?),
        "dist" => dist::run(&Project::find()?, &dist::Options::parse(&mut arguments)?),
        "test" => test::run(&Project::find()?, &test::Options::parse(&mut arguments)?),
        "examples" => {
            end(&mut arguments)?;
            examples::run(&Project::find()?)
        }
        "fuzz" => fuzz::run(&Project::find()?, &fuzz::Options::parse(&mut arguments)?),
        "bench" => bench::run(&Project::find()?, &bench::Options::parse(&mut arguments)?),
        // Called by trunk, not by people.
        "finish" => {
            end(&mut arguments)?;
            finish::run(&Project::find()?)
        }
        "help" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no command `{other}`\n\n{HELP}"),
    }
}

/// Nothing may follow.
fn end(arguments: &mut lexopt::Parser) -> Result<()> {
    match arguments.next()? {
        Some(other) => Err(other.unexpected().into()),
        None => Ok(()),
    }
}
