//! An export on its way into the blob store.

use bytes::Bytes;
use pagewire_journal::Record;
use pagewire_store::{BlobHeaders, BlobKey, BlobWriter, Blobs};

use super::encoder::{Chunk, Encoder};
use super::manifest::{self, FileEntry, Manifest};
use super::{ExportError, ExportFormat, ExportSpec};

/// Writes files below a prefix: `part-00001.csv` and so on, then `manifest.json`.
///
/// Records are encoded on a thread that may block, and the bytes written while the next ones are encoded. Dropping it
/// leaves the files that are whole and no manifest.
pub struct Export {
    blobs: Blobs,
    prefix: BlobKey,
    format: ExportFormat,
    /// Absent once a failure has ended it.
    encoder: Option<Encoder>,
    writer: Option<(String, BlobWriter)>,
    files: Vec<FileEntry>,
}

impl Export {
    /// Begins an export below a prefix that is its own.
    pub fn begin(blobs: Blobs, prefix: BlobKey, spec: ExportSpec) -> Result<Self, ExportError> {
        let format = spec.format;
        let encoder = Some(Encoder::new(spec)?);
        Ok(Self { blobs, prefix, format, encoder, writer: None, files: Vec::new() })
    }

    /// Takes the next records, in their order.
    pub async fn push(&mut self, batch: Vec<Record>) -> Result<(), ExportError> {
        let mut encoder = self.encoder.take().ok_or(ExportError::Ended)?;
        let (encoder, chunks) = off_the_runtime(move || {
            let mut chunks = Vec::new();
            for record in &batch {
                encoder.push(record, &mut chunks)?;
            }
            Ok((encoder, chunks))
        })
        .await?;
        self.write(chunks).await?;
        self.encoder = Some(encoder);
        Ok(())
    }

    /// Ends the last file and writes the manifest. When this returns, all of it is durable.
    pub async fn finish(mut self) -> Result<Manifest, ExportError> {
        let encoder = self.encoder.take().ok_or(ExportError::Ended)?;
        let chunks = off_the_runtime(move || {
            let mut chunks = Vec::new();
            encoder.finish(&mut chunks)?;
            Ok(chunks)
        })
        .await?;
        self.write(chunks).await?;
        let manifest = Manifest::of(std::mem::take(&mut self.files));
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

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExportError> + Send + 'static,
) -> Result<T, ExportError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "encoding an export panicked");
        Err(ExportError::Ended)
    })
}
