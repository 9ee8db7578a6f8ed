//! Taking jobs, and requests that they end.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pagewire_store::{
    Acceptance, Cancellation, IdempotencyKey, KeyMode, NewInput, NewJob, NewRun, RunKind, UploadRow,
    WebhookRow,
};
use pagewire_types::job_request::JOB_URLS_MAX;
use pagewire_types::{FieldError, JobInput, JobRequest, Problem, ProblemCode, RunId};

use super::object_input::ObjectInput;
use super::view::accepted_json;
use crate::account::Caller;
use crate::engine::{Engine, LEASE, lease_owner};
use crate::refusal::{Refusal, damaged};
use crate::run::RunInput;
use crate::stream::chunks_of;
use crate::webhook;

/// Jobs of one workspace that may wait.
const QUEUED_MAX: u64 = 1_000;
/// How long an idempotency key is remembered.
const KEY_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// What makes repeating a request safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// The key, in the words of the client.
    pub key: String,
    /// SHA-256 of the request's body.
    pub body_sha256: [u8; 32],
}

/// A job that is to be accepted.
pub(super) struct Draft {
    pub(super) id: RunId,
    pub(super) name: Option<String>,
    /// Its scrape parameters, as JSON text.
    pub(super) defaults: String,
    pub(super) concurrency: u32,
    /// What files it makes, as JSON text.
    pub(super) output: String,
    pub(super) webhook: Option<WebhookRow>,
    pub(super) input: NewInput,
    /// URLs in all.
    pub(super) total: u64,
}

/// A job that was accepted, now or by an earlier request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The job.
    pub id: RunId,
    /// The answer, as JSON text: the same each time.
    pub answer: String,
}

impl Engine {
    /// Takes a job. When this returns, it will be worked off, whatever happens to this process.
    pub async fn submit_job(
        self: &Arc<Self>,
        caller: &Caller,
        request: JobRequest,
        idempotent: Option<IdempotentRequest>,
        trace_id: String,
    ) -> Result<Accepted, Refusal> {
        self.admit(caller)?;
        self.require_room(caller).await?;
        self.check_means(&request.params, &[]).map_err(under_defaults)?;
        // Compiled now so that a fault is told now; compiled again when the job is taken up.
        RunInput::new(request.params.clone(), self.settings.robots).map_err(under_defaults)?;
        let (input, total) = match request.input {
            JobInput::Urls { entries, chunks_json } => {
                let total = entries.len() as u64;
                self.check_means(&request.params, &entries)?;
                RunInput::of_request(request.params, entries, self.settings.robots)?;
                (NewInput::Chunks(chunks_of(chunks_json)), total)
            }
            JobInput::Upload(id) => {
                let workspace = caller.workspace.id.clone();
                let upload = self.store.upload(workspace, id).await?.ok_or_else(no_such_upload)?;
                let total = total_of(&upload)?;
                (NewInput::Upload(upload.id), total)
            }
            stored @ (JobInput::S3 { .. } | JobInput::Gcs { .. }) => {
                let object = ObjectInput::of(&stored).ok_or_else(|| damaged("a job's input"))?;
                self.jobs.inputs().check(caller.mode, &object).map_err(|fault| {
                    Refusal::Invalid(Box::new(Problem::invalid(ProblemCode::ValidationFailed, vec![fault])))
                })?;
                // How many there are is known once the list has been read.
                let text = serde_json::to_string(&object).map_err(|_| damaged("a job's input"))?;
                (NewInput::Object(text), 0)
            }
        };
        let id = RunId::generate();
        let webhook = match request.webhook {
            Some(webhook) => Some(self.webhook_for_job(caller, id, webhook).await?),
            None => None,
        };
        let draft = Draft {
            id,
            name: request.name,
            defaults: request.params_json,
            concurrency: request.concurrency,
            output: serde_json::to_string(&request.output).map_err(|_| damaged("an output"))?,
            webhook,
            input,
            total,
        };
        let accepted = self.accept(caller, draft, idempotent, trace_id).await?;
        self.in_full(accepted).await
    }

    /// Refuses where as many jobs wait as may.
    pub(super) async fn require_room(&self, caller: &Caller) -> Result<(), Refusal> {
        if self.store.queued_jobs(caller.workspace.id.clone()).await? >= QUEUED_MAX {
            return Err(Refusal::Overloaded("as many jobs of the workspace as may wait are waiting"));
        }
        Ok(())
    }

    /// What an earlier request with the same key was answered, if there was one.
    pub(super) async fn accepted_earlier(
        &self,
        caller: &Caller,
        idempotent: Option<&IdempotentRequest>,
    ) -> Result<Option<Accepted>, Refusal> {
        let Some(request) = idempotent else { return Ok(None) };
        let now = Timestamp::now();
        let key = remembered(request.clone(), caller.mode, String::new(), now);
        match self.store.earlier_job(caller.workspace.id.clone(), key, now).await? {
            None => Ok(None),
            Some(acceptance) => accepted(acceptance).map(Some),
        }
    }

    /// Stores the job and takes it up, unless the same request was accepted before.
    pub(super) async fn accept(
        self: &Arc<Self>,
        caller: &Caller,
        draft: Draft,
        idempotent: Option<IdempotentRequest>,
        trace_id: String,
    ) -> Result<Accepted, Refusal> {
        let (id, mode, workspace) = (draft.id, caller.mode, caller.workspace.id.clone());
        let created_at = Timestamp::now();
        let told = draft.webhook.clone().map(webhook::told);
        let answer = accepted_json(id, draft.total, created_at, told);
        let job = NewJob {
            run: NewRun {
                id,
                workspace: workspace.clone(),
                kind: RunKind::Job,
                mode,
                defaults: draft.defaults,
                concurrency: draft.concurrency,
                urls_total: draft.total,
                created_at,
                trace_id,
                owner: lease_owner(),
                lease: LEASE,
            },
            name: draft.name,
            output: draft.output,
            webhook: draft.webhook,
            input: draft.input,
            idempotency: idempotent.map(|request| remembered(request, mode, answer.clone(), created_at)),
        };
        let engine = self.clone();
        // A task of its own: where the client goes away meanwhile, a job that was stored is taken up all the same.
        let accepting = self.tasks.spawn(async move {
            match engine.store.create_job(job).await? {
                Acceptance::Accepted => {}
                earlier => return accepted(earlier),
            }
            let row = engine.store.job(workspace, mode, id).await?.ok_or(Refusal::NotFound)?;
            engine.take_up_in_time(row).await;
            Ok(Accepted { id, answer })
        });
        accepting.await.map_err(|_| Refusal::Draining)?
    }

    /// The answer as it is told to whoever brought the webhook: its secret is not remembered in it.
    pub(super) async fn in_full(&self, accepted: Accepted) -> Result<Accepted, Refusal> {
        let Accepted { id, answer } = accepted;
        Ok(Accepted { id, answer: self.with_webhook_secret(id, answer).await? })
    }

    /// Ends a job: URLs under way finish, the others are skipped, and what is done becomes files. Whether it had not ended
    /// before.
    pub async fn cancel_job(&self, caller: &Caller, id: RunId) -> Result<bool, Refusal> {
        let (workspace, mode) = (caller.workspace.id.clone(), caller.mode);
        match self.store.request_cancel(workspace, mode, id, Timestamp::now()).await? {
            Cancellation::NotFound => Err(Refusal::NotFound),
            Cancellation::Ended(_) => Ok(false),
            Cancellation::Noted(_) => {
                if let Some(run) = self.held_run(id) {
                    run.cancel();
                }
                Ok(true)
            }
        }
    }
}

/// What is stored of the key of a request.
fn remembered(request: IdempotentRequest, mode: KeyMode, answer: String, now: Timestamp) -> IdempotencyKey {
    IdempotencyKey {
        key: stored_key(mode, request.key),
        body_sha256: request.body_sha256,
        answer,
        expires_at: now + KEY_LIFE,
    }
}

/// What a request is answered that made no job.
fn accepted(earlier: Acceptance) -> Result<Accepted, Refusal> {
    match earlier {
        Acceptance::Repeated { run, answer } => Ok(Accepted { id: run, answer }),
        Acceptance::OtherBody => Err(other_body()),
        Acceptance::NoSuchUpload => Err(no_such_upload()),
        Acceptance::Accepted => Err(damaged("an acceptance without its job")),
    }
}

/// Each mode has keys of its own: a rehearsal in the sandbox must not stand for the request that it rehearses. No header
/// brings a `§`, since it is not ASCII.
fn stored_key(mode: KeyMode, key: String) -> String {
    match mode {
        KeyMode::Live => key,
        KeyMode::Test => format!("test§{key}"),
    }
}

fn total_of(upload: &UploadRow) -> Result<u64, Refusal> {
    match upload.urls {
        1..=JOB_URLS_MAX => Ok(upload.urls),
        0 => Err(invalid("/input/upload_id", "the upload has no URLs")),
        urls => {
            let detail = format!("the upload has {urls} URLs; a job takes at most {JOB_URLS_MAX}");
            Err(Refusal::Invalid(Box::new(Problem::new(ProblemCode::TooManyUrls, detail))))
        }
    }
}

fn invalid(pointer: &str, detail: &str) -> Refusal {
    let errors = vec![FieldError::new(pointer, detail)];
    Refusal::Invalid(Box::new(Problem::invalid(ProblemCode::ValidationFailed, errors)))
}

fn no_such_upload() -> Refusal {
    invalid("/input/upload_id", "there is no such upload; make one with POST /v1/uploads")
}

fn other_body() -> Refusal {
    let detail = "the Idempotency-Key was used for another request within the last 24 hours; use a new one";
    Refusal::Invalid(Box::new(Problem::new(ProblemCode::IdempotencyConflict, detail)))
}

/// Faults of the parameters stand under `defaults` in a job's request.
pub(super) fn under_defaults(mut problem: Box<Problem>) -> Refusal {
    for error in &mut problem.errors {
        error.pointer.insert_str(0, "/defaults");
    }
    if let Some(first) = problem.errors.first() {
        problem.detail = first.to_string();
    }
    Refusal::Invalid(problem)
}
