use std::io::Write as _;
use std::os::unix::fs::FileExt as _;

use bytes::Bytes;

use super::recover::newest_segment;
use super::*;
use crate::conformance;
use crate::record::Kind;

fn options(segment_bytes: u64, ring_bytes: usize) -> SegmentOptions {
    SegmentOptions {
        keys: KeySpace::Ordinals(1_000),
        segment_bytes,
        segment_age: None,
        ring_bytes,
        durability: Durability::Process,
    }
}

fn record(ordinal: u64) -> NewRecord {
    NewRecord {
        key: Key(u128::from(ordinal)),
        kind: Kind::FIRST,
        weight: 1,
        body: Bytes::from(format!("body of {ordinal}")),
    }
}

const ALL: Limit = Limit { records: 1_000, bytes: usize::MAX };

async fn bodies(journal: &SegmentJournal) -> Vec<Bytes> {
    let (mut after, mut bodies) = (Position::START, Vec::new());
    while let Read::Records(records) = journal.read(after, ALL).await.expect("readable") {
        after = records.last().expect("at least one").position;
        bodies.extend(records.into_iter().map(|record| record.body));
    }
    bodies
}

#[tokio::test]
async fn every_law_holds_with_a_ring_and_without_and_over_many_segments() {
    for (segment_bytes, ring_bytes) in [(1 << 20, 1 << 20), (1 << 20, 0), (200, 0), (200, 300)] {
        conformance::check(|| {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().to_owned();
            let opened =
                move || SegmentJournal::open(&path, options(segment_bytes, ring_bytes)).expect("opens");
            (opened, directory)
        })
        .await;
    }
}

#[tokio::test]
async fn a_torn_last_batch_is_cut_off_at_any_byte_and_the_rest_stays() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = SegmentJournal::open(directory.path(), options(1 << 20, 0)).expect("opens");
    journal.append(Fence(1), vec![record(0), record(1)]).await.expect("appends");
    let whole = std::fs::metadata(newest_segment(directory.path())).expect("there").len();
    journal.append(Fence(1), vec![record(2)]).await.expect("appends");
    let all = std::fs::read(newest_segment(directory.path())).expect("there");
    for cut in whole..all.len() as u64 {
        std::fs::write(newest_segment(directory.path()), &all[..usize::try_from(cut).expect("small")])
            .expect("written");
        let journal = SegmentJournal::open(directory.path(), options(1 << 20, 0)).expect("opens");
        assert_eq!(bodies(&journal).await.len(), 2, "cut at {cut}");
        let outcome = journal.append(Fence(1), vec![record(2)]).await.expect("appends");
        assert_eq!(outcome, [Appended::At(Position(3))]);
        assert_eq!(bodies(&journal).await.len(), 3);
    }
}

#[tokio::test]
async fn damage_in_the_middle_is_told_and_nothing_is_cut_off() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = SegmentJournal::open(directory.path(), options(1 << 20, 0)).expect("opens");
    journal.append(Fence(1), vec![record(0)]).await.expect("appends");
    journal.append(Fence(1), vec![record(1)]).await.expect("appends");
    let path = newest_segment(directory.path());
    let length = std::fs::metadata(&path).expect("there").len();
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
    file.write_all_at(&[0xff], 10).expect("written");
    let error = SegmentJournal::open(directory.path(), options(1 << 20, 0)).expect_err("damaged");
    assert!(matches!(error, ReadError::Damaged { position: 1, .. }), "{error:?}");
    assert_eq!(std::fs::metadata(&path).expect("there").len(), length);
}

#[tokio::test]
async fn a_body_that_rotted_is_not_given_out() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = SegmentJournal::open(directory.path(), options(1 << 20, 0)).expect("opens");
    journal.append(Fence(1), vec![record(0)]).await.expect("appends");
    let path = newest_segment(directory.path());
    let length = std::fs::metadata(&path).expect("there").len();
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("opens");
    file.write_all_at(b"X", length - 1).expect("written");
    assert!(matches!(journal.read(Position::START, ALL).await, Err(ReadError::Damaged { position: 1, .. })));
}

#[tokio::test]
async fn zeros_after_the_last_batch_are_cut_off() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = SegmentJournal::open(directory.path(), options(1 << 20, 0)).expect("opens");
    journal.append(Fence(1), vec![record(0)]).await.expect("appends");
    let mut file =
        std::fs::OpenOptions::new().append(true).open(newest_segment(directory.path())).expect("opens");
    file.write_all(&[0; 5_000]).expect("written");
    let journal = SegmentJournal::open(directory.path(), options(1 << 20, 0)).expect("opens");
    assert_eq!(bodies(&journal).await.len(), 1);
}

#[tokio::test]
async fn trimming_unlinks_whole_segments_and_tells_those_who_come_late() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = SegmentJournal::open(directory.path(), options(1, 0)).expect("opens");
    for ordinal in 0..5 {
        journal.append(Fence(1), vec![record(ordinal)]).await.expect("appends");
    }
    journal.trim(Position(3)).await.expect("trims");
    let read = journal.read(Position::START, ALL).await.expect("readable");
    assert_eq!(read, Read::Expired { oldest: Position(4) });
    assert_eq!(std::fs::read_dir(directory.path()).expect("there").count(), 2);
    let journal = SegmentJournal::open(directory.path(), options(1, 0)).expect("opens");
    assert_eq!(journal.tip().borrow().position, Position(5));
    assert_eq!(
        journal.read(Position(2), ALL).await.expect("readable"),
        Read::Expired { oldest: Position(4) }
    );
}

#[tokio::test]
async fn a_read_goes_on_over_batches_and_through_bodies_larger_than_its_window() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = SegmentJournal::open(directory.path(), options(1 << 30, 0)).expect("opens");
    let mut sizes = (0..300).map(|ordinal| if ordinal % 50 == 7 { 300_000 } else { ordinal as usize * 3 });
    for ordinal in 0..300 {
        let body = Bytes::from(vec![b'a' + (ordinal % 26) as u8; sizes.next().expect("endless enough")]);
        journal.append(Fence(1), vec![NewRecord { body, ..record(ordinal) }]).await.expect("appends");
    }
    let Read::Records(all) = journal.read(Position(3), ALL).await.expect("readable") else {
        panic!("there are records");
    };
    assert_eq!(all.len(), 297);
    assert!(all.iter().zip(3_u64..).all(|(record, ordinal)| {
        record.position == Position(ordinal + 1)
            && record.body.iter().all(|byte| *byte == b'a' + (ordinal % 26) as u8)
    }));
    assert!(all.is_sorted_by_key(|record| record.committed_us) && all[0].committed_us > 0);
    assert_eq!(journal.committed_us(Position(300)), Some(all[296].committed_us));
    assert_eq!(journal.committed_us(Position(301)), None);
}

#[tokio::test]
async fn a_segment_that_has_grown_old_is_followed_by_another() {
    let directory = tempfile::tempdir().expect("a directory");
    let always_old = SegmentOptions { segment_age: Some(Duration::ZERO), ..options(1 << 30, 0) };
    let journal = SegmentJournal::open(directory.path(), always_old).expect("opens");
    for ordinal in 0..3 {
        journal.append(Fence(1), vec![record(ordinal)]).await.expect("appends");
    }
    let finished = journal.finished_segments();
    assert_eq!(finished.iter().map(|segment| segment.last.0).collect::<Vec<_>>(), [1, 2]);
    journal.trim(finished[0].last).await.expect("trims");
    assert_eq!((journal.oldest(), journal.committed_us(Position(1))), (Position(2), None));
}

#[tokio::test]
async fn a_segment_is_as_long_as_its_file_however_large_its_last_batch_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = SegmentJournal::open(directory.path(), options(200, 0)).expect("opens");
    for first in [0, 100, 200] {
        journal.append(Fence(1), (first..first + 100).map(record).collect()).await.expect("appends");
    }
    let finished = journal.finished_segments();
    let lengths: Vec<u64> = finished.iter().map(|segment| segment.offset).collect();
    let mut files: Vec<_> =
        std::fs::read_dir(directory.path()).expect("readable").map(|file| file.expect("a file")).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let of_files: Vec<u64> = files.iter().map(|file| file.metadata().expect("a file").len()).collect();
    assert_eq!((lengths.len(), &lengths[..]), (2, &of_files[..2]));
    assert!(lengths.iter().all(|length| *length > 200));
}

#[tokio::test]
async fn the_keys_of_a_kind_are_had_over_all_segments_and_after_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let journal = SegmentJournal::open(directory.path(), options(200, 0)).expect("opens");
    for ordinal in (0..60).rev() {
        let kind = if ordinal % 7 == 0 { Kind::SECOND } else { Kind::FIRST };
        journal.append(Fence(1), vec![NewRecord { kind, ..record(ordinal) }]).await.expect("appends");
    }
    for journal in [journal, SegmentJournal::open(directory.path(), options(200, 0)).expect("opens")] {
        let keys = journal.keys_of_kind(Kind::SECOND).await.expect("readable");
        for ordinal in 0..1_000_u128 {
            assert_eq!(keys.contains(Key(ordinal)), ordinal < 60 && ordinal % 7 == 0, "{ordinal}");
        }
    }
}
