//! The live stream as frames: an event under the name of its source's type, `checkpoint`, `gap`.
//!
//! Events are written out once for all who read them ([`Block::written`]); what is written here for one reader alone is
//! told now and then.

use bytes::{BufMut, Bytes, BytesMut};
use pagewire_engine::live::block::{Block, Form, LiveEvent, Written};
use pagewire_engine::live::subscription::Run;
use pagewire_engine::live::{LiveNews, Subscription};
use serde_json::json;

use super::body::{Events, json};
use super::encoding::{Encoding, FrameWriter};

impl Events for Subscription {
    type Event = LiveNews;

    async fn next(&mut self) -> Option<LiveNews> {
        Self::next(self).await
    }

    fn write(&self, news: LiveNews, frames: &mut FrameWriter) {
        match news {
            LiveNews::Events(runs) => {
                for run in runs {
                    frames.shared(frames_of(&run, frames.encoding()));
                }
            }
            LiveNews::Checkpoint(id) => {
                let id = id.as_str();
                frames.event("checkpoint", &json(&json!({ "id": id })), Some(id));
            }
            LiveNews::Gap(gap) => {
                let data = json!({ "from": gap.from.as_str(), "to": gap.to.as_str(), "missed": gap.missed });
                frames.event("gap", &json(&data), Some(gap.to.as_str()));
            }
            LiveNews::Draining => frames.come_back("the server is shutting down; resume with Last-Event-ID"),
            LiveNews::Failed => {
                frames.come_back("error: the events cannot be read on; resume with Last-Event-ID");
            }
        }
    }
}

fn frames_of(run: &Run, encoding: Encoding) -> Bytes {
    let written = match encoding {
        Encoding::Sse => written(&run.block, Form::Sse, sse),
        Encoding::Ndjson => written(&run.block, Form::Ndjson, ndjson),
    };
    written.slice(run.events.clone())
}

fn written(block: &Block, form: Form, write: fn(&LiveEvent, &mut BytesMut)) -> &Written {
    block.written(form, |events| {
        let bodies: usize = events.iter().map(|event| event.body.len()).sum();
        let mut bytes = BytesMut::with_capacity(bodies + events.len() * FRAME_BYTES);
        let ends = events.iter().map(|event| {
            write(event, &mut bytes);
            // A block is bounded far below 4 GiB.
            u32::try_from(bytes.len()).unwrap_or(u32::MAX)
        });
        let ends = ends.collect();
        Written { bytes: bytes.freeze(), ends }
    })
}

/// What a frame has beside the event's body, roughly.
const FRAME_BYTES: usize = 180;

fn sse(event: &LiveEvent, out: &mut BytesMut) {
    out.put_slice(b"event: ");
    out.put_slice(event.source_type.as_str().as_bytes());
    out.put_slice(b"\ndata: ");
    data(event, out);
    out.put_slice(b"\nid: ");
    out.put_slice(event.id.as_str().as_bytes());
    out.put_slice(b"\n\n");
}

fn ndjson(event: &LiveEvent, out: &mut BytesMut) {
    out.put_slice(b"{\"event\":\"");
    out.put_slice(event.source_type.as_str().as_bytes());
    out.put_slice(b"\",\"id\":\"");
    out.put_slice(event.id.as_str().as_bytes());
    out.put_slice(b"\",\"data\":");
    data(event, out);
    out.put_slice(b"}\n");
}

/// An event's JSON: what the log gave it stands before what it came with.
fn data(event: &LiveEvent, out: &mut BytesMut) {
    out.put_slice(b"{\"id\":\"");
    out.put_slice(event.id.as_str().as_bytes());
    out.put_slice(b"\",\"emitted_at\":\"");
    out.put_slice(event.emitted_at().as_bytes());
    out.put_slice(b"\"");
    // The body is an object, and never an empty one.
    if let Some(rest) = event.body.strip_prefix(b"{") {
        out.put_slice(b",");
        out.put_slice(rest);
    } else {
        out.put_slice(b"}");
    }
}

/// The same for an answer that is no stream.
#[must_use]
pub fn event_json(event: &LiveEvent) -> String {
    let mut out = BytesMut::with_capacity(event.body.len() + FRAME_BYTES);
    data(event, &mut out);
    // Bodies are JSON that this server wrote.
    String::from_utf8_lossy(&out).into_owned()
}
