//! `pagewire scrape URL`.

use pagewire_client::Page;

use super::session::{self, Session};
use super::{CliError, output, request, shown};
use crate::shutdown::Signals;

/// Arguments of `scrape`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prints the page envelope as one line of JSON.

Examples:
  pagewire scrape https://example.com | jq -r .data.markdown
  pagewire scrape https://example.com --format text,links
  pagewire scrape https://shop.example/1 --extract '{\"name\": \"string\", \"price\": \"number\"}'
  pagewire scrape https://shop.example --render --wait-for .price --screenshot out.png
  pagewire scrape https://example.com --format links --server http://127.0.0.1:7700 --api-key \"$KEY\"")]
pub(super) struct Args {
    /// The page
    url: String,
    #[command(flatten)]
    request: request::Args,
    #[command(flatten)]
    shown: shown::Args,
    #[command(flatten)]
    session: session::Args,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let mut body = args.request.members()?;
    args.shown.add_to(&mut body)?;
    body.insert("url".to_owned(), args.url.into());
    let signals = Signals::listen().map_err(CliError::io("signals cannot be listened for"))?;
    let session = Session::open(&args.session).await?;
    let page = tokio::select! {
        page = session.client.scrape(&body) => page.map_err(CliError::from),
        () = signals.shutdown.cancelled() => Err(CliError::Interrupted),
    };
    let printed = page.and_then(|page| print(&args.shown, page));
    let closed = session.close().await;
    printed.and(closed)
}

/// The page as one line; its picture, if it has one, is in a file by then.
fn print(shown: &shown::Args, page: Page) -> Result<(), CliError> {
    let Page(mut page) = page;
    shown.take_picture(&mut page)?;
    output::line(page.to_string())
}
