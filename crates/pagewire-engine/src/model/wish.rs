//! What a request wishes of the model.

use pagewire_extract::{Draft, Plan};
use pagewire_types::{
    ExtractEngine, FieldError, Problem, ProblemCode, ScrapeOptions, ScrapeParams, UrlEntry,
};
use serde_json::Value;

/// A wish for the model, where a request has one.
#[derive(Debug, Clone)]
pub(crate) struct ModelWish {
    engine: ExtractEngine,
    /// The fields that must be sure in `auto`. None for all of them.
    required: Option<Vec<String>>,
    /// What the model is shown of what is wanted.
    schema: Value,
}

impl ModelWish {
    /// Of a request that has fields and does not leave them to the embedded extraction.
    pub(crate) fn of(options: &ScrapeOptions, plan: &Plan) -> Option<Self> {
        let extract = options.extract.as_ref()?;
        let engine = options.extract_engine;
        if engine == ExtractEngine::Embedded || plan.open_fields().next().is_none() {
            return None;
        }
        if !plan.has_schema() {
            return Some(Self { engine, required: None, schema: plan.answer_schema() });
        }
        let required = extract.get("required").and_then(Value::as_array);
        let names = required.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Some(Self { engine, required: Some(names.collect()), schema: extract.clone() })
    }

    pub(crate) fn schema(&self) -> &Value {
        &self.schema
    }

    /// Whether the model is needed for a page.
    pub(crate) fn is_needed(&self, plan: &Plan, draft: &Draft, confidence_min: f64) -> bool {
        let is_required = |field: &str| match &self.required {
            None => true,
            Some(required) => required.iter().any(|name| name == field),
        };
        match self.engine {
            ExtractEngine::Embedded => false,
            ExtractEngine::Llm => true,
            ExtractEngine::Auto => {
                plan.open_fields().any(|field| is_required(field) && draft.confidence(field) < confidence_min)
            }
        }
    }

    /// The fields that are the model's to fill: what the page says surely stays in `auto`.
    pub(crate) fn wanted(&self, plan: &Plan, draft: &Draft, confidence_min: f64) -> Vec<String> {
        let is_wanted = |field: &&str| match self.engine {
            ExtractEngine::Embedded => false,
            ExtractEngine::Llm => true,
            ExtractEngine::Auto => draft.confidence(field) < confidence_min,
        };
        plan.open_fields().filter(is_wanted).map(str::to_owned).collect()
    }
}

/// Refuses requests for a model that is not there, before anything is fetched.
pub(crate) fn refuse_without_model(params: &ScrapeParams, entries: &[UrlEntry]) -> Result<(), Box<Problem>> {
    let asks = |engine: Option<ExtractEngine>| engine == Some(ExtractEngine::Llm);
    let overrides = entries.iter().enumerate().filter_map(|(index, entry)| {
        let overrides = entry.overrides.as_ref()?;
        asks(overrides.extract_engine).then(|| format!("/urls/{index}/extract_engine"))
    });
    let own = asks(params.extract_engine).then(|| "/extract_engine".to_owned());
    let Some(pointer) = own.into_iter().chain(overrides).next() else { return Ok(()) };
    let fault = FieldError::new(
        pointer,
        "this server has no language model: its operator sets `endpoint` and `model` in the section `[extract.llm]` of \
         its configuration; leave the field out, or send \"embedded\"",
    );
    Err(Box::new(Problem::invalid(ProblemCode::ValidationFailed, vec![fault])))
}
