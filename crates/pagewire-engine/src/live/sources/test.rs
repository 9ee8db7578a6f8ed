//! A source is tried: asked once, as if for the first time, and what it would tell is shown. Nothing of it is kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pagewire_types::{
    SourceLife, SourceSpec, SourceStatus, SourceTest, SourceType, TargetErrorCode, TestedEvent, TestedFeed,
};
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::super::discover;
use super::super::event::NewEvent;
use super::super::firehose;
use super::super::supervisor::ask;
use super::super::watch::{Link, Polled, Sink, SinkClosed, Verdict};
use super::Watched;
use super::watched::target;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::{Refusal, damaged};
use crate::source::Source;

/// Events that are shown.
const EVENTS_MAX: usize = 20;
/// How long a firehose is listened to.
const LISTEN: Duration = Duration::from_secs(10);
/// Characters of an event's text that are shown.
const CONTENT_CHARS_MAX: usize = 2_000;

impl Engine {
    /// Tries a source that is not there yet.
    pub async fn test_source(&self, caller: &Caller, body: Value) -> Result<SourceTest, Refusal> {
        let mut spec = self.sources.rules.read_new(body)?;
        self.check_source(caller.mode, &spec).await?;
        let _place = (self.sources.tests.try_acquire())
            .map_err(|_| Refusal::Overloaded("as many tests of sources as may be are under way"))?;
        if spec.source_type != SourceType::Firehose {
            // As many of what is there as are shown, as if they had come after the source was made.
            spec.backfill = spec.backfill.clamp(EVENTS_MAX as u32, 1_000);
        }
        let url = target(&spec.url).ok_or_else(|| damaged("the URL of a source"))?;
        let (workspace, mode) = (caller.workspace.id.clone(), caller.mode);
        let watched = Watched { workspace, mode, life: SourceLife::generate(), spec, url };
        let began = Instant::now();
        let asked = async {
            match watched.is_firehose() {
                true => (self.listen(&watched.spec).await, Vec::new()),
                false => {
                    let source = self.sources.supervisor.source(mode);
                    let polled = ask(&source, &watched, None, self.sources.test_timeout).await;
                    self.with_feeds(&source, &watched, polled).await
                }
            }
        };
        let (polled, feeds) = tokio::select! {
            asked = asked => asked,
            () = self.draining.cancelled() => return Err(Refusal::Draining),
        };
        Ok(SourceTest { feeds, ..told(&watched.spec, polled, began.elapsed()) })
    }

    /// Where a page is in a feed's place, the reason names the feeds that were found of its site, which are given too.
    async fn with_feeds(
        &self,
        source: &Source,
        watched: &Watched,
        mut polled: Polled,
    ) -> (Polled, Vec<TestedFeed>) {
        let Verdict::Failed { code: TargetErrorCode::UnsupportedContent, detail } = &mut polled.verdict
        else {
            return (polled, Vec::new());
        };
        if !watched.spec.source_type.is_feed() {
            return (polled, Vec::new());
        }
        let timeout = self.sources.test_timeout;
        let feeds = match discover::discover(source, &watched.spec, &watched.url, timeout).await {
            discover::Found::Page(feeds) => feeds,
            discover::Found::Feed(_) | discover::Found::Failed { .. } => Vec::new(),
        };
        if !feeds.is_empty() {
            let urls: Vec<&str> = feeds.iter().map(|feed| feed.url.as_str()).collect();
            let page = watched.url.as_str();
            *detail = format!("{page} is an HTML page, not a feed; its feeds are {}", urls.join(", "));
        }
        (polled, feeds.into_iter().map(tested_feed).collect())
    }

    /// The first that a firehose sends.
    async fn listen(&self, spec: &SourceSpec) -> Polled {
        let stop = CancellationToken::new();
        let sink = Arc::new(Heard { stop: stop.clone(), heard: Mutex::default() });
        let ends = async {
            let _ = tokio::time::timeout(LISTEN, stop.cancelled()).await;
            stop.cancel();
        };
        let hears = firehose::run(&self.sources.supervisor.web, spec, None, sink.clone(), stop.clone());
        tokio::join!(hears, ends);
        let (events, link) = std::mem::take(&mut *sink.lock());
        let mut polled = Polled { events, ..Polled::of(Verdict::Changed) };
        match link {
            Some(Link::Open { http_status }) => polled.http_status = Some(http_status),
            Some(Link::Degraded { reason }) => polled.verdict = Verdict::Degraded { reason },
            Some(Link::Down { code, detail, .. }) => polled.verdict = Verdict::Failed { code, detail },
            None => polled.verdict = Verdict::Degraded { reason: "nothing came of it in time".to_owned() },
        }
        polled
    }
}

/// What is heard of a firehose, until it is enough or it is down.
struct Heard {
    stop: CancellationToken,
    heard: Mutex<(Vec<NewEvent>, Option<Link>)>,
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, (Vec<NewEvent>, Option<Link>)> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Heard {
    fn take(&self, events: Vec<NewEvent>, _: Option<String>) -> BoxFuture<'_, Result<(), SinkClosed>> {
        Box::pin(async move {
            let mut heard = self.lock();
            heard.0.extend(events);
            if heard.0.len() < EVENTS_MAX {
                return Ok(());
            }
            self.stop.cancel();
            Err(SinkClosed)
        })
    }

    fn report(&self, link: Link) {
        if matches!(link, Link::Down { .. }) {
            self.stop.cancel();
        }
        self.lock().1 = Some(link);
    }
}

fn tested_feed(feed: discover::FoundFeed) -> TestedFeed {
    let discover::FoundFeed { url, title, source_type, entries } = feed;
    TestedFeed { source_type, url: url.as_str().to_owned(), title, entries }
}

fn told(spec: &SourceSpec, polled: Polled, took: Duration) -> SourceTest {
    let (status, reason, error_code) = match polled.verdict {
        Verdict::Changed | Verdict::Unchanged => (SourceStatus::Ok, None, None),
        Verdict::Degraded { reason } => (SourceStatus::Degraded, Some(reason), None),
        Verdict::Failed { code, detail } => (SourceStatus::Failing, Some(detail), Some(code)),
        Verdict::Retired { reason } => (SourceStatus::Retired, Some(reason), None),
    };
    let hidden = polled.events.len().saturating_sub(EVENTS_MAX);
    SourceTest {
        status,
        reason,
        error_code,
        http_status: polled.http_status,
        latency_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        moved_to: polled.moved_to.map(|url| url.as_str().to_owned()),
        found_type: polled.source_type,
        events: polled.events.into_iter().skip(hidden).map(|event| shown(spec, event)).collect(),
        feeds: Vec::new(),
    }
}

fn shown(spec: &SourceSpec, event: NewEvent) -> TestedEvent {
    let content_hash = event.content_hash();
    let mut tags = spec.tags.clone();
    tags.extend(event.tags);
    TestedEvent {
        source_type: event.source_type,
        url: event.url,
        title: event.title,
        content: event.content.chars().take(CONTENT_CHARS_MAX).collect(),
        author: event.author,
        tags,
        published_at: event.published_at,
        content_hash,
    }
}
