//! State: workspaces, keys, runs and their leases, credits, and what happens to them; and blobs.
//!
//! The traits in [`state`] are all that is known of it above this crate; SQLite is the embedded backend, and each table's
//! SQL stands in one file. What is done of a run is not here: the run's journal is the only truth of that.

pub mod blob;
pub mod conformance;
pub mod error;
pub mod sqlite;
pub mod state;

pub use blob::{BlobError, BlobHeaders, BlobInfo, BlobKey, BlobReader, BlobWriter, Blobs};
pub use error::StoreError;
pub use sqlite::{SqliteOptions, SqliteStore, Synchronous};
pub use state::credits::{CreditAllowance, Credits};
pub use state::deliveries::{
    AttemptRow, Deliveries, DeliveryFilter, DeliveryRow, LeasedDelivery, NewDelivery, Outcome, Replay,
    SentTest, WaitingEndpoint,
};
pub use state::events::{EventRead, EventRow, Events};
pub use state::jobs::{
    Acceptance, Cancellation, IdempotencyKey, JobFilter, JobPart, JobRow, Jobs, NewInput, NewJob, StoredChunk,
};
pub use state::keys::{ApiKey, KeyMode, Keys, Revocation};
pub use state::runs::{Chunk, FileRow, NewRun, RunEnd, RunKind, RunRow, RunStatus, Runs};
pub use state::sources::{SourceFilter, SourceInsertion, SourceOutcome, SourceReport, SourceRow, Sources};
pub use state::uploads::{ChunkRange, UploadRow, Uploads};
pub use state::webhooks::{WebhookRow, WebhookUpdate, Webhooks};
pub use state::workspaces::{Workspace, Workspaces};
pub use state::{Answer, Store};
