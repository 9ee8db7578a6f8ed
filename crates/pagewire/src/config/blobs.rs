//! `[blobs]`: where uploads and the files of jobs are kept.

use super::judge::Judge;
use super::object_store::ObjectStore;
use super::raw;

/// Where blobs are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlobPlace {
    /// In the data directory.
    Directory,
    /// In a bucket of S3, by the key of `[object_store.s3]`.
    S3(String),
    /// In a bucket of Google Cloud Storage, by the account of `[object_store.gcs]`.
    Gcs(String),
}

impl Judge {
    pub(super) fn blobs(&mut self, raw: &raw::Blobs, stores: &ObjectStore) -> BlobPlace {
        let text = raw.bucket.as_deref().unwrap_or_default();
        if text.is_empty() {
            return BlobPlace::Directory;
        }
        let (place, name, has_key, readable) = if let Some(name) = text.strip_prefix("s3://") {
            (BlobPlace::S3(name.to_owned()), name, stores.s3.key.is_some(), &stores.s3.buckets)
        } else if let Some(name) = text.strip_prefix("gs://") {
            let has_key = stores.gcs.service_account_file.is_some();
            (BlobPlace::Gcs(name.to_owned()), name, has_key, &stores.gcs.buckets)
        } else {
            self.fault(
                KEY,
                format!("{text:?}"),
                "empty, or a bucket such as \"s3://pages\" or \"gs://pages\"",
            );
            return BlobPlace::Directory;
        };
        if name.is_empty() || name.contains('/') {
            self.fault(KEY, format!("{text:?}"), "the name of a bucket alone, without a path");
        }
        if !has_key {
            self.fault(KEY, format!("{text:?}"), "a bucket for which [object_store] has a key");
        }
        // Else each workspace could name the files of the others as its list.
        if readable.iter().any(|pattern| covers(pattern, name)) {
            self.fault(
                KEY,
                format!("{text:?}"),
                "a bucket that no job may read its list from (`buckets` in [object_store])",
            );
        }
        place
    }
}

const KEY: &str = "blobs.bucket";

/// Whether a pattern of `buckets` stands for the name.
fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => pattern == name,
    }
}
