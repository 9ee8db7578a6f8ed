//! One request, one answer, one connection.

use std::net::SocketAddr;

use serde_json::Value;

use crate::DEADLINE;
use crate::wire::{Exchange, Request};

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in: {}", self.text()))
    }

    /// The `code` of a problem answer. Panics when the answer is no problem document.
    #[must_use]
    pub fn problem_code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "status {}: {}",
            self.status,
            self.text()
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status, "the document's status is the answer's: {problem}");
        problem["code"].as_str().unwrap_or_else(|| panic!("a problem without a code: {problem}")).to_owned()
    }
}

/// Sends a request and reads the answer to its end.
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut all = vec![("connection", "close")];
    all.extend_from_slice(headers);
    let mut exchange = Exchange::open(address, Request { method, path, headers: &all, body }, None).await;
    let mut body = Vec::new();
    let read = async {
        loop {
            let bytes = exchange.read(usize::MAX).await;
            if bytes.is_empty() {
                break;
            }
            body.extend_from_slice(&bytes);
        }
    };
    let ended = tokio::time::timeout(DEADLINE, read).await.is_ok();
    assert!(ended, "{method} {path}: the body did not end within {DEADLINE:?}");
    Response { status: exchange.status, headers: exchange.headers, body }
}

/// A GET with a key, or without one.
pub async fn get(address: SocketAddr, path: &str, key: Option<&str>) -> Response {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|value| ("authorization", value.as_str())).collect();
    request(address, "GET", path, &headers, b"").await
}

/// A POST of JSON with a key.
pub async fn post_json(address: SocketAddr, path: &str, key: &str, body: &Value) -> Response {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    request(address, "POST", path, &headers, body.to_string().as_bytes()).await
}

/// A request with a key and a JSON body.
pub async fn send_json(address: SocketAddr, method: &str, path: &str, key: &str, body: &Value) -> Response {
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    request(address, method, path, &headers, body.to_string().as_bytes()).await
}
