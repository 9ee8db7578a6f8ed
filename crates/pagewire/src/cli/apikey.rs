//! `pagewire apikey create|list|revoke`: on the data directory itself, so that no server is needed; one that runs
//! notices within seconds.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use jiff::Timestamp;
use pagewire_engine::account::{Accounts, NewKey, NewKeyError};
use pagewire_store::{ApiKey, KeyMode, Revocation, StoreError};
use pagewire_types::{KeyId, Scope, Scopes, WorkspaceId};
use serde_json::json;

use super::config::layers;
use super::table::table;
use super::{CliError, output};
use crate::compose;
use crate::config::Checked;

/// What to do with keys.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a key and print it, alone; it is shown this once
    #[command(after_help = "\
Scopes: scrape, stream:write, stream:read, jobs:read, jobs:write, events:read, sources:read, sources:write,
webhooks:read, webhooks:write, admin (all of them)

Examples:
  pagewire apikey create --name my-app --scopes scrape,stream:write
  KEY=$(pagewire apikey create --name ci --scopes scrape --expires 90d --allow-ip 10.1.0.0/16)
  KEY=$(pagewire apikey create --name tests --scopes scrape,stream:write --sandbox)")]
    Create(Create),
    /// List keys, without their secrets
    #[command(after_help = "Example:\n  pagewire apikey list --json | jq -r .id")]
    List {
        #[command(flatten)]
        place: Place,
        /// Only this workspace's
        #[arg(long, value_name = "W")]
        workspace: Option<WorkspaceId>,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key; streams that use it are cut off within seconds
    #[command(after_help = "Example:\n  pagewire apikey revoke key_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b")]
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The key's id, as `apikey list` shows it
        id: KeyId,
    },
}

/// Where the keys are.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The server's configuration file
    #[arg(long, value_name = "FILE", env = "PAGEWIRE_CONFIG")]
    config: Option<PathBuf>,
    /// The server's data directory [default: pagewire-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

impl Place {
    fn checked(&self) -> Result<Checked, CliError> {
        let mut checked = layers(self.config.clone())?.check()?;
        if let Some(data_dir) = &self.data_dir {
            checked.server.data_dir.clone_from(data_dir);
        }
        Ok(checked)
    }
}

/// Arguments of `apikey create`.
#[derive(Debug, clap::Args)]
pub(super) struct Create {
    #[command(flatten)]
    place: Place,
    /// What the key is for
    #[arg(long, value_name = "N", value_parser = key_name)]
    name: String,
    /// What it may do, separated by commas
    #[arg(long, value_name = "A,B", value_parser = scopes)]
    scopes: Scopes,
    /// Whose it is
    #[arg(long, value_name = "W", default_value = "default")]
    workspace: WorkspaceId,
    /// When it ends by itself: 90d, 12h, 30m, 45s
    #[arg(long, value_name = "TIME", value_parser = time_span)]
    expires: Option<Duration>,
    /// Where it may be used from; repeatable
    #[arg(long, value_name = "CIDR")]
    allow_ip: Vec<IpNet>,
    /// A sandbox key, `pw_test_…`: pages of the sandbox, no outbound traffic, no credits
    #[arg(long)]
    sandbox: bool,
}

/// Why nothing was done with keys.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    #[error("the key was not made")]
    NotMade(#[from] NewKeyError),
    #[error("the keys cannot be read or written")]
    Store(#[from] StoreError),
    #[error("there is no key {0}")]
    NotFound(KeyId),
    #[error("there is no data directory {}; --data-dir says where it is", .0.display())]
    NoData(PathBuf),
}

pub(super) async fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Create(create) => make(create).await,
        Command::List { place, workspace, json } => list(&place, workspace, json).await,
        Command::Revoke { place, id } => revoke(&place, id).await,
    }
}

async fn make(create: Create) -> Result<(), CliError> {
    let accounts = compose::open_accounts(&create.place.checked()?).await?;
    let new = NewKey {
        name: create.name,
        workspace: create.workspace,
        scopes: create.scopes,
        mode: if create.sandbox { KeyMode::Test } else { KeyMode::Live },
        expires_in: create.expires,
        allow_ips: create.allow_ip,
    };
    let (_, text) = accounts.create_key(new).await.map_err(KeyError::from)?;
    output::line(text)
}

async fn list(place: &Place, workspace: Option<WorkspaceId>, json: bool) -> Result<(), CliError> {
    let keys = accounts_there(place).await?.keys(workspace).await.map_err(KeyError::from)?;
    if json {
        let lines: Vec<String> = keys.iter().map(|key| format!("{}\n", as_json(key))).collect();
        return output::write(lines.concat().as_bytes());
    }
    let now = Timestamp::now();
    let rows: Vec<[String; 6]> = keys.iter().map(|key| as_row(key, now)).collect();
    output::write(table(&["id", "key", "name", "workspace", "scopes", "state"], &rows).as_bytes())
}

async fn revoke(place: &Place, id: KeyId) -> Result<(), CliError> {
    match accounts_there(place).await?.revoke_key(None, id.clone()).await.map_err(KeyError::from)? {
        Revocation::Revoked => output::line(format!("{id} is revoked")),
        Revocation::AlreadyRevoked => output::line(format!("{id} was revoked before")),
        Revocation::NotFound => Err(KeyError::NotFound(id).into()),
    }
}

/// The accounts of a data directory that is there: looking must not make one.
async fn accounts_there(place: &Place) -> Result<Accounts, CliError> {
    let checked = place.checked()?;
    if !checked.server.data_dir.is_dir() {
        return Err(KeyError::NoData(checked.server.data_dir).into());
    }
    Ok(compose::open_accounts(&checked).await?)
}

fn as_json(key: &ApiKey) -> serde_json::Value {
    json!({
        "id": key.id,
        "key": format!("{}…", key.shown),
        "name": key.name,
        "workspace": key.workspace,
        "scopes": key.scopes.iter().map(Scope::as_str).collect::<Vec<_>>(),
        "sandbox": key.mode == KeyMode::Test,
        "allow_ips": key.allow_ips,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    })
}

fn as_row(key: &ApiKey, now: Timestamp) -> [String; 6] {
    let state = match (key.revoked_at, key.expires_at) {
        (Some(at), _) => format!("revoked {at:.0}"),
        (None, Some(at)) if at <= now => format!("expired {at:.0}"),
        (None, Some(at)) => format!("until {at:.0}"),
        (None, None) => "valid".to_owned(),
    };
    [
        key.id.to_string(),
        format!("{}…", key.shown),
        key.name.clone(),
        key.workspace.to_string(),
        key.scopes.to_string(),
        state,
    ]
}

fn key_name(text: &str) -> Result<String, String> {
    let fits = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a name has 1 to 100 characters, none of them control".to_owned())
    }
}

fn scopes(text: &str) -> Result<Scopes, String> {
    let scopes: Scopes =
        text.parse().map_err(|error: pagewire_types::scope::UnknownScope| error.to_string())?;
    if scopes.is_empty() { Err("a key needs at least one scope".to_owned()) } else { Ok(scopes) }
}

/// A number with one of `d`, `h`, `m`, `s` behind it; at most a hundred years.
fn time_span(text: &str) -> Result<Duration, String> {
    const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];
    const SECONDS_MAX: u64 = 100 * 365 * 86_400;
    UNITS
        .iter()
        .find_map(|(unit, seconds)| text.strip_suffix(*unit)?.parse::<u64>().ok()?.checked_mul(*seconds))
        .filter(|seconds| (1..=SECONDS_MAX).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| {
            "write a whole number of days, hours, minutes or seconds: 90d, 12h, 30m, 45s".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_spans_have_a_unit_and_a_bound() {
        assert_eq!(time_span("90d"), Ok(Duration::from_secs(90 * 86_400)));
        assert_eq!(time_span("45s"), Ok(Duration::from_secs(45)));
        for text in ["", "90", "d", "-1d", "0s", "1.5h", "99999999d", "ninety days"] {
            assert!(time_span(text).is_err(), "{text}");
        }
    }
}
