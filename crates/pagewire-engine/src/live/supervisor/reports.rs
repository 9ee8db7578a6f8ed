//! What polls leave is stored many at a time: one transaction for all that have ended in the last moment.

use std::sync::Arc;
use std::time::Duration;

use pagewire_store::{SourceOutcome, Store};
use tokio::sync::{mpsc, oneshot};

/// How long is gathered.
const GATHER: Duration = Duration::from_millis(100);
/// Outcomes of one transaction, and those that wait for the next.
const BATCH_MAX: usize = 512;

/// Where outcomes go.
#[derive(Debug, Clone)]
pub(super) struct Reports {
    outcomes: mpsc::Sender<Report>,
}

struct Report {
    outcome: SourceOutcome,
    stored: oneshot::Sender<bool>,
}

impl Reports {
    /// Where outcomes go, and what stores them: it ends when the last of the former is gone.
    pub(super) fn new(store: Arc<dyn Store>) -> (Self, impl Future<Output = ()> + Send) {
        let (outcomes, waiting) = mpsc::channel(BATCH_MAX);
        (Self { outcomes }, write(store, waiting))
    }

    /// Stores an outcome. Whether it is durable now.
    pub(super) async fn store(&self, outcome: SourceOutcome) -> bool {
        let (stored, done) = oneshot::channel();
        if self.outcomes.send(Report { outcome, stored }).await.is_err() {
            return false;
        }
        done.await.unwrap_or(false)
    }
}

async fn write(store: Arc<dyn Store>, mut waiting: mpsc::Receiver<Report>) {
    while let Some(first) = waiting.recv().await {
        tokio::time::sleep(GATHER).await;
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            batch.push(next);
        }
        let (outcomes, told): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|report| (report.outcome, report.stored)).unzip();
        let stored = store.report_sources(outcomes).await;
        if let Err(error) = &stored {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "what polls of sources left was not stored; what they found is found again, and not told twice"
            );
        }
        for answer in told {
            // Whoever asked may be gone.
            let _ = answer.send(stored.is_ok());
        }
    }
}
