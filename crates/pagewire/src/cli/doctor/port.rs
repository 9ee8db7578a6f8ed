//! The address to listen on.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::finding::Finding;

const CHECK: &str = "port";

pub(super) fn examine(address: SocketAddr, is_served: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok(CHECK, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_served => {
            Finding::ok(CHECK, format!("{address} is listened on, and a server runs on the data directory"))
        }
        Err(error) => {
            let mend = match error.kind() {
                ErrorKind::AddrInUse => "another program listens there: end it, or set `server.listen`",
                ErrorKind::PermissionDenied => {
                    "ports below 1024 need a privilege (CAP_NET_BIND_SERVICE): take a higher one by `server.listen`"
                }
                ErrorKind::AddrNotAvailable => {
                    "no interface of this machine has that address: set `server.listen`"
                }
                _ => "set `server.listen` to an address that can be listened on",
            };
            Finding::fail(CHECK, format!("{address} cannot be listened on: {error}"), mend)
        }
    }
}
