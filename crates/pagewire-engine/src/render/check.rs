//! What a request may not ask of a browser: what makes no sense, and any of it where there is none. Told before anything
//! is fetched.

use http::Method;
use pagewire_extract::is_selector;
use pagewire_types::render::{Action, RenderMode, RenderOptions, WaitFor};
use pagewire_types::{FieldError, Format, Problem, ProblemCode, ScrapeOptions, ScrapeParams, UrlEntry};

/// Whether the page is rendered whatever is served: what is asked for cannot be had otherwise.
pub(crate) fn is_rendered_always(options: &ScrapeOptions) -> bool {
    match options.render.mode {
        RenderMode::Always => true,
        RenderMode::Never => false,
        RenderMode::Auto => {
            !options.render.actions.is_empty() || options.formats.contains(Format::Screenshot)
        }
    }
}

/// Refuses what goes with rendering where it is not asked for, what does not go with it, and selectors that are none.
pub(crate) fn refuse_faults(options: &ScrapeOptions) -> Result<(), Box<Problem>> {
    let mut faults = Vec::new();
    let render = &options.render;
    if render.mode == RenderMode::Never {
        let mut needs = |is_given: bool, pointer: &str| {
            if is_given {
                faults.push(FieldError::new(
                    pointer,
                    "goes with `render`: send `render: true` or \"auto\" with it",
                ));
            }
        };
        needs(render.wait_for.is_some(), "/wait_for");
        needs(!render.actions.is_empty(), "/actions");
        needs(options.formats.contains(Format::Screenshot), "/formats");
    } else {
        if options.method != Method::GET {
            faults.push(FieldError::new("/method", "a browser gets pages: `render` goes with GET alone"));
        }
        if options.body.is_some() {
            faults.push(FieldError::new("/body", "a browser gets pages: `render` goes without a body"));
        }
    }
    faults.extend(selectors(render).filter(|(_, selector)| !is_selector(selector)).map(
        |(pointer, selector)| {
            FieldError::new(pointer, format!("{selector:?} is not a CSS selector that can be used"))
        },
    ));
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Box::new(Problem::invalid(ProblemCode::ValidationFailed, faults)))
    }
}

fn selectors(render: &RenderOptions) -> impl Iterator<Item = (String, &str)> {
    let waited = match &render.wait_for {
        Some(WaitFor::Selector(selector)) => Some(("/wait_for".to_owned(), selector.as_str())),
        Some(WaitFor::Time(_) | WaitFor::NetworkIdle) | None => None,
    };
    let acted = render.actions.iter().enumerate().filter_map(|(at, action): (usize, &Action)| {
        action.selector().map(|selector| (format!("/actions/{at}/selector"), selector))
    });
    waited.into_iter().chain(acted)
}

/// Refuses requests for a browser that is not there.
pub(crate) fn refuse_without_browser(
    params: &ScrapeParams,
    entries: &[UrlEntry],
) -> Result<(), Box<Problem>> {
    let asks = |params: &ScrapeParams| params.render.mode == Some(RenderMode::Always);
    let overrides = entries.iter().enumerate().filter_map(|(index, entry)| {
        let overrides = entry.overrides.as_ref()?;
        asks(overrides).then(|| format!("/urls/{index}/render"))
    });
    let own = asks(params).then(|| "/render".to_owned());
    let Some(pointer) = own.into_iter().chain(overrides).next() else { return Ok(()) };
    let detail = format!("{}; or send `render: false`, or \"auto\"", pagewire_fetch::RenderError::NoBrowser);
    let fault = FieldError::new(pointer, detail);
    Err(Box::new(Problem::invalid(ProblemCode::ValidationFailed, vec![fault])))
}
