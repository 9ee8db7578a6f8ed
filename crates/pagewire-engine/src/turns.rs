//! Turns on the threads for blocking work, as many at once as the machine has cores: what computes waits for a core, and not
//! on a thread of its own, which would keep what it has allocated for a while.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Who computes takes one. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    /// As many as there are cores.
    pub(crate) fn of_cores() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self(Arc::new(Semaphore::new(cores)))
    }

    /// Does the work in a turn. None where it panicked, which is logged.
    pub(crate) async fn take<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = self.0.clone().acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.inspect_err(|error| tracing::error!(%error, "{what} panicked")).ok()
    }
}
