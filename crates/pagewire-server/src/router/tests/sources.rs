//! Sources at the edge, in the sandbox, so that nothing leaves this process.

use http::Request;
use pagewire_engine::KeyMode;
use pagewire_engine::account::NewKey;
use pagewire_types::Scope;
use serde_json::{Value, json};

use super::service::{Answer, DECLARED, Service, new_key, pointers, with_json};

const SCOPES: [Scope; 2] = [Scope::SourcesRead, Scope::SourcesWrite];

async fn key(service: &Service, workspace: &str) -> String {
    let workspace = workspace.parse().expect("a workspace");
    let new = NewKey { mode: KeyMode::Test, workspace, ..new_key(&SCOPES) };
    service.make_key(new).await.1
}

async fn send(service: &Service, method: &str, path: &str, key: &str, body: &Value) -> Answer {
    let request = with_json(Request::builder().method(method).uri(path)).header("x-api-key", key);
    service.send(request, &body.to_string()).await
}

fn page(id: &str) -> Value {
    json!({"id": id, "source_type": "html", "url": format!("https://shop.example/{id}"), "enabled": false})
}

async fn make(service: &Service, key: &str, body: &Value) -> Value {
    let made = service.post("/v1/sources", key, &body.to_string()).await;
    let status = made.status();
    let made = made.json().await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn import(service: &Service, key: &str, path: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", "text/x-opml").header("x-api-key", key);
    service.send(request, body).await
}

#[tokio::test]
async fn a_source_is_made_looked_at_changed_and_deleted() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    let body = json!({
        "source_type": "html", "url": "https://shop.example/products", "name": "n", "tags": ["a"],
        "headers": {"Authorization": "hunter2"}, "enabled": false,
    });
    let made = make(&service, &key, &body).await;
    assert_eq!((&made["id"], &made["declared_in"]), (&json!("shop.example-products"), &json!("api")));
    assert_eq!(
        (&made["headers"], &made["health"]["status"]),
        (&json!({"authorization": "***"}), &json!("disabled"))
    );
    let path = "/v1/sources/shop.example-products";
    assert_eq!(service.get(path, &key).await.json().await, made);
    let listed = service.get("/v1/sources?status=pending&tag=a", &key).await.json().await;
    assert_eq!(listed, json!({"sources": [made], "next_cursor": null}));
    let _ = send(&service, "POST", "/v1/sources", &key, &body).await.problem(409, "already_exists").await;

    let change = json!({"name": null, "tags": ["b"], "interval_s": 300, "headers": {"authorization": "***"}});
    let changed = send(&service, "PATCH", path, &key, &change).await.json().await;
    assert_eq!((&changed["tags"], &changed["interval_s"]), (&json!(["b"]), &json!(300)));
    assert_eq!((changed.get("name"), &changed["headers"]), (None, &made["headers"]));
    assert_eq!(service.get(path, &key).await.json().await, changed);
    let refused = send(&service, "PATCH", path, &key, &json!({"source_type": "rss", "colour": 1})).await;
    assert_eq!(pointers(&refused.problem(422, "validation_failed").await), ["/source_type", "/colour"]);

    assert_eq!(send(&service, "DELETE", path, &key, &json!({})).await.status(), 204);
    let _ = service.get(path, &key).await.problem(404, "not_found").await;
    let _ = send(&service, "DELETE", path, &key, &json!({})).await.problem(404, "not_found").await;
}

#[tokio::test]
async fn every_fault_of_a_source_is_named_with_what_would_be_right() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    let body = json!({
        "id": "Ä", "source_type": "html", "url": "http://u:p@x/", "include_selectors": ["a >"], "ignore": ["("],
        "interval_s": 0, "headers": {"connection": "x"}, "colour": 1,
    });
    let problem = service.post("/v1/sources", &key, &body.to_string()).await;
    let problem = problem.problem(422, "validation_failed").await;
    assert_eq!(
        pointers(&problem),
        ["/id", "/url", "/interval_s", "/include_selectors/0", "/ignore/0", "/headers/connection", "/colour"]
    );
    for (url, pointer) in [("http://127.0.0.1/", "/url"), ("http://[fd00::1]/", "/url")] {
        let body = json!({"source_type": "rss", "url": url});
        let problem = service.post("/v1/sources", &key, &body.to_string()).await;
        assert_eq!(pointers(&problem.problem(422, "validation_failed").await), [pointer], "{url}");
    }
    let hose = json!({"source_type": "firehose", "protocol": "sse", "url": "https://a.example/"});
    for path in ["/v1/sources", "/v1/sources/test"] {
        let problem =
            service.post(path, &key, &hose.to_string()).await.problem(422, "validation_failed").await;
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains("sandbox")), "{problem}");
    }
    for (path, code) in [
        ("/v1/sources?limit=0", "validation_failed"),
        ("/v1/sources?status=fine", "validation_failed"),
        ("/v1/sources?colour=1", "validation_failed"),
    ] {
        let _ = service.get(path, &key).await.problem(422, code).await;
    }
    let _ = service.get("/v1/sources?cursor=%C3%84", &key).await.problem(400, "invalid_cursor").await;
}

#[tokio::test]
async fn sources_are_listed_page_by_page() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    for id in ["c", "a", "b.1", "b.2"] {
        make(&service, &key, &page(id)).await;
    }
    let (mut path, mut seen) = ("/v1/sources?limit=3".to_owned(), Vec::new());
    loop {
        let listed = service.get(&path, &key).await.json().await;
        let sources = listed["sources"].as_array().expect("sources");
        seen.extend(sources.iter().map(|source| source["id"].as_str().expect("an id").to_owned()));
        let Some(cursor) = listed["next_cursor"].as_str() else { break };
        path = format!("/v1/sources?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, ["a", "b.1", "b.2", "c"]);
}

#[tokio::test]
async fn another_workspaces_source_answers_like_one_that_does_not_exist() {
    let service = Service::start().await;
    let (mine, stranger) = (key(&service, "default").await, key(&service, "elsewhere").await);
    make(&service, &mine, &page("a")).await;
    for id in ["a", "b", "%C3%84"] {
        for (method, path) in [
            ("GET", format!("/v1/sources/{id}")),
            ("PATCH", format!("/v1/sources/{id}")),
            ("DELETE", format!("/v1/sources/{id}")),
            ("POST", format!("/v1/sources/{id}/poll")),
        ] {
            let answer = send(&service, method, &path, &stranger, &json!({})).await;
            let _ = answer.problem(404, "not_found").await;
        }
    }
    assert_eq!(service.get("/v1/sources/a", &mine).await.status(), 200);
}

#[tokio::test]
async fn what_the_configuration_declares_is_read_and_not_changed() {
    let service = Service::start().await;
    let live = service.key(&SCOPES).await;
    let path = format!("/v1/sources/{DECLARED}");
    let source = service.get(&path, &live).await.json().await;
    assert_eq!(
        (&source["declared_in"], &source["url"]),
        (&json!("config"), &json!("https://feeds.example/rss"))
    );
    for method in ["PATCH", "DELETE"] {
        let problem = send(&service, method, &path, &live, &json!({"enabled": true})).await;
        let problem = problem.problem(409, "read_only").await;
        assert!(
            problem["detail"].as_str().is_some_and(|text| text.contains("configuration file")),
            "{problem}"
        );
    }
    assert_eq!(service.get(&path, &live).await.json().await, source);
}

#[tokio::test]
async fn a_list_is_imported_without_its_bad_lines_and_exported_again() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    let list = "<opml><body>\n<outline text=\"News\">\n\
        <outline text=\"A &amp; B\" xmlUrl=\"https://a.example/f?x=1&amp;y=2\"/>\n\
        <outline text=\"broken xmlUrl=\"https://x.example/\"/>\n\
        <outline text=\"ftp\" xmlUrl=\"ftp://x.example/\"/>\n\
        <outline text=\"inside\" xmlUrl=\"http://10.0.0.1/\"/>\n\
        <outline text=\"again\" xmlUrl=\"https://a.example/f?x=1&amp;y=2\"/>\n\
        </outline><outline xmlUrl=\"https://A.example/f?x=1/y=2\"/></body></opml>";
    let reply = import(&service, &key, "/v1/sources/import?tag=t&tag=News", list).await.json().await;
    assert_eq!(
        (&reply["imported"], &reply["already_there"], &reply["refused"]),
        (&json!(2), &json!(1), &json!(3)),
        "{reply}"
    );
    let lines: Vec<&Value> =
        reply["invalid"].as_array().expect("lines").iter().map(|line| &line["line"]).collect();
    assert_eq!(lines, [4, 5, 6]);
    let listed = service.get("/v1/sources", &key).await.json().await;
    assert_eq!(listed["sources"].as_array().map(Vec::len), Some(2));
    let source = service.get("/v1/sources/a.example-f-x-1-y-2", &key).await.json().await;
    assert_eq!((&source["name"], &source["tags"]), (&json!("A & B"), &json!(["t", "News"])));

    let exported = service.get("/v1/sources/export.opml", &key).await.text().await;
    let again = import(&service, &key, "/v1/sources/import", &exported).await.json().await;
    assert_eq!((&again["imported"], &again["already_there"]), (&json!(0), &json!(2)), "{exported}");
    let other = self::key(&service, "elsewhere").await;
    let elsewhere = import(&service, &other, "/v1/sources/import", &exported).await.json().await;
    assert_eq!((&elsewhere["imported"], &elsewhere["refused"]), (&json!(2), &json!(0)), "{exported}");
    let copied = service.get("/v1/sources/a.example-f-x-1-y-2", &other).await.json().await;
    assert_eq!((&copied["name"], &copied["tags"]), (&source["name"], &source["tags"]));
    let _ = import(&service, &key, "/v1/sources/import", "<html></html>")
        .await
        .problem(422, "validation_failed")
        .await;
    let _ = import(&service, &key, "/v1/sources/import?colour=1", list)
        .await
        .problem(422, "validation_failed")
        .await;
}

#[tokio::test]
async fn a_workspace_has_so_many_sources_and_no_more() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    let outlines: String = (0..60).map(|n| format!("<outline xmlUrl='https://h{n}.example/'/>\n")).collect();
    let list = format!("<opml><body>\n{outlines}</body></opml>");
    let reply = import(&service, &key, "/v1/sources/import", &list).await.json().await;
    assert_eq!((&reply["imported"], &reply["refused"]), (&json!(50), &json!(10)), "{reply}");
    let problem = service.post("/v1/sources", &key, &page("z").to_string()).await;
    let problem = problem.problem(422, "validation_failed").await;
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("50 sources")), "{problem}");
}

#[tokio::test]
async fn a_test_tells_how_it_went_and_keeps_nothing() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    let body = json!({"source_type": "rss", "url": "https://shop.example/errors/timeout"});
    let tested = service.post("/v1/sources/test", &key, &body.to_string()).await;
    assert_eq!(tested.status(), 200);
    let tested = tested.json().await;
    assert_eq!((&tested["status"], &tested["events"]), (&json!("failing"), &json!([])), "{tested}");
    let listed = service.get("/v1/sources", &key).await.json().await;
    assert_eq!(listed["sources"], json!([]));
}

#[tokio::test]
async fn only_what_is_watched_is_polled_at_somebodys_word() {
    let service = Service::start().await;
    let key = key(&service, "default").await;
    make(&service, &key, &page("a")).await;
    let problem = send(&service, "POST", "/v1/sources/a/poll", &key, &json!({})).await;
    let problem = problem.problem(422, "validation_failed").await;
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("disabled")), "{problem}");
    let enabled = send(&service, "PATCH", "/v1/sources/a", &key, &json!({"enabled": true})).await;
    assert_eq!(enabled.json().await["enabled"], true);
    assert_eq!(send(&service, "POST", "/v1/sources/a/poll", &key, &json!({})).await.status(), 202);
}
