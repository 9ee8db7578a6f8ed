//! The final JSON of a record: written once, in the contract's order, straight into the buffer that is kept.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use pagewire_extract::Unsatisfied;
use pagewire_types::{ErrorRecord, InvalidLine, TargetErrorCode, UrlEntry};

use crate::passage::Passed;
use crate::read::ReadFacts;
use crate::render::Shown;

/// What the fetch tells of a page, beside what the page tells of itself.
#[derive(Debug)]
pub(crate) struct FetchFacts {
    pub(crate) bytes: u64,
    /// Absent where nothing was fetched.
    pub(crate) fetched_at: Option<Timestamp>,
    pub(crate) elapsed: Duration,
    pub(crate) attempts: u32,
    /// Of a page that was kept: how long ago its target last said that it is so.
    pub(crate) age: Option<Duration>,
    /// What a browser had to do with it.
    pub(crate) shown: Shown,
    /// What it came through.
    pub(crate) passed: Passed,
    pub(crate) credits: u32,
}

/// What stands before the `data` object. A page that was brought by its caller has no status, and no URL unless he
/// gave one.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    /// In the words of the request.
    pub(crate) url: Option<&'a str>,
    pub(crate) final_url: Option<&'a str>,
    pub(crate) http_status: Option<u16>,
    pub(crate) custom_id: Option<&'a str>,
    /// Compact JSON text.
    pub(crate) metadata: Option<&'a str>,
}

/// What the envelope usually has beside the `data` object.
const HEAD_AND_META_BYTES: usize = 1_024;

/// Writes the page envelope around `data`, which the caller appends in between.
pub(crate) struct EnvelopeWriter {
    out: Vec<u8>,
}

impl EnvelopeWriter {
    /// Everything up to the `data` object, which is to be appended next.
    pub(crate) fn begin(head: &Head<'_>, size_hint: usize) -> Self {
        let mut out = Vec::with_capacity(size_hint + HEAD_AND_META_BYTES);
        out.extend_from_slice(b"{\"url\":");
        write_json(&mut out, &head.url);
        out.extend_from_slice(b",\"final_url\":");
        write_json(&mut out, &head.final_url);
        out.extend_from_slice(b",\"http_status\":");
        write_json(&mut out, &head.http_status);
        if let Some(custom_id) = head.custom_id {
            out.extend_from_slice(b",\"custom_id\":");
            write_json(&mut out, custom_id);
        }
        if let Some(metadata) = head.metadata {
            out.extend_from_slice(b",\"metadata\":");
            out.extend_from_slice(metadata.as_bytes());
        }
        out.extend_from_slice(b",\"data\":");
        Self { out }
    }

    /// Where the `data` object goes.
    pub(crate) fn data(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// How much has been written.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// What was written after that much.
    pub(crate) fn since(&self, start: usize) -> &[u8] {
        &self.out[start..]
    }

    /// Everything after the `data` object.
    pub(crate) fn end(mut self, index: u32, read: &ReadFacts, fetch: &FetchFacts) -> Bytes {
        let facts = &read.page;
        let out = &mut self.out;
        out.extend_from_slice(b",\"meta\":{\"index\":");
        write_json(out, &index);
        if let Some(title) = &facts.title {
            out.extend_from_slice(b",\"title\":");
            write_json(out, title);
        }
        out.extend_from_slice(b",\"content_type\":");
        write_json(out, &facts.content_type);
        if let Some(language) = &facts.language {
            out.extend_from_slice(b",\"language\":");
            write_json(out, language);
        }
        out.extend_from_slice(b",\"charset\":");
        write_json(out, &facts.charset);
        out.extend_from_slice(b",\"bytes\":");
        write_json(out, &fetch.bytes);
        out.extend_from_slice(b",\"fetched_at\":");
        match fetch.fetched_at {
            Some(at) => write_display(out, &format_args!("\"{at:.3}\"")),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"elapsed_ms\":");
        write_json(out, &millis(fetch.elapsed));
        out.extend_from_slice(b",\"attempts\":");
        write_json(out, &fetch.attempts);
        out.extend_from_slice(b",\"rendered\":");
        write_json(out, &fetch.shown.is_rendered);
        if let Some(reason) = &fetch.shown.reason {
            out.extend_from_slice(b",\"render_reason\":");
            write_json(out, reason);
        }
        out.extend_from_slice(b",\"proxy_type\":");
        write_json(out, fetch.passed.kind().as_str());
        if let Some(country) = fetch.passed.country() {
            out.extend_from_slice(b",\"proxy_country\":");
            write_json(out, country);
        }
        match fetch.age {
            None => out.extend_from_slice(b",\"cached\":false"),
            Some(age) => {
                out.extend_from_slice(b",\"cached\":true,\"cache_age_s\":");
                write_json(out, &age.as_secs());
            }
        }
        out.extend_from_slice(b",\"credits\":");
        write_json(out, &fetch.credits);
        if let Some(report) = &facts.extract_report {
            out.extend_from_slice(b",\"extract\":");
            write_json(out, report);
        }
        if !read.warnings.is_empty() {
            out.extend_from_slice(b",\"warnings\":");
            write_json(out, &read.warnings);
        }
        out.extend_from_slice(b"}}");
        // Records wait in memory for their readers: what they hold is what is counted.
        Bytes::from(self.out.into_boxed_slice())
    }
}

/// The JSON of an `error` record.
pub(crate) fn error_record(entry: &UrlEntry, index: u32, attempts: u32, failure: &Failure) -> Bytes {
    let tried = failure.tried.as_ref();
    let record = ErrorRecord {
        url: entry.given().to_owned(),
        code: failure.code,
        http_status: failure.http_status,
        error: failure.message.clone(),
        retryable: failure.retryable,
        attempts,
        index,
        proxy_type: tried.map(|tried| tried.passed.kind().as_str().to_owned()),
        proxy_country: tried.and_then(|tried| tried.passed.country()).map(str::to_owned),
        rendered: tried.map(|tried| tried.is_rendered),
        custom_id: entry.custom_id.as_deref().map(str::to_owned),
        // It was written by this server when the request was read.
        metadata: entry.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok()),
        errors: failure.unsatisfied.iter().flat_map(|unsatisfied| unsatisfied.faults.clone()).collect(),
        data: failure.unsatisfied.as_ref().map(|unsatisfied| unsatisfied.data.clone()),
    };
    let mut out = Vec::with_capacity(256);
    write_json(&mut out, &record);
    Bytes::from(out)
}

/// The JSON of the `error` record of a line that is no URL.
pub(crate) fn invalid_line_record(line: &InvalidLine, index: u32) -> Bytes {
    let record = ErrorRecord {
        url: line.url.clone(),
        code: TargetErrorCode::InvalidUrl,
        http_status: None,
        error: format!("line {} of the upload: {}", line.line, line.detail),
        retryable: false,
        attempts: 0,
        index,
        proxy_type: None,
        proxy_country: None,
        rendered: None,
        custom_id: None,
        metadata: None,
        errors: Vec::new(),
        data: None,
    };
    let mut out = Vec::with_capacity(256);
    write_json(&mut out, &record);
    Bytes::from(out)
}

/// Why a URL did not become a page.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The stable code.
    pub code: TargetErrorCode,
    /// The sentence for people.
    pub message: String,
    /// The target's status, where it answered.
    pub http_status: Option<u16>,
    /// Whether another run might succeed.
    pub retryable: bool,
    /// What was extracted, where the request's schema does not take it.
    pub unsatisfied: Option<Box<Unsatisfied>>,
    /// How the last attempt went about it; none where there was no attempt.
    pub tried: Option<Tried>,
}

/// How an attempt went about a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What it went through.
    pub passed: Passed,
    /// Whether a browser was to show it.
    pub is_rendered: bool,
}

fn write_json(out: &mut Vec<u8>, value: &(impl serde::Serialize + ?Sized)) {
    // Plain data into memory: neither can fail.
    let _ = serde_json::to_writer(out, value);
}

fn write_display(out: &mut Vec<u8>, value: &std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    // Writing into memory cannot fail.
    let _ = out.write_fmt(*value);
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
