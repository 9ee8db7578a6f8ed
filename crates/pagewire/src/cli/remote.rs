//! The server that jobs and webhooks are on: one that runs, since what a private one is given would end with it.

use pagewire_client::Client;

use super::CliError;

/// Which server.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The server to ask
    #[arg(long, value_name = "URL", env = "PAGEWIRE_SERVER", default_value = "http://127.0.0.1:7700")]
    server: String,
    /// The key to it
    #[arg(long, value_name = "KEY", env = "PAGEWIRE_API_KEY", hide_env_values = true)]
    api_key: String,
}

impl Args {
    /// A client of that server.
    pub(super) fn client(&self) -> Result<Client, CliError> {
        Ok(Client::new(&self.server, &self.api_key)?)
    }
}
