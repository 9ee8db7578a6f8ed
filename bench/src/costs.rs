//! What of a job's work can be measured without its server: the export of its records and the reading of its list. The
//! engine's own examples do the work and print a line for each form; here the lines are read and held to the promises.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::error::{BenchError, Doing as _};
use crate::process;
use crate::report::Check;

/// Rows a second of user CPU that an export to Parquet must make.
const PARQUET_ROWS_PER_S: f64 = 150_000.0;
/// Memory at the peak of an export of a million records.
const EXPORT_RSS_MB: f64 = 150.0;
/// MB a second by the clock at which a list must be judged and stored.
const UPLOAD_MB_PER_S: f64 = 100.0;
/// Memory at the peak of an upload.
const UPLOAD_RSS_MB: f64 = 100.0;

/// Runs the examples, which stand in the folder.
pub(crate) fn checks(examples: &Path, work: &Path) -> Result<Vec<Check>, BenchError> {
    let export = run(&examples.join("export_cost"), &work.join("export"))?;
    let parquet = line(&export, "parquet ")?;
    let rate = number_before(parquet, "rows/s")?;
    let peak = number_before(parquet, "MB peak")?;
    let upload = run(&examples.join("upload_cost"), &work.join("upload"))?;
    let list = line(&upload, "objects ")?;
    let judged = number_before(list, "MB/s of user CPU")?;
    let stored = number_before(list, "MB/s by the clock")?;
    let copied = number_before(list, "MB/s by cp")?;
    let upload_peak = number_before(list, "MB peak")?;
    Ok(vec![
        Check {
            promise: "export of 1,000,000 records to Parquet ≥ 150,000 rows/s of user CPU",
            measured: format!("{rate:.0} rows/s"),
            kept: Some(rate >= PARQUET_ROWS_PER_S),
        },
        Check {
            promise: "peak RSS of that export < 150 MB",
            measured: format!("{peak:.0} MB"),
            kept: Some(peak < EXPORT_RSS_MB),
        },
        Check {
            promise: "upload of 1,000,000 lines judged and stored at ≥ 100 MB/s",
            measured: format!("{stored:.0} MB/s, {judged:.0} of user CPU; `cp` and `sync` {copied:.0}"),
            kept: Some(stored >= UPLOAD_MB_PER_S),
        },
        Check {
            promise: "peak RSS of that upload < 100 MB",
            measured: format!("{upload_peak:.0} MB"),
            kept: Some(upload_peak < UPLOAD_RSS_MB),
        },
    ])
}

/// What the example prints; the files that it made are of no more use.
fn run(example: &Path, folder: &Path) -> Result<String, BenchError> {
    let finished = process::run(Command::new(example).arg(folder), "the engine's example")?;
    fs::remove_dir_all(folder).doing("cannot remove what an example made")?;
    Ok(finished.stdout)
}

fn line<'a>(output: &'a str, name: &str) -> Result<&'a str, BenchError> {
    output.lines().find(|line| line.starts_with(name)).ok_or_else(|| unread(output))
}

fn number_before(line: &str, unit: &str) -> Result<f64, BenchError> {
    let before = line.split_once(unit).and_then(|(before, _)| before.split_whitespace().last());
    before.and_then(|text| text.parse().ok()).ok_or_else(|| unread(line))
}

fn unread(output: &str) -> BenchError {
    BenchError::Contestant { who: "the engine's example", detail: format!("printed {output:?}") }
}
