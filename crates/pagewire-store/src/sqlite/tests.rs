use jiff::Timestamp;
use pagewire_types::{KeyId, RunId, Scope, WorkspaceId};

use super::*;
use crate::conformance;
use crate::state::keys::{ApiKey, KeyMode, Keys};
use crate::state::runs::Runs;
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
