use std::path::Path;

use tokio::task::JoinHandle;

use super::*;
use crate::live::LiveNews;
use crate::live::filter::{FilterCaps, FilterValues};
use crate::live::subscription::Subscription;

fn settings(ring_bytes: usize, keep_bytes: u64) -> LogSettings {
    LogSettings { keep: Duration::from_secs(3_600), keep_bytes, ring_bytes, durability: Durability::Process }
}

/// A log, and what ends it.
struct Opened {
    log: Arc<LiveLog>,
    stop: CancellationToken,
    committer: JoinHandle<()>,
}

impl Opened {
    async fn close(self) {
        self.stop.cancel();
        self.committer.await.expect("the committer ends");
    }
}

fn open(directory: &Path, settings: &LogSettings) -> Opened {
    let stop = CancellationToken::new();
    let ids = EventIds::new(b"secret", "default.live", 7);
    let (log, committer) = LiveLog::open(directory.to_owned(), ids, settings, stop.clone()).expect("opens");
    Opened { log, stop, committer: tokio::spawn(committer) }
}

/// The event of a number; its tag says whether that is even.
fn event(number: u64) -> LogEvent {
    let tag = if number.is_multiple_of(2) { "even" } else { "odd" };
    let body = format!(r#"{{"source_id":"s","source_type":"rss","tags":["{tag}"],"title":"{number}"}}"#);
    LogEvent { key: Key(number.into()), source_type: SourceType::Rss, body: body.into() }
}

async fn append(log: &LiveLog, numbers: std::ops::RangeInclusive<u64>) -> usize {
    log.append(numbers.map(event).collect()).await.expect("appended")
}

fn tagged(tag: &str) -> Filter {
    let values = FilterValues { tags: vec![tag.to_owned()], ..FilterValues::default() };
    Filter::read(&values, FilterCaps { values: 50 }).expect("valid")
}

fn subscribe(log: &Arc<LiveLog>, filter: Filter, after: u64) -> Subscription {
    let ms = log.committed_ms(Position(after)).unwrap_or_default();
    let after = Place { position: Position(after), ms };
    Subscription::new(log.clone(), filter, after, Duration::from_secs(30), CancellationToken::new())
}

/// The positions of the next so many events.
async fn take(subscription: &mut Subscription, count: usize) -> Vec<u64> {
    let mut positions = Vec::new();
    while positions.len() < count {
        match subscription.next().await {
            Some(LiveNews::Events(runs)) => positions.extend(
                runs.iter().flat_map(|run| &run.block.events()[run.events.clone()]).map(|e| e.position.0),
            ),
            other => panic!("{other:?} after {positions:?}"),
        }
    }
    positions
}

#[tokio::test]
async fn an_event_is_told_once_however_often_it_is_appended() {
    let directory = tempfile::tempdir().expect("a directory");
    let opened = open(directory.path(), &settings(1 << 20, 1 << 30));
    let mut all = subscribe(&opened.log, Filter::default(), 0);
    assert_eq!(append(&opened.log, 1..=3).await, 3);
    assert_eq!(append(&opened.log, 2..=5).await, 2);
    assert_eq!(take(&mut all, 5).await, [1, 2, 3, 4, 5]);
    opened.close().await;
    let opened = open(directory.path(), &settings(1 << 20, 1 << 30));
    assert_eq!(append(&opened.log, 4..=6).await, 1);
    let mut resumed = subscribe(&opened.log, Filter::default(), 3);
    assert_eq!(take(&mut resumed, 3).await, [4, 5, 6]);
    opened.close().await;
}

#[tokio::test]
async fn whoever_comes_from_wherever_reads_the_same_whether_it_is_in_the_tail_or_on_disk() {
    for ring_bytes in [0, 20_000, 1 << 24] {
        let directory = tempfile::tempdir().expect("a directory");
        let opened = open(directory.path(), &settings(ring_bytes, 1 << 30));
        for first in (1..=2_000).step_by(37) {
            append(&opened.log, first..=(first + 36).min(2_000)).await;
        }
        for after in [0, 1, 255, 256, 300, 1_500, 1_963, 1_999] {
            let mut all = subscribe(&opened.log, Filter::default(), after);
            let expected: Vec<u64> = (after + 1..=2_000).collect();
            assert_eq!(take(&mut all, expected.len()).await, expected, "after {after}, ring {ring_bytes}");
            let mut odd = subscribe(&opened.log, tagged("odd"), after);
            let expected: Vec<u64> = (after + 1..=2_000).filter(|number| !number.is_multiple_of(2)).collect();
            assert_eq!(take(&mut odd, expected.len()).await, expected, "odd after {after}");
        }
        opened.close().await;
    }
}

#[tokio::test]
async fn readers_that_come_and_go_while_it_grows_miss_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    // A tail so small that slow readers fall out of it.
    let opened = open(directory.path(), &settings(4_000, 1 << 30));
    let log = opened.log.clone();
    let writer = tokio::spawn(async move {
        for first in (1..=3_000).step_by(7) {
            append(&log, first..=(first + 6).min(3_000)).await;
        }
    });
    let readers = (0_u64..12).map(|reader| {
        let log = opened.log.clone();
        tokio::spawn(async move {
            let odd = reader.is_multiple_of(2);
            let filter = || if odd { tagged("odd") } else { Filter::default() };
            let mut seen: Vec<u64> = Vec::new();
            let total = if odd { 1_500 } else { 3_000 };
            while seen.len() < total {
                let mut subscription = subscribe(&log, filter(), seen.last().copied().unwrap_or(0));
                let some = 1 + usize::try_from(reader).expect("small") * 40;
                seen.extend(take(&mut subscription, some.min(total - seen.len())).await);
            }
            let step = if odd { 2 } else { 1 };
            assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + step), "reader {reader}");
            assert_eq!(seen[0], 1);
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.expect("the reader saw all");
    }
    writer.await.expect("the writer ends");
    opened.close().await;
}

#[tokio::test]
async fn what_a_source_wants_kept_is_kept_before_its_events_are_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let opened = open(directory.path(), &settings(1 << 20, 1 << 30));
    append(&opened.log, 1..=1).await;
    let log = opened.log.clone();
    let (told, seen) = oneshot::channel();
    let between: Between = Box::new(move |new| {
        Box::pin(async move {
            let durable = log.journal().tip().borrow().position;
            let _ = told.send((new, durable, log.published.borrow().position));
        })
    });
    let events = (1..=3).map(event).collect();
    assert_eq!(opened.log.append_then(events, between).await.expect("appended"), 2);
    assert_eq!(seen.await.expect("it was kept"), (2, Position(3), Position(1)));
    assert_eq!(opened.log.published.borrow().position, Position(3));
    opened.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_quiet_filter_is_told_where_it_stands_and_can_go_on_from_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let opened = open(directory.path(), &settings(1 << 20, 1 << 30));
    let mut none = subscribe(&opened.log, tagged("none"), 0);
    append(&opened.log, 1..=9).await;
    let Some(LiveNews::Checkpoint(id)) = none.next().await else { panic!("a checkpoint") };
    let place = opened.log.ids().place(id.as_str()).expect("an id of this log");
    assert_eq!(place.position, Position(9));
    assert_eq!(opened.log.committed_ms(Position(9)), Some(place.ms));
    opened.close().await;
}

#[tokio::test]
async fn whom_retention_overtakes_is_told_what_was_missed() {
    let directory = tempfile::tempdir().expect("a directory");
    let settings = settings(0, 64 << 10);
    let opened = open(directory.path(), &settings);
    for first in (1..=6_000).step_by(100) {
        append(&opened.log, first..=first + 99).await;
    }
    let mut late = subscribe(&opened.log, Filter::default(), 50);
    opened.log.retain(&settings, 0).await.expect("retained");
    let oldest = opened.log.oldest().expect("some are held").position.0;
    assert!(oldest > 1_000);
    let Some(LiveNews::Gap(gap)) = late.next().await else { panic!("a gap") };
    assert_eq!(gap.missed, oldest - 1 - 50);
    assert_eq!(take(&mut late, 10).await[0], oldest);
    let place = opened.log.ids().place(gap.to.as_str()).expect("an id");
    assert_eq!(place.position.0, oldest - 1);
    opened.close().await;
}

#[tokio::test]
async fn a_preview_counts_what_is_held_and_shows_the_newest() {
    let directory = tempfile::tempdir().expect("a directory");
    let opened = open(directory.path(), &settings(1 << 20, 1 << 30));
    let preview = crate::live::preview::preview(&opened.log, &tagged("odd")).await.expect("readable");
    assert_eq!((preview.matched, preview.scanned, preview.complete, preview.to), (0, 0, true, None));
    append(&opened.log, 1..=3_001).await;
    let preview = crate::live::preview::preview(&opened.log, &tagged("odd")).await.expect("readable");
    assert_eq!((preview.matched, preview.scanned, preview.complete), (1_501, 3_001, true));
    let sample: Vec<u64> = preview.sample.iter().map(|event| event.position.0).collect();
    assert_eq!(sample, (0..20).map(|back| 3_001 - 2 * (19 - back)).collect::<Vec<u64>>());
    let place = |id: Option<EventId>| opened.log.ids().place(id.expect("an id").as_str()).expect("an id");
    assert_eq!((place(preview.from).position.0, place(preview.to).position.0), (1, 3_001));
    opened.close().await;
}
