//! An archive's files: a `warcinfo` record, and then the records of each page, as they stand in the journal.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::Bytes;
use jiff::Timestamp;
use pagewire_journal::{Cursor, Journal, Limit, Position};
use pagewire_store::{BlobHeaders, BlobKey, BlobWriter, Blobs};
use pagewire_types::RunId;
use uuid::Builder;

use super::split;
use super::warc::Record;
use crate::export::{ExportError, FileEntry, Sums};
use crate::job::OutputError;

/// What is read of the journal at once: each thread that reads may keep as much for a while.
const BATCH: Limit = Limit { records: 256, bytes: 1 << 20 };

/// What an archive's files are made of.
pub(crate) struct ArchiveFiles {
    pub(crate) id: RunId,
    /// The run's journal with what is archived in it.
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) created_at: Timestamp,
    /// Where a file ends and the next begins.
    pub(crate) part_bytes_max: u64,
}

/// Writes the files below a prefix: `archive-00001.warc.gz` and so on. The same journal makes the same bytes.
pub(crate) async fn write(
    source: &ArchiveFiles,
    blobs: &Blobs,
    prefix: &BlobKey,
) -> Result<Vec<FileEntry>, OutputError> {
    let mut files = Vec::new();
    let mut open = Open::begin(source, blobs, prefix, 1).await?;
    let mut cursor = Cursor::new(source.journal.clone(), Position::START);
    while let Some(records) = cursor.try_next(BATCH).await? {
        for record in records {
            let Some(warc) = split(&record.body).warc else { continue };
            if open.rows > 0 && open.bytes + warc.len() as u64 > source.part_bytes_max {
                let next = Open::begin(source, blobs, prefix, files.len() + 2).await?;
                files.push(std::mem::replace(&mut open, next).end().await?);
            }
            open.push(warc).await?;
            open.rows += 1;
        }
    }
    files.push(open.end().await?);
    Ok(files)
}

/// A file being written.
struct Open {
    name: String,
    writer: BlobWriter,
    hash: Context,
    bytes: u64,
    rows: u64,
}

impl Open {
    async fn begin(
        source: &ArchiveFiles,
        blobs: &Blobs,
        prefix: &BlobKey,
        part: usize,
    ) -> Result<Self, OutputError> {
        let name = format!("archive-{part:05}.warc.gz");
        let headers = BlobHeaders {
            content_type: Some("application/warc"),
            content_disposition: Some(format!("attachment; filename=\"{name}\"")),
        };
        let key = prefix.join(&name).map_err(|error| ExportError::Encode(error.into()))?;
        let writer = blobs.write(&key, headers);
        let mut open = Self { name, writer, hash: Context::new(&SHA256), bytes: 0, rows: 0 };
        open.push(info(source, &open.name)).await?;
        Ok(open)
    }

    async fn push(&mut self, bytes: Bytes) -> Result<(), OutputError> {
        self.hash.update(&bytes);
        self.bytes += bytes.len() as u64;
        Ok(self.writer.write(bytes).await?)
    }

    async fn end(self) -> Result<FileEntry, OutputError> {
        self.writer.finish().await?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.hash.finish().as_ref());
        Ok(FileEntry::new(self.name, &Sums { bytes: self.bytes, rows: self.rows, sha256 }))
    }
}

/// What a file says of itself first.
fn info(source: &ArchiveFiles, name: &str) -> Bytes {
    let job = source.id.job_id();
    let payload = format!(
        "software: Pagewire/{}\r\nformat: WARC File Format 1.1\r\n\
         conformsTo: http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/\r\n\
         isPartOf: {job}\r\n",
        env!("CARGO_PKG_VERSION")
    );
    let mut id = [0; 16];
    id.copy_from_slice(&digest(&SHA256, format!("{job} {name}").as_bytes()).as_ref()[..16]);
    let mut out = Vec::new();
    Record {
        kind: "warcinfo",
        id: Builder::from_random_bytes(id).into_uuid(),
        at: source.created_at,
        target: None,
        extra: &[("WARC-Filename", name)],
        content_type: "application/warc-fields",
        head: Vec::new(),
        payload: payload.as_bytes(),
    }
    .write(&mut out);
    Bytes::from(out)
}
