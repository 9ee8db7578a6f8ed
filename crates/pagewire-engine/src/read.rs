//! From a body to the `data` of its envelope, for every door: what a scan can do is done at once, the rest in turns on
//! the threads for blocking work. PDFs and the model have their own bounds on how many wait, so nobody waits for them in
//! a turn.

use std::sync::Arc;

use bytes::Bytes;
use pagewire_extract::pdf::PdfText;
use pagewire_extract::{Answer, Draft, ExtractError, Facts, Input, Scan};
use url::Url;

use crate::envelope::EnvelopeWriter;
use crate::model::{Model, ModelFault, ModelWish};
use crate::pdf::{PdfFault, PdfReader};
use crate::recipe::Recipe;
use crate::turns::Turns;

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

/// What is told of a page beside its `data`.
#[derive(Debug)]
pub(crate) struct ReadFacts {
    pub(crate) page: Facts,
    /// What reading it cost beyond what a page costs.
    pub(crate) credits: u32,
    pub(crate) warnings: Vec<PageWarning>,
}

impl From<Facts> for ReadFacts {
    fn from(page: Facts) -> Self {
        Self { page, credits: 0, warnings: Vec::new() }
    }
}

/// Something that was not done as it was asked for, on a page that is there all the same.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct PageWarning {
    pub(crate) code: &'static str,
    pub(crate) detail: String,
}

impl PageWarning {
    /// Of a page that a browser showed without all that it asked for.
    pub(crate) fn of_refused_requests(refused: u64) -> Option<Self> {
        let detail = format!(
            "{refused} requests of the page were refused: there were too many, or they went where nothing may be asked"
        );
        (refused > 0).then_some(Self { code: "requests_refused", detail })
    }

    fn of_model(fault: &ModelFault) -> Self {
        let detail = format!("{fault}; the fields are those of the embedded extraction");
        Self { code: "llm_unavailable", detail }
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
    turns: Turns,
    pdf: Arc<dyn PdfReader>,
    /// The model, or why there is none.
    model: Result<Arc<Model>, ModelFault>,
}

impl PageReader {
    pub(crate) fn new(pdf: Arc<dyn PdfReader>, model: Option<Arc<Model>>) -> Self {
        let model = model.ok_or(ModelFault::NotConfigured);
        Self { turns: Turns::of_cores(), pdf, model }
    }

    /// The same, for test keys.
    pub(crate) fn in_sandbox(&self) -> Self {
        Self { model: Err(ModelFault::Sandbox), ..self.clone() }
    }

    /// The turns in which bodies are read.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    pub(crate) fn has_model(&self) -> bool {
        self.model.is_ok()
    }

    /// Appends the `data` object to the envelope.
    pub(crate) async fn read(
        &self,
        mut envelope: EnvelopeWriter,
        body: &Body,
        recipe: &Recipe,
    ) -> Result<(EnvelopeWriter, ReadFacts), Unread> {
        let pdf = match pagewire_extract::is_pdf(&body.input()) {
            true => Some(Arc::new(self.pdf.read(body.bytes.clone()).await?)),
            false => None,
        };
        if let Some(wish) = &recipe.model {
            return self.read_with_model(envelope, body, pdf, recipe, wish).await;
        }
        if let Some(pdf) = pdf {
            let (plan, base) = (recipe.plan.clone(), body.base.clone());
            return self
                .in_turn(move || {
                    let facts = plan.extract_pdf(&pdf, &base, envelope.data())?;
                    Ok((envelope, facts.into()))
                })
                .await;
        }
        if body.bytes.len() <= SCAN_INLINE_BYTES_MAX {
            match recipe.plan.scan(&body.input(), envelope.data())? {
                Scan::Done(facts) => return Ok((envelope, facts.into())),
                Scan::NeedsTree => {}
            }
        }
        let plan = recipe.plan.clone();
        let of = body.clone();
        self.in_turn(move || {
            let facts = plan.extract(&of.input(), envelope.data())?;
            Ok((envelope, facts.into()))
        })
        .await
    }

    /// As far as the page goes by itself; then the model, if that is not far enough.
    async fn read_with_model(
        &self,
        envelope: EnvelopeWriter,
        body: &Body,
        pdf: Option<Arc<PdfText>>,
        recipe: &Recipe,
        wish: &ModelWish,
    ) -> Result<(EnvelopeWriter, ReadFacts), Unread> {
        let (text_bytes_max, confidence_min) = match &self.model {
            Ok(model) => (model.settings().input_bytes_max, model.settings().confidence_min),
            Err(_) => (0, 1.0),
        };
        let (plan, of) = (recipe.plan.clone(), body.clone());
        let draft = self
            .in_turn(move || match pdf {
                Some(pdf) => Ok(plan.draft_pdf(&pdf, &of.base, text_bytes_max)),
                None => Ok(plan.draft(&of.input(), text_bytes_max)?),
            })
            .await?;
        if !wish.is_needed(&recipe.plan, &draft, confidence_min) {
            return self.settle(envelope, recipe, draft, None).await;
        }
        let asked = match &self.model {
            Ok(model) => {
                let fields = model.ask(wish.schema(), draft.text()).await;
                fields.map(|fields| (fields, model.settings().credits))
            }
            Err(fault) => Err(fault.clone()),
        };
        match asked {
            Ok((fields, credits)) => {
                let wanted = wish.wanted(&recipe.plan, &draft, confidence_min);
                self.settle(envelope, recipe, draft, Some((Answer { fields, wanted }, credits))).await
            }
            Err(fault) => {
                let (envelope, facts) = self.settle(envelope, recipe, draft, None).await?;
                Ok((envelope, ReadFacts { warnings: vec![PageWarning::of_model(&fault)], ..facts }))
            }
        }
    }

    /// With the answer, which has its price; without it where a schema does not take it.
    async fn settle(
        &self,
        mut envelope: EnvelopeWriter,
        recipe: &Recipe,
        draft: Draft,
        answer: Option<(Answer, u32)>,
    ) -> Result<(EnvelopeWriter, ReadFacts), Unread> {
        let plan = recipe.plan.clone();
        self.in_turn(move || {
            let Some((answer, credits)) = answer else {
                let page = plan.settle(&draft, None, envelope.data())?;
                return Ok((envelope, page.into()));
            };
            match plan.settle(&draft, Some(&answer), envelope.data()) {
                Ok(page) => Ok((envelope, ReadFacts { page, credits, warnings: Vec::new() })),
                Err(_) => {
                    let page = plan.settle(&draft, None, envelope.data())?;
                    let fault = ModelFault::Unusable("it does not satisfy the schema");
                    let warnings = vec![PageWarning::of_model(&fault)];
                    Ok((envelope, ReadFacts { page, credits: 0, warnings }))
                }
            }
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Unread> + Send + 'static,
    ) -> Result<T, Unread> {
        self.turns.take("reading a page", work).await.unwrap_or(Err(Unread::Panicked))
    }
}
