//! A list of URLs on its way from a file or stdin to the server, unchanged: what is in it is judged there.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use pagewire_client::{Client, InvalidLines, ListCoding, ListForm, Upload};
use pagewire_types::UploadReply;
use tokio::sync::mpsc;

use super::{CliError, output};

/// Bytes that are read at once, and pieces that wait to be sent.
const PIECE_BYTES: usize = 256 << 10;
const PIECES_MAX: usize = 4;
/// What gzip begins with (RFC 1952, section 2.3.1).
const GZIP_MARK: &[u8] = b"\x1f\x8b";

/// The forms of a list, as flags name them.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Form {
    /// A URL in quotes, or an object with `url` and overrides, a line
    Ndjson,
    /// A header with `url`; the other columns are overrides
    Csv,
}

/// What becomes of lines that are no URL, as flags name it.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
pub(super) enum OnInvalid {
    /// The list is refused for them
    #[default]
    Refuse,
    /// They become errors of the job
    Record,
}

/// Sends the list, with a progress bar where somebody sees it.
pub(super) async fn send(
    client: &Client,
    file: &str,
    form: Option<Form>,
    on_invalid: OnInvalid,
) -> Result<UploadReply, CliError> {
    let form = match form.or_else(|| form_of(file)) {
        Some(Form::Ndjson) => ListForm::Ndjson,
        Some(Form::Csv) => ListForm::Csv,
        None => return Err(CliError::Usage(unknown_form(file))),
    };
    let (bytes, mut pieces) = open(file)?;
    // The first piece tells how the list is packed, whatever the file is called.
    let first =
        pieces.next().await.transpose().map_err(CliError::io(format!("cannot read {}", shown(file))))?;
    let packed = first.as_ref().is_some_and(|piece| piece.starts_with(GZIP_MARK));
    let upload = Upload {
        form,
        coding: if packed { ListCoding::Gzip } else { ListCoding::Plain },
        invalid: match on_invalid {
            OnInvalid::Refuse => InvalidLines::Refuse,
            OnInvalid::Record => InvalidLines::Record,
        },
        bytes,
    };
    let bar = progress_bar(bytes);
    let counted = bar.clone();
    let body = stream::iter(first.map(Ok)).chain(pieces);
    let body = body.inspect(move |piece| counted.inc(piece.as_ref().map_or(0, |bytes| bytes.len() as u64)));
    let reply = client.upload(upload, body).await;
    bar.finish_and_clear();
    let reply = reply?;
    for line in &reply.invalid {
        output::note(&format!("line {} is kept as an error: {}", line.line, line.detail));
    }
    Ok(reply)
}

fn form_of(file: &str) -> Option<Form> {
    let name = file.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match Path::new(name).extension()?.to_str()? {
        "ndjson" | "jsonl" => Some(Form::Ndjson),
        "csv" => Some(Form::Csv),
        _ => None,
    }
}

fn unknown_form(file: &str) -> String {
    format!(
        "{} does not tell the form of the list: name it .ndjson, .jsonl or .csv (.gz may follow), or say ndjson or csv by flag",
        shown(file)
    )
}

fn shown(file: &str) -> &str {
    if file == "-" { "stdin" } else { file }
}

type Pieces = stream::BoxStream<'static, io::Result<Bytes>>;

/// The length, where it is known, and the bytes.
fn open(file: &str) -> Result<(Option<u64>, Pieces), CliError> {
    if file == "-" {
        return Ok((None, read_aside(io::stdin()).boxed()));
    }
    let unreadable = || CliError::io(format!("cannot read {file}"));
    let opened = File::open(file).map_err(unreadable())?;
    let about = opened.metadata().map_err(unreadable())?;
    if about.is_dir() {
        return Err(CliError::Usage(format!("{file} is a directory")));
    }
    if !about.is_file() {
        return Ok((None, read_aside(opened).boxed()));
    }
    // What is added to it meanwhile is not sent: its length was told before.
    Ok((Some(about.len()), read_aside(opened.take(about.len())).boxed()))
}

/// Reads on a thread of its own, which nobody waits for: one that waits for a terminal could not be ended.
fn read_aside(mut source: impl Read + Send + 'static) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let (sender, receiver) = mpsc::channel(PIECES_MAX);
    std::thread::spawn(move || {
        loop {
            match read_piece(&mut source) {
                Ok(piece) if piece.is_empty() => break,
                Ok(piece) => {
                    if sender.blocking_send(Ok(piece)).is_err() {
                        break;
                    }
                }
                Err(error) => {
                    let _ = sender.blocking_send(Err(error));
                    break;
                }
            }
        }
    });
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
}

/// As much as comes at once, but enough to see a mark in it; nothing at the end.
fn read_piece(source: &mut impl Read) -> io::Result<Bytes> {
    let mut piece = BytesMut::zeroed(PIECE_BYTES);
    let mut read = 0;
    while read < GZIP_MARK.len() {
        match source.read(&mut piece[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    piece.truncate(read);
    Ok(piece.freeze())
}

fn progress_bar(bytes: Option<u64>) -> ProgressBar {
    const LOOK: &str = "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    const LOOK_OF_UNKNOWN: &str = "{spinner} {bytes} {bytes_per_sec}";
    if !output::is_seen() {
        return ProgressBar::hidden();
    }
    let (bar, look) = match bytes {
        Some(bytes) => (ProgressBar::new(bytes), LOOK),
        None => (ProgressBar::new_spinner(), LOOK_OF_UNKNOWN),
    };
    bar.with_style(ProgressStyle::with_template(look).unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_stands_in_the_name_before_gz() {
        for name in ["a.ndjson", "a.jsonl", "b/A.NDJSON.GZ"] {
            assert!(matches!(form_of(name), Some(Form::Ndjson)), "{name}");
        }
        assert!(matches!(form_of("a.csv.gz"), Some(Form::Csv)));
        for name in ["-", "a", "a.txt", "a.gz", ".gz", "a.json"] {
            assert!(form_of(name).is_none(), "{name}");
        }
    }
}
