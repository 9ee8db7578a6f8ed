//! Classes: subscribers with the same filter share one, so that an event is looked at once for all of them.
//!
//! A class holds the positions of the events that it took, and wakes who waits for them; the events themselves are in the
//! log, once. What lies further back than a class was there is looked at by its readers themselves.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use pagewire_journal::Position;
use tokio::sync::watch;

use super::block::Block;
use super::body::Fields;
use super::filter::Filter;
use super::filter::matcher::Matcher;

/// Positions that a class holds; who lags further behind looks at the events again.
const HITS_MAX: usize = 4_096;
/// So many classes may wait to be compiled with the others; until then they are asked one by one.
const LOOSE_MAX: usize = 32;
/// For so long.
const LOOSE_FOR: Duration = Duration::from_secs(1);

/// The subscribers with one filter.
#[derive(Debug)]
pub(super) struct Class {
    filter: Filter,
    hits: Mutex<Hits>,
    /// The newest position that was taken.
    moved: watch::Sender<Position>,
}

#[derive(Debug)]
struct Hits {
    /// All that was taken after it is in `positions`.
    floor: Position,
    positions: VecDeque<Position>,
}

impl Class {
    fn new(filter: Filter, floor: Position) -> Self {
        let hits = Hits { floor, positions: VecDeque::new() };
        Self { filter, hits: Mutex::new(hits), moved: watch::Sender::new(floor) }
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    pub(super) fn moved(&self) -> watch::Receiver<Position> {
        self.moved.subscribe()
    }

    /// What was taken after a position, as far as it is published; `None` where that is further back than it is known.
    pub(super) fn after(&self, after: Position, count_max: usize) -> Option<Vec<Position>> {
        let hits = self.lock();
        if after < hits.floor {
            return None;
        }
        let first = hits.positions.partition_point(|position| *position <= after);
        Some(hits.positions.range(first..).take(count_max).copied().collect())
    }

    fn take(&self, position: Position) {
        let mut hits = self.lock();
        hits.positions.push_back(position);
        if hits.positions.len() > HITS_MAX
            && let Some(oldest) = hits.positions.pop_front()
        {
            hits.floor = oldest;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hits> {
        self.hits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The classes of a log.
pub(super) struct Classes(Mutex<State>);

struct State {
    by_filter: HashMap<Filter, Weak<Class>>,
    /// Those that `matcher` knows, by its numbers.
    compiled: Vec<Weak<Class>>,
    matcher: Option<Matcher>,
    /// Those that it does not know yet.
    loose: Vec<Weak<Class>>,
    loose_since: Option<Instant>,
    /// The last position that was shown to the classes.
    seen: Position,
}

impl Classes {
    pub(super) fn new(seen: Position) -> Self {
        Self(Mutex::new(State {
            by_filter: HashMap::new(),
            compiled: Vec::new(),
            matcher: None,
            loose: Vec::new(),
            loose_since: None,
            seen,
        }))
    }

    /// The class of a filter, which is there for as long as somebody holds it.
    pub(super) fn join(&self, filter: Filter) -> Arc<Class> {
        let mut state = self.lock();
        if let Some(class) = state.by_filter.get(&filter).and_then(Weak::upgrade) {
            return class;
        }
        let class = Arc::new(Class::new(filter.clone(), state.seen));
        state.by_filter.insert(filter, Arc::downgrade(&class));
        state.loose.push(Arc::downgrade(&class));
        state.loose_since.get_or_insert_with(Instant::now);
        class
    }

    /// Shows the next events to all classes. Gives those that took some; they are to be woken once the events can be read.
    pub(super) fn show(&self, blocks: &[Arc<Block>]) -> Vec<Arc<Class>> {
        let mut state = self.lock();
        let mut hit: Vec<Arc<Class>> = Vec::new();
        state.compile_when_due();
        for event in blocks.iter().flat_map(|block| block.events()) {
            state.seen = event.position;
            if state.is_idle() {
                continue;
            }
            let Some(fields) = Fields::read(&event.body) else {
                tracing::error!(position = %event.position, "an event's body cannot be read; filters pass over it");
                continue;
            };
            for class in state.takers(&fields) {
                class.take(event.position);
                if !hit.iter().any(|known| Arc::ptr_eq(known, &class)) {
                    hit.push(class);
                }
            }
        }
        hit
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes who waits for a class.
pub(super) fn wake(classes: Vec<Arc<Class>>, published: Position) {
    for class in classes {
        class.moved.send_replace(published);
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.compiled.is_empty() && self.loose.is_empty()
    }

    fn takers(&mut self, fields: &Fields<'_>) -> Vec<Arc<Class>> {
        let mut takers = Vec::new();
        if let Some(matcher) = &mut self.matcher {
            let compiled = &self.compiled;
            takers.extend(
                matcher.matches(fields).into_iter().filter_map(|number| compiled[number as usize].upgrade()),
            );
        }
        let loose = self.loose.iter().filter_map(Weak::upgrade);
        takers.extend(loose.filter(|class| class.filter.matches(fields)));
        takers
    }

    /// Compiles all that are there once enough wait for it, and forgets those that nobody holds any more.
    fn compile_when_due(&mut self) {
        let waited = self.loose_since.is_some_and(|since| since.elapsed() >= LOOSE_FOR);
        if self.loose.len() <= LOOSE_MAX && !waited {
            return;
        }
        self.by_filter.retain(|_, class| class.strong_count() > 0);
        let classes: Vec<Arc<Class>> = self.by_filter.values().filter_map(Weak::upgrade).collect();
        let weak = classes.iter().map(Arc::downgrade).collect();
        match Matcher::new(classes.iter().map(|class| &class.filter)) {
            Ok(matcher) => {
                (self.matcher, self.compiled, self.loose) = (Some(matcher), weak, Vec::new());
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "filters cannot be compiled; they are asked one by one"
                );
                (self.matcher, self.compiled, self.loose) = (None, Vec::new(), weak);
            }
        }
        self.loose_since = (!self.loose.is_empty()).then(Instant::now);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use pagewire_journal::Record;

    use super::*;
    use crate::live::block::tests::records;
    use crate::live::filter::{FilterCaps, FilterValues};
    use crate::live::id::EventIds;

    fn tagged(tag: &str) -> Filter {
        let values = FilterValues { tags: vec![tag.to_owned()], ..FilterValues::default() };
        Filter::read(&values, FilterCaps { values: 50 }).expect("valid")
    }

    fn events(positions: std::ops::RangeInclusive<u64>) -> Vec<Arc<Block>> {
        let body = |position: u64| {
            let tag = if position.is_multiple_of(2) { "even" } else { "odd" };
            Bytes::from(format!(r#"{{"source_id":"s","source_type":"rss","tags":["{tag}"]}}"#))
        };
        let records = records(positions, 0)
            .into_iter()
            .map(|record| Record { body: body(record.position.0), ..record });
        let ids = EventIds::new(b"secret", "default", 1);
        Block::of(records, &ids).into_iter().map(Arc::new).collect()
    }

    fn taken(class: &Class, after: u64) -> Option<Vec<u64>> {
        Some(class.after(Position(after), usize::MAX)?.into_iter().map(|position| position.0).collect())
    }

    #[test]
    fn subscribers_with_the_same_filter_share_a_class_which_goes_with_the_last_of_them() {
        let classes = Classes::new(Position(0));
        let first = classes.join(tagged("even"));
        assert!(Arc::ptr_eq(&first, &classes.join(tagged("even"))));
        classes.show(&events(1..=4));
        assert_eq!(taken(&first, 0), Some(vec![2, 4]));
        drop(first);
        assert!(classes.show(&events(5..=6)).is_empty());
        let again = classes.join(tagged("even"));
        assert_eq!((taken(&again, 5), taken(&again, 6)), (None, Some(vec![])));
    }

    #[test]
    fn a_class_takes_the_same_before_and_after_it_is_compiled() {
        let classes = Classes::new(Position(0));
        let odd = classes.join(tagged("odd"));
        assert_eq!(classes.show(&events(1..=3)).len(), 1);
        let crowd: Vec<_> = (0..=LOOSE_MAX).map(|number| classes.join(tagged(&number.to_string()))).collect();
        assert_eq!(classes.show(&events(4..=5)).len(), 1);
        assert!(classes.lock().loose.is_empty() && classes.lock().compiled.len() == crowd.len() + 1);
        assert_eq!(taken(&odd, 0), Some(vec![1, 3, 5]));
    }

    #[test]
    fn what_is_further_back_than_a_class_holds_is_told() {
        let classes = Classes::new(Position(0));
        let odd = classes.join(tagged("odd"));
        let last = 2 * HITS_MAX as u64 + 10;
        classes.show(&events(1..=last));
        assert_eq!(taken(&odd, 8), None);
        assert_eq!(taken(&odd, 9).expect("held").len(), HITS_MAX);
        assert_eq!(taken(&odd, last - 3), Some(vec![last - 1]));
    }
}
