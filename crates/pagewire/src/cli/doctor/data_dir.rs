//! The data directory: whether it can be written, has room, and is on a file system that keeps what it is given.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use super::finding::Finding;
use crate::config::Checked;
use crate::config::byte_size::ByteSize;

const CHECK: &str = "data directory";
const SPACE: &str = "free space";
const KIND: &str = "file system";
/// With less than this a server soon refuses what it is given.
const FREE_LEAST: u64 = 256 << 20;
/// What jobs and journals should find beside what is configured.
const FREE_BESIDE: u64 = 4 << 30;

/// Whether a server runs on the directory.
pub(super) fn is_served(data_dir: &Path) -> bool {
    let lock = File::open(data_dir.join("lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

pub(super) fn examine(config: &Checked, is_served: bool) -> Vec<Finding> {
    let data_dir = &config.server.data_dir;
    // A server makes the directory; what counts until then is where.
    let there = data_dir.ancestors().find(|path| path.exists()).filter(|path| !path.as_os_str().is_empty());
    let there = there.unwrap_or(Path::new("."));
    let written = if there.is_dir() { try_out(there) } else { Err(io::ErrorKind::NotADirectory.into()) };
    if let Err(error) = written {
        let mend = format!(
            "make {} a directory that the server's user may write, or set `server.data_dir`",
            there.display()
        );
        return vec![Finding::fail(CHECK, format!("{} cannot be written: {error}", there.display()), mend)];
    }
    let state = match (is_served, there == data_dir) {
        (true, _) => "a server runs on it",
        (false, true) => "can be written",
        (false, false) => "is made when a server starts",
    };
    let mut findings = vec![Finding::ok(CHECK, format!("{} {state}", data_dir.display()))];
    findings.push(space(config, there));
    findings.extend(kind(there));
    findings
}

/// Writes, syncs and removes a file.
fn try_out(directory: &Path) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".pagewire-doctor-").tempfile_in(directory)?;
    file.write_all(b"doctor")?;
    file.as_file().sync_all()?;
    file.close()
}

fn space(config: &Checked, directory: &Path) -> Finding {
    let Ok(stat) = rustix::fs::statvfs(directory) else {
        return Finding::warn(SPACE, "the file system does not tell".to_owned(), "look with `df`");
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let wanted = config.cache.bytes.saturating_add(config.live.keep_bytes.0).saturating_add(FREE_BESIDE);
    let detail = format!("{} MiB are free", free >> 20);
    let room = format!("{} MiB", wanted >> 20);
    match free {
        _ if free < FREE_LEAST => Finding::fail(SPACE, detail, format!("make room: {room} are wanted")),
        _ if free < wanted => Finding::warn(
            SPACE,
            detail,
            format!(
                "{room} are wanted for what may be kept: make room, or lower `cache.bytes` ({}) and `live.keep_bytes`",
                ByteSize(config.cache.bytes)
            ),
        ),
        _ => Finding::ok(SPACE, detail),
    }
}

/// File systems on which something of what a server relies on does not hold.
#[cfg(target_os = "linux")]
fn kind(directory: &Path) -> Option<Finding> {
    const LOCKS: &str = "its locks and syncs are another machine's promise; use a local disk";
    const GOES: &str = "what is written there goes with it; mount a disk at the data directory";
    let stat = rustix::fs::statfs(directory).ok()?;
    // Numbers of linux/magic.h.
    let (name, why) = match stat.f_type as u32 {
        0x6969 => ("NFS", LOCKS),
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => ("SMB", LOCKS),
        0x6573_5546 => ("FUSE", "whether its syncs reach a disk depends on its program; use a local disk"),
        0x0102_1994 => ("memory (tmpfs)", GOES),
        0x794c_7630 => ("a container's layer (overlayfs)", GOES),
        _ => return Some(Finding::ok(KIND, "local".to_owned())),
    };
    Some(Finding::warn(KIND, format!("the data directory is on {name}"), why))
}

#[cfg(not(target_os = "linux"))]
fn kind(_: &Path) -> Option<Finding> {
    None
}
