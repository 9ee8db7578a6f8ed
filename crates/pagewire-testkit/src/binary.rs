//! The real `pagewire` binary as a child of the test: started on a free port and a data directory of its own, killed,
//! restarted, measured, and gone when the test is.
//!
//! It learns the address from the file of `--address-file`. Logs go to a file in the test's directory and are shown when the
//! server does not come up.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::DEADLINE;

const POLL: Duration = Duration::from_millis(5);

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    program: PathBuf,
    config: Option<String>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    allow_loopback: bool,
}

impl Options {
    /// The binary at that path: `env!("CARGO_BIN_EXE_pagewire")` in the test.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            config: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            allow_loopback: true,
        }
    }

    /// With this text as the file of `--config`.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.config = Some(toml.to_owned());
        self
    }

    /// With one more argument of `serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With a variable in the environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without `--allow-target 127.0.0.0/8`: the target guard as it ships.
    #[must_use]
    pub fn guarded(mut self) -> Self {
        self.allow_loopback = false;
        self
    }

    /// Starts it, and waits until it listens.
    pub async fn start(self) -> Binary {
        let dir =
            tempfile::Builder::new().prefix("pagewire-test-").tempdir().expect("a directory for the test");
        if let Some(text) = &self.config {
            std::fs::write(dir.path().join("config.toml"), text).expect("the config file is written");
        }
        let (child, address) = spawn(&self, dir.path()).await;
        Binary { options: self, dir, child: Some(child), address }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Binary {
    options: Options,
    dir: TempDir,
    child: Option<Child>,
    address: SocketAddr,
}

impl Binary {
    /// Starts the binary at that path with a fresh data directory, allowed to fetch from 127.0.0.0/8.
    pub async fn start(program: impl Into<PathBuf>) -> Self {
        Options::new(program).start().await
    }

    /// Where it listens. Changes with a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// A key with these scopes, by the command line.
    #[must_use]
    pub fn create_key(&self, scopes: &[&str]) -> String {
        self.create_key_with(scopes, &[])
    }

    /// A key with these scopes and further arguments of `apikey create`.
    #[must_use]
    pub fn create_key_with(&self, scopes: &[&str], arguments: &[&str]) -> String {
        let scopes = scopes.join(",");
        let mut all = vec!["apikey", "create", "--name", "test", "--scopes", &scopes];
        all.extend_from_slice(arguments);
        let output = self.run(&all);
        assert!(output.status.success(), "apikey create: {}", String::from_utf8_lossy(&output.stderr));
        let key = String::from_utf8(output.stdout).expect("a key in ASCII").trim_end().to_owned();
        assert!(
            !key.is_empty() && !key.contains(char::is_whitespace),
            "the key alone on stdout, not {key:?}"
        );
        key
    }

    /// Runs another command of the binary on the same data directory.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> std::process::Output {
        command(&self.options)
            .args(arguments)
            .arg("--data-dir")
            .arg(self.data_dir())
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs")
    }

    /// Kills the process as a crash would, and waits until it is gone.
    pub fn kill_9(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
        }
    }

    /// Starts it again on the same data directory, on a new port; kills it first if it still runs.
    pub async fn restart(&mut self) {
        self.kill_9();
        let (child, address) = spawn(&self.options, self.dir.path()).await;
        self.child = Some(child);
        self.address = address;
    }

    /// Sends SIGTERM without waiting.
    pub fn send_sigterm(&self) {
        kill_process(Pid::from_child(self.running()), Signal::TERM).expect("a child can be signalled");
    }

    /// Sends SIGTERM; gives the status with which the process ends within `limit`. Panics when it does not.
    pub async fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.send_sigterm();
        self.exit_status(limit).await
    }

    /// Waits until the process ends by itself. Panics when it does not within `limit`.
    pub async fn exit_status(&mut self, limit: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            let child = self.child.as_mut().expect("the server was started");
            if let Some(status) = child.try_wait().expect("a child can be looked at") {
                self.child = None;
                return status;
            }
            assert!(started.elapsed() < limit, "still running after {limit:?}:\n{}", self.log());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.running().id()
    }

    /// Resident memory in KiB now.
    #[must_use]
    pub fn rss_kib(&self) -> u64 {
        status_kib(self.pid(), "VmRSS:")
    }

    /// The highest that resident memory has been, in KiB.
    #[must_use]
    pub fn peak_rss_kib(&self) -> u64 {
        status_kib(self.pid(), "VmHWM:")
    }

    /// Seconds of CPU used so far, user and system.
    #[must_use]
    pub fn cpu_seconds(&self) -> f64 {
        cpu_seconds(self.pid())
    }

    /// File descriptors open now.
    #[must_use]
    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).expect("a running process").count()
    }

    /// What it has logged so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn running(&self) -> &Child {
        self.child.as_ref().expect("the server runs")
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Already gone is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A command of the binary that sees nothing of the test's own environment but the path.
fn command(options: &Options) -> Command {
    let mut command = Command::new(&options.program);
    command.env_clear().envs(options.environment.iter().map(|(name, value)| (name, value)));
    command
}

async fn spawn(options: &Options, dir: &Path) -> (Child, SocketAddr) {
    let address_file = dir.join("address");
    let _ = std::fs::remove_file(&address_file);
    let log =
        std::fs::OpenOptions::new().create(true).append(true).open(dir.join("log")).expect("a log file");
    let mut command = command(options);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.join("data"));
    command.arg("--address-file").arg(&address_file);
    if options.allow_loopback {
        command.args(["--allow-target", "127.0.0.0/8"]);
    }
    if options.config.is_some() {
        command.arg("--config").arg(dir.join("config.toml"));
    }
    let mut child = command
        .args(&options.arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", options.program.display()));

    let started = Instant::now();
    loop {
        let written = std::fs::read_to_string(&address_file).unwrap_or_default();
        if let Ok(address) = written.trim().parse() {
            return (child, address);
        }
        let ended = child.try_wait().expect("a child can be looked at");
        if ended.is_some() || started.elapsed() > DEADLINE {
            let _ = child.kill();
            let _ = child.wait();
            let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
            panic!("the server did not come up (exit status {ended:?}):\n{log}");
        }
        tokio::time::sleep(POLL).await;
    }
}

fn status_kib(pid: u32, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a running process");
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|value| value.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_else(|| panic!("no {field} in the status of {pid}"))
}

/// Seconds of CPU that a process has used, user and system, from fields 14 and 15 of its `stat`.
fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("a running process");
    // The name, field 2, may hold spaces; what follows its closing parenthesis does not.
    let after_name = stat.rsplit_once(')').expect("a name in parentheses").1;
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().expect("a count of ticks"))
        .sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}
