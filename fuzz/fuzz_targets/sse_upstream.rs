//! Any bytes as a firehose's event stream or lines, cut anywhere: the same messages come of them, each within its cap, and each is
//! mapped or is none.
//!
//! The engine's own files are read in place: the engine itself would bring its databases into every fuzzing build.

#![no_main]
#![expect(dead_code, reason = "not all of the files is called from here")]

#[path = "../../crates/pagewire-engine/src/live/firehose/filter.rs"]
mod filter;
#[path = "../../crates/pagewire-engine/src/live/firehose/lines.rs"]
mod lines;
#[path = "../../crates/pagewire-engine/src/live/firehose/mapping.rs"]
mod mapping;
#[path = "../../crates/pagewire-engine/src/live/firehose/pick.rs"]
mod pick;
#[path = "../../crates/pagewire-engine/src/live/firehose/sse.rs"]
mod sse;
#[path = "../../crates/pagewire-engine/src/live/firehose/when.rs"]
mod when;

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use pagewire_types::SourceSpec;
use serde_json::json;

use lines::{Line, LineDecoder};
use mapping::{Mapping, Outcome};
use sse::{Frame, SseDecoder};

const CAP: usize = 256;

static MAPPINGS: LazyLock<[Mapping; 2]> = LazyLock::new(|| {
    let bare = json!({"id": "a", "source_type": "firehose", "url": "https://up.example/"});
    let mut mapped = bare.clone();
    mapped["map"] = json!({"id": "/a", "title": "/a/0", "content": "", "tags": "/b", "published_at": "/b/c", "cursor": "/c"});
    mapped["filter"] = json!({"/c": [1, "1", [1], null]});
    [bare, mapped].map(|spec| Mapping::of(&serde_json::from_value::<SourceSpec>(spec).expect("a source")))
});

/// The messages in pieces of a stream; none for one over the cap.
fn messages(pieces: &[&[u8]]) -> (Vec<Option<Vec<u8>>>, Vec<Option<Vec<u8>>>) {
    let (mut sse, mut lines) = (SseDecoder::new(CAP), LineDecoder::new(CAP));
    let (mut of_sse, mut of_lines) = (Vec::new(), Vec::new());
    for piece in pieces {
        sse.feed(Bytes::copy_from_slice(piece));
        while sse.advance() {
            match sse.frame() {
                Frame::Message(data) => of_sse.push(Some(data.to_vec())),
                Frame::TooLarge => of_sse.push(None),
                Frame::Id => assert!(sse.own_id().is_some()),
            }
        }
        lines.feed(Bytes::copy_from_slice(piece));
        while lines.advance() {
            match lines.line() {
                Line::Text(text) => of_lines.push(Some(text.to_vec())),
                Line::TooLarge => of_lines.push(None),
            }
        }
    }
    (of_sse, of_lines)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let pieces: Vec<&[u8]> = bytes.chunks(usize::from(size) + 1).collect();
    let (of_sse, of_lines) = messages(&pieces);
    assert_eq!((&of_sse, &of_lines), (&messages(&[bytes]).0, &messages(&[bytes]).1), "cut anywhere");
    for message in of_sse.iter().chain(&of_lines).flatten() {
        // Lines of data are joined by a byte that is not counted.
        assert!(message.len() <= 2 * CAP, "{} bytes", message.len());
        let Ok(text) = std::str::from_utf8(message) else { continue };
        for mapping in &*MAPPINGS {
            if let Ok(reading) = mapping.read(text)
                && let Outcome::Told(told) = reading.outcome
            {
                assert!(told.url.starts_with("http") && told.title.len() <= 4 << 10 && told.tags.len() <= 32);
            }
        }
    }
});
