//! The body of `POST /v1/jobs`, read once into values that hold only what is allowed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::fields::{Fields, brief};
use crate::ids::UploadId;
use crate::problem::Problem;
use crate::request::{CHUNK_URLS, Reading, UrlEntry, json_array, read_concurrency, top_level, value_of};
use crate::scrape::ScrapeParams;
use crate::webhook_request::JobWebhook;

/// URLs that a job may bring in its body; more come as an upload or from an object store.
pub const JOB_INLINE_URLS_MAX: usize = 1_000;
/// URLs of one job.
pub const JOB_URLS_MAX: u64 = 1_000_000;
/// Fetches at once that a job may ask for.
pub const JOB_CONCURRENCY_MAX: u32 = 256;
/// Fetches at once of a job that names none.
pub const JOB_CONCURRENCY_DEFAULT: u32 = 64;
/// Characters of a job's name.
const NAME_CHARS_MAX: usize = 200;
/// The least and the most bytes of one part of the output.
const PART_BYTES: std::ops::RangeInclusive<u64> = 1 << 20..=50_000_000_000;
/// The least and the most seconds that a download URL works.
const EXPIRES_S: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;

/// The body of `POST /v1/jobs`.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// What its maker calls it.
    pub name: Option<String>,
    /// Its URLs.
    pub input: JobInput,
    /// What holds for every URL that says nothing else.
    pub params: ScrapeParams,
    /// `params` as JSON text, to be stored and read back by [`ScrapeParams::read_stored`].
    pub params_json: String,
    /// Fetches at once.
    pub concurrency: u32,
    /// What files are made.
    pub output: OutputSpec,
    /// Who is told.
    pub webhook: Option<JobWebhook>,
}

/// Where a job's URLs come from.
#[derive(Debug, Clone, PartialEq)]
pub enum JobInput {
    /// In the request.
    Urls {
        /// The URLs.
        entries: Vec<UrlEntry>,
        /// The same as JSON arrays of at most [`CHUNK_URLS`].
        chunks_json: Vec<String>,
    },
    /// From an upload.
    Upload(UploadId),
    /// From S3.
    S3 {
        /// `s3://bucket/key`
        uri: String,
        /// The role to assume.
        role_arn: Option<String>,
    },
    /// From Google Cloud Storage.
    Gcs {
        /// `gs://bucket/key`
        uri: String,
    },
}

/// What files a job leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSpec {
    /// In which form.
    pub format: OutputFormat,
    /// Whether the files are compressed by gzip. Parquet compresses itself, and takes none.
    pub gzip: bool,
    /// Where a file ends and the next begins, in bytes as stored.
    pub max_part_bytes: u64,
    /// How long a download URL works, in seconds.
    pub expires_in_s: u64,
    /// Whether cells of CSV that a spreadsheet would run as a formula are made plain text.
    pub escape_formulas: bool,
}

/// The files of a job that says nothing of them.
impl Default for OutputSpec {
    fn default() -> Self {
        Self {
            format: OutputFormat::Ndjson,
            gzip: false,
            max_part_bytes: *PART_BYTES.end(),
            expires_in_s: 86_400,
            escape_formulas: true,
        }
    }
}

/// The forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// One object a line.
    Ndjson,
    /// RFC 4180.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl JobRequest {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, Box<Problem>> {
        let mut given = top_level(body)?;
        let urls = given.remove("urls").filter(|urls| urls.get() != "null");
        let mut map = Map::new();
        for (name, value) in given {
            map.insert(name, value_of(value)?);
        }
        let mut reading = Reading::default();
        let mut fields = Fields::new(map, "", &mut reading.faults);
        let name = read_name(&mut fields);
        let asked = fields.take("concurrency");
        let concurrency = read_concurrency(&mut fields, asked, JOB_CONCURRENCY_DEFAULT, JOB_CONCURRENCY_MAX);
        let (params, params_json) = read_defaults(&mut fields);
        let output = read_output(&mut fields);
        let webhook = JobWebhook::read(&mut fields);
        let stored = read_input(&mut fields, urls.is_some());
        if output.format != OutputFormat::Ndjson && params.extract.is_none() {
            fields.fault(
                "output",
                "CSV and Parquet have the fields of `extract` as columns: give `defaults.extract`",
            );
        }
        fields.finish();
        let (items, entries) = reading.urls(urls, JOB_INLINE_URLS_MAX, "a job")?;
        reading.verdict()?;
        let input = stored.unwrap_or_else(|| JobInput::Urls {
            entries,
            chunks_json: items.chunks(CHUNK_URLS).map(json_array).collect(),
        });
        Ok(Self { name, input, params, params_json, concurrency, output, webhook })
    }
}

pub(crate) fn read_name(fields: &mut Fields<'_>) -> Option<String> {
    fields.take_with("name", "a string of 1 to 200 characters without control characters", |value| {
        let text = value.as_str()?;
        let fits = (1..=NAME_CHARS_MAX).contains(&text.chars().count());
        (fits && !text.contains(char::is_control)).then(|| text.to_owned())
    })
}

fn read_defaults(fields: &mut Fields<'_>) -> (ScrapeParams, String) {
    match fields.take("defaults") {
        None => (ScrapeParams::default(), "{}".to_owned()),
        Some(Value::Object(map)) => {
            let text = Value::Object(map.clone()).to_string();
            let pointer = fields.pointer_to("defaults");
            let mut inner = Fields::new(map, pointer, fields.faults());
            let params = ScrapeParams::read(&mut inner);
            inner.finish();
            (params, text)
        }
        Some(other) => {
            fields
                .fault("defaults", format!("must be an object of scrape parameters, not {}", brief(&other)));
            (ScrapeParams::default(), "{}".to_owned())
        }
    }
}

/// The input that is not in the request. Exactly one input is wanted.
fn read_input(fields: &mut Fields<'_>, urls_given: bool) -> Option<JobInput> {
    let Some(input) = fields.take("input") else {
        if !urls_given {
            fields.fault("urls", "is required, or `input` with an `upload_id`, an `s3_uri` or a `gcs_uri`");
        }
        return None;
    };
    if urls_given {
        fields.fault("input", "`urls` and `input` are both given; send one of them");
    }
    let Value::Object(map) = input else {
        fields.fault("input", format!("must be an object, not {}", brief(&input)));
        return None;
    };
    let pointer = fields.pointer_to("input");
    let mut inner = Fields::new(map, pointer, fields.faults());
    let upload = inner
        .take_with("upload_id", "an upload's id (`upl_` and 32 hex digits)", |value| {
            value.as_str()?.parse().ok()
        })
        .map(JobInput::Upload);
    let s3_uri = inner.take_with("s3_uri", "`s3://BUCKET/KEY`", |value| object_uri(value, "s3://"));
    let role_arn = inner.take_with("role_arn", "the ARN of a role (`arn:aws:iam::…:role/…`)", |value| {
        value.as_str().filter(|text| text.starts_with("arn:") && text.len() <= 2_048).map(str::to_owned)
    });
    if role_arn.is_some() && s3_uri.is_none() {
        inner.fault("role_arn", "goes with `s3_uri`");
    }
    let s3 = s3_uri.map(|uri| JobInput::S3 { uri, role_arn });
    let gcs = inner
        .take_with("gcs_uri", "`gs://BUCKET/KEY`", |value| object_uri(value, "gs://"))
        .map(|uri| JobInput::Gcs { uri });
    inner.finish();
    let mut inputs = [upload, s3, gcs].into_iter().flatten();
    match (inputs.next(), inputs.next()) {
        (Some(input), None) => Some(input),
        (None, _) => {
            fields.fault("input", "must hold an `upload_id`, an `s3_uri` or a `gcs_uri`");
            None
        }
        (Some(_), Some(_)) => {
            fields.fault("input", "holds more than one input; send one of them");
            None
        }
    }
}

fn object_uri(value: &Value, scheme: &str) -> Option<String> {
    let text = value.as_str()?;
    let (bucket, key) = text.strip_prefix(scheme)?.split_once('/')?;
    let plain = text.len() <= 2_048 && !text.contains(char::is_control);
    (plain && !bucket.is_empty() && !key.is_empty()).then(|| text.to_owned())
}

pub(crate) fn read_output(fields: &mut Fields<'_>) -> OutputSpec {
    let mut output = OutputSpec::default();
    let map = match fields.take("output") {
        None => return output,
        Some(Value::Object(map)) => map,
        Some(other) => {
            fields.fault("output", format!("must be an object, not {}", brief(&other)));
            return output;
        }
    };
    let pointer = fields.pointer_to("output");
    let mut inner = Fields::new(map, pointer, fields.faults());
    let flag = |value: &Value| value.as_bool();
    let format = inner.take_with("format", "`ndjson`, `csv` or `parquet`", |value| match value.as_str()? {
        "ndjson" => Some(OutputFormat::Ndjson),
        "csv" => Some(OutputFormat::Csv),
        "parquet" => Some(OutputFormat::Parquet),
        _ => None,
    });
    output.format = format.unwrap_or(output.format);
    output.gzip = inner.take_with("gzip", "true or false", flag).unwrap_or(false);
    let bytes = inner.take_with("max_part_bytes", "a number of bytes from 1 MiB to 50 GB", |value| {
        value.as_u64().filter(|bytes| PART_BYTES.contains(bytes))
    });
    output.max_part_bytes = bytes.unwrap_or(output.max_part_bytes);
    let seconds =
        inner.take_with("expires_in_s", "a number of seconds from 60 to 2,592,000 (30 days)", |value| {
            value.as_u64().filter(|seconds| EXPIRES_S.contains(seconds))
        });
    output.expires_in_s = seconds.unwrap_or(output.expires_in_s);
    output.escape_formulas = inner.take_with("escape_formulas", "true or false", flag).unwrap_or(true);
    if output.gzip && output.format == OutputFormat::Parquet {
        inner.fault("gzip", "Parquet files are compressed already (zstd); leave `gzip` out");
    }
    inner.finish();
    output
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<JobRequest, Box<Problem>> {
        JobRequest::parse(body.to_string().as_bytes())
    }

    fn pointers(body: &Value) -> Vec<String> {
        let problem = parse(body).expect_err("refused");
        problem.errors.into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn a_job_that_says_little_gets_the_defaults() {
        let job = parse(&json!({"urls": ["http://a.example/"]})).expect("valid");
        assert_eq!((job.concurrency, job.output.format), (64, OutputFormat::Ndjson));
        assert_eq!((job.output.expires_in_s, job.output.gzip, job.webhook), (86_400, false, None));
        let JobInput::Urls { entries, chunks_json } = job.input else { panic!("inline") };
        assert_eq!(
            (entries.len(), chunks_json.as_slice()),
            (1, [r#"["http://a.example/"]"#.to_owned()].as_slice())
        );
    }

    #[test]
    fn exactly_one_input_is_wanted() {
        let upload = UploadId::generate();
        let job = parse(&json!({"input": {"upload_id": upload.as_str()}})).expect("valid");
        assert_eq!(job.input, JobInput::Upload(upload.clone()));
        let job =
            parse(&json!({"input": {"s3_uri": "s3://b/k.ndjson", "role_arn": "arn:aws:iam::1:role/r"}}));
        assert!(matches!(job.expect("valid").input, JobInput::S3 { role_arn: Some(_), .. }));
        assert_eq!(pointers(&json!({})), ["/urls"]);
        assert_eq!(pointers(&json!({"urls": []})), ["/urls"]);
        assert_eq!(pointers(&json!({"urls": ["http://a/"], "input": {"gcs_uri": "gs://b/k"}})), ["/input"]);
        assert_eq!(pointers(&json!({"input": {}})), ["/input"]);
        assert_eq!(pointers(&json!({"input": {"gcs_uri": "gs://b/k", "s3_uri": "s3://b/k"}})), ["/input"]);
        assert_eq!(pointers(&json!({"input": {"upload_id": "../x"}})), ["/input/upload_id", "/input"]);
        assert_eq!(
            parse(&json!({"urls": vec!["http://a/"; 1_001]})).expect_err("many").code,
            "too_many_urls"
        );
    }

    #[test]
    fn every_fault_is_named_by_its_pointer() {
        let body = json!({
            "urls": ["http://a/"], "name": "a\u{1}b", "concurrency": 257, "colour": 1,
            "defaults": {"timeout_ms": 5, "colour": 1},
            "output": {"format": "xml", "max_part_bytes": 5, "expires_in_s": 1, "colour": 1},
            "webhook": {"url": "ftp://a/", "secret": "abc", "events": ["job.done"], "colour": 1},
        });
        assert_eq!(
            pointers(&body),
            [
                "/name",
                "/concurrency",
                "/defaults/timeout_ms",
                "/defaults/colour",
                "/output/format",
                "/output/max_part_bytes",
                "/output/expires_in_s",
                "/output/colour",
                "/webhook/url",
                "/webhook/secret",
                "/webhook/events",
                "/webhook/colour",
                "/colour",
            ]
        );
        let webhook = json!({"url": "http://a/", "events": ["job.failed", "key.created"]});
        assert_eq!(pointers(&json!({"urls": ["http://a/"], "webhook": webhook})), ["/webhook/events"]);
        assert_eq!(pointers(&json!({"urls": ["http://a/"], "output": {"format": "csv"}})), ["/output"]);
        let gzip = json!({"urls": ["http://a/"], "defaults": {"extract": {"a": "string"}}, "output": {"format": "parquet", "gzip": true}});
        assert_eq!(pointers(&gzip), ["/output/gzip"]);
    }
}
