//! `pagewire doctor`: whether this machine is fit for a server, before one is started or beside one that runs; and how what
//! is not is mended. It changes nothing, and asks nobody outside this machine but whether the proxies that are configured take connections.
//!
//! A finding is `ok`, `warn` (a server works, and something will not) or `fail` (a server does not start, or loses what it is
//! given). The exit code is 0 without a `fail`, and 1 with one.

mod browser;
mod clock;
mod data_dir;
mod finding;
mod limits;
mod port;
mod proxies;

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::json;

use super::config::layers;
use super::{CliError, output};
use crate::config::Checked;
use finding::{Finding, Verdict};

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit code: 0 when a server can run, also with warnings; 1 when something has to be mended first.

Examples:
  pagewire doctor
  pagewire doctor --config pagewire.toml --json")]
pub(super) struct Args {
    /// The configuration file of the server
    #[arg(long, value_name = "FILE", env = "PAGEWIRE_CONFIG")]
    config: Option<PathBuf>,
    /// Where it listens [default: as configured]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where its state and journals are [default: as configured]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The findings as one line of JSON
    #[arg(long)]
    json: bool,
}

/// Something has to be mended.
#[derive(Debug, thiserror::Error)]
#[error("{0} of the checks failed; each says above how it is mended")]
pub(super) struct Unfit(usize);

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let findings = match checked(args) {
        Ok(config) => examine(&config),
        Err(error) => {
            let mend = "`pagewire config check` names every fault; `pagewire config show` prints what holds";
            vec![Finding::fail("configuration", error.to_string(), mend)]
        }
    };
    if args.json {
        let fit = findings.iter().all(|finding| finding.verdict != Verdict::Fail);
        output::json(&json!({"fit": fit, "findings": findings}))?;
    } else {
        output::write(finding::lines(&findings).as_bytes())?;
    }
    match findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count() {
        0 => Ok(()),
        failed => Err(Unfit(failed).into()),
    }
}

fn checked(args: &Args) -> Result<Checked, CliError> {
    let mut checked = layers(args.config.clone())?.check()?;
    if let Some(listen) = args.listen {
        checked.server.listen = listen;
    }
    if let Some(data_dir) = &args.data_dir {
        checked.server.data_dir.clone_from(data_dir);
    }
    Ok(checked)
}

fn examine(config: &Checked) -> Vec<Finding> {
    let data_dir = &config.server.data_dir;
    let is_served = data_dir::is_served(data_dir);
    let mut findings = vec![Finding::ok("configuration", "every setting is in its range".to_owned())];
    findings.extend(data_dir::examine(config, is_served));
    findings.push(clock::examine(data_dir));
    findings.push(port::examine(config.server.listen, is_served));
    findings.push(limits::open_files(config));
    findings.push(browser::examine(config));
    findings.extend(proxies::examine(config));
    findings
}
