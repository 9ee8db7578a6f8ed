//! The handlers: one noun a file, each with its reply.

pub mod deliveries;
pub mod docs;
pub mod downloads;
pub mod events;
pub mod health;
pub mod jobs;
pub mod keys;
pub mod live;
pub mod metrics;
pub mod openapi;
pub mod parse;
pub mod scrape;
pub mod sources;
pub mod stream;
pub mod uploads;
pub mod usage;
pub mod webhooks;
pub mod websub;
