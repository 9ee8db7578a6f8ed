//! Each operation of the generated document, against every way in which a key can be wrong.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http::{Request, header, request};
use pagewire_engine::account::NewKey;
use pagewire_types::Scope;
use serde_json::Value;

use super::service::{Answer, Service, from, new_key, with_json};

/// The scopes of which an operation says that the key needs one; `None` where it says that it needs no key.
fn demanded(operation: &Value) -> Option<Vec<&str>> {
    let Some(demands) = operation["security"].as_array() else { return Some(Vec::new()) };
    let scopes = demands.iter().find_map(|demand| demand["bearer"].as_array())?;
    Some(scopes.iter().filter_map(Value::as_str).collect())
}

/// A scope that is none of these, and not `admin`, which is all of them.
fn another_than(scopes: &[&str]) -> Scope {
    let others =
        Scope::ALL.iter().filter(|scope| **scope != Scope::Admin && !scopes.contains(&scope.as_str()));
    *others.into_iter().next().expect("no operation takes each scope")
}

fn asking(method: &str, path: &str) -> request::Builder {
    with_json(Request::builder().method(method).uri(path))
}

async fn ask_each_with(service: &Service, key: &str) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for (method, path, operation) in service.operations().await {
        if demanded(&operation).is_some() {
            let request = asking(&method, &path).header(header::AUTHORIZATION, format!("Bearer {key}"));
            answers.push((format!("{method} {path}"), service.send(request, "{}").await));
        }
    }
    assert!(answers.len() >= 8);
    answers
}

#[tokio::test]
async fn each_operation_asks_for_a_key_unless_it_says_that_it_needs_none() {
    let service = Service::start().await;
    for (method, path, operation) in service.operations().await {
        let answer = service.send(asking(&method, &path), "{}").await;
        if demanded(&operation).is_some() {
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Bearer realm=\"pagewire\""),
                "{method} {path}"
            );
            let _ = answer.problem(401, "missing_credentials").await;
        } else {
            // What a link leads to has nothing behind a link that is made up.
            let status = if path.contains('{') { 404 } else { 200 };
            assert_eq!(answer.status(), status, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn each_operation_refuses_a_key_that_is_mistyped_or_was_never_issued() {
    let service = Service::start().await;
    let stranger = Service::start().await.key(&[Scope::Admin]).await;
    let other = if stranger[20..].starts_with('a') { "b" } else { "a" };
    let mistyped = format!("{}{other}{}", &stranger[..20], &stranger[21..]);
    for (operation, answer) in ask_each_with(&service, &mistyped).await {
        assert_eq!(answer.problem(401, "malformed_key").await["retryable"], false, "{operation}");
    }
    for (operation, answer) in ask_each_with(&service, &stranger).await {
        assert_eq!(answer.problem(401, "unknown_key").await["retryable"], false, "{operation}");
    }
}

#[tokio::test]
async fn each_operation_refuses_a_key_that_was_revoked_or_whose_time_is_over() {
    let service = Service::start().await;
    let (key, revoked) = service.make_key(new_key(&[Scope::Admin])).await;
    assert_eq!(service.get("/v1/usage", &revoked).await.status(), 200);
    let _ = service.engine().accounts().revoke_key(None, key.id).await.expect("revoked");
    for (_, answer) in ask_each_with(&service, &revoked).await {
        let _ = answer.problem(401, "revoked_key").await;
    }
    let short = NewKey { expires_in: Some(Duration::from_millis(1)), ..new_key(&[Scope::Admin]) };
    let (_, expired) = service.make_key(short).await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    for (_, answer) in ask_each_with(&service, &expired).await {
        let _ = answer.problem(401, "expired_key").await;
    }
}

#[tokio::test]
async fn each_operation_names_the_scope_that_the_key_lacks() {
    let service = Service::start().await;
    for (method, path, operation) in service.operations().await {
        let Some(scopes) = demanded(&operation) else { continue };
        let key = service.key(&[another_than(&scopes)]).await;
        let answer = service.send(asking(&method, &path).header("x-api-key", &key), "{}").await;
        if scopes.is_empty() {
            assert!(
                answer.status() < 400,
                "{method} {path}: any key will do, it says: {}",
                answer.text().await
            );
            continue;
        }
        let problem = answer.problem(403, "insufficient_scope").await;
        let detail = problem["detail"].as_str().unwrap_or_default();
        for scope in &scopes {
            assert!(detail.contains(&format!("`{scope}`")), "{method} {path}: {detail}");
        }
        assert_eq!(problem["scope"], scopes.join(" "), "{method} {path}");
    }
}

#[tokio::test]
async fn each_operation_takes_each_scope_that_it_names_and_admin() {
    let service = Service::start().await;
    for (method, path, operation) in service.operations().await {
        let Some(scopes) = demanded(&operation) else { continue };
        for scope in scopes.into_iter().chain(["admin"]) {
            let key = service.key(&[scope.parse().expect("a scope")]).await;
            let answer = service.send(asking(&method, &path).header("x-api-key", &key), "{}").await;
            assert!(![401, 403].contains(&answer.status()), "{method} {path} with {scope}");
        }
    }
}

#[tokio::test]
async fn a_key_bound_to_addresses_is_refused_from_others() {
    let service = Service::start().await;
    let ranges = vec!["10.1.0.0/16".parse().expect("a range")];
    let (_, key) = service.make_key(NewKey { allow_ips: ranges, ..new_key(&[Scope::Scrape]) }).await;
    let ask = async |address: [u8; 4]| {
        let request = Request::get("/v1/usage").header("x-api-key", &key);
        service.send(from(request, IpAddr::V4(Ipv4Addr::from(address))), "").await
    };
    assert_eq!(ask([10, 1, 2, 3]).await.status(), 200);
    let problem = ask([10, 2, 2, 3]).await.problem(403, "ip_not_allowed").await;
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("10.2.2.3")), "{problem}");
}

#[tokio::test]
async fn two_keys_that_differ_contradict_each_other() {
    let service = Service::start().await;
    let (one, two) = (service.key(&[Scope::Scrape]).await, service.key(&[Scope::Scrape]).await);
    let both = |bearer: &str, other: &str| {
        Request::get("/v1/usage")
            .header("authorization", format!("Bearer {bearer}"))
            .header("x-api-key", other)
    };
    assert_eq!(service.send(both(&one, &one), "").await.status(), 200);
    let _ = service.send(both(&one, &two), "").await.problem(400, "conflict_params").await;
}

#[tokio::test]
async fn the_query_takes_a_key_for_a_get_of_an_event_stream_and_for_nothing_else() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Admin]).await;
    for (method, path, operation) in service.operations().await {
        if demanded(&operation).is_none() {
            continue;
        }
        let answer = service.send(asking(&method, &format!("{path}?api_key={key}")), "{}").await;
        let answers_events = operation["responses"]["200"]["content"]["text/event-stream"].is_object();
        let event_stream = method == "GET" && answers_events;
        assert_eq!(answer.status() != 401, event_stream, "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_is_gone_when_it_is_revoked() {
    let service = Service::start().await;
    let admin = service.key(&[Scope::Admin]).await;
    let made = service.post("/v1/keys", &admin, "{\"name\": \"n\", \"scopes\": [\"scrape\"]}").await;
    assert_eq!(made.status(), 201);
    let place = made.header("location").expect("a place").to_owned();
    let text = made.json().await["key"].as_str().expect("the key").to_owned();
    assert_eq!(service.get("/v1/usage", &text).await.status(), 200);
    let list = service.get("/v1/keys", &admin).await.text().await;
    assert!(!list.contains(&text) && list.contains(&text[..12]), "{list}");
    for _ in 0..2 {
        let gone = service.send(Request::delete(&place).header("x-api-key", &admin), "").await;
        assert_eq!(gone.status(), 204, "revoking twice is revoking once");
    }
    let _ = service.get("/v1/usage", &text).await.problem(401, "revoked_key").await;
    let unknown = service.send(Request::delete("/v1/keys/key_x").header("x-api-key", &admin), "").await;
    let _ = unknown.problem(404, "not_found").await;
}

#[tokio::test]
async fn a_key_without_a_name_or_a_scope_is_not_made() {
    let service = Service::start().await;
    let admin = service.key(&[Scope::Admin]).await;
    for (body, pointer) in [
        ("{\"scopes\": [\"scrape\"]}", "/name"),
        ("{\"name\": \"n\"}", "/scopes"),
        ("{\"name\": \"n\", \"scopes\": []}", "/scopes"),
        ("{\"name\": \"n\", \"scopes\": [\"everything\"]}", "/scopes"),
        ("{\"name\": \"n\", \"scopes\": [\"scrape\"], \"allow_ips\": [\"nowhere\"]}", "/allow_ips"),
        ("{\"name\": \"n\", \"scopes\": [\"scrape\"], \"expires\": \"90d\"}", "/expires"),
    ] {
        let problem = service.post("/v1/keys", &admin, body).await.problem(422, "validation_failed").await;
        assert!(super::service::pointers(&problem).contains(&pointer), "{body}: {problem}");
    }
}
