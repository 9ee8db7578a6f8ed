//! A new job over the pages that an ended one has archived: other fields, other formats, and nothing fetched.
//!
//! Its input is the other job's journal, which names it and is read from front to back; each record there makes one here, under
//! its position as the key, so that a crash in the middle is as harmless as in any job. What is read goes on to be there: a
//! journal that is being read is not dropped.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use pagewire_journal::{Cursor, CursorError, Journal, Limit, Position};
use pagewire_store::{JobPart, JobRow, NewInput};
use pagewire_types::{Formats, ProblemCode, ReextractRequest, RunId, ScrapeParams};
use serde::{Deserialize, Serialize};

use super::accept::{Accepted, Draft, IdempotentRequest};
use super::ended::{Lack, Opened};
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::{Refusal, damaged};
use crate::run::{Run, RunInput};

/// What is read of the archive at once.
const BATCH: Limit = Limit { records: 64, bytes: 1 << 20 };
/// Pages that are read at once: the reader's own bound is the cores.
const AT_ONCE: usize = 8;

/// A job's input that is another's archive, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArchiveInput {
    archive_of: String,
}

/// The job whose archive a job reads.
pub(crate) fn archive_of(part: &JobPart) -> Option<RunId> {
    let input: ArchiveInput = serde_json::from_str(part.object_input.as_deref()?).ok()?;
    RunId::parse_job_id(&input.archive_of).ok()
}

/// Whether a run with these parameters archives its pages.
pub(super) fn archives(defaults: &str) -> bool {
    let defaults = serde_json::from_str(defaults).unwrap_or_default();
    ScrapeParams::read_stored(defaults).formats.is_some_and(Formats::are_archived)
}

impl Engine {
    /// Takes a job that reads the archived pages of an ended one anew.
    pub async fn reextract_job(
        self: &Arc<Self>,
        caller: &Caller,
        id: RunId,
        request: ReextractRequest,
        idempotent: Option<IdempotentRequest>,
        trace_id: String,
    ) -> Result<Accepted, Refusal> {
        let row = match self.open_ended(caller, id, idempotent.as_ref(), archive_in).await? {
            Opened::Ended(row) => *row,
            Opened::Repeated(earlier) => return Ok(earlier),
        };
        self.check_means(&request.params, &[])?;
        RunInput::new(request.params, self.settings.robots)?;
        let new = RunId::generate();
        let webhook = match request.webhook {
            Some(webhook) => Some(self.webhook_for_job(caller, new, webhook).await?),
            None => None,
        };
        let input = ArchiveInput { archive_of: id.job_id() };
        let draft = Draft {
            id: new,
            name: request.name,
            defaults: request.params_json,
            concurrency: row.run.concurrency,
            output: serde_json::to_string(&request.output).map_err(|_| damaged("an output"))?,
            webhook,
            input: NewInput::Object(serde_json::to_string(&input).map_err(|_| damaged("a job's input"))?),
            total: row.urls_done,
        };
        let accepted = self.accept(caller, draft, idempotent, trace_id).await?;
        self.in_full(accepted).await
    }
}

fn archive_in(row: &JobRow) -> Result<(), Lack> {
    if archives(&row.run.defaults) && row.urls_done > 0 {
        return Ok(());
    }
    let detail = "the job has no archive: its `defaults.formats` did not name `warc`, or it has no pages; run it again with it";
    Err((ProblemCode::NoArchive, detail))
}

/// Reads the archive, and makes the run's records of it. Gives how many it held.
pub(super) async fn work(run: &Run, archive: Arc<dyn Journal>) -> Result<u64, CursorError> {
    let mut cursor = Cursor::new(archive, Position::START);
    let mut held = 0;
    while let Some(records) = cursor.try_next(BATCH).await? {
        run.commits_keep_up().await;
        held += records.len() as u64;
        let records = &records;
        stream::iter(records).for_each_concurrent(AT_ONCE, |record| run.rework(record)).await;
    }
    Ok(held)
}
