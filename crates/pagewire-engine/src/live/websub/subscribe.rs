//! The request that a hub is sent (section 5.1).

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use pagewire_fetch::Request;
use url::form_urlencoded;

use super::HubLink;
use crate::source::Source;

/// A subscription that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) link: HubLink,
    /// Where the hub is to ask back, and to deliver.
    pub(crate) callback: String,
    /// What it is to sign with.
    pub(crate) secret: String,
    pub(crate) lease_s: u32,
}

/// Asks a hub. It answers 202, and asks back on its own; what went wrong is told for people.
pub(crate) async fn subscribe(source: &Source, ask: &Ask, timeout: Duration) -> Result<(), String> {
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("hub.callback", &ask.callback)
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.topic", ask.link.topic.as_str())
        .append_pair("hub.lease_seconds", &ask.lease_s.to_string())
        .append_pair("hub.secret", &ask.secret)
        .finish();
    let mut request = Request::get(ask.link.hub.clone(), timeout);
    request.method = Method::POST;
    request.body = Some(Bytes::from(body));
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers.insert(header::CONTENT_TYPE, form);
    let response = source.fetch(&request).await.map_err(|error| error.to_string())?;
    if response.status.is_success() {
        Ok(())
    } else {
        Err(format!("the hub {} answers {}", ask.link.hub.as_str(), response.status))
    }
}
