//! What every answer has, and the documents that the server tells about itself.

use http::Request;
use pagewire_types::{ProblemCode, Scope, TargetErrorCode};

use super::service::Service;

#[tokio::test]
async fn every_answer_names_its_trace_and_cannot_be_sniffed() {
    let service = Service::start().await;
    let key = service.key(&[Scope::Scrape]).await;
    for (path, key) in [("/healthz", ""), ("/nowhere", ""), ("/v1/usage", key.as_str()), ("/v1/keys", "x")] {
        let answer = service.get(path, key).await;
        let trace = answer.header("x-trace-id").expect("a trace");
        assert_eq!(trace.len(), 32, "{path}");
        assert_eq!(answer.header("x-request-id"), Some(trace), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
    }
}

#[tokio::test]
async fn a_callers_own_trace_is_kept_and_a_broken_one_is_not() {
    let service = Service::start().await;
    let own = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{own}-b7ad6b7169203331-01");
    let answer = service.send(Request::get("/healthz").header("traceparent", parent), "").await;
    assert_eq!(answer.header("x-trace-id"), Some(own));
    for broken in ["no trace", "00-0-0-00", "\"><script>", &"0".repeat(32), &"a".repeat(1_000)] {
        let answer = service.send(Request::get("/healthz").header("x-trace-id", broken), "").await;
        let trace = answer.header("x-trace-id").expect("a trace");
        assert!(trace != broken && trace.len() == 32, "{trace}");
    }
}

#[tokio::test]
async fn the_document_names_every_route_of_the_reference_and_both_headers_for_keys() {
    let service = Service::start().await;
    let document = service.get("/openapi.json", "").await.json().await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    assert_eq!(document["components"]["securitySchemes"]["api_key"]["name"], "X-API-Key");
    let reference = service.get("/docs", "").await;
    let policy = reference.header("content-security-policy").expect("a policy").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
    let reference = reference.text().await;
    for (method, path, operation) in service.operations().await {
        let path = path.replace("/x", "/{id}");
        assert!(reference.contains(&format!("<code>{path}</code>")), "{path} is not in the reference");
        assert!(reference.contains(&format!(">{method}<")), "{method}");
        assert!(
            operation["summary"].as_str().is_some_and(|text| text.len() > 3),
            "{method} {path} says nothing"
        );
        if let Some(demands) = operation["security"].as_array()
            && let Some(scopes) = demands.iter().find_map(|demand| demand.get("bearer"))
        {
            assert!(demands.iter().any(|demand| demand.get("api_key") == Some(scopes)), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_problem_leads_to_a_page_about_it() {
    let service = Service::start().await;
    let list = service.get("/docs/errors", "").await.text().await;
    let own = ProblemCode::ALL.iter().map(|code| code.as_str());
    for code in own.chain(TargetErrorCode::ALL.iter().map(|code| code.as_str())) {
        let path = format!("/docs/errors/{code}");
        assert!(list.contains(&format!("href=\"{path}\"")), "{code}");
        let page = service.get(&path, "").await;
        assert_eq!((page.status(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let page = page.text().await;
        assert!(page.contains(&format!("<h1><code>{code}</code></h1>")) && !page.contains("{{"), "{page}");
    }
}
