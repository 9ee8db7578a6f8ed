//! How a URL is to be fetched and read: the request's parameters, laid over each other and compiled once.

use std::sync::Arc;

use pagewire_extract::{Plan, PlanOptions};
use pagewire_types::{FieldError, Problem, ProblemCode, RobotsRule, ScrapeOptions, ScrapeParams};

use crate::model::ModelWish;

/// Options and the extraction plan made from them. Shared by all URLs that say nothing of their own.
#[derive(Debug)]
pub struct Recipe {
    /// What holds for the fetch.
    pub options: ScrapeOptions,
    /// What is read from the page.
    pub plan: Arc<Plan>,
    /// What is wished of the model.
    pub(crate) model: Option<ModelWish>,
}

impl Recipe {
    fn with_plan(options: ScrapeOptions, plan: Arc<Plan>) -> Self {
        let model = ModelWish::of(&options, &plan);
        Self { options, plan, model }
    }

    /// Compiles parameters. A broken `extract` is told with pointers into the request.
    pub fn compile(params: ScrapeParams, robots: RobotsRule) -> Result<Self, Box<Problem>> {
        let options = params.resolve(robots);
        let plan = Plan::compile(&PlanOptions {
            formats: options.formats,
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
        if reads_the_same {
            return Ok(Self::with_plan(params.resolve(robots), self.plan.clone()));
        }
        Self::compile(params, robots)
    }
}

fn refusal(errors: Vec<FieldError>) -> Problem {
    let of_schema = errors.iter().any(|error| error.pointer.starts_with("/extract"));
    let code = if of_schema { ProblemCode::SchemaInvalid } else { ProblemCode::ValidationFailed };
    Problem::invalid(code, errors)
}
