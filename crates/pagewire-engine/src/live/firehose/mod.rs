//! Firehoses: streams of messages that are connected to, and stay connected.

use std::sync::Arc;

use pagewire_fetch::Client;
use pagewire_types::SourceSpec;
use tokio_util::sync::CancellationToken;

use super::watch::Sink;

/// Reads a firehose into the sink until it is stopped, or the sink closes. Connections that break are made again, for as
/// long as that takes. `state` is what the sink was last given to keep, `None` at the first.
pub async fn run(
    _client: &Client,
    _spec: &SourceSpec,
    _state: Option<String>,
    _sink: Arc<dyn Sink>,
    stop: CancellationToken,
) {
    stop.cancelled().await;
}
