//! Blobs: uploads, exported files and whatever else is too large for a row; the seam and what is behind it.
//!
//! ```text
//! Blobs ── write ──> BlobWriter   parts of a bounded size; visible whole at `finish`, or never
//!       ── read  ──> BlobReader   a stream of chunks, of the whole or a range
//!       ── head, list, usage, delete, delete_all, sweep_unfinished, presigned
//! ```
//!
//! What is behind it is the `object_store` crate: a local directory, S3 or GCS, or memory for tests. Laws, held by
//! [`conformance`] for each of them: a blob is there whole or not at all, whatever is killed when; what `finish` has
//! returned for is durable; writing a name again replaces the blob in one step; deleting what is not there succeeds.
//! Names are made by this server ([`BlobKey`]), never by its clients. A full disk is told from every other failure.

mod cloud;
pub mod conformance;
mod error;
mod foreign;
mod key;
mod local;
mod reader;
pub mod signed;
mod sts;
mod transport;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use object_store::path::Path;
use object_store::signer::Signer;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _};

pub use cloud::{CloudOptions, GcsLocation, PlainHttp, S3Credentials, S3Key, S3Location};
pub use error::BlobError;
pub use foreign::{ForeignReader, check_foreign_name};
pub use key::{BlobKey, ParseBlobKeyError};
pub use reader::BlobReader;
pub use transport::{BlobTransport, TransportBody, TransportError};
pub use writer::BlobWriter;

use local::{LocalRoot, Survives};
use writer::PartPolicy;

/// What a download is called and said to be, where the store itself hands it out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobHeaders {
    /// `Content-Type`
    pub content_type: Option<&'static str>,
    /// `Content-Disposition`
    pub content_disposition: Option<String>,
}

/// One blob as a listing tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its name.
    pub key: BlobKey,
    /// Its length.
    pub bytes: u64,
    /// When it became visible.
    pub modified: Timestamp,
    /// Names this content: another content under the same name has another tag.
    pub etag: Option<String>,
}

/// A store of blobs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    signer: Option<Arc<dyn Signer>>,
    local: Option<LocalRoot>,
    parts: PartPolicy,
}

impl Blobs {
    /// The directory, which is made if it is not there. Nobody else may write below it.
    pub fn local(root: impl AsRef<std::path::Path>) -> Result<Self, BlobError> {
        Self::directory(root.as_ref(), Survives::PowerCut)
    }

    /// The directory for what can be had again: a blob is there whole or not at all after a crash, but a power cut may leave
    /// one that is empty or cut. Who reads it has to see that.
    pub fn local_unsynced(root: impl AsRef<std::path::Path>) -> Result<Self, BlobError> {
        Self::directory(root.as_ref(), Survives::Crash)
    }

    fn directory(root: &std::path::Path, survives: Survives) -> Result<Self, BlobError> {
        let (store, root) = local::open(root, survives)?;
        Ok(Self { store: Arc::new(store), signer: None, local: Some(root), parts: PartPolicy::LOCAL })
    }

    /// Memory, for tests.
    #[must_use]
    pub fn in_memory() -> Self {
        let store = Arc::new(object_store::memory::InMemory::new());
        Self { store, signer: None, local: None, parts: PartPolicy::LOCAL }
    }

    /// A bucket of S3 or of a server that speaks like it.
    pub fn s3(location: &S3Location, options: &CloudOptions) -> Result<Self, BlobError> {
        let (store, signer) = cloud::s3(location, options)?;
        Ok(Self { store, signer: Some(signer), local: None, parts: PartPolicy::CLOUD })
    }

    /// A bucket of Google Cloud Storage.
    pub fn gcs(location: &GcsLocation, options: &CloudOptions) -> Result<Self, BlobError> {
        let (store, signer) = cloud::gcs(location, options)?;
        Ok(Self { store, signer: Some(signer), local: None, parts: PartPolicy::CLOUD })
    }

    /// Begins to write a blob. Nobody sees it before [`BlobWriter::finish`].
    #[must_use]
    pub fn write(&self, key: &BlobKey, headers: BlobHeaders) -> BlobWriter {
        // A file system has nowhere to keep them.
        let headers = if self.parts == PartPolicy::CLOUD { headers } else { BlobHeaders::default() };
        BlobWriter::new(self.store.clone(), key.path(), self.parts, headers)
    }

    /// Writes a small blob at once.
    pub async fn put(&self, key: &BlobKey, bytes: bytes::Bytes) -> Result<(), BlobError> {
        self.store.put(&key.path(), bytes.into()).await.map(drop).map_err(BlobError::from)
    }

    /// Reads a blob, or the part of it that the range names; a range may end past the end but not begin there.
    pub async fn read(
        &self,
        key: &BlobKey,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<BlobReader, BlobError> {
        let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
        self.store.get_opts(&key.path(), options).await.map(BlobReader::new).map_err(BlobError::from)
    }

    /// Begins to read an object that somebody else has named, as a job's input is.
    pub async fn read_foreign(&self, name: &str) -> Result<ForeignReader, BlobError> {
        ForeignReader::open(self.store.clone(), name).await
    }

    /// What a blob is, without its bytes.
    pub async fn head(&self, key: &BlobKey) -> Result<BlobInfo, BlobError> {
        let meta = self.store.head(&key.path()).await?;
        info(meta).ok_or_else(|| BlobError::Missing(key.to_string()))
    }

    /// The blobs below a prefix (or all), in no order. What is being written is not among them.
    pub fn list(&self, prefix: Option<&BlobKey>) -> BoxStream<'static, Result<BlobInfo, BlobError>> {
        let prefix = prefix.map(BlobKey::path);
        self.store
            .list(prefix.as_ref())
            .map_err(BlobError::from)
            // A name that is none of ours is none of our blobs.
            .try_filter_map(|meta| std::future::ready(Ok(info(meta))))
            .boxed()
    }

    /// The bytes of all blobs below a prefix, or of all.
    pub async fn usage(&self, prefix: Option<&BlobKey>) -> Result<u64, BlobError> {
        self.list(prefix).try_fold(0, |sum, info| std::future::ready(Ok(sum + info.bytes))).await
    }

    /// Deletes a blob; that it is not there is no failure.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        match self.store.delete(&key.path()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes every blob below a prefix and tells how many there were.
    pub async fn delete_all(&self, prefix: &BlobKey) -> Result<u64, BlobError> {
        let mut deleted = 0;
        let paths: BoxStream<'static, object_store::Result<Path>> =
            self.store.list(Some(&prefix.path())).map_ok(|meta| meta.location).boxed();
        let mut outcomes = self.store.delete_stream(paths);
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(_) => deleted += 1,
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(deleted)
    }

    /// Removes what writers that died have left behind, of files last written before that time. A store in the cloud
    /// keeps such parts out of sight; its bucket's own rule for unfinished uploads removes them.
    pub async fn sweep_unfinished(&self, before: std::time::SystemTime) -> Result<u64, BlobError> {
        match &self.local {
            Some(root) => root.clone().sweep(before).await,
            None => Ok(0),
        }
    }

    /// Whether blobs are had from the store itself ([`presigned`](Self::presigned)).
    #[must_use]
    pub fn hands_out_its_own(&self) -> bool {
        self.signer.is_some()
    }

    /// A URL at the store itself that anybody may read the blob by for a while; `None` where this server has to hand
    /// it out ([`signed`]).
    pub async fn presigned(&self, key: &BlobKey, lives: Duration) -> Result<Option<String>, BlobError> {
        match &self.signer {
            Some(signer) => {
                let url = signer.signed_url(http::Method::GET, &key.path(), lives).await?;
                Ok(Some(url.to_string()))
            }
            None => Ok(None),
        }
    }
}

fn info(meta: ObjectMeta) -> Option<BlobInfo> {
    let modified = Timestamp::from_millisecond(meta.last_modified.timestamp_millis()).ok()?;
    Some(BlobInfo { key: meta.location.as_ref().parse().ok()?, bytes: meta.size, modified, etag: meta.e_tag })
}

#[cfg(test)]
mod tests;
