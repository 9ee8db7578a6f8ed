//! `pagewire tail`.

use pagewire_client::{LiveEvent, LiveQuery};

use super::{CliError, output, remote};

/// Arguments of `tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each event is one line on stdout as soon as it is told:
  {\"event\": \"rss\", \"id\": \"0198f3c2-…\", \"data\": {…}}
Values of one option are alternatives, different options must all hold. A connection that drops is taken up where it
stopped. It goes on until it is interrupted.

Examples:
  pagewire tail
  pagewire tail --source 'news.*' --keyword 'rust \"async runtime\"' | jq -r .data.url
  pagewire tail --tag prices --since \"$(tail -n 1 events.ndjson | jq -r .id)\" >> events.ndjson")]
pub(super) struct Args {
    /// Only from this source; `news.*` for all whose ids begin so; repeatable
    #[arg(long = "source", value_name = "ID")]
    sources: Vec<String>,
    /// Only from sources of this type: rss, atom, json_feed, html, firehose; repeatable
    #[arg(long = "source-type", value_name = "TYPE")]
    source_types: Vec<String>,
    /// Only with this tag; repeatable
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only with these words in the title or the content; a phrase in quotes; repeatable
    #[arg(long = "keyword", value_name = "WORDS")]
    keywords: Vec<String>,
    /// What came after the event of this id, too
    #[arg(long, value_name = "EVENT_ID")]
    since: Option<String>,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let query = LiveQuery {
        sources: args.sources,
        source_types: args.source_types,
        tags: args.tags,
        keywords: args.keywords,
    };
    let mut events = args.remote.client()?.tail(&query, args.since);
    while let Some(event) = events.next().await {
        match event? {
            LiveEvent::Event { id, name, data } => output::record(&name, &id, &data)?,
            LiveEvent::Checkpoint { .. } => {}
            LiveEvent::Gap(gap) => output::note(&format!(
                "{} events were missed: they were dropped before they could be read",
                gap.missed
            )),
        }
    }
    Ok(())
}
