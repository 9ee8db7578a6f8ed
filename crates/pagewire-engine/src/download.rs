//! Links to the files of jobs, for whoever is given one, and what they lead to.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use pagewire_store::blob::signed::{Download, KeyRing, LINK_LIFE_MAX, LinkError, LinkQuery};
use pagewire_store::{BlobError, BlobKey, FileRow};
use pagewire_types::{RunId, WorkspaceId};

use crate::account::Caller;
use crate::engine::Engine;
use crate::job::view::JobWithFiles;
use crate::refusal::{Refusal, damaged};

/// The longest that S3 and GCS take for a link (AWS Signature Version 4).
const PRESIGNED_LIFE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where a file is had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// At this server: path and query.
    Here(String),
    /// At the store itself.
    Elsewhere(String),
}

/// The parts of a link that came in, unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedLink {
    /// Which file.
    pub object: String,
    /// What it is called.
    pub filename: String,
    /// Whose it is.
    pub workspace: String,
    /// Until when it is good.
    pub expires: String,
    /// Which key signed it.
    pub key_id: String,
    /// The signature.
    pub signature: String,
}

/// Why a link leads nowhere.
#[derive(Debug, thiserror::Error)]
pub enum DownloadRefusal {
    /// It was not made here, or changed, or the file is gone.
    #[error("there is no such file, or the link was changed")]
    NotFound,
    /// It was good once.
    #[error("the link has expired; ask for the job again to get a new one")]
    Expired,
    /// Something failed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The file cannot be read.
    #[error("the file could not be read")]
    Blob(#[from] BlobError),
}

/// A file that may be read.
#[derive(Debug, Clone)]
pub struct Downloadable {
    /// The file.
    pub file: FileRow,
    key: BlobKey,
}

impl Engine {
    /// Links to the files of a job, in their order, and until when they are good.
    pub async fn links(
        &self,
        caller: &Caller,
        job: &JobWithFiles,
    ) -> Result<(Vec<Link>, Timestamp), Refusal> {
        let now = Timestamp::now();
        let longest = if self.blobs.hands_out_its_own() { PRESIGNED_LIFE_MAX } else { LINK_LIFE_MAX };
        let lives = Duration::from_secs(job.expires_in_s).min(longest);
        let mut links = Vec::with_capacity(job.files.len());
        for file in &job.files {
            let key: BlobKey = file.blob.parse().map_err(|_| damaged("a file's name"))?;
            if let Some(url) = self.blobs.presigned(&key, lives).await? {
                links.push(Link::Elsewhere(url));
                continue;
            }
            let download = Download {
                object: object_of(job.id, file.part),
                workspace: caller.workspace.id.as_str().to_owned(),
                filename: file.name.clone(),
            };
            let link = self.links.sign(&download, now, lives).map_err(|_| damaged("a file's name"))?;
            links.push(Link::Here(link));
        }
        let seconds = i64::try_from(lives.as_secs()).unwrap_or(0);
        Ok((links, now + jiff::SignedDuration::from_secs(seconds)))
    }

    /// Judges a link, then looks the file up.
    pub async fn download(&self, link: PresentedLink) -> Result<Downloadable, DownloadRefusal> {
        let download = Download { object: link.object, workspace: link.workspace, filename: link.filename };
        let query = LinkQuery { expires: &link.expires, key_id: &link.key_id, signature: &link.signature };
        self.links.verify(&download, &query, Timestamp::now()).map_err(|error| match error {
            LinkError::Forged => DownloadRefusal::NotFound,
            LinkError::Expired => DownloadRefusal::Expired,
        })?;
        let (id, part) = parse_object(&download.object).ok_or(DownloadRefusal::NotFound)?;
        let workspace: WorkspaceId = download.workspace.parse().map_err(|_| DownloadRefusal::NotFound)?;
        let owned = self.store.is_run_of(workspace, id).await.map_err(Refusal::from)?;
        if !owned {
            return Err(DownloadRefusal::NotFound);
        }
        let files = self.store.files(id).await.map_err(Refusal::from)?;
        let file = files.into_iter().find(|file| file.part == part).ok_or(DownloadRefusal::NotFound)?;
        let key = file.blob.parse().map_err(|_| damaged("a file's name"))?;
        Ok(Downloadable { file, key })
    }

    /// The bytes of a file, or of a part of it.
    pub async fn read_file(
        &self,
        file: &Downloadable,
        range: Option<Range<u64>>,
    ) -> Result<BoxStream<'static, Result<Bytes, BlobError>>, DownloadRefusal> {
        Ok(self.blobs.read(&file.key, range).await?.into_stream())
    }
}

fn object_of(id: RunId, part: u32) -> String {
    format!("{}.{part}", id.job_id())
}

fn parse_object(object: &str) -> Option<(RunId, u32)> {
    let (id, part) = object.split_once('.')?;
    Some((RunId::parse_job_id(id).ok()?, part.parse().ok()?))
}

/// What the keys of links are made of, for the one who puts the engine together.
pub type LinkKeys = Arc<KeyRing>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_back() {
        let id = RunId::generate();
        assert_eq!(parse_object(&object_of(id, 7)), Some((id, 7)));
        for text in ["", "job_1.1", "../x", &id.job_id(), &format!("{}.x", id.job_id())] {
            assert_eq!(parse_object(text), None, "{text}");
        }
    }
}
