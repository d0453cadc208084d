//! Grokscope on the command line: the same code and the same figures as the page.

mod analyse;
mod change;
mod checkpoint_files;
mod checkpoints;
mod commands;
mod convert;
mod error;
mod gates_only;
#[cfg(feature = "gpu")]
mod graphics;
mod hub_cache;
mod load;
mod settings;
mod text;
mod threads;
mod watch;
mod weights;

use std::process::ExitCode;

use clap::Parser as _;

/// Tensors are allocated and freed by the megabyte. The system allocator returns such memory to the
/// system each time, which must then clear it again.
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
