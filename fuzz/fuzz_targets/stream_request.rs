//! The body of `POST /v1/stream` and of `POST /v1/scrape`: any bytes are taken or refused, never a panic; what is taken is
//! within the limits, and reads back from its stored form as what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pagewire_types::StoredEntry;
use pagewire_types::request::{
    CHUNK_URLS, STREAM_CONCURRENCY_MAX, STREAM_URLS_MAX, ScrapeRequest, StreamRequest,
};
use pagewire_types::scrape::ScrapeParams;
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let body = serde_json::from_slice::<Value>(bytes);
    let is_json = body.is_ok();
    if let Ok(body) = body {
        let _ = ScrapeRequest::parse(body);
    }
    let Ok(request) = StreamRequest::parse(bytes) else { return };
    assert!(is_json, "what is taken is JSON");

    assert!((1..=STREAM_URLS_MAX).contains(&request.entries.len()));
    assert!((1..=STREAM_CONCURRENCY_MAX).contains(&request.concurrency));

    let mut stored = Vec::new();
    for chunk in &request.chunks_json {
        let items = serde_json::from_str(chunk).expect("a stored chunk is JSON");
        let entries = StoredEntry::read_chunk(items).expect("what was accepted is accepted again");
        assert!(entries.len() <= CHUNK_URLS);
        stored.extend(entries);
    }
    let entries: Vec<_> = request.entries.into_iter().map(StoredEntry::Url).collect();
    assert_eq!(stored, entries);
    let params = serde_json::from_str(&request.params_json).expect("stored parameters are JSON");
    assert_eq!(ScrapeParams::read_stored(params), request.params);
});
