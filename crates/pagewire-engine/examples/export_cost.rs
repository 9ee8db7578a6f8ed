//! What an export costs: user CPU for a million records of `{name, price}`, and how much memory it takes at most.
//!
//! `cargo run --release -p pagewire-engine --example export_cost -- DIRECTORY [ROWS]` writes every form below the
//! directory, where other programs can read them.

#![expect(clippy::print_stdout, reason = "a program whose purpose is its printed table")]

use std::error::Error;
use std::fs;

use pagewire_engine::export::{
    Column, ColumnType, Export, ExportFormat, ExportSpec, FormulaCells, TextCompression,
};
use pagewire_journal::{Kind, Position, Record};
use pagewire_store::Blobs;

/// Records that a reader of the journal brings at once.
const BATCH: u64 = 2_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("which directory?")?;
    let rows: u64 = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let blobs = Blobs::local(&directory)?;
    // What making the records costs is known and taken off.
    let made = cpu_s();
    let mut bytes = 0;
    for batch in batches(rows) {
        bytes += batch.iter().map(|record| record.body.len()).sum::<usize>();
    }
    let making = cpu_s() - made;
    println!("{rows} records of {} bytes; made in {making:.2} s", bytes as u64 / rows);

    for (name, format) in [
        ("parquet", ExportFormat::Parquet),
        ("ndjson", ExportFormat::Ndjson(TextCompression::None)),
        ("ndjson.gz", ExportFormat::Ndjson(TextCompression::Gzip)),
        ("csv", ExportFormat::Csv(TextCompression::None, FormulaCells::Neutralise)),
        ("csv.gz", ExportFormat::Csv(TextCompression::Gzip, FormulaCells::Neutralise)),
    ] {
        let columns = [
            Column { name: "name".into(), kind: ColumnType::Text },
            Column { name: "price".into(), kind: ColumnType::Number },
        ];
        let spec = ExportSpec { format, part_bytes_max: 1 << 30, columns: columns.into() };
        forget_peak();
        let before = cpu_s();
        let mut export = Export::begin(blobs.clone(), name.parse()?, spec)?;
        for batch in batches(rows) {
            export.push(batch).await?;
        }
        let manifest = export.finish().await?;
        let spent = cpu_s() - before - making;
        println!(
            "{name:10} {:9.0} rows/s of user CPU  {:6.1} MB written  {:5.1} MB peak",
            rows as f64 / spent,
            manifest.bytes as f64 / 1e6,
            peak_rss_mb(),
        );
    }
    Ok(())
}

fn batches(rows: u64) -> impl Iterator<Item = Vec<Record>> {
    (0..rows).step_by(BATCH as usize).map(move |from| (from..rows.min(from + BATCH)).map(record).collect())
}

/// A product page's envelope as a run writes it; each fiftieth failed.
fn record(n: u64) -> Record {
    let number = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
    let (kind, body) = if n % 50 == 49 {
        let body = format!(
            r#"{{"url":"http://shop.example/products/{n}","code":"http_error","http_status":404,"error":"the target answered 404 Not Found","retryable":false,"attempts":1,"index":{n}}}"#
        );
        (Kind::SECOND, body)
    } else {
        let body = format!(
            r#"{{"url":"http://shop.example/products/{n}","final_url":"http://shop.example/products/{n}","http_status":200,"data":{{"name":"Product {number:x} of the {n}th kind","price":{}.{:02}}},"meta":{{"index":{n},"title":"Product {number:x} - shop.example","content_type":"text/html","language":"en","charset":"utf-8","bytes":27311,"fetched_at":"2026-11-21T08:{:02}:{:02}.{:03}Z","elapsed_ms":12,"attempts":1,"rendered":false,"proxy_type":"none","cached":false,"credits":1,"extract":{{"name":{{"source":"json-ld","confidence":0.98}},"price":{{"source":"json-ld","confidence":0.98}}}}}}}}"#,
            number % 2_000,
            number % 100,
            n / 60_000 % 60,
            n / 1_000 % 60,
            n % 1_000,
        );
        (Kind::FIRST, body)
    };
    Record {
        position: Position(n + 1),
        kind,
        weight: 1,
        body: body.into(),
        committed_us: 0,
        committed_at: None,
    }
}

/// User CPU of this process so far.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields after the name, which may hold spaces; user time is the twelfth of them, in hundredths (proc(5)).
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().nth(11).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(f64::NAN) / 100.0
}

/// Lets the next peak begin at what is held now.
fn forget_peak() {
    // Where it is not allowed, the peak is that of all so far.
    drop(fs::write("/proc/self/clear_refs", "5"));
}

fn peak_rss_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN) * 1.024
        / 1e3
}
