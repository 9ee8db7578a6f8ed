//! Puts pages into blobs, and takes them out, behind the answers: nobody waits for it. What it cannot keep up with is not
//! kept.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::TryStreamExt as _;
use pagewire_store::{BlobError, BlobInfo};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::key::{PREFIX, PageKey};
use super::{CachedPage, PageCache};

/// Bytes of pages that may wait to be written.
const WAITING_BYTES_MAX: u64 = 32 << 20;
/// Blobs that are written or deleted at once.
const AT_ONCE: usize = 8;
/// What is written still when the process goes down.
const LAST_WRITES: Duration = Duration::from_secs(2);

enum Task {
    Write(PageKey, Arc<CachedPage>),
    Delete(PageKey),
}

impl Task {
    fn key(&self) -> &PageKey {
        match self {
            Self::Write(key, _) | Self::Delete(key) => key,
        }
    }
}

/// The end that tasks are given to.
pub(super) struct Writer(Arc<Waiting>);

/// The end that they are taken from.
pub(super) struct Queue(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    state: Mutex<State>,
    more: Notify,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    bytes: u64,
}

pub(super) fn queue() -> (Writer, Queue) {
    let waiting = Arc::<Waiting>::default();
    (Writer(waiting.clone()), Queue(waiting))
}

impl Writer {
    /// Has a page written; false where too much waits.
    pub(super) fn write(&self, key: PageKey, page: Arc<CachedPage>) -> bool {
        {
            let mut state = self.0.lock();
            if state.bytes + page.blob_bytes() > WAITING_BYTES_MAX {
                return false;
            }
            state.bytes += page.blob_bytes();
            state.tasks.push_back(Task::Write(key, page));
        }
        self.0.more.notify_one();
        true
    }

    /// Has a page deleted. Those that wait for it are no more than there are pages.
    pub(super) fn delete(&self, key: PageKey) {
        self.0.lock().tasks.push_back(Task::Delete(key));
        self.0.more.notify_one();
    }
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// The next tasks, no two of one page: what becomes of a page becomes of it in order.
    fn take(&self) -> Vec<Task> {
        let mut state = self.0.lock();
        let (mut taken, mut pages) = (Vec::new(), HashSet::new());
        while taken.len() < AT_ONCE && state.tasks.front().is_some_and(|task| pages.insert(*task.key())) {
            if let Some(task) = state.tasks.pop_front() {
                if let Task::Write(_, page) = &task {
                    state.bytes -= page.blob_bytes();
                }
                taken.push(task);
            }
        }
        taken
    }
}

/// Finds what earlier processes have kept, and then does what there is to do until the process goes down.
pub(super) async fn run(cache: PageCache, queue: Queue, shutdown: CancellationToken) {
    tokio::select! {
        () = find(&cache) => {}
        () = shutdown.cancelled() => return,
    }
    while shutdown.run_until_cancelled(queue.0.more.notified()).await.is_some() {
        work_off(&cache, &queue).await;
    }
    let _ = tokio::time::timeout(LAST_WRITES, work_off(&cache, &queue)).await;
}

async fn work_off(cache: &PageCache, queue: &Queue) {
    loop {
        let tasks = queue.take();
        if tasks.is_empty() {
            return;
        }
        join_all(tasks.into_iter().map(|task| attempt(cache, task))).await;
        make_room(cache).await;
    }
}

async fn attempt(cache: &PageCache, task: Task) {
    let shared = &cache.shared;
    match task {
        Task::Delete(key) => told("deleted", shared.blobs.delete(&key.blob()).await),
        Task::Write(key, page) => {
            if let Err(error) = shared.blobs.put(&key.blob(), page.encode()).await {
                told("written", Err(error));
                shared.index.remove(&key);
                shared.pages.remove(&key);
                // What stands there is an older page, if any.
                told("deleted", shared.blobs.delete(&key.blob()).await);
            }
        }
    }
}

async fn make_room(cache: &PageCache) {
    let shared = &cache.shared;
    while let Some(key) = shared.index.pop_over(shared.settings.bytes) {
        shared.pages.remove(&key);
        told("deleted", shared.blobs.delete(&key.blob()).await);
    }
}

/// What was kept before is used as if in the order in which it was written.
async fn find(cache: &PageCache) {
    let shared = &cache.shared;
    let prefix = PREFIX.parse().expect("a constant that is a blob's name");
    let found: Result<Vec<BlobInfo>, BlobError> = shared.blobs.list(Some(&prefix)).try_collect().await;
    match found {
        Ok(mut blobs) => {
            blobs.sort_unstable_by_key(|blob| blob.modified);
            for blob in &blobs {
                if let Some(key) = PageKey::of_blob(&blob.key) {
                    shared.index.listed(key, blob.bytes);
                }
            }
            make_room(cache).await;
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the pages of the cache could not be listed; it begins empty"
            );
        }
    }
    shared.is_loaded.store(true, Ordering::Release);
}

fn told(what: &str, outcome: Result<(), BlobError>) {
    if let Err(error) = outcome {
        tracing::warn!(error = &error as &dyn std::error::Error, "a page of the cache could not be {what}");
    }
}
