//! Where a browser is, and which.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::group::Group;

/// Where browsers usually are, the ones that cost least first: a headless shell is the same engine without the rest of a
/// browser. Debian's commands are scripts around the programs in `/usr/lib/chromium`.
const USUAL_PLACES: &[&str] = &[
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/bin/chromium-headless-shell",
    "/usr/bin/chrome-headless-shell",
    "/usr/local/bin/chrome-headless-shell",
    "/opt/chrome-headless-shell/chrome-headless-shell",
    "/usr/lib/chromium/chromium",
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/lib/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/google-chrome",
    "/snap/bin/chromium",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
/// How long a browser may take to say its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is looked whether it has.
const VERSION_POLL: Duration = Duration::from_millis(10);

/// A browser's program that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundBrowser {
    /// Where it is.
    pub program: PathBuf,
}

/// The browser that pages are rendered with: the one that is named, or the first where they usually are.
#[must_use]
pub fn find_browser(named: Option<&Path>) -> Option<FoundBrowser> {
    let is_there = |program: &Path| program.is_file();
    let program = match named {
        Some(program) => is_there(program).then(|| program.to_owned()),
        None => USUAL_PLACES.iter().map(PathBuf::from).find(|program| is_there(program)),
    };
    program.map(|program| FoundBrowser { program })
}

impl FoundBrowser {
    /// What it says of itself, such as `Chromium 156.0.8078.79`. Waits for a process; not for use where others wait.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        let mut command = Command::new(&self.program);
        command.arg("--version").env_clear().env("HOME", "/nonexistent").process_group(0);
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let group = Group::led_by(child.id())?;
        let deadline = Instant::now() + VERSION_TIMEOUT;
        while child.try_wait().ok()?.is_none() {
            if Instant::now() > deadline {
                group.kill();
                let _ = child.wait();
                return None;
            }
            std::thread::sleep(VERSION_POLL);
        }
        // What a script has left behind would hold the pipe open.
        group.kill();
        let said = child.wait_with_output().ok()?.stdout;
        let line = String::from_utf8_lossy(&said).lines().next()?.trim().to_owned();
        line.contains(|letter: char| letter.is_ascii_digit()).then_some(line)
    }
}

/// The first number of a version, as `User-Agent` has it.
pub(super) fn major_version(version: &str) -> Option<u32> {
    let number = version.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    number.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_browsers_say() {
        assert_eq!(major_version("Chromium 156.0.8078.79 built on Debian"), Some(156));
        assert_eq!(major_version("Google Chrome 99.1"), Some(99));
        assert_eq!(major_version("no browser"), None);
    }

    #[test]
    fn a_script_that_leaves_something_behind_has_said_its_version() {
        let directory = tempfile::tempdir().expect("a directory");
        let program = directory.path().join("browser");
        std::fs::write(&program, "#!/bin/sh\nsleep 600 &\necho Chromium 1.2\n").expect("a script");
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("a mode");
        assert_eq!(FoundBrowser { program }.version().as_deref(), Some("Chromium 1.2"));
    }

    #[test]
    fn a_browser_that_is_named_is_the_only_one_that_will_do() {
        assert_eq!(find_browser(Some(Path::new("/nowhere/chrome"))), None);
        let shell = find_browser(Some(Path::new("/bin/sh"))).expect("it is there");
        assert_eq!(shell.program, Path::new("/bin/sh"));
    }
}
