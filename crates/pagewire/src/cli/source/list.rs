//! `pagewire source list`.

use pagewire_client::SourceListQuery;
use pagewire_types::Source;

use crate::cli::table::table;
use crate::cli::{CliError, output, remote};

/// Sources that one request brings.
const PAGE_SOURCES: u32 = 1_000;
/// Characters of a reason in the table.
const REASON_CHARS_MAX: usize = 60;

/// Arguments of `source list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pagewire source list --status failing
  pagewire source list --tag news --json | jq -r '[.id, .health.error_streak] | @tsv'")]
pub(in crate::cli) struct List {
    /// Only those of this status: pending, ok, degraded, failing, retired, disabled
    #[arg(long, value_name = "S")]
    status: Option<String>,
    /// Only those with this tag
    #[arg(long)]
    tag: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn list(args: List) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let mut query =
        SourceListQuery { status: args.status, tag: args.tag, limit: Some(PAGE_SOURCES), cursor: None };
    let mut rows: Vec<[String; 6]> = Vec::new();
    loop {
        let page = client.sources(&query).await?;
        if args.json {
            page.sources.iter().try_for_each(output::json)?;
        } else {
            rows.extend(page.sources.iter().map(row));
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    if args.json {
        return Ok(());
    }
    output::write(table(&["id", "type", "status", "events", "last", "next"], &rows).as_bytes())
}

fn row(source: &Source) -> [String; 6] {
    let health = &source.health;
    let status = match &health.reason {
        Some(reason) => {
            let reason: String = reason.chars().take(REASON_CHARS_MAX).collect();
            format!("{}: {reason}", health.status.as_str())
        }
        None => health.status.as_str().to_owned(),
    };
    [
        source.spec.id.to_string(),
        source.spec.source_type.as_str().to_owned(),
        status,
        health.events.to_string(),
        health.last_fetch_at.clone().unwrap_or_default(),
        health.next_poll_at.clone().unwrap_or_default(),
    ]
}
