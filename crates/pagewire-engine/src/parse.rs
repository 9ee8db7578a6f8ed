//! A page that the caller has already: read as a fetched one is, with nothing fetched.
//!
//! How many are held at once is bounded, since each may be as large as a request's body; they take their turns with the
//! pages that are fetched.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pagewire_extract::ExtractError;
use pagewire_types::{FieldError, ParseRequest, Problem, ProblemCode, TargetUrl};
use tokio::sync::Semaphore;
use url::Url;

use crate::envelope::{EnvelopeWriter, FetchFacts, Head};
use crate::passage::Passed;
use crate::pdf::PdfFault;
use crate::read::{Body, PageReader, Unread};
use crate::recipe::Recipe;
use crate::refusal::Refusal;
use crate::render::Shown;

/// Pages that are read or wait for it at once.
const PAGES_MAX: usize = 64;
/// How long a page may wait for its turn and be read, a model's answer included.
const WAIT_MAX: Duration = Duration::from_secs(180);
/// Relative references cannot be resolved against it, so they stay out.
const NO_BASE: &str = "about:blank";

/// A page that was read.
pub(crate) struct Parsed {
    /// The envelope.
    pub(crate) json: Bytes,
    /// What it costs.
    pub(crate) credits: u32,
}

/// Reads pages that callers bring.
pub(crate) struct Parser {
    reader: PageReader,
    places: Semaphore,
    answer_bytes_max: usize,
}

impl Parser {
    pub(crate) fn new(reader: PageReader, answer_bytes_max: usize) -> Self {
        Self { reader, places: Semaphore::new(PAGES_MAX), answer_bytes_max }
    }

    /// Reads one page, which costs so many credits without a model.
    pub(crate) async fn parse(
        &self,
        request: ParseRequest,
        recipe: &Recipe,
        credits: u32,
    ) -> Result<Parsed, Refusal> {
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| Refusal::Overloaded("as many pages as it can hold are being read"))?;
        tokio::time::timeout(WAIT_MAX, self.read(request, recipe, credits))
            .await
            .map_err(|_| Refusal::Overloaded("the page did not get its turn in time"))?
    }

    async fn read(&self, request: ParseRequest, recipe: &Recipe, credits: u32) -> Result<Parsed, Refusal> {
        let started = Instant::now();
        let base = match &request.url {
            Some(url) => url.as_url().clone(),
            None => Url::parse(NO_BASE).expect("a constant that is a URL"),
        };
        let head = Head {
            url: request.given_url.as_deref(),
            final_url: request.url.as_ref().map(TargetUrl::as_str),
            http_status: None,
            custom_id: request.custom_id.as_deref(),
            metadata: request.metadata.as_deref(),
        };
        let envelope = EnvelopeWriter::begin(&head, 0);
        let body = Body {
            bytes: Bytes::from(request.content),
            content_type: Some(as_utf8(&request.content_type).into()),
            base: Arc::new(base),
        };
        let (envelope, facts) = self.reader.read(envelope, &body, recipe).await.map_err(refusal)?;
        let fetch = FetchFacts {
            bytes: body.bytes.len() as u64,
            fetched_at: None,
            elapsed: started.elapsed(),
            attempts: 0,
            age: None,
            shown: Shown::default(),
            passed: Passed::default(),
            credits: credits + facts.credits,
        };
        let json = envelope.end(0, &facts, &fetch);
        if json.len() > self.answer_bytes_max {
            let (bytes, max) = (json.len(), self.answer_bytes_max);
            let detail = format!(
                "the page makes an answer of {bytes} bytes, over the {max} that one may have; ask for fewer formats"
            );
            return Err(Refusal::Invalid(Box::new(Problem::new(ProblemCode::BodyTooLarge, detail))));
        }
        Ok(Parsed { json, credits: fetch.credits })
    }
}

/// The content came as JSON text: whatever it was encoded in before, and says of itself, it is UTF-8 now.
fn as_utf8(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    format!("{essence}; charset=utf-8")
}

fn refusal(unread: Unread) -> Refusal {
    match unread {
        Unread::Content(ExtractError::Unsatisfied(unsatisfied)) => {
            let mut problem = Problem::new(ProblemCode::ExtractionInvalid, unsatisfied.to_string());
            problem.errors = unsatisfied.faults;
            Refusal::Invalid(Box::new(problem.with("data", unsatisfied.data)))
        }
        Unread::Content(error) => {
            let fault = FieldError::new("/content_type", error.to_string());
            Refusal::Invalid(Box::new(Problem::invalid(ProblemCode::ValidationFailed, vec![fault])))
        }
        Unread::Pdf(PdfFault::Busy) => Refusal::Overloaded("as many PDFs as it may read are being read"),
        Unread::Pdf(fault) => {
            let fault = FieldError::new("/content_type", fault.to_string());
            Refusal::Invalid(Box::new(Problem::invalid(ProblemCode::ValidationFailed, vec![fault])))
        }
        Unread::Panicked => {
            Refusal::Invalid(Box::new(Problem::new(ProblemCode::Internal, unread.to_string())))
        }
    }
}
