//! The router as a whole, without a socket: what each operation asks for, refuses, and says about itself.

mod answers;
mod downloads;
mod events;
mod keys;
mod limits;
mod live;
mod requests;
mod service;
mod sources;
mod webhooks;
