//! `pagewire completions SHELL`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, CliError, output};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  pagewire completions bash > ~/.local/share/bash-completion/completions/pagewire"
)]
pub(super) struct Args {
    /// Whose completions
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    // Into memory first: the generator panics when its writer fails, as stdout does when its reader has gone.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "pagewire", &mut script);
    output::write(&script)
}
