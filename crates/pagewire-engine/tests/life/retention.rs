//! What is older than it is kept for goes with all that belongs to it; what is younger stays whole.

use std::time::Duration;

use pagewire_store::DeliveryFilter;
use pagewire_types::DeliveryId;

use crate::past::{KEEP_EVENTS_H, KEEP_JOBS_H, KEEP_STREAMS_H, Past, key, start};

#[tokio::test]
async fn what_is_older_than_it_is_kept_for_goes_and_what_is_younger_stays() {
    let past = Past::new().await;
    // Its event is the oldest of all.
    let ancient = past.stream(KEEP_EVENTS_H + 1).await;
    let (old_stream, young_stream) =
        (past.stream(KEEP_STREAMS_H + 1).await, past.stream(KEEP_STREAMS_H - 1).await);
    let (lonely, fresh) = (past.upload(KEEP_JOBS_H + 1).await, past.upload(1).await);
    let (used_once, still_used) = (past.upload(KEEP_JOBS_H + 9).await, past.upload(KEEP_JOBS_H + 9).await);
    let old_job = past.job(&used_once, KEEP_JOBS_H + 1).await;
    let young_job = past.job(&still_used, KEEP_JOBS_H - 1).await;
    let webhook = past.webhook(&[KEEP_EVENTS_H + 1, KEEP_EVENTS_H - 1]).await;
    for id in [ancient, old_stream, young_stream, old_job, young_job] {
        assert!(past.has_run(id).await);
    }
    let told = past.store().events_after_all(0, 100).await.expect("read");
    assert_eq!(told.len(), 5, "{told:?}");

    // The first sweep is at the start; of what it drops, uploads are last.
    let engine = start(&past).await;
    let swept = async {
        for upload in [&lonely, &used_once] {
            while past.blobs.head(&key(&format!("uploads/{upload}"))).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), swept).await.expect("it is swept");

    for (id, stays) in
        [(ancient, false), (old_stream, false), (young_stream, true), (old_job, false), (young_job, true)]
    {
        assert_eq!(past.has_run(id).await, stays);
    }
    assert!(past.has_upload(&fresh).await && past.has_upload(&still_used).await);
    let left = past.store().events_after_all(0, 100).await.expect("read");
    assert_eq!(left, told[1..], "what is older than 30 days, and nothing else");
    let filter = DeliveryFilter { status: None, before: None, limit: 10 };
    let deliveries = past.store().deliveries(webhook.clone(), filter).await.expect("read");
    assert_eq!(deliveries.len(), 1);
    assert_eq!(deliveries[0].id, DeliveryId::of(2, &webhook), "the younger one can be replayed still");
    engine.shut_down().await;
}
