//! The hashes that stand for what was seen. Half of a SHA-256's half: of the entries of one feed, no two are alike by
//! chance, and somebody who makes them alike hides entries of a feed of his own.

use aws_lc_rs::digest::{SHA256, digest};

/// What texts say together, each told from its neighbours by its length.
pub(super) fn of(parts: &[&str]) -> u64 {
    let mut text = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    of_bytes(&text)
}

pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
    let mut start = [0; 8];
    start.copy_from_slice(&digest(&SHA256, bytes).as_ref()[..8]);
    u64::from_le_bytes(start)
}
