//! Starts a browser: its profile, its process group, its pipe.
//!
//! The pipe is handed over by a shell, which is what ships with every system and moves descriptors without unsafe code: the
//! browser reads commands at descriptor 3 and writes at 4. It ends when the pipe does, so also when this process is killed.
//! It gets no environment but the few variables it needs, so none of this process's secrets.

use std::{
    io,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use tempfile::TempDir;
use tokio::{io::AsyncReadExt as _, net::unix::pipe};

use super::{config::RenderConfig, error::RenderError, find::FoundBrowser, flags, group, group::Group};

const SHELL: &str = "/bin/sh";
const HAND_OVER: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;
/// Of what the browser complains about, what is kept to be told if it does not start.
const COMPLAINT_BYTES_MAX: usize = 2_048;

/// A process that was started.
pub(super) struct Launched {
    pub(super) group: Group,
    pub(super) writer: pipe::Sender,
    pub(super) reader: pipe::Receiver,
    pub(super) complaints: Complaints,
    /// Removed with its owner.
    pub(super) profile: TempDir,
}

/// The last that a browser wrote to its standard error.
#[derive(Debug, Clone, Default)]
pub(super) struct Complaints(Arc<Mutex<Vec<u8>>>);

/// Starts a browser's process.
pub(super) fn launch(
    config: &RenderConfig,
    browser: &FoundBrowser,
    user_agent: &str,
) -> Result<Launched, RenderError> {
    let failed = |reason: &io::Error| RenderError::Launch {
        program: browser.program.display().to_string(),
        reason: reason.to_string(),
    };
    let profile = make_profile(&config.profiles).map_err(|error| failed(&error))?;
    let mut command = Command::new(SHELL);
    command
        .args(["-c", HAND_OVER])
        .arg(&browser.program)
        .args(flags::arguments(profile.path(), user_agent, config.sandbox, config.page_memory_bytes_max))
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", profile.path())
        .env("TMPDIR", profile.path())
        .env("XDG_CONFIG_HOME", profile.path())
        .env("XDG_CACHE_HOME", profile.path())
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC")
        .current_dir(profile.path())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(&error))?;
    let group = Group::led_by(child.id()).ok_or_else(|| failed(&io::Error::other("it has no process id")))?;
    let pipes = child.stdin.take().zip(child.stdout.take()).zip(child.stderr.take());
    let opened =
        pipes.ok_or_else(|| io::Error::other("it has no pipes")).and_then(|((input, output), error)| {
            let writer = pipe::Sender::from_owned_fd(OwnedFd::from(input))?;
            let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(output))?;
            Ok((writer, reader, pipe::Receiver::from_owned_fd(OwnedFd::from(error))?))
        });
    let (writer, reader, error) = opened.map_err(|error| {
        group.kill();
        failed(&error)
    })?;
    let complaints = Complaints::default();
    // Ends with the process, whose standard error it reads.
    tokio::spawn(complaints.clone().read(error));
    Ok(Launched { group, writer, reader, complaints, profile })
}

fn make_profile(profiles: &Path) -> io::Result<TempDir> {
    std::fs::create_dir_all(profiles)?;
    tempfile::Builder::new().prefix("profile-").tempdir_in(profiles)
}

/// Ends the browsers of a process that was killed, and removes what they left behind.
pub(super) fn clear_profiles(profiles: &Path) {
    let Ok(entries) = std::fs::read_dir(profiles) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with("profile-") {
            continue;
        }
        group::kill_leftovers(&entry.path());
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::debug!(%error, "a profile of an earlier browser was not removed");
        }
    }
}

impl Complaints {
    async fn read(self, mut from: pipe::Receiver) {
        let mut buffer = [0; 1_024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            tracing::trace!(said = %String::from_utf8_lossy(&buffer[..read]), "browser");
            let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            held.extend_from_slice(&buffer[..read]);
            let over = held.len().saturating_sub(COMPLAINT_BYTES_MAX);
            held.drain(..over);
        }
    }

    /// Why it did not start, as far as it says so.
    pub(super) fn reason(&self) -> String {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&held);
        if text.contains("without --no-sandbox is not supported") {
            return "Chromium has no sandbox when it runs as root; run the server as another user, or set `sandbox = false` in \
                    the section [render] of the configuration"
                .to_owned();
        }
        if text.contains("No usable sandbox") {
            return "this system lets Chromium make no sandbox (user namespaces are off); allow them, or set `sandbox = false` \
                    in the section [render] of the configuration"
                .to_owned();
        }
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        last.trim().to_owned()
    }
}
