//! Webhooks at the edge, in the sandbox, so that nothing leaves this process.

use http::Request;
use pagewire_engine::KeyMode;
use pagewire_engine::account::NewKey;
use pagewire_types::Scope;
use serde_json::{Value, json};

use super::service::{Answer, Service, new_key, pointers, with_json};

const URL: &str = "https://app.example/hook";
const SCOPES: [Scope; 2] = [Scope::WebhooksRead, Scope::WebhooksWrite];

async fn key(service: &Service, workspace: &str) -> String {
    let workspace = workspace.parse().expect("a workspace");
    let new = NewKey { mode: KeyMode::Test, workspace, ..new_key(&SCOPES) };
    service.make_key(new).await.1
}

async fn send(service: &Service, method: &str, path: &str, key: &str, body: &Value) -> Answer {
    let request = with_json(Request::builder().method(method).uri(path)).header("x-api-key", key);
    service.send(request, &body.to_string()).await
}

async fn make(service: &Service, key: &str, body: &Value) -> Value {
    let made = service.post("/v1/webhooks", key, &body.to_string()).await;
    assert_eq!(made.status(), 201);
    made.json().await
}

fn path_of(webhook: &Value) -> String {
    format!("/v1/webhooks/{}", webhook["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_webhook_is_made_looked_at_changed_and_deleted() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let body = json!({"url": URL, "events": ["job.failed"], "description": "d", "secret": given});
    let mut made = make(&service, &key, &body).await;
    assert_eq!(
        (&made["secret"], &made["enabled"], &made["job_id"]),
        (&json!(given), &json!(true), &Value::Null)
    );
    let path = path_of(&made);
    made.as_object_mut().expect("an object").remove("secret");
    assert_eq!(service.get(&path, &key).await.json().await, made);
    assert_eq!(service.get("/v1/webhooks", &key).await.json().await, json!({"webhooks": [made]}));

    let change =
        json!({"url": "https://app.example/other", "events": [], "description": "", "enabled": false});
    let changed = send(&service, "PATCH", &path, &key, &change).await.json().await;
    assert_eq!((&changed["url"], &changed["enabled"]), (&change["url"], &json!(false)));
    assert_eq!(
        (changed["events"].as_array().map(Vec::len), &changed["description"]),
        (Some(9), &Value::Null)
    );
    assert!(changed.get("secret").is_none() && changed["previous_secret_until"].is_null());
    let rotated = send(&service, "PATCH", &path, &key, &json!({"rotate_secret": true})).await.json().await;
    assert!(rotated["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_") && secret != given));
    assert!(rotated["previous_secret_until"].is_string());

    assert_eq!(send(&service, "DELETE", &path, &key, &json!({})).await.status(), 204);
    let _ = service.get(&path, &key).await.problem(404, "not_found").await;
    let _ = send(&service, "DELETE", &path, &key, &json!({})).await.problem(404, "not_found").await;
}

#[tokio::test]
async fn another_workspaces_webhook_answers_like_one_that_does_not_exist() {
    let service = Service::start().await;
    let (mine, stranger) = (key(&service, "default").await, key(&service, "elsewhere").await);
    let live = service.key(&SCOPES).await;
    let webhook = make(&service, &mine, &json!({"url": URL})).await;
    let known = path_of(&webhook);
    for key in [&stranger, &live] {
        for path in [known.as_str(), "/v1/webhooks/wh_00000000000000000000000000000000", "/v1/webhooks/x"] {
            for (method, path) in [
                ("GET", path.to_owned()),
                ("PATCH", path.to_owned()),
                ("DELETE", path.to_owned()),
                ("POST", format!("{path}/test")),
                ("GET", format!("{path}/deliveries")),
            ] {
                let answer = send(&service, method, &path, key, &json!({"enabled": false})).await;
                let _ = answer.problem(404, "not_found").await;
            }
        }
        assert_eq!(service.get("/v1/webhooks", key).await.json().await, json!({"webhooks": []}));
    }
    assert_eq!(service.get(&known, &mine).await.json().await["enabled"], true);
    for id in ["dlv_00000000000000000000000000000001", "x", "wh_00000000000000000000000000000001"] {
        let answer = send(&service, "POST", &format!("/v1/deliveries/{id}/replay"), &mine, &json!({})).await;
        let _ = answer.problem(404, "not_found").await;
    }
}

#[tokio::test]
async fn a_test_tells_what_came_of_it() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    for (url, delivered, status, words) in [
        (URL, true, json!(200), ""),
        ("https://app.example/status/500", false, json!(500), "2xx"),
        ("https://app.example/redirect/1", false, json!(302), "redirect"),
        ("https://app.example/errors/connect_failed", false, Value::Null, "no connection"),
        ("https://app.example/errors/timeout", false, Value::Null, "within 1000 ms"),
    ] {
        let webhook = make(&service, &key, &json!({"url": url})).await;
        let tested = service.post(&format!("{}/test", path_of(&webhook)), &key, "{}").await;
        assert_eq!(tested.status(), 200, "{url}");
        let tested = tested.json().await;
        assert_eq!((&tested["delivered"], &tested["http_status"]), (&json!(delivered), &status), "{url}");
        let error = tested["error"].as_str().unwrap_or_default();
        assert!(error.contains(words) && error.is_empty() == delivered, "{url}: {error}");
        assert!(tested["id"].as_str().is_some_and(|id| id.starts_with("dlv_")), "{tested}");
        let log = service.get(&format!("{}/deliveries", path_of(&webhook)), &key).await.json().await;
        let logged = &log["deliveries"][0];
        let became = if delivered { "delivered" } else { "dead" };
        assert_eq!(
            (&logged["id"], &logged["event"], &logged["status"], &logged["tries"]),
            (&tested["id"], &json!("webhook.test"), &json!(became), &json!(1)),
            "{log}"
        );
        assert_eq!(logged["attempts"][0]["http_status"], status, "{log}");
        let webhook = service.get(&path_of(&webhook), &key).await.json().await;
        assert_eq!(webhook["failing_since"], Value::Null, "a test says nothing of deliveries");
    }
}

#[tokio::test]
async fn a_page_of_deliveries_is_asked_for_in_words_that_exist() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    let deliveries = format!("{}/deliveries", path_of(&make(&service, &key, &json!({"url": URL})).await));
    for (query, code) in [
        ("status=done", "validation_failed"),
        ("limit=0", "validation_failed"),
        ("limit=101", "validation_failed"),
        ("colour=1", "validation_failed"),
    ] {
        let answer = service.get(&format!("{deliveries}?{query}"), &key).await;
        let _ = answer.problem(422, code).await;
    }
    let answer = service.get(&format!("{deliveries}?cursor=x"), &key).await;
    let _ = answer.problem(400, "invalid_cursor").await;
    for query in ["status=dead", "limit=100", "cursor=dlv_00000000000000000000000000000001"] {
        assert_eq!(service.get(&format!("{deliveries}?{query}"), &key).await.status(), 200, "{query}");
    }
}

#[tokio::test]
async fn faults_are_named_and_private_addresses_refused() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    for (body, pointer) in [
        (json!({}), "/url"),
        (json!({"url": "ftp://app.example/"}), "/url"),
        (json!({"url": "http://10.0.0.1/"}), "/url"),
        (json!({"url": URL, "events": ["job.done"]}), "/events"),
        (json!({"url": URL, "secret": "whsec_short"}), "/secret"),
        (json!({"url": URL, "colour": 1}), "/colour"),
    ] {
        let answer = service.post("/v1/webhooks", &key, &body.to_string()).await;
        assert_eq!(pointers(&answer.problem(422, "validation_failed").await), [pointer], "{body}");
    }
    let webhook = make(&service, &key, &json!({"url": URL})).await;
    for (body, pointer) in [
        (json!({"url": "http://[::1]/"}), "/url"),
        (json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}), "/secret"),
        (json!({"id": "x"}), "/id"),
    ] {
        let answer = send(&service, "PATCH", &path_of(&webhook), &key, &body).await;
        assert_eq!(pointers(&answer.problem(422, "validation_failed").await), [pointer], "{body}");
    }
}

#[tokio::test]
async fn a_workspace_has_fifty_webhooks_at_most() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    let mut last = Value::Null;
    for _ in 0..50 {
        last = make(&service, &key, &json!({"url": URL, "events": ["job.failed"]})).await;
    }
    let body = json!({"url": URL}).to_string();
    let problem = service.post("/v1/webhooks", &key, &body).await.problem(422, "validation_failed").await;
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("50")), "{problem}");
    send(&service, "DELETE", &path_of(&last), &key, &json!({})).await;
    assert_eq!(service.post("/v1/webhooks", &key, &body).await.status(), 201);
}
