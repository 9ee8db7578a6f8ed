use jiff::Timestamp;
use pagewire_types::{KeyId, Scope, WorkspaceId};

use super::*;
use crate::conformance;
use crate::state::keys::{ApiKey, KeyMode, Keys};
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
