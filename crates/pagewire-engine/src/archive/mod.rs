//! The archive of a job: the pages as they came, as WARC 1.1 (ISO 28500:2017), beside what was read from them.
//!
//! ```text
//! fetch ── recording ──> warc (gzip, a member a record) ── body ──> the run's journal, in one record with the envelope
//!                                                                     ├─ pages:  readers see the envelope alone
//!                                                                     ├─ file:   warc files beside the other output
//!                                                                     └─ replay: pages read anew, without a fetch
//! ```
//!
//! A page and its envelope are one record of the journal, so that they are durable together: no crash can leave one of them
//! without the other, or with another fetch's. The files are a pure function of the journal, as all output is.

mod body;
mod file;
mod pages;
mod replay;
mod warc;

pub(crate) use body::{join, split};
pub(crate) use file::{ArchiveFiles, write as write_files};
pub(crate) use pages::Pages;
pub(crate) use replay::{Replayed, replay};
pub(crate) use warc::Recorder;
