//! What every store of blobs must do: one suite for the local directory, memory and the cloud.

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::{BlobError, BlobHeaders, BlobKey, Blobs};

/// Runs the suite in an empty store, and leaves it empty.
///
/// # Panics
/// Where the store breaks a law.
pub async fn holds(blobs: &Blobs) {
    a_small_blob_comes_back_whole_and_in_ranges(blobs).await;
    a_blob_of_many_parts_comes_back_the_same(blobs).await;
    a_blob_is_not_there_before_it_is_finished(blobs).await;
    a_name_that_is_written_again_changes_in_one_step(blobs).await;
    what_lies_below_a_prefix_is_listed_counted_and_deleted(blobs).await;
    what_is_not_there_is_told(blobs).await;
}

fn key(text: &str) -> BlobKey {
    text.parse().expect("a key")
}

async fn all(blobs: &Blobs, at: &BlobKey) -> Bytes {
    blobs.read(at, None).await.expect("there").bytes(usize::MAX).await.expect("read")
}

/// Bytes of which no two stretches are alike.
fn pattern(length: usize) -> Bytes {
    (0..length as u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
}

async fn a_small_blob_comes_back_whole_and_in_ranges(blobs: &Blobs) {
    let at = key("law/small");
    blobs.put(&at, Bytes::from_static(b"0123456789")).await.expect("put");
    assert_eq!(all(blobs, &at).await, "0123456789");
    assert_eq!(blobs.head(&at).await.expect("head").bytes, 10);
    for (range, expected) in [(0..1, "0"), (3..7, "3456"), (9..10, "9"), (5..100, "56789")] {
        let reader = blobs.read(&at, Some(range)).await.expect("a range");
        assert_eq!(reader.blob_bytes(), 10);
        assert_eq!(reader.bytes(10).await.expect("read"), expected);
    }
    assert!(blobs.read(&at, Some(10..11)).await.is_err(), "past the end");
    blobs.delete(&at).await.expect("deleted");
}

async fn a_blob_of_many_parts_comes_back_the_same(blobs: &Blobs) {
    let at = key("law/large");
    let whole = pattern(20 << 20);
    let mut writer = blobs.write(&at, BlobHeaders::default());
    for chunk in [0..1, 1..700_000, 700_000..700_000, 700_000..9_000_001, 9_000_001..20 << 20] {
        writer.write(whole.slice(chunk)).await.expect("written");
    }
    assert_eq!(writer.written(), whole.len() as u64);
    writer.finish().await.expect("finished");
    assert!(all(blobs, &at).await == whole, "the same bytes");
    let middle = blobs.read(&at, Some(8_388_600..8_388_700)).await.expect("a range");
    assert_eq!(middle.bytes(100).await.expect("read"), whole.slice(8_388_600..8_388_700));
    blobs.delete(&at).await.expect("deleted");
}

async fn a_blob_is_not_there_before_it_is_finished(blobs: &Blobs) {
    for give_up_by_hand in [true, false] {
        let at = key("law/never");
        let mut writer = blobs.write(&at, BlobHeaders::default());
        writer.write(pattern(9 << 20)).await.expect("written");
        assert!(matches!(blobs.head(&at).await, Err(BlobError::Missing(_))));
        assert_eq!(blobs.usage(None).await.expect("usage"), 0);
        if give_up_by_hand {
            writer.abort().await;
        } else {
            drop(writer);
        }
        assert!(matches!(blobs.head(&at).await, Err(BlobError::Missing(_))));
    }
}

async fn a_name_that_is_written_again_changes_in_one_step(blobs: &Blobs) {
    let at = key("law/again");
    blobs.put(&at, Bytes::from_static(b"first")).await.expect("put");
    let before = blobs.head(&at).await.expect("head");
    let mut writer = blobs.write(&at, BlobHeaders::default());
    writer.write(pattern(9 << 20)).await.expect("written");
    assert_eq!(all(blobs, &at).await, "first");
    writer.finish().await.expect("finished");
    let after = blobs.head(&at).await.expect("head");
    assert_eq!(after.bytes, 9 << 20);
    assert_ne!(before.etag, after.etag);
    blobs.delete(&at).await.expect("deleted");
}

async fn what_lies_below_a_prefix_is_listed_counted_and_deleted(blobs: &Blobs) {
    for (at, bytes) in [("law/a/1", 1), ("law/a/b/2", 20), ("law/ab", 300)] {
        blobs.put(&key(at), pattern(bytes)).await.expect("put");
    }
    let mut below: Vec<String> = blobs
        .list(Some(&key("law/a")))
        .map_ok(|info| info.key.to_string())
        .try_collect()
        .await
        .expect("list");
    below.sort();
    assert_eq!(below, ["law/a/1", "law/a/b/2"], "`law/ab` is not below `law/a`");
    assert_eq!(blobs.usage(Some(&key("law/a"))).await.expect("usage"), 21);
    assert_eq!(blobs.usage(None).await.expect("usage"), 321);
    assert_eq!(blobs.delete_all(&key("law/a")).await.expect("deleted"), 2);
    assert_eq!(blobs.delete_all(&key("law")).await.expect("deleted"), 1);
    assert_eq!(blobs.usage(None).await.expect("usage"), 0);
}

async fn what_is_not_there_is_told(blobs: &Blobs) {
    let at = key("law/nothing");
    assert!(matches!(blobs.head(&at).await, Err(BlobError::Missing(_))));
    assert!(matches!(blobs.read(&at, None).await, Err(BlobError::Missing(_))));
    blobs.delete(&at).await.expect("nothing to delete is no failure");
    assert_eq!(blobs.delete_all(&at).await.expect("nothing"), 0);
}
