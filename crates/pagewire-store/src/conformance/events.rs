//! The laws of the workspace journal. They come first: what is trimmed is a beginning of it.

use std::time::Duration;

use pagewire_types::{KeyId, RunId, Scope, WebhookEvent, WorkspaceId};

use super::{at, jobs, new_run, workspace};
use crate::error::StoreError;
use crate::state::Store;
use crate::state::credits::CreditAllowance;
use crate::state::events::{EventRead, EventRow};
use crate::state::keys::{ApiKey, KeyMode};
use crate::state::runs::{NewRun, RunEnd, RunStatus};

pub(super) async fn check(store: &dyn Store) {
    what_is_dropped_is_told_and_no_position_comes_twice(store).await;
    a_jobs_life_is_told_once_however_often_it_is_repeated(store).await;
    a_streams_end_is_told_whichever_it_is(store).await;
    keys_are_told_of_without_what_they_are(store).await;
    low_and_exhausted_credits_are_told_once_until_there_are_more(store).await;
    events_are_read_in_order_by_their_workspace_and_mode_alone(store).await;
    readers_are_woken_by_a_commit(store).await;
}

async fn events_of(store: &dyn Store, workspace: &WorkspaceId, mode: KeyMode, after: u64) -> Vec<EventRow> {
    match store.events_after(workspace.clone(), mode, after, 100).await.expect("read") {
        EventRead::Events(events) => events,
        other => panic!("{other:?}"),
    }
}

fn kinds(events: &[EventRow]) -> Vec<WebhookEvent> {
    events.iter().map(|event| event.kind).collect()
}

async fn end_a_stream(store: &dyn Store, run: NewRun, status: RunStatus, ended: i64) -> RunId {
    let id = run.id;
    let fence = store.create_run(run, Vec::new()).await.expect("accepted");
    let end = RunEnd { status, at: at(ended), ..jobs::completed() };
    store.finish_run(id, fence, end).await.expect("ended");
    id
}

async fn what_is_dropped_is_told_and_no_position_comes_twice(store: &dyn Store) {
    let (mine, other) = (workspace(store, "trims-mine").await, workspace(store, "trims-other").await);
    for ended in [-900, -800, -700] {
        end_a_stream(store, new_run(&mine), RunStatus::Completed, ended).await;
    }
    end_a_stream(store, new_run(&other), RunStatus::Completed, -600).await;
    let held: Vec<u64> =
        events_of(store, &mine, KeyMode::Live, 0).await.iter().map(|event| event.position).collect();
    let read = async |workspace: &WorkspaceId, after| {
        store.events_after(workspace.clone(), KeyMode::Live, after, 100).await.expect("read")
    };

    assert_eq!(store.trim_events(at(-700), 1).await.expect("trimmed"), 1, "no more than asked for");
    assert_eq!(store.trim_events(at(-700), 100).await.expect("trimmed"), 1);
    assert_eq!(store.trim_events(at(-700), 100).await.expect("trimmed"), 0);
    assert_eq!(read(&mine, 0).await, EventRead::Expired { oldest: held[2] });
    assert_eq!(read(&mine, held[0]).await, EventRead::Expired { oldest: held[2] });
    assert!(matches!(read(&mine, held[1]).await, EventRead::Events(events) if events.len() == 1));
    assert!(
        matches!(read(&other, 0).await, EventRead::Events(events) if events.len() == 1),
        "another workspace has lost nothing"
    );

    assert_eq!(store.trim_events(at(0), 100).await.expect("trimmed"), 2);
    let tip = store.event_tip().await.expect("read");
    assert_eq!(read(&mine, 0).await, EventRead::Expired { oldest: held[2] + 1 });
    assert_eq!(read(&mine, tip).await, EventRead::Events(Vec::new()));
    assert_eq!(read(&mine, tip + 1).await, EventRead::PastTip { tip });
    end_a_stream(store, new_run(&mine), RunStatus::Completed, 1).await;
    let next = events_of(store, &mine, KeyMode::Live, tip).await;
    assert_eq!(next.len(), 1);
    assert!(next[0].position > tip, "a position is never given twice");
}

async fn a_jobs_life_is_told_once_however_often_it_is_repeated(store: &dyn Store) {
    let mine = workspace(store, "events-jobs").await;
    let job = jobs::new_job(&mine, jobs::inline());
    let id = job.run.id;
    store.create_job(job).await.expect("accepted");
    assert_eq!(events_of(store, &mine, KeyMode::Live, 0).await, [], "waiting is no event");
    let stale = store.lease_run(id, "me".to_owned(), at(0), Duration::from_secs(60)).await.expect("leased");
    store.start_job(id, stale, at(1)).await.expect("started");
    let fence = store.lease_run(id, "me".to_owned(), at(2), Duration::from_secs(60)).await.expect("leased");
    store.start_job(id, fence, at(3)).await.expect("started before");
    assert!(matches!(store.start_job(id, stale, at(3)).await, Err(StoreError::StaleFence)));
    store.charge_run(id, fence, 2, CreditAllowance::Unlimited, at(4)).await.expect("charged");
    assert!(matches!(store.finish_run(id, stale, jobs::completed()).await, Err(StoreError::StaleFence)));
    store.finish_run(id, fence, jobs::completed()).await.expect("ended");
    assert!(matches!(store.finish_run(id, fence, jobs::completed()).await, Err(StoreError::StaleFence)));

    let events = events_of(store, &mine, KeyMode::Live, 0).await;
    assert_eq!(kinds(&events), [WebhookEvent::JobStarted, WebhookEvent::JobCompleted]);
    assert!(events.iter().all(|event| event.subject == id.job_id()));
    assert_eq!(events[0].at, at(1));
    assert_eq!(
        events[1].data,
        format!(
            "{{\"job_id\":\"{}\",\"status\":\"completed\",\"urls_total\":3,\"urls_done\":3,\"urls_errored\":1,\"credits_used\":2}}",
            id.job_id()
        )
    );
}

async fn a_streams_end_is_told_whichever_it_is(store: &dyn Store) {
    let mine = workspace(store, "events-streams").await;
    for status in [RunStatus::Completed, RunStatus::Cancelled, RunStatus::Failed] {
        let id = end_a_stream(store, new_run(&mine), status, 1).await;
        let event = events_of(store, &mine, KeyMode::Live, 0).await.pop().expect("an event");
        assert_eq!((event.kind, event.subject), (WebhookEvent::StreamCompleted, id.job_id()));
        assert!(event.data.contains(&id.stream_id()), "{}", event.data);
    }
}

async fn keys_are_told_of_without_what_they_are(store: &dyn Store) {
    let mine = workspace(store, "events-keys").await;
    let key = ApiKey {
        id: KeyId::generate(),
        workspace: mine.clone(),
        name: "a \"name\"".to_owned(),
        shown: "pw_test_Abcd".to_owned(),
        mode: KeyMode::Test,
        scopes: [Scope::Scrape].into_iter().collect(),
        allow_ips: Vec::new(),
        created_at: at(1),
        expires_at: None,
        revoked_at: None,
    };
    store.insert_key(key.clone(), [9; 32]).await.expect("stored");
    for _ in 0..2 {
        store.revoke_key(None, key.id.clone(), at(2)).await.expect("asked");
    }
    let events = events_of(store, &mine, KeyMode::Test, 0).await;
    assert_eq!(kinds(&events), [WebhookEvent::KeyCreated, WebhookEvent::KeyRevoked]);
    assert_eq!(events[0].data, format!("{{\"key_id\":\"{}\",\"name\":\"a \\\"name\\\"\"}}", key.id));
}

async fn low_and_exhausted_credits_are_told_once_until_there_are_more(store: &dyn Store) {
    let mine = workspace(store, "events-credits").await;
    let day = 86_400;
    let charge = async |credits, allowance, at| {
        store.charge(mine.clone(), credits, allowance, at).await.expect("charged");
        kinds(&events_of(store, &mine, KeyMode::Live, 0).await)
    };
    let per_day = CreditAllowance::PerDay(100);
    let (low, exhausted) = (WebhookEvent::CreditsLow, WebhookEvent::CreditsExhausted);
    assert_eq!(charge(90, per_day, at(0)).await, [], "a tenth is not low");
    assert_eq!(charge(1, per_day, at(0)).await, [low]);
    assert_eq!(charge(8, per_day, at(0)).await, [low]);
    assert_eq!(charge(1, per_day, at(0)).await, [low, exhausted]);
    assert_eq!(charge(5, per_day, at(0)).await, [low, exhausted], "what was under way goes beyond");
    assert_eq!(charge(100, per_day, at(day)).await, [low, exhausted, low, exhausted], "a new day");
    // 205 are spent in all.
    let in_all = CreditAllowance::InAll(1_000);
    assert_eq!(charge(700, in_all, at(day)).await.len(), 5, "the balance is low by what came before too");
    assert_eq!(charge(5, CreditAllowance::Unlimited, at(day)).await.len(), 5);

    let run = new_run(&mine);
    let fence = store.create_run(run.clone(), Vec::new()).await.expect("accepted");
    for _ in 0..2 {
        store.charge_run(run.id, fence, 90, in_all, at(day)).await.expect("charged");
    }
    let events = events_of(store, &mine, KeyMode::Live, 0).await;
    assert_eq!(kinds(&events)[4..], [low, exhausted]);
    assert_eq!(events[5].data, "{\"balance\":0,\"allowance\":1000}");
}

async fn events_are_read_in_order_by_their_workspace_and_mode_alone(store: &dyn Store) {
    let (mine, other) = (workspace(store, "events-mine").await, workspace(store, "events-other").await);
    let start = store.event_tip().await.expect("read");
    for (workspace, mode) in
        [(&mine, KeyMode::Live), (&other, KeyMode::Live), (&mine, KeyMode::Test), (&mine, KeyMode::Live)]
    {
        let run = NewRun { mode, ..new_run(workspace) };
        end_a_stream(store, run, RunStatus::Completed, 1).await;
    }
    let all = store.events_after_all(start, 100).await.expect("read");
    assert_eq!(all.len(), 4);
    assert!(all.windows(2).all(|pair| pair[0].position < pair[1].position));
    assert_eq!(store.events_after_all(start, 3).await.expect("read"), all[..3]);
    assert_eq!(store.events_after_all(all[3].position, 3).await.expect("read"), []);
    let (live, sandbox) = ([all[0].clone(), all[3].clone()], [all[2].clone()]);
    assert_eq!(events_of(store, &mine, KeyMode::Live, start).await, live);
    assert_eq!(events_of(store, &mine, KeyMode::Live, live[0].position).await, live[1..]);
    assert_eq!(events_of(store, &mine, KeyMode::Test, start).await, sandbox);
    assert_eq!(events_of(store, &other, KeyMode::Live, start).await, all[1..2]);
}

async fn readers_are_woken_by_a_commit(store: &dyn Store) {
    let mine = workspace(store, "events-wake").await;
    let mut moved = store.events_moved();
    moved.mark_unchanged();
    let run = new_run(&mine);
    let fence = store.create_run(run.clone(), Vec::new()).await.expect("accepted");
    assert!(!moved.has_changed().expect("open"), "nothing happened yet");
    store.finish_run(run.id, fence, jobs::completed()).await.expect("ended");
    assert!(moved.has_changed().expect("open"));
    let newest = *moved.borrow_and_update();
    assert_eq!(newest, store.event_tip().await.expect("read"));
}
