//! What is told of a connection: that it is open, what is wrong with what comes, and that it is well again.
//!
//! A message that cannot be read is counted and told with the reason of the last one, but not each by itself: at most once
//! in a while, so that a flood of them is no flood of reports.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::watch::{Link, Sink};

/// Reports of messages that cannot be read are so far apart.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// After so long without one, all is well again.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// So many messages in which the mapping found nothing, and none in which it found something, and it is told.
const BLANK_TOLD_FROM: u64 = 20;

/// How a connection is, and what of it has been told.
pub(super) struct Health {
    sink: Arc<dyn Sink>,
    http_status: u16,
    messages: u64,
    blank: u64,
    has_told: bool,
    unread: u64,
    last_fault: Option<Instant>,
    last_reason: String,
    /// When messages that cannot be read were told of last.
    faults_told: Option<Instant>,
    faults_untold: bool,
    is_degraded: bool,
}

impl Health {
    /// Of a connection that has opened.
    pub(super) fn open(sink: &Arc<dyn Sink>, http_status: u16) -> Self {
        sink.report(Link::Open { http_status });
        Self {
            sink: Arc::clone(sink),
            http_status,
            messages: 0,
            blank: 0,
            has_told: false,
            unread: 0,
            last_fault: None,
            last_reason: String::new(),
            faults_told: None,
            faults_untold: false,
            is_degraded: false,
        }
    }

    /// Whether the connection has brought anything that could be read.
    pub(super) fn has_brought(&self) -> bool {
        self.messages > self.unread
    }

    /// A message came, which may or may not become an event.
    pub(super) fn message(&mut self) {
        self.messages += 1;
    }

    /// A message became an event.
    pub(super) fn told(&mut self) {
        self.has_told = true;
    }

    /// The mapping found nothing in a message.
    pub(super) fn blank(&mut self) {
        self.blank += 1;
        if self.blank == BLANK_TOLD_FROM && !self.has_told {
            self.degrade(format!("the mapping finds nothing in any of the first {BLANK_TOLD_FROM} messages"));
        }
    }

    /// A message could not be read.
    pub(super) fn unread(&mut self, reason: String, now: Instant) {
        self.unread += 1;
        self.last_fault = Some(now);
        self.last_reason = reason;
        self.faults_untold = true;
        self.look(now);
    }

    /// Nothing has come for so long.
    pub(super) fn silent(&mut self, silence: Duration) {
        self.degrade(format!("nothing has come for {} s", silence.as_secs()));
    }

    /// Something is wrong with the upstream.
    pub(super) fn degrade(&mut self, reason: String) {
        self.is_degraded = true;
        self.sink.report(Link::Degraded { reason });
    }

    /// Something came, and the time has passed: tells what is due.
    pub(super) fn look(&mut self, now: Instant) {
        if self.faults_untold {
            if self.faults_told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY) {
                (self.faults_told, self.faults_untold) = (Some(now), false);
                let Self { unread, messages, last_reason, .. } = self;
                let reason =
                    format!("{unread} of {messages} messages could not be read; the last: {last_reason}");
                self.degrade(reason);
            }
            return;
        }
        let has_faults = self.last_fault.is_some_and(|fault| now.duration_since(fault) < WELL_AFTER);
        let is_blank = self.blank >= BLANK_TOLD_FROM && !self.has_told;
        if self.is_degraded && !has_faults && !is_blank {
            self.is_degraded = false;
            self.sink.report(Link::Open { http_status: self.http_status });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use futures_util::future::BoxFuture;

    use super::super::super::{event::NewEvent, watch::SinkClosed};
    use super::*;

    #[derive(Default)]
    struct Reports(Mutex<Vec<Link>>);

    impl Sink for Reports {
        fn take(&self, _: Vec<NewEvent>, _: Option<String>) -> BoxFuture<'_, Result<(), SinkClosed>> {
            Box::pin(std::future::ready(Ok(())))
        }

        fn report(&self, link: Link) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        }
    }

    fn opened() -> (Arc<Reports>, Health) {
        let reports = Arc::new(Reports::default());
        let sink: Arc<dyn Sink> = reports.clone();
        (reports, Health::open(&sink, 200))
    }

    fn told(reports: &Reports) -> Vec<String> {
        let links = reports.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = |link: &Link| match link {
            Link::Open { .. } => "open".to_owned(),
            Link::Degraded { reason } => reason.clone(),
            Link::Down { .. } => "down".to_owned(),
        };
        links.iter().map(told).collect()
    }

    #[test]
    fn a_flood_of_bad_messages_is_told_now_and_then_and_its_end_too() {
        let (reports, mut health) = opened();
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        for n in 0..1_000 {
            health.message();
            health.unread(format!("no {n}"), at(n / 100));
        }
        health.look(at(11));
        health.look(at(30));
        health.look(at(70));
        health.look(at(80));
        assert_eq!(
            told(&reports),
            [
                "open",
                "1 of 1 messages could not be read; the last: no 0",
                "1000 of 1000 messages could not be read; the last: no 999",
                "open"
            ]
        );
    }

    #[test]
    fn a_mapping_that_never_finds_anything_is_told_until_it_does() {
        let (reports, mut health) = opened();
        let now = Instant::now();
        for _ in 0..30 {
            health.message();
            health.blank();
            health.look(now);
        }
        assert_eq!(told(&reports), ["open", "the mapping finds nothing in any of the first 20 messages"]);
        health.told();
        health.look(now);
        assert_eq!(told(&reports).len(), 3);
    }
}
