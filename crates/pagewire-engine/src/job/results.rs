//! A job's records as they land, a page at a time, and its run for whoever reads along.

use std::sync::Arc;

use pagewire_journal::{Fence, Journal as _, Limit, Position, Read, Record};
use pagewire_store::JobRow;
use pagewire_types::RunId;

use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;
use crate::run::{Ending, Run, RunParts};

/// Records of one page at most.
pub const PAGE_RECORDS_MAX: usize = 1_000;
/// Bytes of one page at most, but for its first record.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// A page of records.
#[derive(Debug)]
pub struct ResultPage {
    /// In the order of their positions.
    pub records: Vec<Record>,
    /// Where the next page begins: after this record.
    pub next: Position,
    /// Whether the job has ended and this page reaches its end.
    pub is_last: bool,
}

impl Engine {
    /// The records of a job that come after a position.
    pub async fn job_results(
        &self,
        caller: &Caller,
        id: RunId,
        after: Position,
        limit: usize,
    ) -> Result<ResultPage, Refusal> {
        let run = self.run_of_job(caller, id).await?;
        // Looked at before the records: what is there by then is all there will be.
        let ended = run.ending().is_some();
        let mut records = Vec::new();
        let (mut next, mut bytes, mut at_tip) = (after, 0, false);
        while records.len() < limit && bytes < PAGE_BYTES_MAX {
            let limit = Limit { records: limit - records.len(), bytes: PAGE_BYTES_MAX - bytes };
            match run.records().read(next, limit).await? {
                Read::Records(read) => {
                    next = read.last().map_or(next, |record| record.position);
                    bytes += read.iter().map(|record| record.body.len()).sum::<usize>();
                    records.extend(read);
                }
                Read::AtTip => {
                    at_tip = true;
                    break;
                }
                Read::PastTip { tip } => return Err(Refusal::CursorPastEnd { tip: tip.0 }),
                Read::Expired { oldest } => {
                    next = Position(oldest.0.saturating_sub(1));
                }
            }
        }
        at_tip = at_tip || run.journal().tip().borrow().position == next;
        Ok(ResultPage { records, next, is_last: ended && at_tip })
    }

    /// The run of a job: as it goes, or as it ended.
    pub(super) async fn run_of_job(&self, caller: &Caller, id: RunId) -> Result<Arc<Run>, Refusal> {
        let row = self.job_row(caller, id).await?;
        if let Some(run) = self.held_run(id) {
            return Ok(run);
        }
        let JobRow { run: row, .. } = row;
        let ended_at = row.finished_at.ok_or(Refusal::Overloaded("the job belongs to another process"))?;
        let run = self.make_run(RunParts {
            id,
            kind: row.kind,
            account: caller.workspace.clone(),
            mode: row.mode,
            input: None,
            total: row.urls_total,
            concurrency: row.concurrency,
            created_at: row.created_at,
            journal: self.open_journal(id, row.urls_total).await?,
            fence: Fence(row.fence),
            ending: Some(Ending { status: row.status, at: ended_at }),
        });
        Ok(self.lock().entry(id).or_insert(run).clone())
    }

    /// The run of that id where this process has it at hand.
    pub(super) fn held_run(&self, id: RunId) -> Option<Arc<Run>> {
        if let Some(job) = self.jobs.get(id) {
            return Some(job.run.clone());
        }
        self.lock().get(&id).cloned()
    }
}
