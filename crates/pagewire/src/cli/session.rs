//! The server that `scrape` and `stream` speak to: the one that was named, or a private one for the command's life.
//!
//! Both are spoken to by the same client over HTTP, so that there is one code path. The private server listens on
//! 127.0.0.1, has a key of its own, and keeps its data in a directory that goes with it.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use pagewire_client::Client;
use pagewire_engine::account::NewKey;
use pagewire_store::KeyMode;
use pagewire_types::{Scope, WorkspaceId};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{CliError, environment};
use crate::compose::{self, Running};
use crate::config::{Checked, Layers};
use crate::logging;

/// How long a private server may take to end. One that has nothing under way ends at once; one that was interrupted
/// would wait for its targets, and nobody waits for those any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// Which server.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// The server to ask; without it, a private one runs for as long as the command does
    #[arg(long, value_name = "URL", env = "PAGEWIRE_SERVER", requires = "api_key")]
    server: Option<String>,
    /// The key to that server
    #[arg(long, value_name = "KEY", env = "PAGEWIRE_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// The private server's configuration file
    #[arg(long, value_name = "FILE", env = "PAGEWIRE_CONFIG")]
    config: Option<PathBuf>,
    /// Let the private server's target guard pass this private range; repeatable
    #[arg(long, value_name = "CIDR", conflicts_with = "server")]
    allow_target: Vec<IpNet>,
}

/// A client, and the server behind it where it is a private one.
pub(super) struct Session {
    /// Speaks to the server.
    pub(super) client: Client,
    private: Option<PrivateServer>,
}

struct PrivateServer {
    running: Running,
    shutdown: CancellationToken,
    data: TempDir,
}

impl Session {
    /// Begins.
    pub(super) async fn open(args: &Args) -> Result<Self, CliError> {
        if let Some(server) = &args.server {
            let key = args.api_key.as_deref().unwrap_or_default();
            return Ok(Self { client: Client::new(server, key)?, private: None });
        }
        let data = TempDir::with_prefix("pagewire-").map_err(CliError::io("no temporary directory"))?;
        let config = private_config(args, &data)?;
        logging::start(&config.log)?;
        let shutdown = CancellationToken::new();
        let running = compose::start(config, shutdown.clone()).await?;
        let key = running.create_key(own_key()).await?;
        let client = Client::new(&format!("http://{}", running.address), &key)?;
        Ok(Self { client, private: Some(PrivateServer { running, shutdown, data }) })
    }

    /// Ends, and takes the private server and its data along.
    pub(super) async fn close(self) -> Result<(), CliError> {
        // The client first: an idle connection of its pool is one that the server would wait for.
        drop(self.client);
        let Some(PrivateServer { running, shutdown, data }) = self.private else { return Ok(()) };
        shutdown.cancel();
        // What the server could not finish in time goes with its data.
        if let Ok(ended) = tokio::time::timeout(FAREWELL, running.wait()).await {
            ended.map_err(CliError::Serving)?;
        }
        data.close().map_err(CliError::io("the temporary directory cannot be removed"))
    }
}

/// Quiet unless asked otherwise, and not in need of surviving a power cut.
fn private_config(args: &Args, data: &TempDir) -> Result<Checked, CliError> {
    let mut layers = Layers::defaults()?;
    layers.set("log", "level", "warn");
    layers.set("journal", "durability", "normal");
    if let Some(path) = &args.config {
        layers = layers.with_file(path)?;
    }
    layers = layers.with_environment(environment())?;
    layers.set("server", "listen", "127.0.0.1:0");
    layers.allow_targets(&args.allow_target);
    let mut checked = layers.check()?;
    data.path().clone_into(&mut checked.server.data_dir);
    Ok(checked)
}

fn own_key() -> NewKey {
    NewKey {
        name: "command line".to_owned(),
        workspace: WorkspaceId::default_workspace(),
        scopes: [Scope::Scrape, Scope::StreamWrite].into_iter().collect(),
        mode: KeyMode::Live,
        expires_in: None,
        allow_ips: Vec::new(),
    }
}
