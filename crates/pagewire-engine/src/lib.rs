//! The engine: what the edge holds a handle of. Runs and their scheduling, the one scrape pipeline, and accounts.
//!
//! It knows no HTTP server and no SQL: targets are reached through `pagewire-fetch`, state through `pagewire-store`'s
//! traits, records through `pagewire-journal`'s.

pub mod account;
mod archive;
pub mod blob_transport;
mod blocked;
pub mod cache;
pub mod download;
pub mod engine;
mod envelope;
pub mod export;
mod gauges;
pub mod job;
pub mod live;
pub mod model;
mod parse;
mod passage;
mod patience;
pub mod pdf;
mod proxies;
mod read;
pub mod recipe;
mod refusal;
mod render;
mod retention;
mod retry;
pub mod run;
mod sandbox;
pub mod schedule;
pub mod scrape;
mod session;
mod single;
mod source;
mod stream;
mod turns;
pub mod upload;
pub mod webhook;

pub use engine::{Engine, EngineParts, EngineSettings};
pub use envelope::{Failure, Tried};
pub use model::{Model, ModelSettings};
pub use pagewire_store::{
    ApiKey, BlobError, DeliveryFilter, FileRow, JobFilter, KeyMode, Revocation, RunStatus,
};
pub use passage::Passed;
pub use pdf::{NoPdfReader, PdfFault, PdfReader};
pub use proxies::ProxyCredits;
pub use refusal::{Refusal, ScrapeFailure};
pub use run::attachment::{Attachment, RunEvent};
