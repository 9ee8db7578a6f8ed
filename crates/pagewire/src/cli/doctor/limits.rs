//! What the system lets one process have.

use rustix::process::{Resource, getrlimit};

use super::finding::Finding;
use crate::config::Checked;

const CHECK: &str = "open files";
/// Idle connections to targets, journals, blobs and the state.
const BESIDE: u64 = 2_048;
/// With fewer not even few clients can be served.
const LEAST: u64 = 256;

/// Each connection of a client and each fetch is an open file.
pub(super) fn open_files(config: &Checked) -> Finding {
    let wanted = config.server.connections_max as u64 + config.scheduler.fetches_max as u64 + BESIDE;
    let limit = getrlimit(Resource::Nofile);
    let Some(current) = limit.current else { return Finding::ok(CHECK, "without a limit".to_owned()) };
    let detail = format!("at most {current}; {wanted} may be wanted");
    let mend = format!(
        "raise the limit (`ulimit -n {wanted}`; systemd: `LimitNOFILE={wanted}`), or lower `server.connections_max` and `scheduler.fetches_max`"
    );
    match current {
        _ if current < LEAST => Finding::fail(CHECK, detail, mend),
        _ if current < wanted => Finding::warn(CHECK, detail, mend),
        _ => Finding::ok(CHECK, detail),
    }
}
