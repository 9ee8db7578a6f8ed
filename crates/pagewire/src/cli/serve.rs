//! `pagewire serve`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::CliError;
use super::config::layers;
use crate::compose;
use crate::config::Checked;
use crate::logging;
use crate::shutdown::Signals;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pagewire serve
  pagewire serve --config pagewire.toml --listen 0.0.0.0:7700
  pagewire serve --listen 127.0.0.1:0 --address-file address --allow-target 127.0.0.0/8")]
pub(super) struct Args {
    /// The configuration file; `pagewire config show` prints every setting
    #[arg(long, value_name = "FILE", env = "PAGEWIRE_CONFIG")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:7700]; port 0 lets the system choose
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where state and journals are kept [default: pagewire-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Let the target guard pass this private range; repeatable
    #[arg(long, value_name = "CIDR")]
    allow_target: Vec<IpNet>,
    /// Write the address to this file once it is listened on
    #[arg(long, value_name = "FILE")]
    address_file: Option<PathBuf>,
}

impl Args {
    fn checked(&self) -> Result<Checked, CliError> {
        let mut layers = layers(self.config.clone())?;
        if let Some(listen) = self.listen {
            layers.set("server", "listen", listen.to_string());
        }
        layers.allow_targets(&self.allow_target);
        let mut checked = layers.check()?;
        // Past the layers, since a path need not be text.
        if let Some(data_dir) = &self.data_dir {
            checked.server.data_dir.clone_from(data_dir);
        }
        Ok(checked)
    }
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let config = args.checked()?;
    logging::start(&config.log)?;
    let signals = Signals::listen().map_err(CliError::io("signals cannot be listened for"))?;
    let running = compose::start(config, signals.shutdown.clone()).await?;
    let address = running.address;
    if let Some(path) = &args.address_file {
        tell_address(path, address)?;
    }
    tracing::info!(%address, "listening");
    running.wait().await.map_err(CliError::Serving)
}

/// By renaming, so that who waits for the file never reads half of it.
fn tell_address(path: &Path, address: SocketAddr) -> Result<(), CliError> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    std::fs::write(&unfinished, format!("{address}\n"))
        .and_then(|()| std::fs::rename(&unfinished, path))
        .map_err(CliError::io(format!("cannot write the address to {}", path.display())))
}
