//! The logs of all workspaces: one for each workspace and mode, opened when it is first needed.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use pagewire_journal::ReadError;
use pagewire_store::KeyMode;
use pagewire_types::WorkspaceId;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::id::EventIds;
use super::log::{LiveLog, LogSettings};

/// How often is looked for what is older than it is kept.
const RETAIN_INTERVAL: Duration = Duration::from_secs(60);

type Name = (WorkspaceId, KeyMode);

/// The logs.
pub struct LiveLogs {
    directory: PathBuf,
    settings: LogSettings,
    /// What the checks of ids are keyed with.
    secret: Vec<u8>,
    open: Mutex<HashMap<Name, Arc<OnceCell<Arc<LiveLog>>>>>,
    /// Committers end once it is cancelled.
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for LiveLogs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveLogs").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl LiveLogs {
    /// The logs under a directory. Their tasks are the tracker's, and end when `stop` is cancelled.
    #[must_use]
    pub fn new(
        directory: PathBuf,
        settings: LogSettings,
        secret: Vec<u8>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        Self { directory, settings, secret, open: Mutex::default(), stop, tasks }
    }

    /// The log of a workspace and a mode.
    pub async fn of(&self, workspace: &WorkspaceId, mode: KeyMode) -> Result<Arc<LiveLog>, ReadError> {
        let name = (workspace.clone(), mode);
        let cell = self.open.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default().clone();
        cell.get_or_try_init(|| self.open(workspace, mode)).await.cloned()
    }

    async fn open(&self, workspace: &WorkspaceId, mode: KeyMode) -> Result<Arc<LiveLog>, ReadError> {
        let kind = match mode {
            KeyMode::Live => "live",
            KeyMode::Test => "test",
        };
        // A workspace's name has no dot.
        let name = format!("{workspace}.{kind}");
        let directory = self.directory.join(&name);
        let (secret, settings, stop) = (self.secret.clone(), self.settings.clone(), self.stop.clone());
        let opened = tokio::task::spawn_blocking(move || {
            let ids = EventIds::new(&secret, &name, epoch(&directory)?);
            LiveLog::open(directory, ids, &settings, stop)
        });
        let (log, committer) = opened.await.map_err(io::Error::other)??;
        self.tasks.spawn(committer);
        Ok(log)
    }

    /// Forgets what is older, or more, than is kept, again and again.
    pub async fn retain(self: Arc<Self>) {
        let mut due = tokio::time::interval(RETAIN_INTERVAL.min(self.settings.keep / 8));
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.stop.run_until_cancelled(due.tick()).await.is_some() {
            let logs: Vec<Arc<LiveLog>> = {
                let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.values().filter_map(|cell| cell.get().cloned()).collect()
            };
            let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let now_us = u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX);
            for log in logs {
                if let Err(error) = log.retain(&self.settings, now_us).await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "old events were not dropped; the next sweep tries again"
                    );
                }
            }
        }
    }
}

/// The epoch of the log in a directory: drawn when the log is begun, so that ids of one that was there before are told
/// from its own.
fn epoch(directory: &Path) -> io::Result<u16> {
    let path = directory.join("epoch");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            let why = format!("{} does not hold a number", path.display());
            io::Error::new(io::ErrorKind::InvalidData, why)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut random = [0; 2];
            SystemRandom::new()
                .fill(&mut random)
                .map_err(|_| io::Error::other("the system gives no random bytes"))?;
            let epoch = u16::from_le_bytes(random) >> 4;
            store(directory, &path, epoch)?;
            Ok(epoch)
        }
        Err(error) => Err(error),
    }
}

/// Whole or not at all, and durable.
fn store(directory: &Path, path: &Path, epoch: u16) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let unfinished = path.with_extension("new");
    let mut file = std::fs::File::create(&unfinished)?;
    writeln!(file, "{epoch}")?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    std::fs::File::open(directory)?.sync_all()
}
