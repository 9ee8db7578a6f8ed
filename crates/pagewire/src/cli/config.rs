//! `pagewire config check|show`.

use std::path::PathBuf;

use super::{CliError, environment, output};
use crate::config::Layers;

/// What to do with the configuration.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Check a file together with the environment; exit code 2 and every fault by name if it is not valid
    #[command(after_help = "Example:\n  pagewire config check pagewire.toml")]
    Check {
        /// The file; without it, the defaults and the environment are checked
        #[arg(env = "PAGEWIRE_CONFIG")]
        file: Option<PathBuf>,
    },
    /// Print what holds after defaults, file and environment, secrets masked
    #[command(after_help = "Example:\n  pagewire config show --config pagewire.toml")]
    Show {
        /// The configuration file
        #[arg(long, value_name = "FILE", env = "PAGEWIRE_CONFIG")]
        config: Option<PathBuf>,
    },
}

pub(super) fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Check { file } => {
            layers(file)?.check()?;
            output::line("the configuration is valid")
        }
        Command::Show { config } => {
            let layers = layers(config)?;
            layers.clone().check()?;
            output::write(layers.shown().as_bytes())
        }
    }
}

/// Defaults, file, environment.
pub(super) fn layers(file: Option<PathBuf>) -> Result<Layers, CliError> {
    let defaults = Layers::defaults()?;
    let filed = match file {
        Some(path) => defaults.with_file(&path)?,
        None => defaults,
    };
    Ok(filed.with_environment(environment())?)
}
