//! Wire types, ids and problem codes: the words that every other crate speaks.
//!
//! What is here is plain data with its parsing and its text form. It knows no HTTP server, no database and no socket,
//! and it depends on no other crate of the workspace. Requests are parsed once, here, at the edge: a value of a type
//! of this crate cannot hold what the contract forbids, so nothing below checks again.

pub mod entry_line;
pub mod event;
pub mod fields;
pub mod format;
pub mod ids;
pub mod job;
pub mod job_request;
pub mod live_event;
pub mod parse_request;
pub mod problem;
pub mod record;
pub mod reextract_request;
pub mod render;
pub mod request;
pub mod scope;
pub mod scrape;
pub mod source;
pub mod source_request;
pub mod source_view;
pub mod stored_entry;
pub mod target_error;
pub mod target_url;
pub mod webhook;
pub mod webhook_event;
pub mod webhook_request;
pub mod webhook_secret;

pub use entry_line::check_entry;
pub use event::{CreditsEventData, KeyEventData, RunEventData};
pub use fields::FieldError;
pub use format::{Format, Formats};
pub use ids::{DeliveryId, KeyId, RunId, SourceId, SourceLife, TraceId, UploadId, WebhookId, WorkspaceId};
pub use job::{
    AcceptedJob, AcceptedWebhook, JobCompleted, JobDone, JobFailed, JobFile, JobList, JobMoved, JobProgress,
    JobReply, JobView, RefusedLine, UploadReply,
};
pub use job_request::{JobInput, JobRequest, OutputFormat, OutputSpec};
pub use live_event::{Diff, StreamEvent};
pub use parse_request::ParseRequest;
pub use problem::{Problem, ProblemCode};
pub use record::{End, ErrorRecord, Progress, Warning};
pub use reextract_request::ReextractRequest;
pub use request::{ScrapeRequest, StreamRequest, UrlEntry};
pub use scope::{Scope, Scopes};
pub use scrape::{ExtractEngine, ProxyType, Retry, RetryOn, RobotsRule, ScrapeOptions, ScrapeParams};
pub use source::{FirehoseMap, FirehoseProtocol, SourceSpec, SourceType};
pub use source_request::SourceRules;
pub use source_view::{
    DeclaredIn, Source, SourceHealth, SourceImport, SourceList, SourceStatus, SourceTest, TestedEvent,
    TestedFeed,
};
pub use stored_entry::{InvalidLine, StoredEntry};
pub use target_error::TargetErrorCode;
pub use target_url::TargetUrl;
pub use webhook::{
    Delivery, DeliveryAttempt, DeliveryList, DeliveryStatus, Webhook, WebhookList, WebhookTest,
};
pub use webhook_event::{DeliveryKind, WebhookEvent};
pub use webhook_request::{JobWebhook, NewWebhook, WebhookChange};
pub use webhook_secret::WebhookSecret;
