//! A stream's events as frames: `page`, `error`, `progress`, `warning`, `end`.

use pagewire_engine::{Attachment, RunEvent};

use super::body::{Events, json};
use super::encoding::FrameWriter;
use super::record;

impl Events for Attachment {
    type Event = RunEvent;

    async fn next(&mut self) -> Option<RunEvent> {
        Self::next(self).await
    }

    fn write(&self, event: RunEvent, frames: &mut FrameWriter) {
        match event {
            RunEvent::Records(records) => {
                for found in records {
                    record::write(&found, frames);
                }
            }
            RunEvent::Progress(progress) => frames.event("progress", &json(&progress), None),
            RunEvent::Warning(warning) => frames.event("warning", &json(&warning), None),
            RunEvent::End(end) => frames.event("end", &json(&end), None),
            RunEvent::TakenOver => frames.comment("another connection has taken this stream over"),
            RunEvent::Draining => frames.come_back("the server is shutting down; resume with Last-Event-ID"),
            RunEvent::Failed => {
                frames.come_back("error: the stream cannot be read on; resume with Last-Event-ID");
            }
        }
    }
}
