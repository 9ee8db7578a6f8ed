//! What stories about jobs do with a server: send lists, make jobs, wait for their ends, follow their links.

use std::time::Duration;

use pagewire_testkit::DEADLINE;
use pagewire_testkit::http::{self, Response};
use pagewire_testkit::sse::StreamRequest;
use serde_json::Value;

use crate::world::World;

impl World {
    /// With a key that may do all that has to do with jobs.
    pub(crate) async fn of_jobs() -> Self {
        let mut world = Self::start().await;
        world.key = world.server.create_key(&["jobs:read", "jobs:write", "events:read", "stream:write"]);
        world
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let bearer = format!("Bearer {}", self.key);
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        http::request(self.server.address(), method, path, &headers, body).await
    }

    /// Makes a job, and gives its id.
    pub(crate) async fn submit(&self, body: &Value) -> String {
        let answer = self.post("/v1/jobs", body).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        let id = answer.json()["id"].as_str().expect("an id").to_owned();
        assert_eq!(answer.header("location"), Some(format!("/v1/jobs/{id}").as_str()));
        id
    }

    pub(crate) async fn job(&self, id: &str) -> Value {
        let answer = self.get(&format!("/v1/jobs/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The job once it has ended.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let job = self.job(id).await;
            if !matches!(job["status"].as_str(), Some("queued" | "running")) {
                return job;
            }
            assert!(tokio::time::Instant::now() < deadline, "the job does not end: {job}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Follows a link, without a key.
    pub(crate) async fn follow(&self, url: &Value, method: &str, headers: &[(&str, &str)]) -> Response {
        let base = self.server.base_url();
        let path = url.as_str().and_then(|url| url.strip_prefix(&base)).expect("a link to this server");
        http::request(self.server.address(), method, path, headers, b"").await
    }

    pub(crate) async fn upload(&self, path: &str, content_type: &str, list: &[u8]) -> Response {
        self.send("POST", path, &[("content-type", content_type)], list).await
    }

    pub(crate) fn watch(&self, id: &str) -> StreamRequest {
        StreamRequest::get(self.server.address(), &format!("/v1/jobs/{id}/stream"), &self.key)
    }
}

/// The lines of an NDJSON file.
pub(crate) fn lines(response: &Response) -> Vec<Value> {
    response.text().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}
