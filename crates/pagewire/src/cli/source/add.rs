//! `pagewire source add` and `pagewire source test`.

use pagewire_client::Client;
use pagewire_types::{SourceStatus, SourceTest, SourceType};
use serde_json::{Map, Value};

use super::NotRead;
use crate::cli::{CliError, output, remote, request};

/// What a source is.
#[derive(Debug, clap::Args)]
#[group(skip)]
struct What {
    /// Where it is
    url: String,
    /// rss, atom, json_feed, html or firehose [default: the feed that it is, or that the page leads to]
    #[arg(long = "type", value_name = "T", value_parser = source_type)]
    source_type: Option<SourceType>,
    /// Of a page: watch these parts alone (CSS); repeatable
    #[arg(long, value_name = "CSS")]
    include: Vec<String>,
    /// Of a page: leave these parts out (CSS); repeatable
    #[arg(long, value_name = "CSS")]
    exclude: Vec<String>,
    /// Of a page: leave out what this regular expression matches; repeatable
    #[arg(long, value_name = "REGEX")]
    ignore: Vec<String>,
    /// Of a firehose: websocket, sse or ndjson
    #[arg(long, value_name = "P")]
    protocol: Option<String>,
    /// Of a firehose: what events are made of, a JSON object of JSON pointers, or @FILE
    #[arg(long, value_name = "JSON")]
    map: Option<String>,
    /// Of a firehose: which messages become events, a JSON object of JSON pointers to values, or @FILE
    #[arg(long, value_name = "JSON")]
    filter: Option<String>,
    /// Send a header along, `Name: value`; repeatable
    #[arg(long, value_name = "HEADER")]
    header: Vec<String>,
    /// Tag its events; repeatable
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
}

/// Arguments of `source add`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pagewire source add https://news.example/ --tag news
  pagewire source add https://shop.example/offers --type html --include main --interval 600
  pagewire source add https://stream.example/v2/recentchange --type firehose --protocol sse \\
    --map '{\"title\":\"/title\",\"url\":\"/meta/uri\",\"content\":\"/comment\"}' --filter '{\"/type\":[\"edit\",\"new\"]}'")]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    what: What,
    /// Its id [default: made of the URL]
    #[arg(long)]
    id: Option<String>,
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// Seconds between two polls [default: as often as something is new]
    #[arg(long, value_name = "S")]
    interval: Option<u32>,
    /// Tell so many of the items that are there already
    #[arg(long, value_name = "N")]
    backfill: Option<u32>,
    /// Do not watch it yet
    #[arg(long)]
    disabled: bool,
    /// The whole answer, as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

/// Arguments of `source test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pagewire source test https://news.example/rss.xml
  pagewire source test https://news.example/rss.xml --json | jq -r '.events[].title'")]
pub(in crate::cli) struct Test {
    #[command(flatten)]
    what: What,
    /// The whole answer, as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: remote::Args,
}

pub(super) async fn add(args: Add) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let mut body = body(&args.what)?;
    if args.what.source_type.is_none() {
        let (source_type, url) = found(&client, &args.what).await?;
        body.insert("source_type".to_owned(), source_type.as_str().into());
        body.insert("url".to_owned(), url.into());
    }
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    put("id", args.id.map(Value::from));
    put("name", args.name.map(Value::from));
    put("interval_s", args.interval.map(Value::from));
    put("backfill", args.backfill.map(Value::from));
    put("enabled", args.disabled.then_some(false.into()));
    let source = client.create_source(&body).await?;
    if args.json { output::json(&source) } else { output::line(source.spec.id.to_string()) }
}

pub(super) async fn test(args: Test) -> Result<(), CliError> {
    let client = args.remote.client()?;
    let mut body = body(&args.what)?;
    if args.what.source_type.is_none() {
        body.insert("source_type".to_owned(), SourceType::Rss.as_str().into());
    }
    let test = client.test_source(&body).await?;
    if args.json {
        output::json(&test)?;
    } else {
        output::write(told(&test).as_bytes())?;
    }
    not_read(test)
}

/// What kind of feed stands there; or where the page that does leads to.
async fn found(client: &Client, what: &What) -> Result<(SourceType, String), CliError> {
    let mut body = body(what)?;
    body.insert("source_type".to_owned(), SourceType::Rss.as_str().into());
    let test = client.test_source(&body).await?;
    if let Some(feed) = test.feeds.first() {
        output::note(&format!("{} leads to the feed {}", what.url, feed.url));
        return Ok((feed.source_type, feed.url.clone()));
    }
    let source_type = test.found_type;
    match not_read(test) {
        Ok(()) => Ok((source_type.unwrap_or(SourceType::Rss), what.url.clone())),
        Err(CliError::NotRead(error)) => Err(CliError::Usage(format!(
            "{} could not be read as a feed ({}); say what it is, such as --type html",
            what.url, error.reason
        ))),
        Err(other) => Err(other),
    }
}

fn not_read(test: SourceTest) -> Result<(), CliError> {
    match test.status {
        SourceStatus::Ok | SourceStatus::Pending | SourceStatus::Disabled => Ok(()),
        SourceStatus::Degraded | SourceStatus::Failing | SourceStatus::Retired => {
            Err(NotRead { status: test.status.as_str(), reason: test.reason.unwrap_or_default() }.into())
        }
    }
}

fn told(test: &SourceTest) -> String {
    let mut text = String::new();
    for event in &test.events {
        let when = event.published_at.as_deref().unwrap_or("-");
        let title = if event.title.is_empty() { &event.content } else { &event.title };
        let title: String =
            title.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
        text.push_str(&format!("{} {when} {title} {}\n", event.source_type.as_str(), event.url));
    }
    for feed in &test.feeds {
        let title = feed.title.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "{} {} entries {title} {}\n",
            feed.source_type.as_str(),
            feed.entries,
            feed.url
        ));
    }
    let status = test.http_status.map_or_else(String::new, |status| format!(" ({status})"));
    let count = test.events.len();
    text.push_str(&format!(
        "{}{status} after {} ms, {count} events\n",
        test.status.as_str(),
        test.latency_ms
    ));
    text
}

fn body(what: &What) -> Result<Map<String, Value>, CliError> {
    let mut body = Map::new();
    body.insert("url".to_owned(), what.url.clone().into());
    if let Some(source_type) = what.source_type {
        body.insert("source_type".to_owned(), source_type.as_str().into());
    }
    let lists = [
        ("include_selectors", &what.include),
        ("exclude_selectors", &what.exclude),
        ("ignore", &what.ignore),
        ("tags", &what.tag),
    ];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        body.insert(name.to_owned(), list.clone().into());
    }
    if let Some(protocol) = &what.protocol {
        body.insert("protocol".to_owned(), protocol.clone().into());
    }
    for (name, text) in [("map", &what.map), ("filter", &what.filter)] {
        if let Some(text) = text {
            body.insert(name.to_owned(), request::json_or_file(text, name)?);
        }
    }
    if !what.header.is_empty() {
        let headers: Result<Map<String, Value>, CliError> =
            what.header.iter().map(|text| header(text)).collect();
        body.insert("headers".to_owned(), headers?.into());
    }
    Ok(body)
}

fn header(text: &str) -> Result<(String, Value), CliError> {
    let (name, value) =
        text.split_once(':').ok_or_else(|| CliError::Usage("--header must be `Name: value`".to_owned()))?;
    Ok((name.trim().to_owned(), value.trim().into()))
}

fn source_type(name: &str) -> Result<SourceType, String> {
    SourceType::parse(name).ok_or_else(|| {
        let names: Vec<&str> = SourceType::ALL.iter().map(|source_type| source_type.as_str()).collect();
        format!("the types are {}", names.join(", "))
    })
}
