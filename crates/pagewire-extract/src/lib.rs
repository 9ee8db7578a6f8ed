//! Pure extraction: bytes and options in, a page out. No I/O, no clock, no async.
//!
//! A [`Plan`] is compiled once for a request and used for all its pages. [`Plan::scan`] is the linear part: it decodes
//! the page, and where no tree is needed, it is done; [`Plan::extract`] is all of it. Both append the `data` object of
//! the page envelope, as JSON text, to the caller's buffer.
//!
//! What is asked for is made and nothing else; a page is decoded once and parsed at most once.

pub mod challenge;
mod charset;
mod content;
#[cfg(test)]
mod cpu_clock;
pub mod diff;
mod dom;
mod error;
pub mod feed;
mod head;
mod html;
mod images;
mod json;
mod json_schema;
mod links;
mod main_content;
mod markdown;
mod metadata;
pub mod opml;
mod output;
pub mod pdf;
mod plan;
mod selectors;
pub mod shell;
mod signs;
mod sketch;
mod stand_in;
mod structured;
mod tags;
mod text;

pub use dom::is_selector;
pub use error::{ExtractError, Unsatisfied};
pub use output::{OutputField, OutputKind};
pub use plan::draft::{Answer, Draft};
pub use plan::{Facts, Input, Plan, PlanOptions, Scan, is_pdf};
pub use sketch::coerce::Price;
