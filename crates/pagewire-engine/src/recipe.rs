//! How a URL is to be fetched and read: the request's parameters, laid over each other and compiled once.

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use pagewire_extract::{Plan, PlanOptions};
use pagewire_types::{FieldError, Format, Problem, ProblemCode, RobotsRule, ScrapeOptions, ScrapeParams};

use crate::model::ModelWish;
use crate::render::refuse_faults;

/// Options and the extraction plan made from them. Shared by all URLs that say nothing of their own.
#[derive(Debug)]
pub struct Recipe {
    /// What holds for the fetch.
    pub options: ScrapeOptions,
    /// What is read from the page.
    pub plan: Arc<Plan>,
    /// What is wished of the model.
    pub(crate) model: Option<ModelWish>,
    /// Whether pages are archived.
    pub(crate) archives: bool,
    /// Names how pages are read: recipes with the same one read the same page alike.
    pub(crate) fingerprint: [u8; 32],
}

impl Recipe {
    fn with_plan(options: ScrapeOptions, plan: Arc<Plan>) -> Self {
        let model = ModelWish::of(&options, &plan);
        let fingerprint = fingerprint(&options);
        let archives = options.formats.are_archived();
        Self { options, plan, model, archives, fingerprint }
    }

    /// Compiles parameters. A broken `extract` is told with pointers into the request.
    pub fn compile(params: ScrapeParams, robots: RobotsRule) -> Result<Self, Box<Problem>> {
        let options = params.resolve(robots);
        refuse_faults(&options)?;
        let plan = Plan::compile(&PlanOptions {
            // A picture is the browser's to make.
            formats: options.formats.iter().filter(|format| *format != Format::Screenshot).collect(),
            extract: options.extract.clone(),
            only_main_content: options.only_main_content,
            include_selectors: options.include_selectors.clone(),
            exclude_selectors: options.exclude_selectors.clone(),
        })
        .map_err(|errors| Box::new(refusal(errors)))?;
        Ok(Self::with_plan(options, Arc::new(plan)))
    }

    /// The recipe of one URL with overrides; what the overrides do not touch is shared.
    pub fn with_overrides(
        &self,
        overrides: &ScrapeParams,
        defaults: &ScrapeParams,
        robots: RobotsRule,
    ) -> Result<Self, Box<Problem>> {
        let reads_the_same = overrides.formats.is_none()
            && overrides.extract.is_none()
            && overrides.only_main_content.is_none()
            && overrides.include_selectors.is_none()
            && overrides.exclude_selectors.is_none();
        let params = overrides.clone().over(defaults);
        // It is the job's, whatever formats a URL has of its own.
        let archives = self.archives;
        if reads_the_same {
            let options = params.resolve(robots);
            refuse_faults(&options)?;
            return Ok(Self { archives, ..Self::with_plan(options, self.plan.clone()) });
        }
        Ok(Self { archives, ..Self::compile(params, robots)? })
    }
}

/// SHA-256 over all that says how a page is read.
pub(crate) fn fingerprint(options: &ScrapeOptions) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    let mut part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for format in options.formats.iter() {
        part(format.as_str().as_bytes());
    }
    part(&[u8::from(options.only_main_content), options.extract_engine as u8]);
    for selectors in [&options.include_selectors, &options.exclude_selectors] {
        part(&selectors.len().to_le_bytes());
        selectors.iter().for_each(|selector| part(selector.as_bytes()));
    }
    part(options.extract.as_ref().map(ToString::to_string).unwrap_or_default().as_bytes());
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(hash.finish().as_ref());
    fingerprint
}

fn refusal(errors: Vec<FieldError>) -> Problem {
    let of_schema = errors.iter().any(|error| error.pointer.starts_with("/extract"));
    let code = if of_schema { ProblemCode::SchemaInvalid } else { ProblemCode::ValidationFailed };
    Problem::invalid(code, errors)
}
