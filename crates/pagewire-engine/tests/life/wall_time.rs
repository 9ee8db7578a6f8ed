//! A job goes on for so long and no longer; what was done by then is kept.

use std::time::Duration;

use pagewire_journal::{
    Durability, Fence, Journal as _, Key, KeySpace, Kind, NewRecord, SegmentJournal, SegmentOptions,
};
use pagewire_store::{Chunk, KeyMode, NewInput, NewJob, NewRun, RunKind, RunStatus};
use pagewire_types::{OutputSpec, RunId};

use crate::past::{JOB_WALL_TIME_H, Past, hours_ago, key, start};

/// A job of four URLs that was accepted then, and of which one is done.
async fn begun(past: &Past, accepted: i64) -> RunId {
    let run = NewRun {
        urls_total: 4,
        created_at: hours_ago(accepted),
        // Its pages come from the sandbox.
        mode: KeyMode::Test,
        ..past.new_run(RunKind::Job)
    };
    let id = run.id;
    let items = "[\"https://shop.example/products/1\", \"https://shop.example/products/2\", \
                  \"https://shop.example/products/3\", \"https://shop.example/products/4\"]";
    let job = NewJob {
        run,
        name: None,
        output: serde_json::to_string(&OutputSpec::default()).expect("JSON"),
        webhook: None,
        input: NewInput::Chunks(vec![Chunk { index: 0, first_ordinal: 0, items: items.to_owned() }]),
        idempotency: None,
    };
    past.store().create_job(job).await.expect("accepted");
    let lease = Duration::from_secs(60);
    let fence = past.store().lease_run(id, "me".to_owned(), hours_ago(0), lease).await.expect("leased");
    past.store().start_job(id, fence, hours_ago(accepted)).await.expect("started");
    let options = SegmentOptions {
        keys: KeySpace::Ordinals(4),
        segment_bytes: 1 << 20,
        segment_age: None,
        ring_bytes: 1 << 16,
        durability: Durability::Process,
    };
    let journal = SegmentJournal::open(&past.journal(id), options).expect("opens");
    let body = "{\"url\":\"https://shop.example/products/1\",\"meta\":{\"index\":0}}";
    let record = NewRecord { key: Key(0), kind: Kind::FIRST, weight: 0, body: body.into() };
    journal.append(Fence(fence), vec![record]).await.expect("appended");
    id
}

#[tokio::test]
async fn a_job_ends_when_its_time_is_over_and_keeps_what_was_done() {
    let past = Past::new().await;
    let (late, in_time) = (begun(&past, JOB_WALL_TIME_H + 1).await, begun(&past, JOB_WALL_TIME_H - 1).await);
    let engine = start(&past).await;
    for (id, status, done) in [(late, RunStatus::Cancelled, 1), (in_time, RunStatus::Completed, 4)] {
        let ended = async {
            loop {
                let row = past.store().job(past.workspace.clone(), KeyMode::Test, id).await.expect("read");
                let row = row.expect("there");
                if row.run.status.is_final() {
                    return row;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let row = tokio::time::timeout(Duration::from_secs(30), ended).await.expect("it ends");
        assert_eq!((row.run.status, row.urls_done, row.urls_errored, row.error), (status, done, 0, None));
        let files = past.store().files(id).await.expect("read");
        assert_eq!((files.len(), files[0].rows), (1, done), "{files:?}");
        let file = past.blobs.read(&key(&files[0].blob), None).await.expect("there");
        let text = file.bytes(1 << 20).await.expect("read");
        assert!(text.starts_with(b"{\"url\":\"https://shop.example/products/1\""), "{text:?}");
    }
    engine.shut_down().await;
}
