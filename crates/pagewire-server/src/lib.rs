//! The HTTP edge: from bytes to checked requests, and from cursors to bytes.
//!
//! It owns what is HTTP's: connections, keys in headers, rate-limit headers, problem documents, event streams. What a
//! request means is the engine's; nothing here fetches, parses pages or stores.

pub mod auth;
pub mod body;
mod connection;
mod connection_end;
pub mod edge;
mod handover;
pub mod observe;
mod preface;
pub mod problem;
pub mod router;
pub mod routes;
pub mod serve;
pub mod trace;

pub use axum::Router;
pub use edge::{Edge, EdgeSettings};
pub use router::router;
pub use serve::{ServeSettings, serve};
