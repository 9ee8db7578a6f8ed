//! The client against real origins over loopback, well-behaved and hostile.

mod dns;
mod encodings;
mod hostile;
mod http;
mod origin;
mod proxies;
mod robots;
mod tls;
mod websocket;
