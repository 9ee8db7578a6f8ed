//! The laws of webhooks and deliveries.

use jiff::Timestamp;
use pagewire_types::{DeliveryId, DeliveryKind, DeliveryStatus, RunId, WebhookEvent, WebhookId, WorkspaceId};

use super::{at, jobs, workspace};
use crate::error::StoreError;
use crate::state::Store;
use crate::state::deliveries::{
    AttemptRow, DeliveryFilter, DeliveryRow, LeasedDelivery, NewDelivery, Outcome, Replay, SentTest,
};
use crate::state::jobs::Acceptance;
use crate::state::keys::KeyMode;
use crate::state::webhooks::{WebhookRow, WebhookUpdate};

pub(super) async fn check(store: &dyn Store) {
    a_webhook_is_there_for_its_workspace_and_mode_alone(store).await;
    a_workspace_has_so_many_webhooks_and_no_more(store).await;
    a_job_is_stored_with_its_webhook(store).await;
    an_event_is_dispatched_once(store).await;
    a_delivery_is_one_holders_at_a_time(store).await;
    endpoints_wait_each_for_its_own(store).await;
    a_try_is_noted_with_what_it_came_to(store).await;
    a_disabled_webhook_gets_nothing_until_it_is_enabled(store).await;
    what_has_ended_is_replayed_and_then_forgotten(store).await;
    a_test_is_logged_among_the_deliveries_and_says_nothing_of_them(store).await;
}

fn new_webhook(workspace: &WorkspaceId) -> WebhookRow {
    WebhookRow {
        id: WebhookId::generate(),
        workspace: workspace.clone(),
        mode: KeyMode::Live,
        job: None,
        url: "https://a.example/".to_owned(),
        events: vec![WebhookEvent::JobCompleted, WebhookEvent::JobFailed],
        description: Some("d".to_owned()),
        metadata: None,
        enabled: true,
        disabled_reason: None,
        secret: vec![1, 2, 3],
        previous_secret: None,
        failing_since: None,
        created_at: at(0),
    }
}

async fn webhook(store: &dyn Store, workspace: &WorkspaceId) -> WebhookRow {
    let row = new_webhook(workspace);
    assert!(store.insert_webhook(row.clone(), 50).await.expect("stored"));
    row
}

/// Makes the delivery of the next event to a webhook, due at 10.
async fn delivery(store: &dyn Store, webhook: &WebhookRow, endpoint: &str) -> DeliveryId {
    let from = store.dispatched().await.expect("read");
    let delivery = new_delivery(webhook, endpoint, from + 1);
    let id = delivery.id.clone();
    store.dispatch(from, from + 1, at(10), vec![delivery]).await.expect("dispatched");
    id
}

fn new_delivery(webhook: &WebhookRow, endpoint: &str, position: u64) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::of(position, &webhook.id),
        webhook: webhook.id.clone(),
        endpoint: endpoint.to_owned(),
        event: WebhookEvent::JobCompleted,
        body: "{}".to_owned(),
    }
}

fn attempt(seconds: i64, http_status: u16) -> AttemptRow {
    AttemptRow {
        at: at(seconds),
        elapsed_ms: 1_000,
        http_status: Some(http_status),
        answer: Some("a".to_owned()),
        error: None,
    }
}

async fn lease(store: &dyn Store, endpoint: &str, now: i64) -> Option<LeasedDelivery> {
    store.lease_delivery(endpoint.to_owned(), at(now), at(now + 30)).await.expect("asked")
}

fn all() -> DeliveryFilter {
    DeliveryFilter { status: None, before: None, limit: 10 }
}

async fn listed(store: &dyn Store, webhook: &WebhookRow, filter: DeliveryFilter) -> Vec<DeliveryRow> {
    store.deliveries(webhook.id.clone(), filter).await.expect("read")
}

async fn only(store: &dyn Store, webhook: &WebhookRow) -> DeliveryRow {
    let mut rows = listed(store, webhook, all()).await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

async fn stored(store: &dyn Store, webhook: &WebhookRow) -> WebhookRow {
    let found = store.webhook(webhook.workspace.clone(), webhook.mode, webhook.id.clone()).await;
    found.expect("read").expect("there")
}

async fn a_webhook_is_there_for_its_workspace_and_mode_alone(store: &dyn Store) {
    let (mine, other) = (workspace(store, "hooks-mine").await, workspace(store, "hooks-other").await);
    let row = webhook(store, &mine).await;
    assert_eq!(stored(store, &row).await, row);
    let update = || WebhookUpdate { enabled: Some(false), ..WebhookUpdate::default() };
    for (workspace, mode) in [(&other, KeyMode::Live), (&mine, KeyMode::Test)] {
        let (workspace, id) = (workspace.clone(), row.id.clone());
        assert_eq!(store.webhook(workspace.clone(), mode, id.clone()).await.expect("read"), None);
        assert_eq!(store.webhooks(workspace.clone(), mode).await.expect("read"), []);
        assert_eq!(store.listeners(workspace.clone(), mode, None).await.expect("read"), []);
        let changed = store.change_webhook(workspace.clone(), mode, id.clone(), update(), at(1)).await;
        assert_eq!(changed.expect("asked"), None);
        assert!(!store.delete_webhook(workspace, mode, id).await.expect("asked"));
    }
    let update = WebhookUpdate {
        url: Some(("https://b.example/".to_owned(), "b".to_owned())),
        events: Some(Vec::new()),
        description: Some(None),
        enabled: None,
        secret: Some((vec![9], at(500))),
    };
    let changed = store.change_webhook(mine.clone(), KeyMode::Live, row.id.clone(), update, at(1)).await;
    let changed = changed.expect("asked").expect("there");
    let expected = WebhookRow {
        url: "https://b.example/".to_owned(),
        events: Vec::new(),
        description: None,
        secret: vec![9],
        previous_secret: Some((vec![1, 2, 3], at(500))),
        ..row.clone()
    };
    assert_eq!(changed, expected);
    assert_eq!(store.webhooks(mine.clone(), KeyMode::Live).await.expect("read"), [expected]);
    assert!(store.delete_webhook(mine.clone(), KeyMode::Live, row.id.clone()).await.expect("asked"));
    assert_eq!(store.webhooks(mine, KeyMode::Live).await.expect("read"), []);
}

async fn a_workspace_has_so_many_webhooks_and_no_more(store: &dyn Store) {
    let mine = workspace(store, "hooks-many").await;
    for expected in [true, true, false] {
        assert_eq!(store.insert_webhook(new_webhook(&mine), 2).await.expect("asked"), expected);
    }
    let test = WebhookRow { mode: KeyMode::Test, ..new_webhook(&mine) };
    assert!(store.insert_webhook(test, 2).await.expect("asked"), "each mode has its own");
}

async fn a_job_is_stored_with_its_webhook(store: &dyn Store) {
    let mine = workspace(store, "hooks-job").await;
    let general = webhook(store, &mine).await;
    let mut job = jobs::new_job(&mine, jobs::inline());
    let own =
        WebhookRow { job: Some(job.run.id), metadata: Some("{\"a\":1}".to_owned()), ..new_webhook(&mine) };
    job.webhook = Some(own.clone());
    let run = job.run.id;
    assert_eq!(store.create_job(job).await.expect("asked"), Acceptance::Accepted);
    assert_eq!(store.webhook_of_job(run).await.expect("read"), Some(own.clone()));
    assert_eq!(store.webhook_of_job(RunId::generate()).await.expect("read"), None);
    assert_eq!(
        store.webhooks(mine.clone(), KeyMode::Live).await.expect("read"),
        std::slice::from_ref(&general)
    );
    let listeners = |job| store.listeners(mine.clone(), KeyMode::Live, job);
    assert_eq!(listeners(Some(run)).await.expect("read"), [general.clone(), own]);
    assert_eq!(listeners(Some(RunId::generate())).await.expect("read"), std::slice::from_ref(&general));
    assert_eq!(listeners(None).await.expect("read"), [general]);
}

async fn an_event_is_dispatched_once(store: &dyn Store) {
    let mine = workspace(store, "dispatch").await;
    let (here, gone) = (webhook(store, &mine).await, webhook(store, &mine).await);
    let from = store.dispatched().await.expect("read");
    let both = || vec![new_delivery(&here, "once", from + 1), new_delivery(&gone, "once", from + 1)];
    store.delete_webhook(mine.clone(), KeyMode::Live, gone.id.clone()).await.expect("deleted");
    store.dispatch(from, from + 3, at(10), both()).await.expect("dispatched");
    let again = store.dispatch(from, from + 3, at(10), both()).await;
    assert!(matches!(again, Err(StoreError::StaleFence)), "the cursor has moved on");
    assert_eq!(store.dispatched().await.expect("read"), from + 3);
    let row = only(store, &here).await;
    assert_eq!((row.status, row.tries, row.due_at), (DeliveryStatus::Pending, 0, at(10)));
    assert_eq!(listed(store, &gone, all()).await, []);
}

async fn a_delivery_is_one_holders_at_a_time(store: &dyn Store) {
    let mine = workspace(store, "leases").await;
    let row = webhook(store, &mine).await;
    let id = delivery(store, &row, "lease").await;
    assert_eq!(lease(store, "lease", 9).await, None, "it is not due yet");
    let first = lease(store, "lease", 10).await.expect("due");
    assert_eq!((&first.id, &first.webhook, first.body.as_str()), (&id, &row, "{}"));
    assert_eq!(lease(store, "lease", 39).await, None, "it is leased");
    let second = lease(store, "lease", 40).await.expect("the lease has run out");
    let late = store.record_attempt(id.clone(), first.fence, attempt(39, 200), Outcome::Delivered).await;
    assert!(matches!(late, Err(StoreError::StaleFence)));
    assert_eq!(only(store, &row).await.attempts, []);
    store.release_delivery(id.clone(), second.fence, at(41)).await.expect("given back");
    let third = lease(store, "lease", 41).await.expect("given back");
    store.take_over_deliveries(at(42)).await.expect("taken over");
    assert!(matches!(
        store.release_delivery(id.clone(), third.fence, at(42)).await,
        Err(StoreError::StaleFence)
    ));
    let fourth = lease(store, "lease", 42).await.expect("taken over");
    assert_eq!(fourth.tries, 0, "what was not settled was no try");
    store.record_attempt(id, fourth.fence, attempt(42, 200), Outcome::Delivered).await.expect("noted");
    assert_eq!(lease(store, "lease", 1_000).await, None);
}

async fn endpoints_wait_each_for_its_own(store: &dyn Store) {
    let mine = workspace(store, "endpoints").await;
    let row = webhook(store, &mine).await;
    for endpoint in ["wait-a", "wait-a", "wait-b", "wait-c"] {
        delivery(store, &row, endpoint).await;
    }
    let waiting = async |after: &str, limit| -> Vec<(String, Timestamp)> {
        let found = store.waiting_endpoints(after.to_owned(), limit).await.expect("read");
        found.into_iter().map(|found| (found.endpoint, found.due_at)).collect()
    };
    let named = |name: &str, due| (name.to_owned(), at(due));
    assert_eq!(waiting("wait-", 2).await, [named("wait-a", 10), named("wait-b", 10)]);
    assert_eq!(waiting("wait-b", 1).await, [named("wait-c", 10)]);
    lease(store, "wait-b", 10).await.expect("due");
    assert_eq!(waiting("wait-a", 1).await, [named("wait-b", 40)], "due again when the lease ends");
    let update = WebhookUpdate {
        url: Some(("https://d.example/".to_owned(), "wait-d".to_owned())),
        ..WebhookUpdate::default()
    };
    store.change_webhook(mine.clone(), KeyMode::Live, row.id.clone(), update, at(1)).await.expect("changed");
    assert_eq!(waiting("wait-", 1).await, [named("wait-d", 10)], "what waits goes where the webhook goes");
    store.delete_webhook(mine, KeyMode::Live, row.id).await.expect("deleted");
    assert_eq!(waiting("wait-", 5).await, []);
}

async fn a_try_is_noted_with_what_it_came_to(store: &dyn Store) {
    let mine = workspace(store, "tries").await;
    let row = webhook(store, &mine).await;
    let id = delivery(store, &row, "tries").await;
    for (tries, now) in [(0, 10), (1, 100), (2, 200)] {
        let leased = lease(store, "tries", now).await.expect("due");
        assert_eq!(leased.tries, tries);
        let again = Outcome::Again(at(now + 90));
        store.record_attempt(id.clone(), leased.fence, attempt(now, 500), again).await.expect("noted");
        assert_eq!(stored(store, &row).await.failing_since, Some(at(11)), "since the first failure");
        assert_eq!(only(store, &row).await.due_at, at(now + 90));
    }
    let leased = lease(store, "tries", 300).await.expect("due");
    store
        .record_attempt(id.clone(), leased.fence, attempt(300, 204), Outcome::Delivered)
        .await
        .expect("noted");
    let ended = only(store, &row).await;
    assert_eq!((ended.status, ended.tries, ended.finished_at), (DeliveryStatus::Delivered, 4, Some(at(301))));
    let statuses: Vec<_> = ended.attempts.iter().map(|attempt| attempt.http_status).collect();
    assert_eq!(statuses, [Some(500), Some(500), Some(500), Some(204)]);
    assert_eq!(ended.attempts[3], attempt(300, 204));
    assert_eq!(stored(store, &row).await.failing_since, None);
}

async fn a_disabled_webhook_gets_nothing_until_it_is_enabled(store: &dyn Store) {
    let mine = workspace(store, "disabled").await;
    let row = webhook(store, &mine).await;
    let (first, second) = (delivery(store, &row, "off").await, delivery(store, &row, "off").await);
    let leased = lease(store, "off", 10).await.expect("due");
    let disable = Outcome::Disable { reason: "gone".to_owned() };
    store.record_attempt(leased.id.clone(), leased.fence, attempt(10, 410), disable).await.expect("noted");
    let disabled = stored(store, &row).await;
    assert_eq!((disabled.enabled, disabled.disabled_reason.as_deref()), (false, Some("gone")));
    let dead = DeliveryFilter { status: Some(DeliveryStatus::Dead), ..all() };
    let ids: Vec<_> = listed(store, &row, dead).await.into_iter().map(|row| row.id).collect();
    assert_eq!(ids, [second, first.clone()], "what waited is given up");
    let from = store.dispatched().await.expect("read");
    let late = new_delivery(&row, "off", from + 1);
    store.dispatch(from, from + 1, at(20), vec![late]).await.expect("dispatched");
    assert_eq!(listed(store, &row, all()).await.len(), 2, "a disabled webhook gets none");
    assert_eq!(store.listeners(mine.clone(), KeyMode::Live, None).await.expect("read"), []);
    let replay = || store.replay_delivery(mine.clone(), KeyMode::Live, first.clone(), at(30));
    assert_eq!(replay().await.expect("asked"), Replay::Disabled);
    let enable = WebhookUpdate { enabled: Some(true), ..WebhookUpdate::default() };
    store.change_webhook(mine.clone(), KeyMode::Live, row.id.clone(), enable, at(31)).await.expect("enabled");
    let enabled = stored(store, &row).await;
    assert_eq!((enabled.enabled, enabled.disabled_reason, enabled.failing_since), (true, None, None));
    assert!(matches!(replay().await.expect("asked"), Replay::Queued(_)));
}

async fn what_has_ended_is_replayed_and_then_forgotten(store: &dyn Store) {
    let (mine, other) = (workspace(store, "replay").await, workspace(store, "replay-other").await);
    let run = RunId::generate();
    let own = WebhookRow { job: Some(run), ..new_webhook(&mine) };
    assert!(store.insert_webhook(own.clone(), 50).await.expect("stored"));
    let id = delivery(store, &own, "replay").await;
    let settle = async |now: i64, outcome: Outcome| {
        let leased = lease(store, "replay", now).await.expect("due");
        store.record_attempt(leased.id, leased.fence, attempt(now, 500), outcome).await.expect("noted");
    };
    settle(10, Outcome::Dead).await;
    for (workspace, mode) in [(&other, KeyMode::Live), (&mine, KeyMode::Test)] {
        let found = store.replay_delivery(workspace.clone(), mode, id.clone(), at(20)).await;
        assert_eq!(found.expect("asked"), Replay::NotFound);
    }
    let replay = || store.replay_delivery(mine.clone(), KeyMode::Live, id.clone(), at(20));
    let Replay::Queued(row) = replay().await.expect("asked") else { panic!("it is there") };
    assert_eq!((row.status, row.tries, row.due_at), (DeliveryStatus::Pending, 0, at(20)));
    assert_eq!((row.finished_at, row.attempts.len()), (None, 1));
    let leased = lease(store, "replay", 20).await.expect("due");
    replay().await.expect("asked");
    assert_eq!(lease(store, "replay", 21).await, None, "what is tried right now is left to that");
    let outcome = Outcome::Delivered;
    store.record_attempt(id.clone(), leased.fence, attempt(20, 200), outcome).await.expect("noted");
    store.forget_deliveries(at(21)).await.expect("swept");
    assert_eq!(listed(store, &own, all()).await.len(), 1);
    assert!(store.forget_deliveries(at(22)).await.expect("swept") > 0);
    assert_eq!(listed(store, &own, all()).await, []);
    assert_eq!(store.webhook_of_job(run).await.expect("read"), None, "a job's webhook goes with its last");
}

async fn a_test_is_logged_among_the_deliveries_and_says_nothing_of_them(store: &dyn Store) {
    let mine = workspace(store, "hooks-tests").await;
    let row = webhook(store, &mine).await;
    let earlier = delivery(store, &row, "tests").await;
    let position = store.dispatched().await.expect("read");
    // Within a position the order is chance.
    store.dispatch(position, position + 1, at(10), Vec::new()).await.expect("moved on");
    let test = SentTest {
        id: DeliveryId::at(position + 1),
        webhook: row.id.clone(),
        endpoint: "tests".to_owned(),
        body: "{}".to_owned(),
        attempt: attempt(20, 500),
        is_delivered: false,
    };
    store.log_test(test.clone()).await.expect("logged");
    let later = delivery(store, &row, "tests").await;
    let rows = listed(store, &row, all()).await;
    let ids: Vec<&DeliveryId> = rows.iter().map(|row| &row.id).collect();
    assert_eq!(ids, [&later, &test.id, &earlier]);
    let logged = &rows[1];
    assert_eq!((logged.event, logged.status, logged.tries), (DeliveryKind::TEST, DeliveryStatus::Dead, 1));
    assert_eq!((&logged.attempts[..], logged.finished_at), (&[attempt(20, 500)][..], Some(at(21))));
    assert_eq!(stored(store, &row).await.failing_since, None);
    assert!(matches!(
        store.replay_delivery(mine.clone(), KeyMode::Live, test.id.clone(), at(30)).await.expect("asked"),
        Replay::Queued(_)
    ));
    assert!(store.delete_webhook(mine, KeyMode::Live, row.id.clone()).await.expect("deleted"));
    store.log_test(SentTest { id: DeliveryId::at(position + 2), ..test }).await.expect("nobody's");
    assert_eq!(listed(store, &row, all()).await, []);
}
