//! The end of the process: the first SIGTERM or SIGINT asks for it, the second does not wait.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a shell reports of a process that SIGINT ended: 128 and the signal's number.
pub(crate) const INTERRUPTED: u8 = 130;

/// Listens for signals as long as it lives.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Cancelled by the first signal.
    pub(crate) shutdown: CancellationToken,
    listener: JoinHandle<()>,
}

impl Signals {
    /// Begins to listen; from here on no signal ends the process by itself.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut term = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = CancellationToken::new();
        let first = shutdown.clone();
        let listener = tokio::spawn(async move {
            either(&mut term, &mut interrupt).await;
            first.cancel();
            either(&mut term, &mut interrupt).await;
            tracing::warn!("a second signal: leaving without finishing");
            std::process::exit(i32::from(INTERRUPTED));
        });
        Ok(Self { shutdown, listener })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn either(term: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
}
