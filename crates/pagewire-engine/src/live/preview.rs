//! What a filter would have told: the events that are retained are looked at, from the newest back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use pagewire_journal::{Position, ReadError};
use tokio::time::Instant;

use super::block::LiveEvent;
use super::body::Fields;
use super::filter::Filter;
use super::id::{EventId, Place};
use super::log::{Found, LiveLog};

/// Events that are shown of those that match.
const SAMPLE_MAX: usize = 20;
/// How long is looked back at most.
const TIME_MAX: Duration = Duration::from_secs(20);

/// What a filter would have told.
#[derive(Debug, Default)]
pub struct Preview {
    /// So many events match.
    pub matched: u64,
    /// Of so many that were looked at.
    pub scanned: u64,
    /// The oldest that was looked at.
    pub from: Option<EventId>,
    /// The newest.
    pub to: Option<EventId>,
    /// Whether all that is held was looked at, or time was over before.
    pub complete: bool,
    /// The newest that match, oldest first.
    pub sample: Vec<LiveEvent>,
}

/// Looks at what the log holds, the newest first, for as long as there is time.
pub(super) async fn preview(log: &Arc<LiveLog>, filter: &Filter) -> Result<Preview, ReadError> {
    let started = Instant::now();
    let tip = *log.published().borrow();
    let Some(oldest) = log.oldest().filter(|oldest| oldest.position <= tip.position) else {
        return Ok(Preview { complete: true, ..Preview::default() });
    };
    let mut preview = Preview { to: Some(log.id(tip)), complete: true, ..Preview::default() };
    let mut sample = VecDeque::new();
    let mut end = tip.position;
    while end >= oldest.position {
        if started.elapsed() > TIME_MAX {
            preview.complete = false;
            break;
        }
        let start = Position((end.0 - 1) / STRETCH * STRETCH).max(Position(oldest.position.0 - 1));
        let Some(events) = stretch(log, start, end).await? else { break };
        let mut taken: Vec<LiveEvent> = Vec::new();
        preview.scanned += events.len() as u64;
        for event in events {
            if Fields::read(&event.body).is_some_and(|fields| filter.matches(&fields)) {
                taken.push(event);
            }
        }
        preview.matched += taken.len() as u64;
        for event in taken.into_iter().rev() {
            if sample.len() < SAMPLE_MAX {
                sample.push_front(event);
            }
        }
        let ms = log.committed_ms(start.next()).unwrap_or(oldest.ms);
        preview.from = Some(log.id(Place { position: start.next(), ms }));
        end = start;
    }
    preview.sample = sample.into();
    Ok(preview)
}

/// How many events are looked at in one go.
const STRETCH: u64 = 1_024;

/// The events after `start` up to `end`; `None` where retention has moved past them meanwhile.
async fn stretch(log: &LiveLog, start: Position, end: Position) -> Result<Option<Vec<LiveEvent>>, ReadError> {
    let mut events: Vec<LiveEvent> = Vec::new();
    let mut after = start;
    while after < end {
        match log.read_after(after).await? {
            Found::Blocks(blocks) => {
                let before = events.len();
                events.extend(blocks.iter().flat_map(|block| block.events().iter().cloned()));
                match events.last() {
                    Some(last) if events.len() > before => after = last.position,
                    _ => break,
                }
            }
            Found::AtTip => break,
            Found::Expired { .. } => return Ok(None),
        }
    }
    events.truncate(usize::try_from(end.0 - start.0).unwrap_or(usize::MAX));
    Ok(Some(events))
}
