//! The local directory: atomic by a temporary name, a sync, a rename and a sync of the directory.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use object_store::local::LocalFileSystem;

use super::error::BlobError;

/// How deep directories of blobs may nest when they are swept: a key has no more segments than it has bytes for.
const DEPTH_MAX: usize = 256;

/// The root of a local store.
#[derive(Debug, Clone)]
pub(super) struct LocalRoot(Arc<Path>);

/// What a blob survives once its writer has been told that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Survives {
    /// A power cut.
    PowerCut,
    /// A crash of this process only.
    Crash,
}

pub(super) fn open(root: &Path, survives: Survives) -> Result<(LocalFileSystem, LocalRoot), BlobError> {
    fs::create_dir_all(root)?;
    let root: PathBuf = root.canonicalize()?;
    let store = LocalFileSystem::new_with_prefix(&root)?
        .with_fsync(survives == Survives::PowerCut)
        .with_automatic_cleanup(true);
    Ok((store, LocalRoot(root.into())))
}

impl LocalRoot {
    /// Removes files of writers that died: the name of a file that is being written ends in `#` and a number, which
    /// no key does.
    pub(super) async fn sweep(self, before: SystemTime) -> Result<u64, BlobError> {
        tokio::task::spawn_blocking(move || sweep(&self.0, before))
            .await
            .map_err(|error| BlobError::Failed(error.into()))?
            .map_err(BlobError::from)
    }
}

fn sweep(root: &Path, before: SystemTime) -> std::io::Result<u64> {
    let mut removed = 0;
    let mut open = vec![(root.to_path_buf(), 0)];
    while let Some((directory, depth)) = open.pop() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            // Of the entry itself: a link is not followed.
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < DEPTH_MAX {
                open.push((entry.path(), depth + 1));
            } else if kind.is_file() && is_unfinished(&entry.path()) && modified(&entry)? < before {
                match fs::remove_file(entry.path()) {
                    Ok(()) => removed += 1,
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(removed)
}

fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.rsplit_once('#'))
        .is_some_and(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn modified(entry: &fs::DirEntry) -> std::io::Result<SystemTime> {
    match entry.metadata() {
        Ok(metadata) => metadata.modified(),
        // It was finished or removed just now.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(SystemTime::now()),
        Err(error) => Err(error),
    }
}
