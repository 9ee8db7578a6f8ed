//! Pages as a browser shows them: any headless Chromium, driven over a pipe, whose every byte passes the guard.
//!
//! ```text
//! Renderer::render ── pool ── browser (process, pipe) ── page (one incognito context) ──┬─ watch (what it tells)
//!   (one attempt)      │                                                               ├─ script, actions, screenshot
//!                      └─ keeper (memory, idleness, death)      proxy (guard, caps) ◄──┘
//! ```
//!
//! Invariants: no browser runs before the first page that needs one; what a page asks of the network goes through the
//! proxy of that page alone, which connects as every other fetch of this crate does; each page has an incognito context
//! that goes with it, and caps on time, bytes, requests, memory and dialogs; a browser that does not answer is killed, with
//! its whole group of processes; nothing of it outlives the server.
//!
//! What a status means, whether a page needs a browser, and when to try again is the engine's to decide.

mod actions;
mod block;
mod browser;
mod config;
mod connection;
mod cookies;
mod error;
mod find;
mod flags;
mod group;
mod intercept;
mod keeper;
mod launch;
mod page;
mod pipe;
mod pool;
mod proxy;
mod request;
mod screenshot;
mod script;
mod wait;
mod watch;

pub use config::RenderConfig;
pub use error::RenderError;
pub use find::{FoundBrowser, find_browser};
pub use pool::Renderer;
pub use request::{RenderRequest, Rendered, Screenshot};
