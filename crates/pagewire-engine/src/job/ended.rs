//! What a new job that is made of an ended one begins with, whatever it takes of it.

use pagewire_store::JobRow;
use pagewire_types::{Problem, ProblemCode, RunId};

use super::accept::{Accepted, IdempotentRequest};
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// Why a job does not hold what the new one is to be made of.
pub(super) type Lack = (ProblemCode, &'static str);

/// What such a request comes to first.
pub(super) enum Opened {
    /// The ended job.
    Ended(Box<JobRow>),
    /// What was answered when the same was asked before.
    Repeated(Accepted),
}

impl Engine {
    /// The caller's job, ended, and with what `holds` wants of it; and room for a new one.
    pub(super) async fn open_ended(
        &self,
        caller: &Caller,
        id: RunId,
        idempotent: Option<&IdempotentRequest>,
        holds: impl FnOnce(&JobRow) -> Result<(), Lack>,
    ) -> Result<Opened, Refusal> {
        self.admit(caller)?;
        let row = self.job_row(caller, id).await?;
        // Before what the job has come to: a repeated request is answered as the first one was.
        if let Some(earlier) = self.accepted_earlier(caller, idempotent).await? {
            return Ok(Opened::Repeated(earlier));
        }
        let judged = if row.run.status.is_final() { holds(&row) } else { Err(UNDER_WAY) };
        judged.map_err(|(code, detail)| Refusal::Invalid(Box::new(Problem::new(code, detail))))?;
        self.require_room(caller).await?;
        Ok(Opened::Ended(Box::new(row)))
    }
}

const UNDER_WAY: Lack =
    (ProblemCode::JobNotFinished, "the job is under way; ask again when it has ended, or cancel it first");
