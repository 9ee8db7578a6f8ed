//! A shell for stories of the command line: a directory, a command, what it said and how it ended.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::world::{EXE, World};

/// A shell in an empty directory, with nothing in its environment.
pub(crate) struct Shell {
    directory: TempDir,
}

impl Shell {
    pub(crate) fn open() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("a file");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(EXE);
        command.env_clear().current_dir(self.path()).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command that asks nobody in this process.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Runs a command, with this text on its stdin, while the sites of this process go on answering.
    pub(crate) async fn run_beside(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = self.command(arguments);
        let stdin = stdin.to_owned();
        let run = move || {
            let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = piped.spawn().expect("the binary runs");
            // A command that does not want its stdin may have closed it.
            let _ = child.stdin.take().expect("it is piped").write_all(stdin.as_bytes());
            child.wait_with_output().expect("it ends")
        };
        tokio::task::spawn_blocking(run).await.expect("it was waited for")
    }
}

pub(crate) fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}\n{}", output.status, stderr(output));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What went wrong, where the command was used wrongly or its configuration is not valid.
pub(crate) fn usage_error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", stderr(output));
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    stderr(output)
}

pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// A world, and a shell that knows its server by the environment.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) shell: Shell,
}

impl Desk {
    pub(crate) async fn open() -> Self {
        let mut world = World::start().await;
        world.key = world.server.create_key(&["jobs:read", "jobs:write", "stream:write"]);
        Self { world, shell: Shell::open() }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "").await
    }

    pub(crate) async fn run_with(&self, arguments: &[&str], stdin: &str) -> Output {
        let (base, key) = (self.world.server.base_url(), self.world.key.clone());
        let there = ["--server", base.as_str(), "--api-key", key.as_str()];
        self.shell.run_beside(&[arguments, &there[..]].concat(), stdin).await
    }

    pub(crate) async fn job(&self, id: &str) -> Value {
        lines(&stdout(&self.run(&["job", "get", id, "--json"]).await)).remove(0)
    }

    pub(crate) fn files(&self, dir: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.shell.path().join(dir)).expect("a directory");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}
