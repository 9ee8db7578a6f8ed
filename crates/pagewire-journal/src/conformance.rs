//! One suite that every backend must pass: random histories, run beside the oracle in [`crate::memory`], compared at
//! each step and after each reopening.

use bytes::Bytes;

use crate::journal::{AppendError, Journal, Limit, Read};
use crate::keys::KeySpace;
use crate::memory::MemoryJournal;
use crate::record::{Fence, Key, Kind, NewRecord, Position};

/// The key space that the backend must be opened with.
pub const KEYS: KeySpace = KeySpace::Ordinals(1_000);

const HISTORIES: u64 = 20;
const STEPS: u64 = 40;

/// Runs the suite. `fresh` gives a function that opens one empty store, again and again, and what keeps it alive.
///
/// # Panics
/// Where the backend differs from the oracle.
pub async fn check<J: Journal, Open: Fn() -> J, Keep>(fresh: impl Fn() -> (Open, Keep)) {
    for seed in 0..HISTORIES {
        let (open, keep) = fresh();
        history(seed, &open).await;
        drop(keep);
    }
}

/// A small generator, so that a history is told by its seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

async fn history<J: Journal>(seed: u64, open: &impl Fn() -> J) {
    let mut dice = Dice(seed);
    let oracle = MemoryJournal::new(KEYS);
    let mut journal = open();
    let mut fence = 1;
    for step in 0..STEPS {
        let context = format!("history {seed}, step {step}");
        match dice.roll(10) {
            0 => {
                drop(journal);
                journal = open();
            }
            1 => fence += 1,
            2 if fence > 1 => {
                let batch = batch(&mut dice);
                let ours = journal.append(Fence(fence - 1), batch.clone()).await;
                let theirs = oracle.append(Fence(fence - 1), batch).await;
                assert_eq!(stale(&ours), stale(&theirs), "{context}: fencing");
            }
            _ => {
                let batch = batch(&mut dice);
                let ours = journal.append(Fence(fence), batch.clone()).await.expect("appends");
                let theirs = oracle.append(Fence(fence), batch).await.expect("appends");
                assert_eq!(ours, theirs, "{context}: outcome of an append");
            }
        }
        assert_eq!(*journal.tip().borrow(), *oracle.tip().borrow(), "{context}: tip");
        let tip = oracle.tip().borrow().position.0;
        let after = Position(dice.roll(tip + 3));
        let limit = Limit { records: 1 + dice.roll(8) as usize, bytes: 1 + dice.roll(400) as usize };
        compare(&journal, &oracle, after, limit, &context).await;
    }
    whole(&journal, &oracle, seed).await;
}

fn batch(dice: &mut Dice) -> Vec<NewRecord> {
    (0..=dice.roll(5))
        .map(|_| {
            let ordinal = dice.roll(120);
            NewRecord {
                key: Key(u128::from(ordinal)),
                kind: if dice.roll(4) == 0 { Kind::SECOND } else { Kind::FIRST },
                weight: u32::try_from(dice.roll(3)).unwrap_or(0),
                body: Bytes::from(vec![b'a' + (ordinal % 26) as u8; dice.roll(200) as usize]),
            }
        })
        .collect()
}

fn stale<T>(outcome: &Result<T, AppendError>) -> bool {
    matches!(outcome, Err(AppendError::StaleFence { .. }))
}

/// Backends may cut a read shorter than the oracle does, but never to nothing, and never differently.
async fn compare(
    journal: &impl Journal,
    oracle: &MemoryJournal,
    after: Position,
    limit: Limit,
    context: &str,
) {
    let ours = journal.read(after, limit).await.expect("reads");
    let theirs = oracle.read(after, limit).await.expect("reads");
    match (ours, theirs) {
        (Read::Records(ours), Read::Records(theirs)) => {
            assert!(!ours.is_empty() && ours.len() <= limit.records.max(1), "{context}: size of a read");
            let shared = ours.len().min(theirs.len());
            assert_eq!(ours[..shared], theirs[..shared], "{context}: records after {after}");
        }
        (ours, theirs) => assert_eq!(ours, theirs, "{context}: read after {after}"),
    }
}

async fn whole(journal: &impl Journal, oracle: &MemoryJournal, seed: u64) {
    let limit = Limit { records: 7, bytes: 1_000 };
    let mut after = Position::START;
    while let Read::Records(records) = journal.read(after, limit).await.expect("reads") {
        let all = Limit { records: records.len(), bytes: usize::MAX };
        let Read::Records(theirs) = oracle.read(after, all).await.expect("reads") else {
            panic!("history {seed}: the oracle has nothing after {after}");
        };
        assert_eq!(records, theirs, "history {seed}: records after {after}");
        after = records.last().map_or(after, |record| record.position);
    }
    assert_eq!(after, oracle.tip().borrow().position, "history {seed}: the last record");
}
