//! Child processes of the bench, and what `/proc` says of them.
//!
//! A child is killed and awaited when its owner lets go of it, so that no run leaves one behind.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{BenchError, Doing as _};

/// Linux counts a process's time in these, whatever the kernel's own tick (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// The longest that a contestant may take for one round.
const RUN_MAX: Duration = Duration::from_secs(600);

/// A process that serves while the bench measures.
pub(crate) struct Service {
    child: Child,
}

impl Service {
    /// Starts `command` without input or output.
    pub(crate) fn start(command: &mut Command, who: &str) -> Result<Self, BenchError> {
        let child = command.stdin(Stdio::null()).spawn().doing(&format!("cannot start {who}"))?;
        Ok(Self { child })
    }

    /// User and system seconds of the whole process so far, all threads together.
    pub(crate) fn cpu_s(&self) -> Result<f64, BenchError> {
        cpu_s(self.child.id())
    }

    /// The most memory that the process has held, in bytes.
    pub(crate) fn peak_rss(&self) -> Result<u64, BenchError> {
        status_bytes(self.child.id(), "VmHWM:")
    }

    /// The memory that the process holds now, in bytes.
    pub(crate) fn rss(&self) -> Result<u64, BenchError> {
        status_bytes(self.child.id(), "VmRSS:")
    }

    /// Ends the process now.
    pub(crate) fn stop(&mut self) {
        // Either may fail only because the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether the process has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What a program that runs to its end has printed and used.
pub(crate) struct Finished {
    /// All of its standard output.
    pub(crate) stdout: String,
    /// User and system seconds of the process, children apart.
    pub(crate) cpu_s: f64,
}

/// Runs `command` to its end.
pub(crate) fn run(command: &mut Command, who: &'static str) -> Result<Finished, BenchError> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().doing(&format!("cannot start {who}"))?;
    let id = child.id();
    let reader = child.stdout.take().map(|mut pipe| {
        thread::spawn(move || {
            let mut text = String::new();
            pipe.read_to_string(&mut text).map(|_| text)
        })
    });
    // A process that has ended but was not awaited still tells its times.
    let deadline = Instant::now() + RUN_MAX;
    while !is_zombie(id) {
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return Err(BenchError::Contestant { who, detail: format!("not done within {RUN_MAX:?}") });
        }
        thread::sleep(Duration::from_millis(5));
    }
    let cpu_s = cpu_s(id)?;
    let status = child.wait().doing(&format!("cannot wait for {who}"))?;
    let stdout = match reader.map(thread::JoinHandle::join) {
        Some(Ok(read)) => read.doing(&format!("cannot read the output of {who}"))?,
        Some(Err(_)) | None => String::new(),
    };
    if !status.success() {
        return Err(BenchError::Contestant { who, detail: format!("ended with {status}") });
    }
    Ok(Finished { stdout, cpu_s })
}

fn stat_fields(id: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; the fields begin after the last one.
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn is_zombie(id: u32) -> bool {
    stat_fields(id).is_none_or(|fields| fields.first().is_some_and(|state| state == "Z"))
}

fn cpu_s(id: u32) -> Result<f64, BenchError> {
    // proc(5): utime and stime are fields 14 and 15; the state, field 3, is the first after the name.
    let ticks = |fields: &[String], at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok());
    stat_fields(id)
        .and_then(|fields| Some(ticks(&fields, 11)? + ticks(&fields, 12)?))
        .map(|ticks| ticks / TICKS_PER_SECOND)
        .ok_or(BenchError::Contestant { who: "/proc", detail: format!("no times of process {id}") })
}

fn status_bytes(id: u32, field: &str) -> Result<u64, BenchError> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).doing("cannot read a process's status")?;
    status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.trim().parse::<u64>().ok())
        .map(|kib| kib * 1024)
        .ok_or_else(|| BenchError::Contestant { who: "/proc", detail: format!("no {field} of process {id}") })
}
