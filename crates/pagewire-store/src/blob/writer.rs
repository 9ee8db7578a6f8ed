//! Writing a blob: in parts of a bounded size, of which nobody sees any before all are there.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, WriteMultipart,
};

use super::BlobHeaders;
use super::error::BlobError;

/// How a store likes to be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PartPolicy {
    bytes: usize,
    at_once: usize,
}

impl PartPolicy {
    /// A file is written from front to back; one part is written while the next is made.
    pub(super) const LOCAL: Self = Self { bytes: 1 << 20, at_once: 1 };
    /// S3 takes 10,000 parts of at least 5 MiB: 8 MiB makes 80 GB.
    pub(super) const CLOUD: Self = Self { bytes: 8 << 20, at_once: 3 };
}

/// A blob that is being written. Dropping it, or dying, leaves no blob behind.
///
/// It holds at most a part or so of the store's part size in memory for each part under way.
pub struct BlobWriter {
    store: Arc<dyn ObjectStore>,
    path: Path,
    policy: PartPolicy,
    headers: BlobHeaders,
    state: State,
    written: u64,
}

enum State {
    /// So little yet that one request will do.
    Small(Vec<Bytes>, usize),
    Parts(WriteMultipart),
    /// A part failed; what was under way is being forgotten.
    Failed,
}

impl BlobWriter {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        path: Path,
        policy: PartPolicy,
        headers: BlobHeaders,
    ) -> Self {
        Self { store, path, policy, headers, state: State::Small(Vec::new(), 0), written: 0 }
    }

    /// Appends bytes. Waits while too many parts are under way.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        let length = bytes.len();
        let outcome = self.append(bytes).await;
        match outcome {
            Ok(()) => self.written += length as u64,
            Err(_) => self.forget().await,
        }
        outcome
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Makes the blob visible. When this returns, it is durable.
    pub async fn finish(self) -> Result<(), BlobError> {
        match self.state {
            State::Small(chunks, _) => {
                let options = PutOptions { attributes: attributes(self.headers), ..PutOptions::default() };
                let payload = PutPayload::from_iter(chunks);
                self.store.put_opts(&self.path, payload, options).await?;
            }
            State::Parts(upload) => {
                upload.finish().await?;
            }
            State::Failed => return Err(already_failed()),
        }
        Ok(())
    }

    /// Gives up what was written.
    pub async fn abort(mut self) {
        self.forget().await;
    }

    async fn append(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        if let State::Small(chunks, held) = &mut self.state {
            if *held + bytes.len() < self.policy.bytes {
                *held += bytes.len();
                chunks.push(bytes);
                return Ok(());
            }
            let chunks = std::mem::take(chunks);
            let options = PutMultipartOptions {
                attributes: attributes(std::mem::take(&mut self.headers)),
                ..PutMultipartOptions::default()
            };
            let upload = self.store.put_multipart_opts(&self.path, options).await?;
            let mut upload = WriteMultipart::new_with_chunk_size(upload, self.policy.bytes);
            for chunk in chunks {
                upload.put(chunk);
            }
            self.state = State::Parts(upload);
        }
        let State::Parts(upload) = &mut self.state else {
            return Err(already_failed());
        };
        // A large write becomes many parts: each waits for its turn.
        let mut rest = bytes;
        while !rest.is_empty() {
            upload.wait_for_capacity(self.policy.at_once).await?;
            let next = rest.split_to(rest.len().min(self.policy.bytes));
            upload.put(next);
        }
        Ok(())
    }

    async fn forget(&mut self) {
        if let State::Parts(upload) = std::mem::replace(&mut self.state, State::Failed) {
            // What cannot be removed now is removed by the sweep, or by the bucket's rule.
            let _ = upload.abort().await;
        }
    }
}

fn already_failed() -> BlobError {
    BlobError::Failed("an earlier part of the blob could not be written".into())
}

fn attributes(headers: BlobHeaders) -> Attributes {
    let mut attributes = Attributes::new();
    if let Some(content_type) = headers.content_type {
        attributes.insert(Attribute::ContentType, content_type.into());
    }
    if let Some(disposition) = headers.content_disposition {
        attributes.insert(Attribute::ContentDisposition, disposition.into());
    }
    attributes
}

impl std::fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobWriter")
            .field("path", &self.path)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
