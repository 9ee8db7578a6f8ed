//! For tests only: origin site, SSE checker, the binary, crash driver.
//!
//! Black-box tests start the real binary ([`Binary`]), point it at a real site in the same process ([`Origin`]), and speak
//! HTTP to it over plain sockets ([`http`], [`sse`]), so that nothing of Pagewire's own code stands between the test and the
//! bytes. [`Ledger`] holds the accounting rule of streams over any number of connections.
//!
//! What goes wrong in here panics with a sentence: the caller is a test, and every wait has a deadline.

pub mod binary;
pub mod bucket;
pub mod http;
pub mod ledger;
pub mod model;
pub mod origin;
pub mod proxy;
pub mod receiver;
pub mod sse;
pub mod upstream;
pub mod wait;
mod wire;

pub use binary::{Binary, Options};
pub use bucket::BucketServer;
pub use ledger::Ledger;
pub use model::ModelServer;
pub use origin::Origin;
pub use proxy::ProxyServer;
pub use receiver::Receiver;
pub use sse::{Frame, StreamReader};
pub use upstream::Upstream;

use std::time::Duration;

/// How long a test waits for anything before it gives up: long enough for a loaded machine, short enough to be noticed.
pub const DEADLINE: Duration = Duration::from_secs(30);
