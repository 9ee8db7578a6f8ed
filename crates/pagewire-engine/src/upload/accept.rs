//! Taking an upload for a workspace: the list goes to the blobs, then its row makes it one.

use bytes::Bytes;
use futures_util::Stream;
use jiff::Timestamp;
use pagewire_store::{BlobKey, ChunkRange, UploadRow};
use pagewire_types::UploadId;

use super::{OnInvalid, UploadFailure, UploadForm, UploadSpec, UploadSummary, store};
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::{Refusal, damaged};

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uploaded {
    /// It is kept.
    Kept(UploadId, UploadSummary),
    /// It has lines that are no entries, and is refused for them.
    Refused(UploadSummary),
}

/// Why there is no upload.
#[derive(Debug, thiserror::Error)]
pub enum NotUploaded<E> {
    /// The list, or its way here.
    #[error(transparent)]
    List(#[from] UploadFailure<E>),
    /// This server.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Engine {
    /// Takes a list of URLs. Dropping the future leaves nothing behind that anybody sees.
    pub async fn upload<E>(
        &self,
        caller: &Caller,
        spec: UploadSpec,
        body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    ) -> Result<Uploaded, NotUploaded<E>> {
        self.admit(caller)?;
        let id = UploadId::generate();
        let key: BlobKey =
            format!("uploads/{}", id.as_str()).parse().map_err(|_| damaged("an upload's name"))?;
        let summary = store(&self.blobs, &key, spec, body).await?;
        if summary.invalid > 0 && spec.on_invalid == OnInvalid::Refuse {
            return Ok(Uploaded::Refused(summary));
        }
        let row = UploadRow {
            id: id.clone(),
            workspace: caller.workspace.id.clone(),
            blob: key.as_str().to_owned(),
            urls: summary.urls,
            bytes: summary.bytes,
            format: spec.form.name().to_owned(),
            created_at: Timestamp::now(),
        };
        let chunks = summary.chunks.iter();
        let chunks = chunks.map(|range| ChunkRange { start: range.start, bytes: range.end - range.start });
        self.store.insert_upload(row, chunks.collect()).await.map_err(Refusal::from)?;
        Ok(Uploaded::Kept(id, summary))
    }
}

impl UploadForm {
    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }
}
