//! The body of `POST /v1/jobs/{id}/reextract`: what is read from the archived pages of a job, and what files are made of it.

use serde_json::Value;

use crate::fields::Fields;
use crate::format::Formats;
use crate::job_request::{OutputFormat, OutputSpec, read_name, read_output};
use crate::problem::Problem;
use crate::request::{Reading, not_json, object};
use crate::scrape::ScrapeParams;
use crate::webhook_request::JobWebhook;

/// The body of `POST /v1/jobs/{id}/reextract`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReextractRequest {
    /// What its maker calls the new job.
    pub name: Option<String>,
    /// What is read from each page.
    pub params: ScrapeParams,
    /// `params` as JSON text, to be stored and read back by [`ScrapeParams::read_stored`].
    pub params_json: String,
    /// What files are made.
    pub output: OutputSpec,
    /// Who is told.
    pub webhook: Option<JobWebhook>,
}

impl ReextractRequest {
    /// Reads the body.
    pub fn parse(body: &[u8]) -> Result<Self, Box<Problem>> {
        let map = object(serde_json::from_slice(body).map_err(|error| not_json(&error))?)?;
        let mut stored = map.clone();
        stored.retain(|name, _| !matches!(name.as_str(), "name" | "output" | "webhook"));
        let params_json = Value::Object(stored).to_string();
        let mut reading = Reading::default();
        let mut fields = Fields::new(map, "", &mut reading.faults);
        let name = read_name(&mut fields);
        let output = read_output(&mut fields);
        let webhook = JobWebhook::read(&mut fields);
        let params = ScrapeParams::read_of_content(&mut fields);
        if params.formats.is_some_and(Formats::are_archived) {
            fields.fault("formats", "`warc` is what the first job has made; its files are there to be had");
        }
        if output.format != OutputFormat::Ndjson && params.extract.is_none() {
            fields.fault("output", "CSV and Parquet have the fields of `extract` as columns: give `extract`");
        }
        fields.finish();
        reading.verdict()?;
        Ok(Self { name, params, params_json, output, webhook })
    }
}
