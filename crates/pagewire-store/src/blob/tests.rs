use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::*;

fn store() -> (tempfile::TempDir, Blobs) {
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = Blobs::local(directory.path().join("blobs")).expect("opened");
    (directory, blobs)
}

fn files(directory: &std::path::Path) -> Vec<String> {
    let mut open = vec![directory.to_path_buf()];
    let mut found = Vec::new();
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(directory).expect("below").display().to_string());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_directory_keeps_the_laws() {
    let (directory, blobs) = store();
    conformance::holds(&blobs).await;
    // The removal of what was given up runs on a thread of its own.
    tokio::time::timeout(Duration::from_secs(5), async {
        while !files(directory.path()).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("nothing is left behind");
}

#[tokio::test]
async fn memory_keeps_the_laws() {
    conformance::holds(&Blobs::in_memory()).await;
}

#[tokio::test]
async fn what_a_dead_writer_left_is_swept_and_nothing_else() {
    let (directory, blobs) = store();
    let kept: BlobKey = "a/kept".parse().expect("a key");
    blobs.put(&kept, Bytes::from_static(b"kept")).await.expect("put");
    let mut writer = blobs.write(&"a/dead".parse().expect("a key"), BlobHeaders::default());
    writer.write(vec![7; 3 << 20].into()).await.expect("written");
    // A process that is killed runs no destructor.
    std::fs::copy(directory.path().join("blobs/a/dead#1"), directory.path().join("blobs/a/dead#2"))
        .expect("copied");
    drop(writer);

    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    assert_eq!(blobs.sweep_unfinished(long_ago).await.expect("swept"), 0, "it may still be written");
    let soon = SystemTime::now() + Duration::from_secs(3600);
    assert!(blobs.sweep_unfinished(soon).await.expect("swept") >= 1);
    assert_eq!(files(directory.path()), ["blobs/a/kept"]);
    assert_eq!(blobs.read(&kept, None).await.expect("there").bytes(9).await.expect("read"), "kept");
}

#[tokio::test]
async fn a_reader_keeps_the_content_that_it_began_with() {
    let (_directory, blobs) = store();
    let at: BlobKey = "a/b".parse().expect("a key");
    let old = Bytes::from(vec![1; 1 << 20]);
    blobs.put(&at, old.clone()).await.expect("put");
    let mut reader = blobs.read(&at, None).await.expect("there");
    let mut read = reader.next().await.expect("read").expect("a chunk").to_vec();
    blobs.put(&at, Bytes::from_static(b"new")).await.expect("put");
    while let Some(chunk) = reader.next().await.expect("read") {
        read.extend_from_slice(&chunk);
    }
    assert!(read == old, "one content to the end");
}

/// Runs again, by itself, where the directory is a disk of 8 MiB.
fn on_a_small_disk(test: &str, directory: &std::path::Path) -> std::process::Output {
    let script = "mount -t tmpfs -o size=8m tmpfs \"$SMALL_DISK\" && exec \"$0\" --exact \"$1\" --nocapture";
    std::process::Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script])
        .arg(std::env::current_exe().expect("this test"))
        .arg(test)
        .env("SMALL_DISK", directory)
        .output()
        .expect("unshare, of util-linux, runs")
}

#[tokio::test]
async fn slow_a_full_disk_is_told_and_there_is_room_again_afterwards() {
    let Some(disk) = std::env::var_os("SMALL_DISK") else {
        let directory = tempfile::tempdir().expect("a directory");
        let name = "blob::tests::slow_a_full_disk_is_told_and_there_is_room_again_afterwards";
        let output = on_a_small_disk(name, directory.path());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    };
    let blobs = Blobs::local(disk).expect("opened");
    let at: BlobKey = "a/large".parse().expect("a key");
    let mut writer = blobs.write(&at, BlobHeaders::default());
    let mut outcome = Ok(());
    for _ in 0..20 {
        outcome = writer.write(vec![7; 1 << 20].into()).await;
        if outcome.is_err() {
            break;
        }
    }
    let outcome = match outcome {
        Ok(()) => writer.finish().await,
        failed => failed,
    };
    assert!(matches!(outcome, Err(BlobError::Full(_))), "{outcome:?}");
    assert!(matches!(blobs.put(&at, vec![7; 9 << 20].into()).await, Err(BlobError::Full(_))));
    assert!(matches!(blobs.head(&at).await, Err(BlobError::Missing(_))));
    blobs.put(&at, vec![7; 4 << 20].into()).await.expect("there is room");
}
