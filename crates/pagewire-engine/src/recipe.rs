//! How a URL is to be fetched and read: the request's parameters, laid over each other and compiled once.

use std::sync::Arc;

use pagewire_extract::{Plan, PlanOptions};
use pagewire_types::{FieldError, Problem, ProblemCode, RobotsRule, ScrapeOptions, ScrapeParams, UrlEntry};

/// Options and the extraction plan made from them. Shared by all URLs that say nothing of their own.
#[derive(Debug)]
pub struct Recipe {
    /// What holds for the fetch.
    pub options: ScrapeOptions,
    /// What is read from the page.
    pub plan: Arc<Plan>,
}

impl Recipe {
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
        Ok(Self { options, plan: Arc::new(plan) })
    }

    /// The recipe of one URL with overrides; what the overrides do not touch is shared.
    fn with_overrides(
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
            return Ok(Self { options: params.resolve(robots), plan: self.plan.clone() });
        }
        Self::compile(params, robots)
    }
}

fn refusal(errors: Vec<FieldError>) -> Problem {
    let of_schema = errors.iter().any(|error| error.pointer.starts_with("/extract"));
    let code = if of_schema { ProblemCode::SchemaInvalid } else { ProblemCode::ValidationFailed };
    Problem::invalid(code, errors)
}

/// The recipes of a whole request: one for all, and those of the URLs that differ.
#[derive(Debug)]
pub struct RecipeBook {
    shared: Arc<Recipe>,
    of_url: Vec<Option<Arc<Recipe>>>,
}

impl RecipeBook {
    /// Compiles all that a request needs, so that a fault anywhere is found before anything is fetched.
    pub fn compile(
        defaults: &ScrapeParams,
        entries: &[UrlEntry],
        robots: RobotsRule,
    ) -> Result<Self, Box<Problem>> {
        let shared = Arc::new(Recipe::compile(defaults.clone(), robots)?);
        if entries.iter().all(|entry| entry.overrides.is_none()) {
            return Ok(Self { shared, of_url: Vec::new() });
        }
        let mut of_url = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let recipe = match &entry.overrides {
                None => None,
                Some(overrides) => Some(Arc::new(
                    shared
                        .with_overrides(overrides, defaults, robots)
                        .map_err(|problem| Box::new(moved_under(*problem, &format!("/urls/{index}"))))?,
                )),
            };
            of_url.push(recipe);
        }
        Ok(Self { shared, of_url })
    }

    /// The recipe of the URL at that position.
    #[must_use]
    pub fn of(&self, ordinal: u32) -> &Arc<Recipe> {
        self.of_url.get(ordinal as usize).and_then(Option::as_ref).unwrap_or(&self.shared)
    }
}

fn moved_under(mut problem: Problem, pointer: &str) -> Problem {
    for error in &mut problem.errors {
        error.pointer.insert_str(0, pointer);
    }
    if let Some(first) = problem.errors.first() {
        problem.detail = first.to_string();
    }
    problem
}
