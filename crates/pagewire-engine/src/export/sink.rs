//! An export on its way into the blob store.

use bytes::Bytes;
use pagewire_journal::Record;
use pagewire_store::{BlobHeaders, BlobKey, BlobWriter, Blobs};
use tokio::sync::{mpsc, oneshot};

use super::encoder::{Chunk, Encoder};
use super::manifest::{self, FileEntry, Manifest};
use super::{ExportError, ExportFormat, ExportSpec};

/// Writes files below a prefix: `part-00001.csv` and so on, then `manifest.json`.
///
/// Records are encoded on a thread of the export's own. Dropping it leaves the files that are whole and no manifest.
pub struct Export {
    blobs: Blobs,
    prefix: BlobKey,
    format: ExportFormat,
    encoding: mpsc::Sender<Work>,
    writer: Option<(String, BlobWriter)>,
    files: Vec<FileEntry>,
    archive: Vec<FileEntry>,
}

impl Export {
    /// Begins an export below a prefix that is its own.
    pub fn begin(blobs: Blobs, prefix: BlobKey, spec: ExportSpec) -> Result<Self, ExportError> {
        let format = spec.format;
        let encoder = Encoder::new(spec)?;
        let (encoding, work) = mpsc::channel(1);
        // One thread from the first record to the last: what its heap has given back it takes again.
        tokio::task::spawn_blocking(move || encode(encoder, work));
        Ok(Self { blobs, prefix, format, encoding, writer: None, files: Vec::new(), archive: Vec::new() })
    }

    /// Lists files of archived pages beside its own, which lie below the same prefix.
    pub(crate) fn list_archive(&mut self, files: Vec<FileEntry>) {
        self.archive = files;
    }

    /// Takes the next records, in their order. After an error the export is of no more use.
    pub async fn push(&mut self, batch: Vec<Record>) -> Result<(), ExportError> {
        let chunks = encoded(&self.encoding, |done| Work::Push(batch, done)).await?;
        self.write(chunks).await
    }

    /// Ends the last file and writes the manifest. When this returns, all of it is durable.
    pub async fn finish(mut self) -> Result<Manifest, ExportError> {
        let chunks = encoded(&self.encoding, Work::Finish).await?;
        self.write(chunks).await?;
        let manifest = Manifest::of(std::mem::take(&mut self.files), std::mem::take(&mut self.archive));
        // Plain data into memory: it cannot fail.
        let text = serde_json::to_vec(&manifest).unwrap_or_default();
        self.blobs.put(&self.key(manifest::NAME)?, text.into()).await?;
        Ok(manifest)
    }

    /// Gives it up, and removes what was written.
    pub async fn abort(mut self) -> Result<(), ExportError> {
        if let Some((_, writer)) = self.writer.take() {
            writer.abort().await;
        }
        self.blobs.delete_all(&self.prefix).await?;
        Ok(())
    }

    async fn write(&mut self, chunks: Vec<Chunk>) -> Result<(), ExportError> {
        for chunk in chunks {
            match chunk {
                Chunk::Bytes(bytes) => self.append(bytes).await?,
                Chunk::EndOfFile(sums) => {
                    // A file without a byte is a file.
                    self.append(Bytes::new()).await?;
                    if let Some((name, writer)) = self.writer.take() {
                        writer.finish().await?;
                        self.files.push(FileEntry::new(name, &sums));
                    }
                }
            }
        }
        Ok(())
    }

    async fn append(&mut self, bytes: Bytes) -> Result<(), ExportError> {
        let (_, writer) = match &mut self.writer {
            Some(open) => open,
            none => {
                let name = format!("part-{:05}.{}", self.files.len() + 1, self.format.extension());
                let headers = BlobHeaders {
                    content_type: Some(self.format.media_type()),
                    content_disposition: Some(format!("attachment; filename=\"{name}\"")),
                };
                let key = self.prefix.join(&name).map_err(|error| ExportError::Encode(error.into()))?;
                none.insert((name, self.blobs.write(&key, headers)))
            }
        };
        Ok(writer.write(bytes).await?)
    }

    fn key(&self, name: &str) -> Result<BlobKey, ExportError> {
        self.prefix.join(name).map_err(|error| ExportError::Encode(error.into()))
    }
}

type Done = oneshot::Sender<Result<Vec<Chunk>, ExportError>>;

/// What the encoding thread is given.
enum Work {
    Push(Vec<Record>, Done),
    Finish(Done),
}

async fn encoded(
    encoding: &mpsc::Sender<Work>,
    work: impl FnOnce(Done) -> Work,
) -> Result<Vec<Chunk>, ExportError> {
    let (done, chunks) = oneshot::channel();
    // Where the thread is gone, a failure that was told has ended it, or a panic that the log tells.
    encoding.send(work(done)).await.map_err(|_| ExportError::Ended)?;
    chunks.await.unwrap_or(Err(ExportError::Ended))
}

/// Encodes until the end, a failure, or until the export is dropped.
fn encode(mut encoder: Encoder, mut work: mpsc::Receiver<Work>) {
    while let Some(work) = work.blocking_recv() {
        let mut chunks = Vec::new();
        let (outcome, done) = match work {
            Work::Push(batch, done) => {
                (batch.iter().try_for_each(|record| encoder.push(record, &mut chunks)), done)
            }
            Work::Finish(done) => {
                let outcome = encoder.finish(&mut chunks);
                // Whoever does not wait for it has dropped the export.
                let _ = done.send(outcome.map(|()| chunks));
                return;
            }
        };
        let has_failed = outcome.is_err();
        let _ = done.send(outcome.map(|()| chunks));
        if has_failed {
            return;
        }
    }
}
