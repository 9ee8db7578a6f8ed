//! `pagewire stream FILE|-`.

use std::io::{self, Read as _};

use indicatif::{ProgressBar, ProgressStyle};
use pagewire_client::{StreamEvent, StreamEvents};
use pagewire_types::request::STREAM_URLS_MAX;
use serde_json::Value;

use super::session::{self, Session};
use super::{CliError, output, request};
use crate::shutdown::Signals;

/// Bytes of the list: what one request may have.
const INPUT_BYTES_MAX: u64 = 25_000_000;

/// Arguments of `stream`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The file has a URL a line, or a JSON object with `url` and overrides; empty lines and lines that begin with # are
passed over. Each page, and each URL that failed, is one line on stdout as soon as it is finished:
  {\"event\": \"page\", \"id\": \"0001\", \"data\": {…}}
A connection that drops is taken up where it stopped. The exit code is 1 if the stream could not be finished; URLs
that failed do not change it.

Examples:
  pagewire stream urls.txt > pages.ndjson
  cut -d, -f2 shops.csv | pagewire stream - --extract @fields.json --concurrency 50 | jq -c .data.data")]
pub(super) struct Args {
    /// The list of URLs; - for stdin
    #[arg(value_name = "FILE|-")]
    file: String,
    /// Pages at once, 1 to 100 [default: 16]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    concurrency: Option<u32>,
    #[command(flatten)]
    request: request::Args,
    #[command(flatten)]
    session: session::Args,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let urls = read_list(&read_input(&args.file)?)?;
    let bar = progress_bar(urls.len() as u64);
    let mut body = args.request.members()?;
    body.insert("urls".to_owned(), Value::Array(urls));
    if let Some(concurrency) = args.concurrency {
        body.insert("concurrency".to_owned(), concurrency.into());
    }
    let signals = Signals::listen().map_err(CliError::io("signals cannot be listened for"))?;
    let session = Session::open(&args.session).await?;
    let streamed = tokio::select! {
        streamed = stream(&session, body, &bar) => streamed,
        () = signals.shutdown.cancelled() => Err(CliError::Interrupted),
    };
    bar.finish_and_clear();
    let closed = session.close().await;
    streamed.and(closed)
}

async fn stream(
    session: &Session,
    body: serde_json::Map<String, Value>,
    bar: &ProgressBar,
) -> Result<(), CliError> {
    let mut events = session.client.stream(&body).await?;
    // Up to 25 MB that nobody needs any more.
    drop(body);
    print_all(&mut events, bar).await
}

async fn print_all(events: &mut StreamEvents, bar: &ProgressBar) -> Result<(), CliError> {
    while let Some(event) = events.next().await {
        match event? {
            StreamEvent::Page { id, data } => output::record("page", &id, &data)?,
            StreamEvent::Error { id, data } => output::record("error", &id, &data)?,
            StreamEvent::Progress(progress) => {
                bar.set_position(progress.done);
                bar.set_message(format!("{} failed", progress.errored));
            }
            StreamEvent::Warning(warning) => bar.suspend(|| tracing::warn!(%warning, "the server warns")),
            StreamEvent::End(_) => {}
        }
    }
    Ok(())
}

fn progress_bar(urls: u64) -> ProgressBar {
    const LOOK: &str = "{bar:30} {pos}/{len} {per_sec} {eta} {msg}";
    if !output::is_seen() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(LOOK).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(urls).with_style(style)
}

fn read_input(file: &str) -> Result<String, CliError> {
    let mut text = String::new();
    let unreadable = || CliError::io(format!("cannot read {}", if file == "-" { "stdin" } else { file }));
    let read = if file == "-" {
        io::stdin().lock().take(INPUT_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).map_err(unreadable())?.take(INPUT_BYTES_MAX + 1).read_to_string(&mut text)
    };
    if read.map_err(unreadable())? as u64 > INPUT_BYTES_MAX {
        return Err(CliError::Usage("the list has more than 25 MB: split it".to_owned()));
    }
    Ok(text)
}

fn read_list(text: &str) -> Result<Vec<Value>, CliError> {
    let mut urls = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        urls.push(
            entry(line).map_err(|error| CliError::Usage(format!("line {number} of the list: {error}")))?,
        );
    }
    match urls.len() {
        0 => Err(CliError::Usage("the list has no URL".to_owned())),
        1..=STREAM_URLS_MAX => Ok(urls),
        many => Err(CliError::Usage(format!(
            "the list has {many} URLs, a stream at most {STREAM_URLS_MAX}: split it, for example with `split -l {STREAM_URLS_MAX}`"
        ))),
    }
}

fn entry(line: &str) -> Result<Value, serde_json::Error> {
    if line.starts_with('{') { serde_json::from_str(line) } else { Ok(Value::from(line)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_urls_objects_comments_and_empty_lines() {
        let list = "\u{feff}# shops\nhttps://a.example/\r\n\n{\"url\": \"https://b.example/\", \"custom_id\": \"7\"}\n";
        let urls = read_list(list).expect("a list");
        assert_eq!(urls[0], "https://a.example/");
        assert_eq!(urls[1]["custom_id"], "7");
        assert_eq!(urls.len(), 2);
    }

    #[test]
    fn a_list_that_no_stream_could_take_is_refused_before_anything_is_started() {
        assert!(read_list("# nothing\n").is_err());
        assert!(read_list(&"https://a.example/\n".repeat(STREAM_URLS_MAX + 1)).is_err());
        let message = read_list("https://a.example/\n{\"url\": }\n").expect_err("no JSON").to_string();
        assert!(message.contains("line 2"), "{message}");
    }
}
