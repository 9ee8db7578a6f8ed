//! A browser's group of processes: what it takes of memory, its end, and that nothing is left of it.
//!
//! A browser is many processes, most of which are children of its children. They stay in the group that it was started
//! with, by which all of them are found, killed and, since this process adopts what they leave behind, reaped. What watches a
//! full browser for crashes leaves the group; it is found by the profile's name.

use std::{ffi::OsStr, fs, io, os::unix::ffi::OsStrExt as _, path::Path, time::Duration};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpgid, waitpid};

/// How often it is looked whether a group that was killed is gone.
const REAP_POLL: Duration = Duration::from_millis(5);
/// How long that may take: a killed process goes at once unless a disk holds it.
const REAP_MAX: Duration = Duration::from_secs(5);

/// The processes of one browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group(Pid);

/// Processes of one browser that have left its group. They end when it does.
#[derive(Debug, Default)]
pub(super) struct Strays(Vec<Pid>);

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    pid: Pid,
    /// Bytes that are this process's alone.
    pub(super) private_bytes: u64,
    /// Whether it shows pages.
    pub(super) is_renderer: bool,
}

impl Group {
    /// The group of a process that leads one.
    pub(super) fn led_by(pid: u32) -> Option<Self> {
        i32::try_from(pid).ok().and_then(Pid::from_raw).map(Self)
    }

    /// Kills all of it.
    pub(super) fn kill(self) {
        match kill_process_group(self.0, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(%error, "a browser's processes could not be killed"),
        }
    }

    /// Kills all of it and waits until nothing is left, of what has left it neither.
    pub(super) async fn end(self, strays: &Strays) {
        self.kill();
        let deadline = tokio::time::Instant::now() + REAP_MAX;
        while !(self.reap() & strays.end()) {
            if tokio::time::Instant::now() > deadline {
                tracing::warn!("a browser's processes did not end in time");
                return;
            }
            tokio::time::sleep(REAP_POLL).await;
        }
    }

    /// Reaps what has ended; true when there is nothing more to wait for.
    pub(super) fn reap(self) -> bool {
        loop {
            match waitpgid(self.0, WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Its processes. Empty where the system tells nothing of them.
    pub(super) fn members(self) -> Vec<Member> {
        processes().filter_map(|pid| self.member(pid)).collect()
    }

    /// Those that have left it, which name the profile. They are there once the browser answers.
    pub(super) fn strays(self, profile: &Path) -> Strays {
        let is_stray = |pid: &i32| {
            let group = fs::read_to_string(format!("/proc/{pid}/stat")).ok().and_then(|stat| group_of(&stat));
            group.is_some_and(|group| group != self.0.as_raw_nonzero().get())
                && names(*pid, profile.as_os_str())
        };
        Strays(processes().filter(is_stray).filter_map(Pid::from_raw).collect())
    }

    fn member(self, pid: i32) -> Option<Member> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        if group_of(&stat)? != self.0.as_raw_nonzero().get() {
            return None;
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        Some(Member {
            pid: Pid::from_raw(pid)?,
            private_bytes: private_bytes(&status),
            is_renderer: command.windows(15).any(|part| part == b"--type=renderer"),
        })
    }
}

impl Strays {
    /// Kills those that run and reaps those that have ended; true when there is nothing more to wait for.
    fn end(&self) -> bool {
        let mut is_gone = true;
        for pid in &self.0 {
            // Only of a child is it said that it runs, and its number is no other's until it is reaped.
            if matches!(waitpid(Some(*pid), WaitOptions::NOHANG), Ok(None)) {
                is_gone = false;
                // It may have ended just now.
                let _ = kill_process(*pid, Signal::KILL);
            }
        }
        is_gone
    }
}

impl Member {
    /// Kills it alone.
    pub(super) fn kill(self) -> io::Result<()> {
        Ok(kill_process(self.pid, Signal::KILL)?)
    }
}

/// All processes that the system tells of.
fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Kills the browser of a server that was killed while its browser hung, so that it did not end with its pipe.
pub(super) fn kill_leftovers(profile: &Path) {
    for pid in processes().filter(|pid| names(*pid, profile.as_os_str())).filter_map(Pid::from_raw) {
        // It may have ended just now.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Whether a process has a text in its command line.
fn names(pid: i32, text: &OsStr) -> bool {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.windows(text.len()).any(|part| part == text.as_bytes())
}

/// Makes this process the one that what a browser leaves behind falls to, so that it can be reaped.
pub(super) fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!(%error, "what browsers leave behind is left to the init process");
    }
}

/// The process group in `/proc/PID/stat`: the third field after the name, which may hold anything but ends at the last
/// bracket.
fn group_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

/// What is neither a file's nor shared: of a browser, everything else is counted once for each process though it is there
/// but once.
fn private_bytes(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_of_a_process_is_read_whatever_its_name() {
        assert_eq!(group_of("42 (a) b) S 1 37 37 0 -1"), Some(37));
        assert_eq!(group_of("nothing"), None);
        assert_eq!(private_bytes("VmRSS:\t 900 kB\nRssAnon:\t     12 kB\nRssFile: 888 kB"), 12 << 10);
        assert_eq!(private_bytes(""), 0);
    }
}
