//! A cursor to bytes: the only writers of event streams.
//!
//! [`encoding`] turns an event into a frame of Server-Sent Events or a line of NDJSON; [`body`] pulls events and hands
//! frames to the connection, one batch at a time, so that nothing is queued for a reader that does not read; `chunks` are
//! how they go over HTTP/1.1;
//! [`run`], [`job`], [`workspace`] and [`live`] say what the events of a stream, of a job, of all jobs and of the live stream are
//! called; [`resume`] reads where a client wants to go on.

pub mod body;
mod chunks;
pub mod encoding;
pub mod job;
pub mod live;
pub mod record;
pub mod response;
pub mod resume;
pub mod run;
pub mod workspace;
