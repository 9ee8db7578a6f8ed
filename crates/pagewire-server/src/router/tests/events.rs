//! Where a reader of a workspace's events may go on from.

use http::Request;
use pagewire_store::Events as _;
use pagewire_types::Scope;

use super::service::{Answer, Service, new_key};

async fn after(service: &Service, key: &str, id: &str) -> Answer {
    let request = Request::get("/v1/events").header("x-api-key", key).header("last-event-id", id);
    service.send(request, "").await
}

#[tokio::test]
async fn who_comes_too_late_is_told_the_oldest_id_that_is_held() {
    let service = Service::start().await;
    // Each key that is made is an event.
    let key = service.key(&[Scope::EventsRead]).await;
    service.key(&[Scope::EventsRead]).await;
    let (third, _) = service.make_key(new_key(&[Scope::EventsRead])).await;
    assert_eq!(after(&service, &key, "0001").await.status(), 200);
    assert_eq!(service.store().trim_events(third.created_at, 10).await.expect("trimmed"), 2);
    let problem = after(&service, &key, "0001").await.problem(410, "cursor_expired").await;
    assert_eq!(problem["oldest_id"], "0003");
    assert_eq!(after(&service, &key, "0002").await.status(), 200, "nothing is missing after it");
    let _ = after(&service, &key, "0004").await.problem(400, "invalid_cursor").await;
    let _ = after(&service, &key, "two").await.problem(400, "invalid_cursor").await;
}
