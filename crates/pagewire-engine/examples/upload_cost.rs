//! What an upload costs: a million lines of a hundred bytes judged and stored, beside `cp` of the same file on the same
//! disk, and how much memory it takes at most.
//!
//! `cargo run --release -p pagewire-engine --example upload_cost -- DIRECTORY [LINES]`

#![expect(clippy::print_stdout, reason = "a program whose purpose is its printed table")]

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use futures_util::stream;
use pagewire_engine::upload::{OnInvalid, UNPACKED_BYTES_MAX, UploadCoding, UploadForm, UploadSpec, store};
use pagewire_store::Blobs;
use tokio::io::AsyncReadExt as _;

/// What a socket brings at once.
const FRAME_BYTES: usize = 64 << 10;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let lines: usize = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    fs::create_dir_all(&directory)?;
    let blobs = Blobs::local(directory.join("blobs"))?;
    for (name, line) in [("strings", string as fn(usize) -> String), ("objects", object)] {
        let file = directory.join(format!("{name}.ndjson"));
        write_lines(&file, lines, line)?;
        let bytes = fs::metadata(&file)?.len() as f64;
        let copying = Instant::now();
        let copy = directory.join("copy");
        Command::new("cp").arg(&file).arg(&copy).status()?;
        Command::new("sync").arg(&copy).status()?;
        let copied = copying.elapsed().as_secs_f64();

        let spec = UploadSpec {
            form: UploadForm::Ndjson,
            coding: UploadCoding::Identity,
            on_invalid: OnInvalid::Refuse,
            urls_max: 1_000_000,
            unpacked_bytes_max: UNPACKED_BYTES_MAX,
        };
        let (started, before) = (Instant::now(), cpu_s());
        let opened = tokio::fs::File::open(&file).await?;
        let frames = Box::pin(stream::try_unfold(opened, |mut file| async move {
            let mut frame = bytes::BytesMut::with_capacity(FRAME_BYTES);
            let read = file.read_buf(&mut frame).await?;
            Ok::<_, io::Error>((read > 0).then(|| (frame.freeze(), file)))
        }));
        let summary = store(&blobs, &format!("uploads/{name}").parse()?, spec, frames).await?;
        let (elapsed, spent) = (started.elapsed().as_secs_f64(), cpu_s() - before);
        println!(
            "{name:8} {} lines, {:5.1} MB: {:4.0} MB/s of user CPU, {:4.0} MB/s by the clock, {:4.0} MB/s by cp and sync  {:5.1} MB peak",
            summary.urls,
            bytes / 1e6,
            bytes / 1e6 / spent,
            bytes / 1e6 / elapsed,
            bytes / 1e6 / copied,
            peak_rss_mb(),
        );
    }
    Ok(())
}

fn write_lines(file: &Path, lines: usize, line: fn(usize) -> String) -> io::Result<()> {
    let mut out = io::BufWriter::new(fs::File::create(file)?);
    for n in 0..lines {
        writeln!(out, "{}", line(n))?;
    }
    out.flush()
}

fn string(n: usize) -> String {
    format!(
        "\"https://shop.example/catalogue/department-{:03}/shelf-{:04}/products/{n:08}?colour=blue&size=large\"",
        n % 500,
        n % 7_000
    )
}

fn object(n: usize) -> String {
    format!(
        "{{\"url\":\"https://shop.example/department-{:03}/products/{n:08}?colour=blue\",\"custom_id\":\"row-{n:08}\"}}",
        n % 500
    )
}

/// User CPU of this process so far.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields after the name, which may hold spaces; user time is the twelfth of them, in hundredths (proc(5)).
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().nth(11).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(f64::NAN) / 100.0
}

fn peak_rss_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1.024
        / 1e3
}
