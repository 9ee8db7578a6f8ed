//! Group commit: records that are ready at about the same time share one sync.
//!
//! Producers push without waiting; one committer takes what is pending when it is old enough or enough, and appends it
//! as one batch. The bound of what is pending is the producers' own: they hold a permit for each record, which they
//! get back only after its commit.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::journal::{AppendError, Appended, Journal};
use crate::record::{Fence, NewRecord};

/// When a batch is committed.
#[derive(Debug, Clone, Copy)]
pub struct GroupPolicy {
    /// The longest that a record waits for others.
    pub linger: Duration,
    /// So many records are committed without waiting.
    pub records: usize,
    /// So many bytes are committed without waiting.
    pub bytes: usize,
}

/// The records that wait for the next commit.
#[derive(Debug)]
pub struct GroupCommit {
    policy: GroupPolicy,
    pending: Mutex<Pending>,
    first: Notify,
    full: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    records: Vec<NewRecord>,
    bytes: usize,
    closed: bool,
}

impl GroupCommit {
    /// An empty group.
    #[must_use]
    pub fn new(policy: GroupPolicy) -> Self {
        Self { policy, pending: Mutex::new(Pending::default()), first: Notify::new(), full: Notify::new() }
    }

    /// Adds a record to the next batch.
    pub fn push(&self, record: NewRecord) {
        let (first, full) = {
            let mut pending = self.lock();
            pending.bytes += record.body.len();
            pending.records.push(record);
            (pending.records.len() == 1, self.is_full(&pending))
        };
        if first {
            self.first.notify_one();
        }
        if full {
            self.full.notify_one();
        }
    }

    /// Records that wait for the next commit.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.lock().records.len()
    }

    /// Lets the committer end once it has committed what is pending.
    pub fn close(&self) {
        self.lock().closed = true;
        self.first.notify_one();
        self.full.notify_one();
    }

    /// Commits batches until the group is closed and empty, or an append fails; what was not appended is kept for the
    /// next call. One committer at a time. Each record
    /// that is durable is told to `committed`, with the bytes of its body.
    pub async fn commit_to(
        &self,
        journal: &dyn Journal,
        fence: Fence,
        mut committed: impl FnMut(&[(Appended, usize)]),
    ) -> Result<(), AppendError> {
        loop {
            let (is_empty, is_full, closed) = {
                let pending = self.lock();
                (pending.records.is_empty(), self.is_full(&pending), pending.closed)
            };
            if is_empty {
                if closed {
                    return Ok(());
                }
                self.first.notified().await;
                continue;
            }
            if !is_full && !closed {
                // A stale `full` permit only makes this batch smaller; the deadline makes it no older than `linger`.
                let _ = tokio::time::timeout(self.policy.linger, self.full.notified()).await;
            }
            let batch = {
                let mut pending = self.lock();
                pending.bytes = 0;
                std::mem::take(&mut pending.records)
            };
            let sizes: Vec<usize> = batch.iter().map(|record| record.body.len()).collect();
            // Bodies are shared, so that a batch that could not be written costs nothing to keep.
            let outcome = match journal.append(fence, batch.clone()).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    self.put_back(batch);
                    return Err(error);
                }
            };
            let settled: Vec<(Appended, usize)> = outcome.into_iter().zip(sizes).collect();
            committed(&settled);
        }
    }

    /// What was not appended comes first in the next commit.
    fn put_back(&self, mut batch: Vec<NewRecord>) {
        let mut pending = self.lock();
        batch.append(&mut pending.records);
        pending.bytes = batch.iter().map(|record| record.body.len()).sum();
        pending.records = batch;
    }

    fn is_full(&self, pending: &Pending) -> bool {
        pending.records.len() >= self.policy.records || pending.bytes >= self.policy.bytes
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::keys::KeySpace;
    use crate::memory::MemoryJournal;
    use crate::record::{Key, Kind, Position};

    fn record(ordinal: u128) -> NewRecord {
        NewRecord { key: Key(ordinal), kind: Kind::FIRST, weight: 1, body: Bytes::from_static(b"{}") }
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_alone_waits_no_longer_than_the_linger() {
        let group =
            GroupCommit::new(GroupPolicy { linger: Duration::from_millis(5), records: 100, bytes: 1 << 20 });
        let journal = MemoryJournal::new(KeySpace::Ordinals(10));
        let committed = async {
            let started = tokio::time::Instant::now();
            group.push(record(0));
            let mut tip = journal.tip();
            tip.wait_for(|tip| tip.position == Position(1)).await.expect("the journal lives");
            group.close();
            started.elapsed()
        };
        let (outcome, waited) = tokio::join!(group.commit_to(&journal, Fence(1), |_| {}), committed);
        outcome.expect("commits");
        assert!(waited <= Duration::from_millis(6), "{waited:?}");
    }

    #[tokio::test]
    async fn what_could_not_be_appended_is_committed_by_the_next_call_in_its_order() {
        let group = GroupCommit::new(GroupPolicy { linger: Duration::ZERO, records: 100, bytes: 1 << 20 });
        let journal = MemoryJournal::new(KeySpace::Ordinals(10));
        journal.append(Fence(2), vec![record(9)]).await.expect("appended");
        group.push(record(0));
        group.push(record(1));
        let refused = group.commit_to(&journal, Fence(1), |_| {}).await;
        assert!(matches!(refused, Err(AppendError::StaleFence { .. })), "{refused:?}");
        assert_eq!(group.pending(), 2);
        group.push(record(2));
        group.close();
        let mut appended = Vec::new();
        group
            .commit_to(&journal, Fence(2), |settled| appended.extend(settled.iter().map(|(at, _)| *at)))
            .await
            .expect("committed");
        assert_eq!(appended, [2, 3, 4].map(|at| Appended::At(Position(at))));
    }
}
