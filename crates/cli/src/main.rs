//! Grokscope without a browser: the same code, the same figures as the page.

mod checkpoints;
mod commands;
mod convert;
mod error;
mod gates_only;
#[cfg(feature = "gpu")]
mod graphics;
mod load;
mod settings;
mod text;
mod threads;
mod weights;

use std::process::ExitCode;

use clap::Parser as _;

/// Tensors come and go by the megabyte; the system's own allocator hands such memory back each time and has it cleared
/// again.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match commands::run(commands::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("grokscope: {error}");
            ExitCode::FAILURE
        }
    }
}
