//! What every command that makes a job ends with: the job is told, and followed where that is asked for.

use pagewire_client::Client;
use pagewire_types::{AcceptedJob, RunId};

use super::super::{CliError, output};
use super::watch;

/// How a new job is asked for and told.
#[derive(Debug, clap::Args)]
pub(super) struct Acceptance {
    /// Makes repeating the command safe for 24 hours
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Follow the new job to its end
    #[arg(long)]
    wait: bool,
    /// The whole answer, as one line of JSON
    #[arg(long)]
    json: bool,
}

impl Acceptance {
    /// Whether repeating the command is to be safe.
    pub(super) fn is_repeatable(&self) -> bool {
        self.idempotency_key.is_some()
    }

    /// With a key a request whose answer was lost can be sent again: where none was given, one that nobody else has.
    pub(super) fn key(&self) -> String {
        self.idempotency_key.clone().unwrap_or_else(|| RunId::generate().job_id())
    }

    /// Tells of the job, and waits for its end.
    pub(super) async fn tell(&self, client: &Client, accepted: &AcceptedJob) -> Result<(), CliError> {
        if self.json {
            output::json(accepted)?;
        } else {
            id_alone(accepted)?;
        }
        if self.wait { watch::to_the_end(client, &accepted.id).await } else { Ok(()) }
    }
}

/// The id of a job that was accepted, alone; the secret of its webhook beside it, for there is no other time to tell it.
fn id_alone(accepted: &AcceptedJob) -> Result<(), CliError> {
    if let Some(webhook) = &accepted.webhook
        && let Some(secret) = &webhook.secret
    {
        output::note(&format!(
            "webhook {} signs with {}, which is told this once",
            webhook.id,
            secret.expose()
        ));
    }
    output::line(accepted.id.clone())
}
