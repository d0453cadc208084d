//! The project's commands, called as `cargo xtask <command>`. README and continuous integration
//! call nothing else.

mod bench;
mod calibrate;
mod chromium;
mod debian;
mod dev;
mod dist;
mod e2e;
mod examples;
mod firefox;
mod fuzz;
mod lint;
mod live;
mod markdown;
mod native;
mod page;
mod project;
mod serve;
mod server;
mod shell;
mod sizes;
mod test;
mod tools;
mod trunk;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::project::Project;

const HELP: &str = "\
cargo xtask <command>

  setup                     set up the tools that build the page, in target/tools
  serve [--port N] [--no-open]
                            build the page and serve it with the example run; the checkpoint engine follows
  dev [--engine] [--port N] [--no-open]
                            the same for development: a fast build, rebuilt and reloaded after every change
  dist [-o DIR] [--address URL] [--source URL]
                            build the folder that any static host can serve, from any path; with its address, previews
                            of links show a picture; with the URL of the source code, the page links to it
  test [--only STAGE]...    every check, including those in headless Chromium
  e2e SPEC [--quick [--engine]] [--gpu]
                            the browser tests of tests/e2e/specs with SPEC in their names, on a fresh page
  pictures                  take the pictures of all views in docs/images/views
  examples                  set up transformers in a folder of its own, and test the scripts in examples with it
  fuzz [TARGET]... [--seconds N | --runs N]
                            run the readers on randomly changed bytes; a minute per target
  bench [distance|trace|run|engine|link|size]...
                            measure, and write BENCHMARKS.md
  calibrate [--pairs N]     simulate runs, and write into docs/metrics.md how often statements hold by chance
  trunk                     the hook of `trunk build`: puts the finished page into trunk's folder
  help                      this text
";

fn main() {
    // Cargo calls this program as compiler of the fuzz targets.
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
            tools::set_up(&Project::find()?)
        }
        "serve" => serve::run(&Project::find()?, &serve::Options::parse(&mut arguments)?),
        "dev" => dev::run(&Project::find()?, &dev::Options::parse(&mut arguments)?),
        "dist" => dist::run(&Project::find()?, &dist::Options::parse(&mut arguments)?),
        "test" => test::run(&Project::find()?, &test::Options::parse(&mut arguments)?),
        "e2e" => e2e::run(&Project::find()?, &e2e::Options::parse(&mut arguments)?),
        "pictures" => {
            end(&mut arguments)?;
            e2e::take_pictures(&Project::find()?)
        }
        "examples" => {
            end(&mut arguments)?;
            examples::run(&Project::find()?)
        }
        "fuzz" => fuzz::run(&Project::find()?, &fuzz::Options::parse(&mut arguments)?),
        "bench" => bench::run(&Project::find()?, &bench::Options::parse(&mut arguments)?),
        "calibrate" => calibrate::run(&Project::find()?, &calibrate::Options::parse(&mut arguments)?),
        "trunk" => {
            end(&mut arguments)?;
            trunk::run(&Project::find()?)
        }
        "help" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("there is no command `{other}`\n\n{HELP}"),
    }
}

/// Fails if there are further arguments.
fn end(arguments: &mut lexopt::Parser) -> Result<()> {
    match arguments.next()? {
        Some(other) => Err(other.unexpected().into()),
        None => Ok(()),
    }
}
