use jiff::Timestamp;
use pagewire_types::{KeyId, RunId, Scope, WorkspaceId};

use super::*;
use crate::conformance;
use crate::state::credits::{CreditAllowance, Credits};
use crate::state::events::Events;
use crate::state::jobs::{Jobs, NewInput, NewJob};
use crate::state::keys::{ApiKey, KeyMode, Keys};
use crate::state::runs::{NewRun, RunEnd, RunKind, RunStatus, Runs};
use crate::state::workspaces::{Workspace, Workspaces};

#[tokio::test]
async fn every_law_of_the_seams_holds() {
    let directory = tempfile::tempdir().expect("a directory");
    let store =
        SqliteStore::open(&directory.path().join("state.db"), SqliteOptions::default()).await.expect("opens");
    conformance::check(&store).await;
}

#[tokio::test]
async fn a_key_made_by_one_process_is_seen_by_another_and_after_reopening() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.db");
    let server = SqliteStore::open(&path, SqliteOptions::default()).await.expect("opens");
    let command_line = SqliteStore::open(&path, SqliteOptions::default()).await.expect("opens");
    let workspace = WorkspaceId::default_workspace();
    let made =
        Workspace { id: workspace.clone(), plan: "enterprise".to_owned(), created_at: Timestamp::UNIX_EPOCH };
    command_line.ensure_workspace(made).await.expect("made");
    let key = ApiKey {
        id: KeyId::generate(),
        workspace,
        name: "n".to_owned(),
        shown: "pw_live_Abcd".to_owned(),
        mode: KeyMode::Test,
        scopes: [Scope::Admin].into_iter().collect(),
        allow_ips: Vec::new(),
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: None,
        revoked_at: None,
    };
    command_line.insert_key(key.clone(), [1; 32]).await.expect("stored");
    assert_eq!(server.key_by_hash([1; 32]).await.expect("read"), Some(key.clone()));
    command_line.close().await;
    server.close().await;
    let reopened = SqliteStore::open(&path, SqliteOptions::default()).await.expect("opens");
    assert_eq!(reopened.key_by_hash([1; 32]).await.expect("read"), Some(key));
}

#[tokio::test]
async fn processes_that_open_a_new_database_at_once_all_succeed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.db");
    let opened =
        futures_util::future::join_all((0..8).map(|_| SqliteStore::open(&path, SqliteOptions::default())))
            .await;
    for store in opened {
        store.expect("opens").ping().await.expect("migrated");
    }
}

#[tokio::test]
async fn a_run_from_before_modes_is_a_live_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.db");
    let older = SqlitePoolOptions::new()
        .connect_with(SqliteConnectOptions::new().filename(&path).create_if_missing(true))
        .await
        .expect("opens");
    let first = migrations().migrations[..1].to_vec();
    Migrator::with_migrations(first).run(&older).await.expect("migrated");
    let id = RunId::generate();
    for statement in [
        "INSERT INTO workspaces VALUES ('default', 'enterprise', 0)".to_owned(),
        format!(
            "INSERT INTO runs VALUES ('{}', 'default', 'stream', 'running', '{{}}', 16, 3, 0, NULL, 't', 1, NULL, NULL, 0)",
            id.hex()
        ),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&older).await.expect("written");
    }
    older.close().await;
    let store = SqliteStore::open(&path, SqliteOptions::default()).await.expect("opens");
    let run = store.run(WorkspaceId::default_workspace(), KeyMode::Live, id).await.expect("read");
    assert_eq!(run.expect("still there").mode, KeyMode::Live);
}

#[tokio::test]
async fn a_change_whose_event_cannot_be_written_is_not_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("state.db");
    let store = SqliteStore::open(&path, SqliteOptions::default()).await.expect("opens");
    let (mine, now) = (WorkspaceId::default_workspace(), Timestamp::UNIX_EPOCH);
    let made = Workspace { id: mine.clone(), plan: "free".to_owned(), created_at: now };
    store.ensure_workspace(made).await.expect("made");
    let minute = Duration::from_secs(60);
    let run = |kind| NewRun {
        id: RunId::generate(),
        workspace: mine.clone(),
        kind,
        mode: KeyMode::Live,
        defaults: "{}".to_owned(),
        concurrency: 1,
        urls_total: 1,
        created_at: now,
        trace_id: "t".to_owned(),
        owner: "me".to_owned(),
        lease: minute,
    };
    let (stream, job) = (run(RunKind::Stream), run(RunKind::Job));
    let (stream_id, job_id) = (stream.id, job.id);
    let fence = store.create_run(stream, Vec::new()).await.expect("accepted");
    let job = NewJob {
        run: job,
        name: None,
        output: "{}".to_owned(),
        webhook: None,
        input: NewInput::Chunks(Vec::new()),
        idempotency: None,
    };
    store.create_job(job).await.expect("accepted");
    let job_fence = store.lease_run(job_id, "me".to_owned(), now, minute).await.expect("leased");
    let key = ApiKey {
        id: KeyId::generate(),
        workspace: mine.clone(),
        name: "n".to_owned(),
        shown: "pw_live_Abcd".to_owned(),
        mode: KeyMode::Live,
        scopes: [Scope::Admin].into_iter().collect(),
        allow_ips: Vec::new(),
        created_at: now,
        expires_at: None,
        revoked_at: None,
    };
    store.insert_key(key.clone(), [1; 32]).await.expect("stored");
    let events = store.event_tip().await.expect("read");

    let trigger =
        "CREATE TRIGGER none BEFORE INSERT ON workspace_events BEGIN SELECT RAISE(ABORT, 'none'); END";
    sqlx::query(trigger).execute(&store.writer).await.expect("made");
    let end = RunEnd {
        status: RunStatus::Completed,
        at: now,
        urls_done: 1,
        urls_errored: 0,
        error: None,
        files: Vec::new(),
    };
    store.finish_run(stream_id, fence, end).await.expect_err("no event");
    store.start_job(job_id, job_fence, now).await.expect_err("no event");
    let allowance = CreditAllowance::InAll(10);
    store.charge(mine.clone(), 10, allowance, now).await.expect_err("no event");
    store.charge_run(stream_id, fence, 10, allowance, now).await.expect_err("no event");
    let other = ApiKey { id: KeyId::generate(), ..key.clone() };
    store.insert_key(other, [2; 32]).await.expect_err("no event");
    store.revoke_key(None, key.id, now).await.expect_err("no event");

    let row = store.run(mine.clone(), KeyMode::Live, stream_id).await.expect("read").expect("there");
    assert_eq!((row.status, row.credits_charged), (RunStatus::Running, 0));
    let row = store.job(mine.clone(), KeyMode::Live, job_id).await.expect("read").expect("there");
    assert_eq!(row.job.expect("a job").started_at, None);
    assert_eq!(store.spent_in_all(mine.clone()).await.expect("read"), 0);
    let keys = store.keys(Some(mine)).await.expect("read");
    assert_eq!(keys.iter().map(|key| key.revoked_at).collect::<Vec<_>>(), [None]);
    assert_eq!(store.event_tip().await.expect("read"), events);
}
