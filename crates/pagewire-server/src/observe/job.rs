//! A job's events as frames: `progress`, `page`, `error`, `done`.

use pagewire_engine::job::watch::{JobEvent, JobWatch, WatchDetail};
use pagewire_types::{Problem, ProblemCode};

use super::body::{Events, json};
use super::encoding::FrameWriter;
use super::record;

/// The events that a reader wants, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Include {
    progress: bool,
    page: bool,
    error: bool,
    done: bool,
}

impl Include {
    /// All of them.
    pub const ALL: Self = Self { progress: true, page: true, error: true, done: true };
    const NONE: Self = Self { progress: false, page: false, error: false, done: false };

    /// Reads `?include=progress,done`.
    pub fn parse(text: &str) -> Result<Self, Box<Problem>> {
        let mut include = Self::NONE;
        for name in text.split(',').map(str::trim) {
            match name {
                "progress" => include.progress = true,
                "page" => include.page = true,
                "error" => include.error = true,
                "done" => include.done = true,
                other => {
                    let other: String = other.chars().take(80).collect();
                    let detail = format!(
                        "`include` names events of `progress`, `page`, `error`, `done`, not `{other}`"
                    );
                    return Err(Box::new(Problem::new(ProblemCode::InvalidFilter, detail)));
                }
            }
        }
        Ok(include)
    }

    /// What has to be read for them.
    pub fn detail(self) -> WatchDetail {
        if self.page || self.error { WatchDetail::Records } else { WatchDetail::Counters }
    }
}

/// A job's events, of which some may be left out.
pub struct JobEvents {
    /// Where they come from.
    pub watch: JobWatch,
    /// Which are wanted.
    pub include: Include,
}

impl Events for JobEvents {
    type Event = JobEvent;

    async fn next(&mut self) -> Option<JobEvent> {
        self.watch.next().await
    }

    fn write(&self, event: JobEvent, frames: &mut FrameWriter) {
        match event {
            JobEvent::Records(records) => {
                for found in records {
                    if if record::is_error(&found) { self.include.error } else { self.include.page } {
                        record::write(&found, frames);
                    }
                }
            }
            JobEvent::Progress(progress) if self.include.progress => {
                frames.event("progress", &json(&progress), None);
            }
            JobEvent::Done(done) if self.include.done => frames.event("done", &json(&done), None),
            JobEvent::Progress(_) | JobEvent::Done(_) => {}
            JobEvent::Draining => frames.come_back("the server is shutting down; resume with Last-Event-ID"),
            JobEvent::Failed => {
                frames.come_back("error: the job's records cannot be read on; resume with Last-Event-ID");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_events_that_there_are_can_be_included() {
        assert_eq!(Include::parse("progress,page,error,done").expect("valid"), Include::ALL);
        let some = Include::parse(" progress, done").expect("valid");
        assert_eq!((some.progress, some.page, some.error, some.done), (true, false, false, true));
        assert_eq!(Include::parse("pages").expect_err("unknown").code, "invalid_filter");
        assert!(Include::parse("").is_err());
    }
}
