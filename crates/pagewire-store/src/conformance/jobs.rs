//! The laws of jobs and uploads.

use std::time::Duration;

use pagewire_types::{UploadId, WorkspaceId};

use super::{at, new_run, workspace};
use crate::error::StoreError;
use crate::state::Store;
use crate::state::jobs::{
    Acceptance, Cancellation, IdempotencyKey, JobFilter, NewInput, NewJob, StoredChunk,
};
use crate::state::keys::KeyMode;
use crate::state::runs::{Chunk, FileRow, NewRun, RunEnd, RunKind, RunStatus};
use crate::state::uploads::{ChunkRange, UploadRow};

pub(super) async fn check(store: &dyn Store) {
    a_job_is_there_for_its_workspace_alone(store).await;
    a_request_that_is_repeated_makes_one_job(store).await;
    a_chunk_is_one_holders_at_a_time(store).await;
    a_job_ends_once_with_its_files(store).await;
    files_that_are_made_later_are_listed_once_and_of_what_has_ended(store).await;
    an_upload_stays_while_there_is_a_job_of_it(store).await;
    a_list_that_was_read_for_a_job_is_its_input_whole_or_not_at_all(store).await;
}

pub(super) fn new_job(workspace: &WorkspaceId, input: NewInput) -> NewJob {
    NewJob {
        run: NewRun { kind: RunKind::Job, ..new_run(workspace) },
        name: Some("n".to_owned()),
        output: "{}".to_owned(),
        webhook: None,
        input,
        idempotency: None,
    }
}

pub(super) fn inline() -> NewInput {
    NewInput::Chunks(vec![Chunk { index: 0, first_ordinal: 0, items: "[\"a\"]".to_owned() }])
}

fn all() -> JobFilter {
    JobFilter { status: None, before: None, limit: 10 }
}

pub(super) fn completed() -> RunEnd {
    let file = FileRow {
        part: 0,
        name: "a.ndjson".to_owned(),
        blob: "b".to_owned(),
        bytes: 5,
        rows: 3,
        sha256: "00".to_owned(),
    };
    RunEnd {
        status: RunStatus::Completed,
        at: at(9),
        urls_done: 3,
        urls_errored: 1,
        error: None,
        files: vec![file],
    }
}

async fn a_job_is_there_for_its_workspace_alone(store: &dyn Store) {
    let (mine, other) = (workspace(store, "jobs-mine").await, workspace(store, "jobs-other").await);
    let (first, second) = (new_job(&mine, inline()), new_job(&mine, inline()));
    let (first_id, second_id) = (first.run.id, second.run.id);
    for job in [first, second] {
        assert_eq!(store.create_job(job).await.expect("asked"), Acceptance::Accepted);
    }
    let row = store.job(mine.clone(), KeyMode::Live, first_id).await.expect("read").expect("there");
    assert_eq!((row.run.status, row.run.kind), (RunStatus::Queued, RunKind::Job));
    assert_eq!(row.job.expect("a job").name.as_deref(), Some("n"));
    assert_eq!(store.job(other.clone(), KeyMode::Live, first_id).await.expect("read"), None);
    assert_eq!(store.jobs(other.clone(), KeyMode::Live, all()).await.expect("read"), []);
    assert_eq!(store.queued_jobs(mine.clone()).await.expect("read"), 2);
    assert_eq!(
        store.request_cancel(other, KeyMode::Live, first_id, at(1)).await.expect("asked"),
        Cancellation::NotFound
    );

    let ids = async |filter| -> Vec<_> {
        let rows = store.jobs(mine.clone(), KeyMode::Live, filter).await.expect("read");
        rows.into_iter().map(|row| row.run.id).collect()
    };
    assert_eq!(ids(all()).await, [second_id, first_id], "newest first");
    assert_eq!(ids(JobFilter { before: Some(second_id), ..all() }).await, [first_id]);
    assert_eq!(ids(JobFilter { limit: 1, ..all() }).await, [second_id]);
    assert_eq!(ids(JobFilter { status: Some(RunStatus::Running), ..all() }).await, []);

    let stream = new_run(&mine);
    store.create_run(stream.clone(), Vec::new()).await.expect("accepted");
    let row =
        store.job(mine, KeyMode::Live, stream.id).await.expect("read").expect("a stream has a job's view");
    assert_eq!(row.job, None);
}

async fn a_request_that_is_repeated_makes_one_job(store: &dyn Store) {
    let (mine, other) = (workspace(store, "keys-a").await, workspace(store, "keys-b").await);
    let with_key = |workspace: &WorkspaceId, body: u8, answer: &str| {
        let key = IdempotencyKey {
            key: "k".to_owned(),
            body_sha256: [body; 32],
            answer: answer.to_owned(),
            expires_at: at(100),
        };
        NewJob { idempotency: Some(key), ..new_job(workspace, inline()) }
    };
    let first = with_key(&mine, 1, "first");
    let run = first.run.id;
    let earlier = async |body, now| {
        let key = with_key(&mine, body, "x").idempotency.expect("a key");
        store.earlier_job(mine.clone(), key, at(now)).await.expect("read")
    };
    assert_eq!(earlier(1, 0).await, None);
    assert_eq!(store.create_job(first).await.expect("asked"), Acceptance::Accepted);
    assert_eq!(
        store.create_job(with_key(&mine, 1, "second")).await.expect("asked"),
        Acceptance::Repeated { run, answer: "first".to_owned() }
    );
    assert_eq!(store.create_job(with_key(&mine, 2, "x")).await.expect("asked"), Acceptance::OtherBody);
    assert_eq!(earlier(1, 99).await, Some(Acceptance::Repeated { run, answer: "first".to_owned() }));
    assert_eq!(earlier(2, 99).await, Some(Acceptance::OtherBody));
    assert_eq!(earlier(1, 100).await, None, "its time is over");
    assert_eq!(
        store.create_job(with_key(&other, 2, "x")).await.expect("asked"),
        Acceptance::Accepted,
        "another workspace's keys are its own"
    );
    assert_eq!(store.jobs(mine.clone(), KeyMode::Live, all()).await.expect("read").len(), 1);
    store.forget_idempotency_keys(at(100)).await.expect("swept");
    assert_eq!(store.create_job(with_key(&mine, 2, "x")).await.expect("asked"), Acceptance::Accepted);
}

async fn a_chunk_is_one_holders_at_a_time(store: &dyn Store) {
    let mine = workspace(store, "chunks").await;
    let job = new_job(&mine, inline());
    let id = job.run.id;
    store.create_job(job).await.expect("accepted");
    let minute = Duration::from_secs(60);
    let lease = async |fence, now| store.lease_chunk(id, fence, 0, "me".to_owned(), at(now), minute).await;
    let first = store.lease_run(id, "me".to_owned(), at(0), minute).await.expect("leased");
    assert_eq!(lease(first, 0).await.expect("asked"), Some(StoredChunk::Items("[\"a\"]".to_owned())));
    assert_eq!(lease(first, 1).await.expect("asked"), None, "it is leased");
    assert!(lease(first, 61).await.expect("asked").is_some(), "the lease has run out");
    store.renew_run(id, first, at(100), minute).await.expect("renewed");
    assert_eq!(lease(first, 150).await.expect("asked"), None, "it was renewed");

    let second = store.lease_run(id, "you".to_owned(), at(150), minute).await.expect("leased");
    assert!(matches!(lease(first, 300).await, Err(StoreError::StaleFence)));
    assert!(matches!(store.renew_run(id, first, at(300), minute).await, Err(StoreError::StaleFence)));
    assert!(lease(second, 150).await.expect("asked").is_some(), "a newer fence takes over at once");
    store.release_chunks(id, first, vec![0]).await.expect("nothing to give back");
    assert_eq!(lease(second, 151).await.expect("asked"), None, "an older fence gives nothing back");
    store.release_chunks(id, second, vec![0]).await.expect("given back");
    assert!(lease(second, 152).await.expect("asked").is_some());
    let missing = store.lease_chunk(id, second, 7, "me".to_owned(), at(0), minute).await;
    assert!(matches!(missing, Err(StoreError::Damaged(_))), "{missing:?}");
}

async fn a_job_ends_once_with_its_files(store: &dyn Store) {
    let mine = workspace(store, "ends").await;
    let job = new_job(&mine, inline());
    let id = job.run.id;
    store.create_job(job).await.expect("accepted");
    let fence = store.lease_run(id, "me".to_owned(), at(0), Duration::from_secs(60)).await.expect("leased");
    assert_eq!(store.queued_jobs(mine.clone()).await.expect("asked"), 1, "a lease begins no work");
    store.start_job(id, fence, at(1)).await.expect("noted");
    assert_eq!(store.queued_jobs(mine.clone()).await.expect("asked"), 0);
    store.start_job(id, fence, at(2)).await.expect("noted before");
    assert!(matches!(store.start_job(id, fence - 1, at(2)).await, Err(StoreError::StaleFence)));
    assert_eq!(
        store.request_cancel(mine.clone(), KeyMode::Live, id, at(3)).await.expect("asked"),
        Cancellation::Noted(RunStatus::Running)
    );
    assert!(matches!(store.finish_run(id, fence - 1, completed()).await, Err(StoreError::StaleFence)));
    assert_eq!(store.files(id).await.expect("read"), []);
    store.finish_run(id, fence, completed()).await.expect("ended");
    assert!(matches!(store.finish_run(id, fence, completed()).await, Err(StoreError::StaleFence)));
    let row = store.job(mine.clone(), KeyMode::Live, id).await.expect("read").expect("there");
    assert_eq!((row.run.status, row.urls_done, row.urls_errored), (RunStatus::Completed, 3, 1));
    assert_eq!(row.run.cancel_requested, Some(at(3)));
    assert_eq!(row.job.expect("a job").started_at, Some(at(1)));
    assert_eq!(store.files(id).await.expect("read"), completed().files);
    assert_eq!(
        store.request_cancel(mine, KeyMode::Live, id, at(10)).await.expect("asked"),
        Cancellation::Ended(RunStatus::Completed)
    );
    assert!(store.unfinished_jobs(100).await.expect("read").iter().all(|row| row.run.id != id));
}

async fn files_that_are_made_later_are_listed_once_and_of_what_has_ended(store: &dyn Store) {
    let mine = workspace(store, "later").await;
    let stream = new_run(&mine);
    let (id, files) = (stream.id, completed().files);
    let fence = store.create_run(stream, Vec::new()).await.expect("accepted");
    assert!(matches!(store.add_files(id, files.clone()).await, Err(StoreError::Missing(_))), "it goes on");
    store.finish_run(id, fence, RunEnd { files: Vec::new(), ..completed() }).await.expect("ended");
    store.add_files(id, files.clone()).await.expect("listed");
    let others = vec![FileRow { name: "b.ndjson".to_owned(), ..files[0].clone() }];
    store.add_files(id, others).await.expect("those that are there stay");
    assert_eq!(store.files(id).await.expect("read"), files);
    store.delete_run(id).await.expect("deleted");
    assert!(matches!(store.add_files(id, files).await, Err(StoreError::Missing(_))));
    assert_eq!(store.files(id).await.expect("read"), []);
}

async fn an_upload_stays_while_there_is_a_job_of_it(store: &dyn Store) {
    let (mine, other) = (workspace(store, "uploads-a").await, workspace(store, "uploads-b").await);
    let upload = UploadRow {
        id: UploadId::generate(),
        workspace: mine.clone(),
        blob: "uploads/a".to_owned(),
        urls: 2,
        bytes: 30,
        format: "ndjson".to_owned(),
        created_at: at(0),
    };
    let ranges = vec![ChunkRange { start: 0, bytes: 10 }, ChunkRange { start: 10, bytes: 20 }];
    store.insert_upload(upload.clone(), ranges).await.expect("stored");
    assert_eq!(store.upload(mine.clone(), upload.id.clone()).await.expect("read"), Some(upload.clone()));
    assert_eq!(store.upload(other.clone(), upload.id.clone()).await.expect("read"), None);
    let foreign = new_job(&other, NewInput::Upload(upload.id.clone()));
    assert_eq!(store.create_job(foreign).await.expect("asked"), Acceptance::NoSuchUpload);

    let job = new_job(&mine, NewInput::Upload(upload.id.clone()));
    let id = job.run.id;
    assert_eq!(store.create_job(job).await.expect("asked"), Acceptance::Accepted);
    assert_eq!(store.uploads_unused_since(at(50)).await.expect("read"), []);
    assert!(!store.delete_upload(upload.id.clone()).await.expect("asked"));
    let minute = Duration::from_secs(60);
    let fence = store.lease_run(id, "me".to_owned(), at(0), minute).await.expect("leased");
    let leased = store.lease_chunk(id, fence, 1, "me".to_owned(), at(0), minute).await.expect("asked");
    assert_eq!(leased, Some(StoredChunk::Range(ChunkRange { start: 10, bytes: 20 })));
    let row = store.job(mine.clone(), KeyMode::Live, id).await.expect("read").expect("there");
    assert_eq!(row.job.expect("a job").upload_blob.as_deref(), Some("uploads/a"));

    store.finish_run(id, fence, completed()).await.expect("ended");
    assert!(!store.delete_upload(upload.id.clone()).await.expect("asked"), "the job may be retried");
    let chunk = store.chunk(id, 1).await.expect("read");
    assert_eq!(chunk, StoredChunk::Range(ChunkRange { start: 10, bytes: 20 }));
    assert!(matches!(store.chunk(id, 7).await, Err(StoreError::Damaged(_))));
    store.delete_run(id).await.expect("deleted");
    assert_eq!(store.uploads_unused_since(at(50)).await.expect("read"), std::slice::from_ref(&upload));
    assert!(store.delete_upload(upload.id.clone()).await.expect("asked"));
    assert_eq!(store.upload(mine, upload.id).await.expect("read"), None);
}

async fn a_list_that_was_read_for_a_job_is_its_input_whole_or_not_at_all(store: &dyn Store) {
    let mine = workspace(store, "object").await;
    let mut job = new_job(&mine, NewInput::Object("{}".to_owned()));
    job.run.urls_total = 0;
    let id = job.run.id;
    assert_eq!(store.create_job(job).await.expect("stored"), Acceptance::Accepted);
    let minute = Duration::from_secs(60);
    let fence = store.lease_run(id, "me".to_owned(), at(0), minute).await.expect("leased");
    let upload = UploadRow {
        id: UploadId::generate(),
        workspace: mine.clone(),
        blob: "uploads/read".to_owned(),
        urls: 700,
        bytes: 9,
        format: "ndjson".to_owned(),
        created_at: at(1),
    };
    let chunks = vec![ChunkRange { start: 0, bytes: 5 }, ChunkRange { start: 5, bytes: 4 }];
    let stale = store.set_job_input(id, fence - 1, upload.clone(), chunks.clone()).await;
    assert!(matches!(stale, Err(StoreError::StaleFence)));
    assert_eq!(store.upload(mine.clone(), upload.id.clone()).await.expect("asked"), None);
    let row = store.job(mine.clone(), KeyMode::Live, id).await.expect("asked").expect("there");
    let part = row.job.expect("a job");
    assert_eq!((row.run.urls_total, part.object_input.as_deref(), part.upload_blob), (0, Some("{}"), None));

    store.set_job_input(id, fence, upload, chunks).await.expect("set");
    let row = store.job(mine, KeyMode::Live, id).await.expect("asked").expect("there");
    assert_eq!(row.run.urls_total, 700);
    assert_eq!(row.job.expect("a job").upload_blob.as_deref(), Some("uploads/read"));
    let second = store.lease_chunk(id, fence, 1, "me".to_owned(), at(1), minute).await.expect("asked");
    assert_eq!(second, Some(StoredChunk::Range(ChunkRange { start: 5, bytes: 4 })));
}
