//! Proxies: how a target is reached through one, and which of them is next.
//!
//! ```text
//! ProxyPools::pick ── Lease ── Route ── Connector ┬─ dial: TCP (and TLS) to the proxy ─┬─ http target, HTTP proxy: absolute-form
//!  (balance, health)                              │                                    └─ else a tunnel: CONNECT or SOCKS5
//!                                                 └─ the target itself, where the route is direct
//! ```
//!
//! Invariants: nothing of a proxy's address or credentials is told in an error, a log line or a `Debug`; a literal that
//! the guard refuses is refused through a proxy too; a proxy's answer has a cap in bytes and in time. What a run wants of
//! proxies, and when it tries another, is the engine's to decide.

mod address;
mod balance;
mod counts;
mod dial;
mod fault;
mod health;
mod http;
mod lease;
mod link;
mod pools;
mod route;
mod socks;

pub use address::{ProxyUrl, ProxyUrlError};
pub use counts::{PoolCounts, ProxyCounts};
pub(crate) use dial::{Form, Opening};
pub use fault::{Blame, ProxyFault};
pub use health::Told;
pub(crate) use http::own_answer;
pub use lease::Lease;
pub(crate) use link::Link;
pub use pools::{NameLookup, NoProxy, PoolSpec, ProxyPools, Rotation, Wish};
pub use route::{Proxy, Route};
