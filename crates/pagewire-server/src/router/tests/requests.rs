//! What is wrong with a request, said by its code, before anything is fetched.

use axum::body::Body;
use http::Request;
use pagewire_types::Scope;
use serde_json::json;

use super::service::{Service, pointers, with_json};

#[tokio::test]
async fn a_path_that_is_not_there_and_a_method_that_a_path_does_not_take() {
    let service = Service::start().await;
    for path in ["/", "/v1", "/v1/nowhere", "/v1/scrape/", "/docs/errors/nothing", "/v1/streams"] {
        let _ = service.get(path, "").await.problem(404, "not_found").await;
    }
    for (method, path, allowed) in [
        ("GET", "/v1/scrape", vec!["POST"]),
        ("DELETE", "/v1/stream", vec!["POST"]),
        ("PUT", "/v1/stream/x", vec!["GET", "POST"]),
        ("PATCH", "/v1/keys", vec!["GET", "POST"]),
        ("POST", "/healthz", vec!["GET"]),
    ] {
        let answer = service.send(Request::builder().method(method).uri(path), "").await;
        let allow = answer.header("allow").unwrap_or_default().to_owned();
        for name in allowed {
            assert!(allow.split(',').any(|allowed| allowed.trim() == name), "{method} {path}: {allow}");
        }
        let _ = answer.problem(405, "method_not_allowed").await;
    }
}

#[tokio::test]
async fn a_body_that_is_not_sent_as_plain_json_is_not_read() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Scrape]).await;
    let post = || Request::post("/v1/scrape").header("x-api-key", &key);
    for request in [
        post(),
        post().header("content-type", "text/plain"),
        post().header("content-type", "application/x-www-form-urlencoded"),
        with_json(post()).header("content-encoding", "gzip"),
    ] {
        let _ = service.send(request, "{}").await.problem(415, "unsupported_media_type").await;
    }
    for media_type in ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"] {
        let answer = service.send(post().header("content-type", media_type), "{}").await;
        assert_eq!(answer.status(), 422, "{media_type}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_told_where_it_breaks() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Admin]).await;
    let deep = "[".repeat(200);
    for body in ["", "{", "{\"url\": }", "nonsense", "{\"url\": \"http://a/\"} x", &deep] {
        for path in ["/v1/scrape", "/v1/stream", "/v1/keys"] {
            let problem = service.post(path, &key, body).await.problem(400, "invalid_json").await;
            assert!(problem["detail"].as_str().is_some_and(|text| text.contains("column")), "{problem}");
        }
    }
    for body in ["[]", "null", "7"] {
        let _ = service.post("/v1/scrape", &key, body).await.problem(422, "validation_failed").await;
    }
}

#[tokio::test]
async fn a_body_over_its_cap_is_refused_whether_it_says_so_or_not() {
    let service = Service::start().await;
    let key = service.key(&[Scope::StreamWrite]).await;
    let announced = with_json(Request::post("/v1/stream")).header("x-api-key", &key);
    let answer = service.send(announced.header("content-length", "26214401"), "").await;
    let _ = answer.problem(413, "body_too_large").await;
    let silent = with_json(Request::post("/v1/stream")).header("x-api-key", &key);
    let parts = (0..27).map(|_| Ok::<_, std::convert::Infallible>(vec![b' '; 1 << 20]));
    let answer = service.send_body(silent, Body::from_stream(futures_util::stream::iter(parts))).await;
    let _ = answer.problem(413, "body_too_large").await;
}

#[tokio::test]
async fn fields_that_do_not_exist_are_named() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Scrape, Scope::StreamWrite]).await;
    let body = json!({"url": "http://a.example/", "colour": 1, "retry": {"tries": 2}});
    let answer = service.post("/v1/scrape", &key, &body.to_string()).await;
    let problem = answer.problem(422, "validation_failed").await;
    assert_eq!(pointers(&problem), ["/retry/tries", "/colour"], "{problem}");
    let body =
        json!({"urls": ["http://a.example/", {"url": "http://a.example/", "colour": 1}], "concurency": 3});
    let answer = service.post("/v1/stream", &key, &body.to_string()).await;
    let problem = answer.problem(422, "validation_failed").await;
    let mut named = pointers(&problem);
    named.sort_unstable();
    assert_eq!(named, ["/concurency", "/urls/1/colour"], "{problem}");
}

#[tokio::test]
async fn a_stream_has_one_to_ten_thousand_urls_and_one_to_a_hundred_at_once() {
    let service = Service::start().await;
    let key = service.key(&[Scope::StreamWrite]).await;
    let problem = service.post("/v1/stream", &key, "{\"urls\": []}").await;
    assert_eq!(pointers(&problem.problem(422, "validation_failed").await), ["/urls"]);
    let body = json!({"urls": vec!["http://a.example/"; 10_001]}).to_string();
    let _ = service.post("/v1/stream", &key, &body).await.problem(413, "too_many_urls").await;
    for concurrency in [0, 101] {
        let body = json!({"urls": ["http://a.example/"], "concurrency": concurrency}).to_string();
        let problem = service.post("/v1/stream", &key, &body).await.problem(422, "validation_failed").await;
        assert_eq!(pointers(&problem), ["/concurrency"]);
    }
}

#[tokio::test]
async fn a_url_of_another_scheme_or_with_a_password_is_refused_by_each_door() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Scrape, Scope::StreamWrite]).await;
    for url in
        ["ftp://a.example/", "file:///etc/passwd", "data:,x", "http://u:p@a.example/", "a.example", "http://"]
    {
        let answer = service.post("/v1/scrape", &key, &json!({"url": url}).to_string()).await;
        assert_eq!(pointers(&answer.problem(400, "invalid_url").await), ["/url"], "{url}");
        let body = json!({"urls": ["http://a.example/", url]}).to_string();
        let answer = service.post("/v1/stream", &key, &body).await;
        assert_eq!(pointers(&answer.problem(400, "invalid_url").await), ["/urls/1"], "{url}");
    }
}

#[tokio::test]
async fn a_private_address_is_a_failure_of_the_target() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Scrape]).await;
    for url in
        ["http://127.0.0.1/", "http://2130706433/", "http://[::ffff:7f00:1]/", "http://169.254.169.254/"]
    {
        let answer = service.post("/v1/scrape", &key, &json!({"url": url}).to_string()).await;
        let _ = answer.problem(502, "blocked_target").await;
    }
}

#[tokio::test]
async fn an_id_that_names_no_position_is_refused_and_so_is_another_workspaces_stream() {
    let service = Service::start().await;
    let key = service.key(&[Scope::StreamWrite]).await;
    // Nothing is fetched: the guard refuses the address, and the record says so.
    let started = service.post("/v1/stream", &key, "{\"urls\": [\"http://127.0.0.1/\"]}").await;
    assert_eq!(started.status(), 200);
    let place = started.header("location").expect("a place").to_owned();
    let events = started.text().await;
    assert!(events.contains("\nid: 0001\n") && events.contains("event: end\n"), "{events}");
    let resume = async |key: &str, id: &str, method: &str| {
        let request = Request::builder().method(method).uri(&place).header("x-api-key", key);
        service.send(request.header("last-event-id", id), "").await
    };
    for method in ["GET", "POST"] {
        assert_eq!(resume(&key, "0001", method).await.status(), 200);
        for id in ["abc", "-1", "0x1", "1.5", "2", "99999999999999999999", "é"] {
            let _ = resume(&key, id, method).await.problem(400, "invalid_cursor").await;
        }
        let mut elsewhere = super::service::new_key(&[Scope::StreamWrite]);
        elsewhere.workspace = "elsewhere".parse().expect("a workspace");
        let (_, stranger) = service.make_key(elsewhere).await;
        let _ = resume(&stranger, "0001", method).await.problem(404, "not_found").await;
        let request = Request::builder().method(method).uri("/v1/stream/str_00").header("x-api-key", &key);
        let _ = service.send(request, "").await.problem(404, "not_found").await;
    }
}
