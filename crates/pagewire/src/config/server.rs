//! `[server]`: where this server listens, keeps its data, and is reached.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::byte_size::ByteSize;
use super::judge::Judge;
use super::raw;

/// `[server]`
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where state and journals are.
    pub(crate) data_dir: PathBuf,
    /// Connections open at once.
    pub(crate) connections_max: usize,
    /// How long a request's head may take.
    pub(crate) header_read_timeout: Duration,
    /// The kernel's send buffer of a connection.
    pub(crate) send_buffer: ByteSize,
    /// Whether event streams take their key from the query.
    pub(crate) api_key_in_query: bool,
    /// Where clients reach this server.
    pub(crate) public_url: Option<String>,
}

impl Judge {
    pub(super) fn server(&mut self, raw: &raw::Server) -> Server {
        let listen = self.parsed(
            "server.listen",
            raw.listen.as_deref(),
            "an address and a port, such as \"127.0.0.1:7700\" or \"[::]:7700\"",
        );
        if raw.api_key_in_query.is_none() {
            self.fault("server.api_key_in_query", "(nothing)", "true or false");
        }
        Server {
            listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            data_dir: self.path("server.data_dir", raw.data_dir.as_deref()),
            connections_max: self.whole("server.connections_max", raw.connections_max, 1, 1_000_000),
            header_read_timeout: self.seconds(
                "server.header_read_timeout_s",
                raw.header_read_timeout_s,
                1,
                300,
            ),
            send_buffer: self.bytes("server.send_buffer_bytes", raw.send_buffer_bytes, 4 << 10, 16 << 20),
            api_key_in_query: raw.api_key_in_query.unwrap_or_default(),
            public_url: self.public_url(raw.public_url.as_deref().unwrap_or_default()),
        }
    }

    fn public_url(&mut self, text: &str) -> Option<String> {
        let is_base = |text: &str| {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic()))
        };
        if !text.is_empty() && !is_base(text) {
            let allowed = "empty, or a URL such as \"https://pagewire.example.com\"";
            self.fault("server.public_url", format!("{text:?}"), allowed);
        }
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }
}
