//! Reading an object that belongs to somebody else, who may replace or remove it meanwhile.
//!
//! It is read in parts, each a request of its own, so that a slow reader holds no connection and one that broke is taken
//! up where it stopped. Each part is asked for under the tag that the object had at first (`If-Match`), and looked at
//! again when it comes: what is read is one content, or the read fails.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _};

use super::error::BlobError;
use super::reader::BlobReader;

/// Bytes of one request.
const PART_BYTES: u64 = 8 << 20;
/// How often in a row a part may break off before the object is given up.
const BREAKS_MAX: u32 = 4;
/// The wait after the first break; it doubles from there.
const BREAK_PAUSE: Duration = Duration::from_millis(250);

/// An object that is being read.
#[derive(Debug)]
pub struct ForeignReader {
    object: Object,
    at: u64,
    part: Option<BlobReader>,
    breaks: u32,
}

/// Where an object is, and what it was at first.
#[derive(Debug)]
struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
    meta: ObjectMeta,
}

/// Whether an object can be asked for by that name.
pub fn check_foreign_name(name: &str) -> Result<(), BlobError> {
    parse(name).map(drop)
}

fn parse(name: &str) -> Result<Path, BlobError> {
    let path = Path::parse(name).map_err(|error| BlobError::Failed(error.into()))?;
    // It passes over slashes at the ends, which would ask for another object.
    if path.as_ref() == name && !name.is_empty() {
        Ok(path)
    } else {
        Err(BlobError::Failed("the name has empty parts".into()))
    }
}

impl ForeignReader {
    pub(super) async fn open(store: Arc<dyn ObjectStore>, name: &str) -> Result<Self, BlobError> {
        let path = parse(name)?;
        let meta = store.head(&path).await?;
        Ok(Self { object: Object { store, path, meta }, at: 0, part: None, breaks: 0 })
    }

    /// The length of the object.
    #[must_use]
    pub fn object_bytes(&self) -> u64 {
        self.object.meta.size
    }

    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BlobError> {
        while self.at < self.object.meta.size {
            match self.advance().await {
                Ok(Some(bytes)) => {
                    self.at += bytes.len() as u64;
                    self.breaks = 0;
                    return Ok(Some(bytes));
                }
                Ok(None) => self.part = None,
                Err(BlobError::Failed(_)) if self.breaks < BREAKS_MAX => {
                    self.part = None;
                    tokio::time::sleep(BREAK_PAUSE * (1 << self.breaks)).await;
                    self.breaks += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// All of it, which must not be more than that many bytes.
    pub async fn bytes(mut self, bytes_max: u64) -> Result<Bytes, BlobError> {
        if self.object.meta.size > bytes_max {
            return Err(BlobError::Failed(format!("it has more than {bytes_max} bytes").into()));
        }
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all.into())
    }

    /// Reads on in the part, or asks for the next one.
    async fn advance(&mut self) -> Result<Option<Bytes>, BlobError> {
        let part = match &mut self.part {
            Some(part) => part,
            None => {
                let part = self.object.part(self.at).await?;
                self.part.insert(part)
            }
        };
        let end = part.range().end;
        match part.next().await? {
            Some(bytes) if self.at + bytes.len() as u64 > end => {
                Err(BlobError::Failed("the store gives more than was asked for".into()))
            }
            None if self.at < end => Err(BlobError::Failed("a part of the object ended early".into())),
            other => Ok(other),
        }
    }
}

impl Object {
    /// The part that begins there.
    async fn part(&self, at: u64) -> Result<BlobReader, BlobError> {
        let range = at..self.meta.size.min(at + PART_BYTES);
        let mut options = GetOptions { range: Some(range.clone().into()), ..GetOptions::default() };
        match &self.meta.e_tag {
            Some(etag) => options.if_match = Some(etag.clone()),
            None => options.if_unmodified_since = Some(self.meta.last_modified),
        }
        let part = self.store.get_opts(&self.path, options).await?;
        // There are stores that pass over conditions.
        if part.meta.e_tag != self.meta.e_tag || part.meta.size != self.meta.size {
            return Err(BlobError::Changed("the store has another content under this name now".into()));
        }
        if part.range != range {
            return Err(BlobError::Failed("the store gives another part than was asked for".into()));
        }
        Ok(BlobReader::new(part))
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    async fn store(bytes: usize) -> Arc<InMemory> {
        let store = Arc::new(InMemory::new());
        store.put(&Path::from("a"), vec![7; bytes].into()).await.expect("stored");
        store
    }

    #[tokio::test]
    async fn an_object_of_several_parts_is_read_whole() {
        let length = 2 * PART_BYTES as usize + 3;
        let reader = ForeignReader::open(store(length).await, "a").await.expect("there");
        assert_eq!(reader.object_bytes(), length as u64);
        assert_eq!(reader.bytes(1 << 30).await.expect("read"), vec![7; length]);
        let empty = ForeignReader::open(store(0).await, "a").await.expect("there");
        assert_eq!(empty.bytes(1).await.expect("read"), "");
    }

    #[tokio::test]
    async fn an_object_that_is_replaced_or_removed_meanwhile_is_not_read_on() {
        for removed in [false, true] {
            let store = store(PART_BYTES as usize + 3).await;
            let mut reader = ForeignReader::open(store.clone(), "a").await.expect("there");
            assert!(reader.next().await.expect("the first part").is_some());
            if removed {
                store.delete(&Path::from("a")).await.expect("removed");
            } else {
                store.put(&Path::from("a"), vec![8; PART_BYTES as usize + 3].into()).await.expect("replaced");
            }
            let error = loop {
                match reader.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("it was read to its end"),
                    Err(error) => break error,
                }
            };
            match removed {
                false => assert!(matches!(error, BlobError::Changed(_)), "{error:?}"),
                true => assert!(matches!(error, BlobError::Missing(_)), "{error:?}"),
            }
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for name in ["a", "lists/May 2026/urls+more.ndjson", "ä/ö"] {
            assert!(check_foreign_name(name).is_ok(), "{name}");
        }
        for name in ["", "../a", "a/../b", "a//b", "/a", "a/", "a/./b", "a/\u{0}b"] {
            assert!(check_foreign_name(name).is_err(), "{name:?}");
        }
    }
}
