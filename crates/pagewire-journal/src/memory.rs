//! A journal in memory that is obviously right: the oracle that other backends are compared with, and a stand-in for
//! tests above this crate. It is durable for nobody.

use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::journal::{AppendError, Appended, Journal, Limit, Read, ReadError, Tip};
use crate::keys::{KeySet, KeySpace};
use crate::record::{Fence, Key, NewRecord, Position, Record};

/// Records in a vector.
#[derive(Debug)]
pub struct MemoryJournal {
    state: Mutex<State>,
    tip: watch::Sender<Tip>,
}

#[derive(Debug)]
struct State {
    keys: KeySet,
    held: Vec<(Key, Record)>,
    fence: Fence,
    tip: Tip,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new(space: KeySpace) -> Self {
        let state = State {
            keys: KeySet::new(space),
            held: Vec::new(),
            fence: Fence::default(),
            tip: Tip::default(),
        };
        Self { state: Mutex::new(state), tip: watch::Sender::new(Tip::default()) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append_now(&self, fence: Fence, batch: Vec<NewRecord>) -> Result<Vec<Appended>, AppendError> {
        let mut state = self.lock();
        if fence < state.fence {
            return Err(AppendError::StaleFence { given: fence.0, newest: state.fence.0 });
        }
        if batch.iter().any(|record| !state.keys.admits(record.key)) {
            return Err(AppendError::Refused("its key is outside the key space"));
        }
        let mut outcome = Vec::with_capacity(batch.len());
        for record in batch {
            if state.keys.contains(record.key) {
                outcome.push(Appended::Duplicate);
                continue;
            }
            state.fence = fence;
            state.keys.insert(record.key);
            let position = state.tip.position.next();
            state.tip.position = position;
            state.tip.tally.add(record.kind, record.weight);
            let NewRecord { key, kind, weight, body } = record;
            let record = Record { position, kind, weight, body, committed_us: 0, committed_at: None };
            state.held.push((key, record));
            outcome.push(Appended::At(position));
        }
        self.tip.send_replace(state.tip);
        Ok(outcome)
    }

    fn read_now(&self, after: Position, limit: Limit) -> Read {
        let state = self.lock();
        let tip = state.tip.position;
        let oldest = state.held.first().map_or(tip.next(), |(_, record)| record.position);
        if after > tip {
            return Read::PastTip { tip };
        }
        if after == tip {
            return Read::AtTip;
        }
        if after.next() < oldest {
            return Read::Expired { oldest };
        }
        let mut records: Vec<Record> = Vec::new();
        let mut bytes = 0;
        for (_, record) in state.held.iter().filter(|(_, record)| record.position > after) {
            let full = records.len() >= limit.records || bytes + record.body.len() > limit.bytes;
            if full && !records.is_empty() {
                break;
            }
            bytes += record.body.len();
            records.push(record.clone());
        }
        Read::Records(records)
    }
}

impl Journal for MemoryJournal {
    fn append(
        &self,
        fence: Fence,
        batch: Vec<NewRecord>,
    ) -> BoxFuture<'_, Result<Vec<Appended>, AppendError>> {
        Box::pin(async move { self.append_now(fence, batch) })
    }

    fn read(&self, after: Position, limit: Limit) -> BoxFuture<'_, Result<Read, ReadError>> {
        Box::pin(async move { Ok(self.read_now(after, limit)) })
    }

    fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.subscribe()
    }

    fn trim(&self, through: Position) -> BoxFuture<'_, Result<(), AppendError>> {
        Box::pin(async move {
            let mut state = self.lock();
            let State { keys, held, .. } = &mut *state;
            held.retain(|(key, record)| {
                let keep = record.position > through;
                if !keep {
                    keys.forget(*key);
                }
                keep
            });
            Ok(())
        })
    }
}
