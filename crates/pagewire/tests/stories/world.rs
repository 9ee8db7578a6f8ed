//! What every story starts from: a site, a server that may fetch from it, and a key that may do everything a client does.

use pagewire_testkit::{
    Binary, Frame, Origin, StreamReader,
    binary::Options,
    http::{self, Response},
    sse::StreamRequest,
};
use serde_json::{Value, json};

/// The binary under test.
pub(crate) const EXE: &str = env!("CARGO_BIN_EXE_pagewire");

/// A site, a server, a key.
pub(crate) struct World {
    pub(crate) origin: Origin,
    pub(crate) server: Binary,
    pub(crate) key: String,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Options::new(EXE)).await
    }

    pub(crate) async fn with_config(toml: &str) -> Self {
        Self::with(Options::new(EXE).config(toml)).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let (origin, server) = (Origin::start().await, options.start().await);
        let key = server.create_key(&["scrape", "stream:write", "stream:read"]);
        Self { origin, server, key }
    }

    pub(crate) fn stream(&self, body: &Value) -> StreamRequest {
        StreamRequest::post(self.server.address(), "/v1/stream", &self.key, body)
    }

    /// Reads a whole stream.
    pub(crate) async fn read(&self, body: &Value) -> Vec<Frame> {
        self.stream(body).open().await.read_to_end().await
    }

    /// The GET that resumes a stream after `last_id`, or from its start.
    pub(crate) fn resume(&self, stream_id: &str, last_id: Option<&str>) -> StreamRequest {
        let path = format!("/v1/stream/{stream_id}");
        let request = StreamRequest::get(self.server.address(), &path, &self.key);
        match last_id {
            Some(id) => request.header("last-event-id", id),
            None => request,
        }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        http::post_json(self.server.address(), path, &self.key, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        http::get(self.server.address(), path, Some(&self.key)).await
    }
}

/// A stream's id, from its headers.
pub(crate) fn stream_id(reader: &StreamReader) -> String {
    reader.header("pagewire-stream-id").expect("a stream tells its id").to_owned()
}

/// The body of a stream that takes little work: small records, robots.txt not asked.
pub(crate) fn light(urls: &[String], concurrency: u32) -> Value {
    json!({"urls": urls, "concurrency": concurrency, "formats": ["metadata"], "robots": "ignore"})
}

/// The frames of one event.
pub(crate) fn named<'a>(frames: &'a [Frame], event: &str) -> Vec<&'a Frame> {
    frames.iter().filter(|frame| frame.event == event).collect()
}

/// Holds a problem against the contract, and gives the document.
pub(crate) fn problem(answer: &Response, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "for {code}: {}", answer.text());
    assert_eq!(answer.problem_code(), code, "{}", answer.text());
    let problem = answer.json();
    for member in ["type", "title", "detail", "trace_id"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "no `{member}`: {problem}");
    }
    let page = format!("/docs/errors/{code}");
    assert!(problem["type"].as_str().is_some_and(|url| url.ends_with(&page)), "{problem}");
    assert!(problem["retryable"].is_boolean(), "{problem}");
    assert_eq!(problem["trace_id"].as_str(), answer.header("x-trace-id"), "{problem}");
    assert_eq!(answer.header("x-request-id"), answer.header("x-trace-id"));
    problem
}

/// Random numbers that a seed repeats (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
