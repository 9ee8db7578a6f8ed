//! One suite that every backend must pass: each check is a law of the seams, on an empty store.

mod events;
mod jobs;
mod sources;
mod webhooks;

use std::time::Duration;

use jiff::Timestamp;
use pagewire_types::{KeyId, RunId, Scope, WorkspaceId};

use crate::error::StoreError;
use crate::state::Store;
use crate::state::credits::CreditAllowance;
use crate::state::keys::{ApiKey, KeyMode, Revocation};
use crate::state::runs::{Chunk, NewRun, RunEnd, RunKind, RunStatus};
use crate::state::workspaces::Workspace;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

async fn workspace(store: &dyn Store, name: &str) -> WorkspaceId {
    let id: WorkspaceId = name.parse().expect("a workspace id");
    let workspace = Workspace { id: id.clone(), plan: "free".to_owned(), created_at: at(0) };
    store.ensure_workspace(workspace).await.expect("made");
    id
}

fn new_run(workspace: &WorkspaceId) -> NewRun {
    NewRun {
        id: RunId::generate(),
        workspace: workspace.clone(),
        kind: RunKind::Stream,
        mode: KeyMode::Live,
        defaults: "{}".to_owned(),
        concurrency: 16,
        urls_total: 3,
        created_at: at(0),
        trace_id: "t".to_owned(),
        owner: "me".to_owned(),
        lease: Duration::from_secs(60),
    }
}

/// Runs every check.
///
/// # Panics
/// Where the backend breaks a law.
pub async fn check(store: &dyn Store) {
    events::check(store).await;
    keys_are_found_by_hash_and_revoked_once(store).await;
    a_run_is_there_for_its_workspace_alone(store).await;
    a_run_of_the_sandbox_stays_one(store).await;
    a_stale_fence_changes_nothing(store).await;
    a_charge_repeated_charges_nothing(store).await;
    ended_runs_are_found_by_age_and_forgotten(store).await;
    jobs::check(store).await;
    webhooks::check(store).await;
    sources::check(store).await;
}

async fn keys_are_found_by_hash_and_revoked_once(store: &dyn Store) {
    let (mine, other) = (workspace(store, "keys-mine").await, workspace(store, "keys-other").await);
    let key = ApiKey {
        id: KeyId::generate(),
        workspace: mine.clone(),
        name: "n".to_owned(),
        shown: "pw_live_Abcd".to_owned(),
        mode: KeyMode::Live,
        scopes: [Scope::Scrape, Scope::StreamWrite].into_iter().collect(),
        allow_ips: vec!["10.0.0.0/8".parse().expect("a range"), "::1/128".parse().expect("a range")],
        created_at: at(1),
        expires_at: Some(at(100)),
        revoked_at: None,
    };
    let before = store.key_epoch().await.expect("an epoch");
    store.insert_key(key.clone(), [7; 32]).await.expect("stored");
    assert!(store.key_epoch().await.expect("an epoch") > before, "an insert moves the epoch");
    assert_eq!(store.key_by_hash([7; 32]).await.expect("read"), Some(key.clone()));
    assert_eq!(store.key_by_hash([8; 32]).await.expect("read"), None);
    assert_eq!(store.keys(Some(other.clone())).await.expect("read"), []);

    let id = key.id.clone();
    let revoked = store.revoke_key(Some(other), id.clone(), at(2)).await.expect("asked");
    assert_eq!(revoked, Revocation::NotFound, "another workspace's key is not there");
    let before = store.key_epoch().await.expect("an epoch");
    assert_eq!(
        store.revoke_key(Some(mine.clone()), id.clone(), at(2)).await.expect("asked"),
        Revocation::Revoked
    );
    assert!(store.key_epoch().await.expect("an epoch") > before, "a revocation moves the epoch");
    assert_eq!(store.revoke_key(None, id, at(3)).await.expect("asked"), Revocation::AlreadyRevoked);
    let stored = store.keys(Some(mine)).await.expect("read");
    assert_eq!(stored[0].revoked_at, Some(at(2)));
}

async fn a_run_is_there_for_its_workspace_alone(store: &dyn Store) {
    let (mine, other) = (workspace(store, "runs-mine").await, workspace(store, "runs-other").await);
    let run = new_run(&mine);
    let chunks = vec![
        Chunk { index: 0, first_ordinal: 0, items: "[\"a\"]".to_owned() },
        Chunk { index: 1, first_ordinal: 1, items: "[\"b\",\"c\"]".to_owned() },
    ];
    store.create_run(run.clone(), chunks).await.expect("accepted");
    let row = store.run(mine, KeyMode::Live, run.id).await.expect("read").expect("there");
    assert_eq!((row.status, row.urls_total, row.finished_at), (RunStatus::Running, 3, None));
    assert_eq!(store.run(other, KeyMode::Live, run.id).await.expect("read"), None);
    assert_eq!(store.chunks(run.id).await.expect("read"), ["[\"a\"]", "[\"b\",\"c\"]"]);
    assert!(store.unfinished_streams().await.expect("read").iter().any(|row| row.id == run.id));
}

async fn a_run_of_the_sandbox_stays_one(store: &dyn Store) {
    let mine = workspace(store, "modes").await;
    let run = NewRun { mode: KeyMode::Test, ..new_run(&mine) };
    store.create_run(run.clone(), Vec::new()).await.expect("accepted");
    assert_eq!(store.run(mine.clone(), KeyMode::Live, run.id).await.expect("read"), None);
    let row = store.run(mine, KeyMode::Test, run.id).await.expect("read").expect("there");
    assert_eq!(row.mode, KeyMode::Test);
    let unfinished = store.unfinished_streams().await.expect("read");
    assert!(unfinished.iter().any(|row| row.id == run.id && row.mode == KeyMode::Test));
}

async fn a_stale_fence_changes_nothing(store: &dyn Store) {
    let mine = workspace(store, "fences").await;
    let run = new_run(&mine);
    let first = store.create_run(run.clone(), Vec::new()).await.expect("accepted");
    let second =
        store.lease_run(run.id, "you".to_owned(), at(1), Duration::from_secs(60)).await.expect("leased");
    assert!(second > first);
    let stale = |outcome: Result<(), StoreError>| matches!(outcome, Err(StoreError::StaleFence));
    assert!(stale(
        store
            .finish_run(
                run.id,
                first,
                RunEnd { status: RunStatus::Completed, at: at(2), ..jobs::completed() }
            )
            .await
    ));
    assert!(stale(store.release_run(run.id, first).await));
    assert!(stale(store.charge_run(run.id, first, 5, CreditAllowance::Unlimited, at(2)).await.map(drop)));
    let row = store.run(mine.clone(), KeyMode::Live, run.id).await.expect("read").expect("there");
    assert_eq!((row.status, row.credits_charged), (RunStatus::Running, 0));
    store
        .finish_run(run.id, second, RunEnd { status: RunStatus::Completed, at: at(2), ..jobs::completed() })
        .await
        .expect("ended");
    assert!(
        stale(
            store
                .finish_run(
                    run.id,
                    second,
                    RunEnd { status: RunStatus::Cancelled, at: at(3), ..jobs::completed() }
                )
                .await
        ),
        "an end is an end"
    );
    let row = store.run(mine, KeyMode::Live, run.id).await.expect("read").expect("there");
    assert_eq!((row.status, row.finished_at), (RunStatus::Completed, Some(at(2))));
}

async fn a_charge_repeated_charges_nothing(store: &dyn Store) {
    let mine = workspace(store, "charges").await;
    let run = new_run(&mine);
    let fence = store.create_run(run.clone(), Vec::new()).await.expect("accepted");
    let unbounded = CreditAllowance::Unlimited;
    let charge =
        async |credits| store.charge_run(run.id, fence, credits, unbounded, at(1)).await.expect("charged");
    assert_eq!(charge(7).await, 7);
    assert_eq!(charge(7).await, 0);
    assert_eq!(charge(10).await, 3);
    store.charge(mine.clone(), 5, unbounded, at(86_400)).await.expect("charged");
    assert_eq!(store.spent_on(mine.clone(), at(1)).await.expect("read"), 10);
    assert_eq!(store.spent_in_all(mine).await.expect("read"), 15);
}

async fn ended_runs_are_found_by_age_and_forgotten(store: &dyn Store) {
    let mine = workspace(store, "ages").await;
    let run = new_run(&mine);
    let chunk = Chunk { index: 0, first_ordinal: 0, items: "[]".to_owned() };
    let fence = store.create_run(run.clone(), vec![chunk]).await.expect("accepted");
    store
        .finish_run(run.id, fence, RunEnd { status: RunStatus::Cancelled, at: at(50), ..jobs::completed() })
        .await
        .expect("ended");
    assert!(!store.runs_finished_before(RunKind::Stream, at(50)).await.expect("read").contains(&run.id));
    assert!(store.runs_finished_before(RunKind::Stream, at(51)).await.expect("read").contains(&run.id));
    store.delete_run(run.id).await.expect("deleted");
    assert_eq!(store.run(mine, KeyMode::Live, run.id).await.expect("read"), None);
    assert!(store.chunks(run.id).await.expect("read").is_empty());
}
