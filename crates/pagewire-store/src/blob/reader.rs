//! Reading a blob: chunk after chunk, as the reader asks for them.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use object_store::{GetResult, GetResultPayload};

use super::error::BlobError;

/// What one read of a file brings: enough that the hop to a thread that may block costs little beside it.
const CHUNK_BYTES: u64 = 256 << 10;

/// A blob, or a range of it, being read.
pub struct BlobReader {
    range: Range<u64>,
    blob_bytes: u64,
    etag: Option<String>,
    chunks: BoxStream<'static, Result<Bytes, BlobError>>,
}

impl BlobReader {
    pub(super) fn new(result: GetResult) -> Self {
        let range = result.range;
        let chunks = match result.payload {
            GetResultPayload::File(file, _) => file_chunks(file, range.clone()),
            GetResultPayload::Stream(stream) => stream.map_err(BlobError::from).boxed(),
        };
        Self { blob_bytes: result.meta.size, etag: result.meta.e_tag, range, chunks }
    }

    /// The range that is read.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// The length of the whole blob.
    #[must_use]
    pub fn blob_bytes(&self) -> u64 {
        self.blob_bytes
    }

    /// The tag of the content that is read.
    #[must_use]
    pub fn etag(&self) -> Option<&str> {
        self.etag.as_deref()
    }

    /// The next chunk; `None` at the end of the range.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        self.chunks.next().await.transpose()
    }

    /// The chunks as a stream.
    #[must_use]
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes, BlobError>> {
        self.chunks
    }

    /// All of it, which must not be more than that many bytes.
    pub async fn bytes(mut self, bytes_max: usize) -> Result<Bytes, BlobError> {
        let length = usize::try_from(self.range.end - self.range.start).unwrap_or(usize::MAX);
        if length > bytes_max {
            return Err(BlobError::Failed(
                format!("it has {length} bytes; {bytes_max} were expected").into(),
            ));
        }
        let mut all = Vec::with_capacity(length);
        while let Some(chunk) = self.next().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.into())
    }
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobReader").field("range", &self.range).finish_non_exhaustive()
    }
}

/// The file stays open: what is read is one content, even if the name is given to another meanwhile.
fn file_chunks(file: File, range: Range<u64>) -> BoxStream<'static, Result<Bytes, BlobError>> {
    let next = |(file, at, end): (File, u64, u64)| async move {
        if at >= end {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || read_chunk(file, at, end)).await;
        let (file, bytes) = read.map_err(|error| BlobError::Failed(error.into()))??;
        if bytes.is_empty() {
            return Err(BlobError::Failed("the file is shorter than it was".into()));
        }
        let at = at + bytes.len() as u64;
        Ok(Some((bytes, (file, at, end))))
    };
    stream::try_unfold((file, range.start, range.end), next).boxed()
}

fn read_chunk(mut file: File, at: u64, end: u64) -> std::io::Result<(File, Bytes)> {
    let length = (end - at).min(CHUNK_BYTES);
    let mut bytes = Vec::with_capacity(length as usize);
    file.seek(SeekFrom::Start(at))?;
    (&mut file).take(length).read_to_end(&mut bytes)?;
    Ok((file, bytes.into()))
}
