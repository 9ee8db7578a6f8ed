//! What handlers share: the engine, the edge's settings, and the metrics.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use pagewire_engine::Engine;

/// The edge's settings, from the configuration.
#[derive(Debug, Clone)]
pub struct EdgeSettings {
    /// Whether event streams take a key from the query.
    pub api_key_in_query: bool,
    /// After how long a silence an event stream gives a sign of life.
    pub ping: Duration,
    /// Where clients reach this server; as each request did where it is not told.
    pub public_url: Option<String>,
}

/// The state of the router.
pub struct Edge {
    /// Everything below the edge.
    pub engine: Arc<Engine>,
    /// The settings.
    pub settings: EdgeSettings,
    /// Renders what the recorder has counted.
    pub metrics: PrometheusHandle,
}
