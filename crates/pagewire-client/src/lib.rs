//! The Rust SDK: scrape a page, stream many, have a million worked off as a job, read along with
//! what is new, and go on where a connection dropped.
//!
//! ```no_run
//! # async fn example() -> Result<(), pagewire_client::ClientError> {
//! use pagewire_client::{Client, StreamEvent};
//!
//! let client = Client::new("http://127.0.0.1:7700", "pw_live_…")?;
//! let body = serde_json::json!({"urls": ["https://example.com/"], "formats": ["links"]});
//! let mut events = client.stream(&body).await?;
//! while let Some(event) = events.next().await {
//!     if let StreamEvent::Page { id, data } = event? {
//!         println!("{id}: {data}");
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Invariants: every wait has a timeout, every retry a bound; an event is delivered once it has arrived whole, and only
//! then is its id resumed after; a request that may have reached the server is not sent again unless the server said
//! that it refused it.

mod backoff;
mod client;
mod connector;
mod downloads;
mod error;
mod event;
mod frames;
mod jobs;
mod live;
mod sources;
pub mod sse;
mod stream;
mod uploads;
mod webhooks;

pub use backoff::RetryPolicy;
pub use client::{Client, ClientOptions, Page};
pub use downloads::Download;
pub use error::{ApiError, ClientError};
pub use event::StreamEvent;
pub use jobs::{JobEvent, JobEvents, JobQuery, Watch};
pub use live::{Gap, LiveEvent, LiveEvents, LiveQuery};
pub use sources::SourceListQuery;
pub use stream::StreamEvents;
pub use uploads::{InvalidLines, ListCoding, ListForm, Upload};
pub use webhooks::DeliveryQuery;
