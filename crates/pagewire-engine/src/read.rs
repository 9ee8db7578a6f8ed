//! From a body to the `data` of its envelope, for every door: what a scan can do is done at once, the rest in turns on
//! the threads for blocking work.

use std::sync::Arc;

use bytes::Bytes;
use pagewire_extract::{ExtractError, Facts, Input, Scan};
use tokio::sync::Semaphore;
use url::Url;

use crate::envelope::EnvelopeWriter;
use crate::pdf::{PdfFault, PdfReader};
use crate::recipe::Recipe;

/// Bodies up to this size are scanned on the thread that brought them: handing 64 KiB to another thread costs more
/// than the scan.
const SCAN_INLINE_BYTES_MAX: usize = 64 * 1024;

/// A body to be read, wherever it comes from. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: Option<Arc<str>>,
    /// What relative links stand on.
    pub(crate) base: Arc<Url>,
}

impl Body {
    fn input(&self) -> Input<'_> {
        Input { body: &self.bytes, content_type: self.content_type.as_deref(), url: &self.base }
    }
}

/// Why there is no `data`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error(transparent)]
    Content(#[from] ExtractError),
    #[error(transparent)]
    Pdf(#[from] PdfFault),
    #[error("the page could not be read: reading it failed in a way that is a fault of this server")]
    Panicked,
}

/// Reads bodies, as many at once as the machine has cores.
#[derive(Clone)]
pub(crate) struct PageReader {
    turns: Arc<Semaphore>,
    pdf: Arc<dyn PdfReader>,
}

impl PageReader {
    pub(crate) fn new(pdf: Arc<dyn PdfReader>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self { turns: Arc::new(Semaphore::new(cores)), pdf }
    }

    /// Appends the `data` object to the envelope.
    pub(crate) async fn read(
        &self,
        mut envelope: EnvelopeWriter,
        body: &Body,
        recipe: &Recipe,
    ) -> Result<(EnvelopeWriter, Facts), Unread> {
        if pagewire_extract::is_pdf(&body.input()) {
            return self.read_pdf(envelope, body, recipe).await;
        }
        if body.bytes.len() <= SCAN_INLINE_BYTES_MAX {
            match recipe.plan.scan(&body.input(), envelope.data())? {
                Scan::Done(facts) => return Ok((envelope, facts)),
                Scan::NeedsTree => {}
            }
        }
        let plan = recipe.plan.clone();
        let of = body.clone();
        self.in_turn(move || {
            let facts = plan.extract(&of.input(), envelope.data())?;
            Ok((envelope, facts))
        })
        .await
    }

    async fn read_pdf(
        &self,
        mut envelope: EnvelopeWriter,
        body: &Body,
        recipe: &Recipe,
    ) -> Result<(EnvelopeWriter, Facts), Unread> {
        let text = self.pdf.read(body.bytes.clone()).await?;
        let (plan, base) = (recipe.plan.clone(), body.base.clone());
        self.in_turn(move || {
            let facts = plan.extract_pdf(&text, &base, envelope.data())?;
            Ok((envelope, facts))
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Unread> + Send + 'static,
    ) -> Result<T, Unread> {
        let turn = self.turns.clone().acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        })
        .await
        .unwrap_or_else(|error| {
            tracing::error!(%error, "reading a page panicked");
            Err(Unread::Panicked)
        })
    }
}
