//! The way from a connection to the sink: one append at a time, and while it is under way the next batch gathers.
//!
//! Nothing waits for company: a batch leaves as soon as the one before is durable. At the bound of a batch nothing is read
//! any more, so that back-pressure reaches the upstream's socket.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::BoxFuture;

use super::super::event::NewEvent;
use super::super::watch::{Sink, SinkClosed};

/// The bounds of a batch. The last event may pass the second by its own size.
const EVENTS_MAX: usize = 1_000;
const BYTES_MAX: usize = 1 << 20;
/// What an event is reckoned with beside its texts.
const EVENT_BYTES: usize = 200;

/// What gathers, and what is under way.
pub(super) struct Outlet {
    sink: Arc<dyn Sink>,
    events: Vec<NewEvent>,
    bytes: usize,
    under_way: Option<BoxFuture<'static, Result<(), SinkClosed>>>,
}

impl Outlet {
    pub(super) fn new(sink: Arc<dyn Sink>) -> Self {
        Self { sink, events: Vec::new(), bytes: 0, under_way: None }
    }

    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.events.len() < EVENTS_MAX && self.bytes < BYTES_MAX
    }

    /// Whether nothing gathers.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether an append is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    pub(super) fn push(&mut self, event: NewEvent) {
        self.bytes += EVENT_BYTES + event.url.len() + event.title.len() + event.content.len();
        self.events.push(event);
    }

    /// Lets what has gathered go, once nothing is under way.
    pub(super) fn start(&mut self, state: Option<String>) {
        debug_assert!(self.under_way.is_none(), "one at a time");
        let (sink, events) = (Arc::clone(&self.sink), std::mem::take(&mut self.events));
        self.bytes = 0;
        self.under_way = Some(Box::pin(async move { sink.take(events, state).await }));
    }

    /// Waits for the append under way; for ever when there is none. A wait that is dropped loses nothing.
    pub(super) async fn done(&mut self) -> Result<(), SinkClosed> {
        let under_way = &mut self.under_way;
        poll_fn(|cx| {
            let Some(append) = under_way else { return Poll::Pending };
            let Poll::Ready(taken) = append.as_mut().poll(cx) else { return Poll::Pending };
            *under_way = None;
            Poll::Ready(taken)
        })
        .await
    }
}
