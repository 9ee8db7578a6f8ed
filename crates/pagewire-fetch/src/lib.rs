//! The only code that opens a socket to a target: guard, DNS, client, body caps, robots.
//!
//! ```text
//! Client::fetch ── redirect ──┬─ pool ──────────────────────────┐
//!   (one attempt, one timer)  └─ connect: dns → guard → TCP/TLS ┴─ exchange (HTTP/1.1, HTTP/2) → body (caps, unpack)
//! ```
//!
//! Invariants: no address is connected to that the guard has not judged, at any hop; every body, header, redirect chain
//! and wait has a cap; no environment variable is read. What a status means, when to try again, and how politely, is
//! the engine's to decide.

mod body;
mod client;
mod config;
mod connect;
mod cookies;
mod dns;
mod error;
mod exchange;
mod first_contact;
pub mod guard;
mod message;
mod pool;
pub mod proxy;
mod recording;
mod redirect;
mod relay;
pub mod render;
pub mod robots;
mod tls;
mod unpack;
mod websocket;
mod wire;

pub use client::Client;
pub use config::{FetchConfig, ResolverChoice};
pub use cookies::Cookies;
pub use error::{BuildError, DnsError, FailureKind, FetchError};
pub use guard::{Blocked, Guard};
pub use message::{Request, Response, retry_after};
pub use proxy::{Lease, PoolSpec, ProxyPools, ProxyUrl, Route};
pub use recording::{Exchange, Recording};
pub use relay::RelayBody;
pub use render::{RenderConfig, RenderError, RenderRequest, Rendered, Renderer};
pub use robots::{Robots, RobotsVerdict, Unreachable};
pub use websocket::{Heard, Opened, WebSocket, WebSocketRequest};
