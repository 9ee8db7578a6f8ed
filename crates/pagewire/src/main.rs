//! The binary: command line, configuration, composition, shutdown.
//!
//! What the program does is in the other crates. Here the pieces are named, configured and put together
//! ([`compose`]), and people and scripts are answered: results on stdout, everything else on stderr, and an exit code.

mod cli;
mod compose;
mod config;
mod key_file;
mod logging;
mod object_stores;
mod pdf_child;
mod shutdown;

use std::process::ExitCode;

/// Pages are many buffers of many sizes, made on one thread and dropped on another. Version 2 of it gives memory back
/// after 10 ms instead of a second, and without huge pages a long stream holds little more than a short one, at the
/// same CPU.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
