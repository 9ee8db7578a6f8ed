//! The system's clock, by what is at hand: it cannot be earlier than what was written before.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::finding::Finding;

const CHECK: &str = "clock";
/// No server ran before this program was written: 2026-01-01.
const EARLIEST: Duration = Duration::from_secs(1_767_225_600);
/// What file systems and their servers may be apart.
const SLACK: Duration = Duration::from_secs(60);
/// Files that are looked at below the data directory.
const FILES_MAX: usize = 10_000;
const MEND: &str =
    "set the clock (`timedatectl set-ntp true`): ids, leases, retention and signed links go by it";

pub(super) fn examine(data_dir: &Path) -> Finding {
    let now = SystemTime::now();
    if now < SystemTime::UNIX_EPOCH + EARLIEST {
        return Finding::fail(CHECK, "the clock says that it is before 2026".to_owned(), MEND);
    }
    match newest_below(data_dir).and_then(|newest| newest.duration_since(now).ok()) {
        Some(ahead) if ahead > SLACK => Finding::fail(
            CHECK,
            format!("what was written last in the data directory is {} s in the future", ahead.as_secs()),
            MEND,
        ),
        _ => Finding::ok(CHECK, "not earlier than what was written before".to_owned()),
    }
}

/// When something was written last: state, journals, whatever is there.
fn newest_below(directory: &Path) -> Option<SystemTime> {
    let (mut open, mut newest, mut seen) = (vec![directory.to_owned()], None, 0);
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            seen += 1;
            if seen > FILES_MAX {
                return newest;
            }
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                open.push(entry.path());
            } else if let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) {
                newest = newest.max(Some(modified));
            }
        }
    }
    newest
}
