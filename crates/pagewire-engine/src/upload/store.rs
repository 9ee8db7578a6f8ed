//! A list on its way into the blob store.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use pagewire_store::{BlobHeaders, BlobKey, BlobWriter, Blobs};

use super::parser::UploadParser;
use super::{OnInvalid, UploadError, UploadSpec, UploadSummary};

/// Bytes that are judged at once: enough that the hop to a thread that may block costs little beside it.
const BATCH_BYTES: usize = 512 << 10;

/// Why a list is not stored.
#[derive(Debug, thiserror::Error)]
pub enum UploadFailure<E> {
    /// The body did not come to its end.
    #[error("the upload was not received whole")]
    Body(E),
    /// The list cannot be taken.
    #[error(transparent)]
    List(#[from] UploadError),
}

/// Reads a list and stores it under the key. There is a blob only if every byte has come, and if no line is invalid
/// that the list is refused for: [`UploadSummary::invalid`] tells.
pub async fn store<E>(
    blobs: &Blobs,
    key: &BlobKey,
    spec: UploadSpec,
    body: impl Stream<Item = Result<Bytes, E>> + Unpin,
) -> Result<UploadSummary, UploadFailure<E>> {
    // The last batch is told from the end by asking once more.
    let mut body = body.fuse();
    let mut sink = Sink { writer: Some(blobs.write(key, BlobHeaders::default())), spec };
    let outcome = fill(&mut sink, &mut body).await;
    let is_good =
        outcome.as_ref().is_ok_and(|summary| summary.invalid == 0 || spec.on_invalid == OnInvalid::Record);
    if let Some(writer) = sink.writer {
        if is_good {
            writer.finish().await.map_err(UploadError::from)?;
        } else {
            writer.abort().await;
        }
    }
    outcome
}

async fn fill<E>(
    sink: &mut Sink,
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
) -> Result<UploadSummary, UploadFailure<E>> {
    // One batch is judged while the next one comes in.
    let mut judging = tokio::task::spawn_blocking({
        let parser = UploadParser::new(sink.spec);
        move || Ok((parser, Vec::new()))
    });
    loop {
        let batch = next_batch(body).await.map_err(UploadFailure::Body)?;
        let (mut parser, stored) = judging.await.map_err(|_| UploadError::Ended)??;
        sink.write(stored).await?;
        if batch.is_empty() {
            let end = tokio::task::spawn_blocking(move || parser.finish());
            let (rest, summary) = end.await.map_err(|_| UploadError::Ended)??;
            sink.write(rest).await?;
            return Ok(summary);
        }
        judging = tokio::task::spawn_blocking(move || {
            for bytes in batch {
                parser.push(&bytes)?;
            }
            let stored = parser.take();
            Ok::<_, UploadError>((parser, stored))
        });
    }
}

/// The next bytes, of many frames; none at the end.
async fn next_batch<E>(body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin)) -> Result<Vec<Bytes>, E> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH_BYTES {
        match body.next().await {
            Some(frame) => {
                let frame = frame?;
                bytes += frame.len();
                batch.push(frame);
            }
            None => break,
        }
    }
    Ok(batch)
}

struct Sink {
    writer: Option<BlobWriter>,
    spec: UploadSpec,
}

impl Sink {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), UploadError> {
        match &mut self.writer {
            Some(writer) if !bytes.is_empty() => Ok(writer.write(bytes.into()).await?),
            _ => Ok(()),
        }
    }
}
