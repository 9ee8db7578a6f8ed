//! `pagewire webhook create|list|test|deliveries|replay`.

use pagewire_client::DeliveryQuery;
use pagewire_types::{Delivery, Webhook, WebhookEvent, WebhookTest};
use serde_json::{Map, Value};

use super::table::table;
use super::{CliError, output, remote};

/// Deliveries that one request brings.
const PAGE_DELIVERIES: u32 = 100;
/// Bytes of a file with a secret.
const SECRET_BYTES_MAX: u64 = 1_024;

/// What to do with webhooks.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Have a URL told of what happens; prints the id and the secret, which is shown this once
    Create(Create),
    /// List the webhooks of the workspace, without their secrets
    #[command(after_help = "Example:\n  pagewire webhook list --json | jq -r 'select(.enabled | not).id'")]
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: remote::Args,
    },
    /// Send a webhook something now, once, and tell what came of it; exit code 1 if it was not taken
    #[command(after_help = "Example:\n  pagewire webhook test wh_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b")]
    Test {
        /// The webhook's id
        id: String,
        /// One line of JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: remote::Args,
    },
    /// List what a webhook was sent, newest first
    Deliveries(Deliveries),
    /// Have a delivery tried anew, under the same webhook-id
    #[command(after_help = "\
Deliveries can be replayed for 30 days, whether or not they were taken before.

Examples:
  pagewire webhook replay dlv_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b
  pagewire webhook deliveries \"$HOOK\" --status dead --json | jq -r .id | xargs -n 1 pagewire webhook replay")]
    Replay {
        /// The delivery's id
        id: String,
        /// One line of JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: remote::Args,
    },
}

/// Arguments of `webhook create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Events: job.started, job.completed, job.failed, job.cancelled, stream.completed, credits.low, credits.exhausted,
key.created, key.revoked. Deliveries are signed as Standard Webhooks says.

Examples:
  pagewire webhook create https://hooks.example/pagewire
  pagewire webhook create https://hooks.example/pagewire --events job.completed,job.failed --description \"nightly jobs\"
  pagewire webhook create https://hooks.example/pagewire --json | jq -r .secret > secret")]
pub(super) struct Create {
    /// Where to deliver
    url: String,
    /// Of what, separated by commas [default: of everything]
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = event)]
    events: Vec<WebhookEvent>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A file with the secret to sign with, whsec_… [default: the server makes one]
    #[arg(long, value_name = "FILE")]
    secret_file: Option<std::path::PathBuf>,
    /// Tell it of nothing yet
    #[arg(long)]
    disabled: bool,
    /// The whole answer, as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

/// Arguments of `webhook deliveries`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pagewire webhook deliveries wh_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b --status dead
  pagewire webhook deliveries \"$HOOK\" --json | jq -r '.attempts[-1].error // empty'")]
pub(super) struct Deliveries {
    /// The webhook's id
    id: String,
    /// Only those in this state: pending, delivered, dead
    #[arg(long, value_name = "S")]
    status: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

/// The receiver of a test did not take it.
#[derive(Debug, thiserror::Error)]
#[error("the receiver did not take it: {0}")]
pub(super) struct NotTaken(String);

pub(super) async fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Create(create) => make(create).await,
        Command::List { json, remote } => list(json, &remote).await,
        Command::Test { id, json, remote } => test(&id, json, &remote).await,
        Command::Deliveries(args) => deliveries(args).await,
        Command::Replay { id, json, remote } => replay(&id, json, &remote).await,
    }
}

async fn make(create: Create) -> Result<(), CliError> {
    let client = create.remote.client()?;
    let mut body = Map::new();
    body.insert("url".to_owned(), create.url.into());
    if !create.events.is_empty() {
        let names = create.events.iter().map(|event| Value::from(event.as_str())).collect();
        body.insert("events".to_owned(), Value::Array(names));
    }
    if let Some(description) = create.description {
        body.insert("description".to_owned(), description.into());
    }
    if let Some(path) = create.secret_file {
        body.insert("secret".to_owned(), read_secret(&path)?.into());
    }
    if create.disabled {
        body.insert("enabled".to_owned(), false.into());
    }
    let webhook = client.create_webhook(&body).await?;
    if create.json {
        return output::json(&webhook);
    }
    let secret = webhook.secret.as_ref().map_or("", |secret| secret.expose());
    output::line(format!("{}\n{secret}", webhook.id))
}

fn read_secret(path: &std::path::Path) -> Result<String, CliError> {
    let unreadable = || CliError::io(format!("cannot read {}", path.display()));
    if std::fs::metadata(path).map_err(unreadable())?.len() > SECRET_BYTES_MAX {
        return Err(CliError::Usage(format!("{} holds no secret: it has more than 1 KiB", path.display())));
    }
    Ok(std::fs::read_to_string(path).map_err(unreadable())?.trim().to_owned())
}

async fn list(json: bool, remote: &remote::Args) -> Result<(), CliError> {
    let webhooks = remote.client()?.webhooks().await?.webhooks;
    if json {
        return webhooks.iter().try_for_each(output::json);
    }
    let rows: Vec<[String; 4]> = webhooks.iter().map(webhook_row).collect();
    output::write(table(&["id", "state", "url", "events"], &rows).as_bytes())
}

fn webhook_row(webhook: &Webhook) -> [String; 4] {
    let state = match (webhook.enabled, &webhook.disabled_reason, &webhook.failing_since) {
        (false, Some(reason), _) => format!("disabled: {reason}"),
        (false, None, _) => "disabled".to_owned(),
        (true, _, Some(since)) => format!("failing since {since}"),
        (true, _, None) => "enabled".to_owned(),
    };
    let events: Vec<&str> = webhook.events.iter().map(|event| event.as_str()).collect();
    let events = if events.is_empty() { "all".to_owned() } else { events.join(",") };
    [webhook.id.to_string(), state, webhook.url.clone(), events]
}

async fn test(id: &str, json: bool, remote: &remote::Args) -> Result<(), CliError> {
    let test = remote.client()?.test_webhook(id).await?;
    if json {
        output::json(&test)?;
    } else if test.delivered {
        let status = test.attempt.http_status.unwrap_or_default();
        output::line(format!("{} was taken: {status} after {} ms", test.id, test.attempt.elapsed_ms))?;
    }
    if test.delivered { Ok(()) } else { Err(NotTaken(why(&test)).into()) }
}

fn why(test: &WebhookTest) -> String {
    match (test.attempt.http_status, &test.attempt.error) {
        (Some(status), _) => format!("it answered {status}"),
        (None, Some(error)) => error.clone(),
        (None, None) => "it did not answer".to_owned(),
    }
}

async fn deliveries(args: Deliveries) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let mut found: Vec<Delivery> = Vec::new();
    let mut query = DeliveryQuery { status: args.status, ..DeliveryQuery::default() };
    loop {
        let left = args.limit - found.len() as u32;
        query.limit = Some(left.min(PAGE_DELIVERIES));
        let page = client.deliveries(&args.id, &query).await?;
        found.extend(page.deliveries.into_iter().take(left as usize));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() || found.len() as u32 >= args.limit {
            break;
        }
    }
    if args.json {
        return found.iter().try_for_each(output::json);
    }
    let rows: Vec<[String; 6]> = found.iter().map(delivery_row).collect();
    output::write(table(&["id", "event", "status", "tries", "created", "last"], &rows).as_bytes())
}

fn delivery_row(delivery: &Delivery) -> [String; 6] {
    let last = delivery.attempts.last().map(|attempt| match (attempt.http_status, &attempt.error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.clone(),
        (None, None) => String::new(),
    });
    [
        delivery.id.to_string(),
        delivery.event.as_str().to_owned(),
        delivery.status.as_str().to_owned(),
        delivery.tries.to_string(),
        delivery.created_at.clone(),
        last.unwrap_or_default(),
    ]
}

async fn replay(id: &str, json: bool, remote: &remote::Args) -> Result<(), CliError> {
    let delivery = remote.client()?.replay_delivery(id).await?;
    if json { output::json(&delivery) } else { output::line(format!("{} is due", delivery.id)) }
}

fn event(name: &str) -> Result<WebhookEvent, String> {
    WebhookEvent::parse(name).ok_or_else(|| {
        let names: Vec<&str> = WebhookEvent::ALL.iter().map(|event| event.as_str()).collect();
        format!("the events are {}", names.join(", "))
    })
}
