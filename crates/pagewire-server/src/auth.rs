//! Authorization as an extractor: a handler that takes [`Authorized`] has a caller with the scope, within its rate, and
//! no handler can forget to ask.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Method, header};
use pagewire_engine::account::{Caller, ConnectionPermit};
use pagewire_types::{Problem, ProblemCode, Scope, Scopes};

use crate::connection_end::ConnectionEnd;
use crate::edge::Edge;
use crate::problem::ApiError;
use crate::trace::RequestTrace;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// The scopes of which a route needs one, as a type.
pub trait NeededScope: Send + Sync {
    /// Any of these will do; empty where any key will.
    const ANY_OF: &'static [Scope];
}

macro_rules! needed_scopes {
    ($($(#[$doc:meta])* $name:ident = [$($scope:ident),*];)*) => {
        $($(#[$doc])* pub struct $name;
        impl NeededScope for $name { const ANY_OF: &'static [Scope] = &[$(Scope::$scope),*]; })*
    };
}

needed_scopes! {
    /// `scrape`
    MayScrape = [Scrape];
    /// `stream:write`
    MayStream = [StreamWrite];
    /// `stream:read`, which a page in a browser may hold, or `stream:write`, which the stream was started with
    MayReadStreams = [StreamRead, StreamWrite];
    /// `stream:read`
    MayReadLive = [StreamRead];
    /// `jobs:read`
    MayReadJobs = [JobsRead];
    /// `jobs:write`
    MayWriteJobs = [JobsWrite];
    /// `events:read`
    MayReadEvents = [EventsRead];
    /// `sources:read`
    MayReadSources = [SourcesRead];
    /// `sources:write`
    MayWriteSources = [SourcesWrite];
    /// `webhooks:read`
    MayReadWebhooks = [WebhooksRead];
    /// `webhooks:write`
    MayWriteWebhooks = [WebhooksWrite];
    /// `admin`
    MayAdminister = [Admin];
    /// any scope
    HasKey = [];
}

/// A caller who may do what the route does.
pub struct Authorized<S> {
    /// Who is asking.
    pub caller: Arc<Caller>,
    connection: ConnectionEnd,
    scope: PhantomData<S>,
}

impl<S> Authorized<S> {
    /// Takes one of the workspace's connections.
    pub fn connect(&self) -> Result<ConnectionPermit, ApiError> {
        let connections = &self.caller.workspace.connections;
        connections.acquire().ok_or_else(|| {
            let cap = connections.cap().unwrap_or(u32::MAX);
            Problem::new(
                ProblemCode::TooManyConnections,
                format!("the workspace's plan allows {cap} event streams at once, and they are open; end one first"),
            )
            .retry_after(CONNECTION_RETRY_S)
            .into()
        })
    }

    /// The connection that the request came over.
    pub(crate) fn connection(&self) -> &ConnectionEnd {
        &self.connection
    }
}

/// When a connection may be free again: an estimate, since nobody knows when another stream ends.
const CONNECTION_RETRY_S: u64 = 5;

impl<S: NeededScope> FromRequestParts<Arc<Edge>> for Authorized<S> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, ApiError> {
        let presented = presented_key(parts, edge.settings.api_key_in_query)?;
        let from = parts
            .extensions
            .get::<PeerAddress>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.ip());
        let caller = edge.engine.accounts().authenticate(&presented, from).await?;
        let trace = RequestTrace::from_request_parts(parts, edge).await?;
        match caller.workspace.rate.check() {
            Ok(rate) => trace.note_caller(caller.workspace.clone(), rate),
            Err(wait) => {
                trace.note_caller(caller.workspace.clone(), None);
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                return Err(Problem::new(
                    ProblemCode::RateLimited,
                    "the workspace's plan allows no more requests in this second; wait for Retry-After",
                )
                .retry_after(seconds.max(1))
                .into());
            }
        }
        require_scope(S::ANY_OF, &caller.scopes)?;
        let connection = parts.extensions.get::<ConnectionEnd>().cloned().unwrap_or_default();
        Ok(Self { caller, connection, scope: PhantomData })
    }
}

fn require_scope(any_of: &[Scope], granted: &Scopes) -> Result<(), ApiError> {
    if any_of.is_empty() || any_of.iter().any(|scope| granted.grant(*scope)) {
        return Ok(());
    }
    let named: Vec<&str> = any_of.iter().map(|scope| scope.as_str()).collect();
    let detail = format!("the key lacks the scope `{}`; it has: {granted}", named.join("` or `"));
    Err(Problem::new(ProblemCode::InsufficientScope, detail).with("scope", named.join(" ")).into())
}

/// The one key that the request presents.
fn presented_key(parts: &Parts, query_allowed: bool) -> Result<String, ApiError> {
    let text = |name: header::HeaderName| -> Result<Vec<String>, ApiError> {
        let unreadable =
            || ApiError::new(ProblemCode::MalformedKey, format!("the header `{name}` is not text"));
        parts
            .headers
            .get_all(&name)
            .iter()
            .map(|value| value.to_str().map(|text| text.trim().to_owned()).map_err(|_| unreadable()))
            .collect()
    };
    let mut keys = Vec::new();
    for value in text(header::AUTHORIZATION)? {
        let (scheme, key) = value.split_once(' ').unwrap_or((value.as_str(), ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(ApiError::new(
                ProblemCode::MalformedKey,
                "`Authorization` must be `Bearer` and a key",
            ));
        }
        keys.push(key.trim().to_owned());
    }
    keys.extend(text(header::HeaderName::from_static("x-api-key"))?);
    let event_stream = parts.method == Method::GET && is_event_stream(parts.uri.path());
    if event_stream && query_allowed {
        let query = parts.uri.query().unwrap_or_default();
        let found = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "api_key");
        keys.extend(found.map(|(_, value)| value.into_owned()));
    }
    keys.dedup();
    match keys.as_slice() {
        [] => Err(ApiError::new(
            ProblemCode::MissingCredentials,
            "send `Authorization: Bearer KEY`; make a key with `pagewire apikey create`",
        )),
        [one] => Ok(one.clone()),
        _ => Err(ApiError::new(
            ProblemCode::ConflictParams,
            "two different keys came with one request; send one",
        )),
    }
}

/// Whether GET of that path answers with an event stream.
fn is_event_stream(path: &str) -> bool {
    let job = path.strip_prefix("/v1/jobs/").is_some_and(|rest| rest.ends_with("/stream"));
    job || path == "/v1/events" || (path.starts_with("/v1/stream") && path != "/v1/stream/preview")
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn presented(request: http::request::Builder, query_allowed: bool) -> Result<String, String> {
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        presented_key(&parts, query_allowed).map_err(|error| error.problem().code.clone())
    }

    #[test]
    fn one_key_is_taken_from_either_header_and_two_different_ones_are_not() {
        let request = || Request::get("/v1/usage");
        assert_eq!(presented(request(), true), Err("missing_credentials".into()));
        assert_eq!(presented(request().header("authorization", "bearer  k"), true), Ok("k".into()));
        assert_eq!(presented(request().header("x-api-key", "k"), true), Ok("k".into()));
        let both = request().header("x-api-key", "k").header("authorization", "Bearer k");
        assert_eq!(presented(both, true), Ok("k".into()));
        let different = request().header("x-api-key", "k").header("authorization", "Bearer l");
        assert_eq!(presented(different, true), Err("conflict_params".into()));
        assert_eq!(
            presented(request().header("authorization", "Basic k"), true),
            Err("malformed_key".into())
        );
    }

    #[test]
    fn a_key_in_the_query_is_for_event_streams_alone_and_can_be_switched_off() {
        assert_eq!(presented(Request::get("/v1/stream/str_x?api_key=k"), true), Ok("k".into()));
        for (request, allowed) in [
            (Request::get("/v1/stream/str_x?api_key=k"), false),
            (Request::post("/v1/stream/str_x?api_key=k"), true),
            (Request::get("/v1/usage?api_key=k"), true),
        ] {
            assert_eq!(presented(request, allowed), Err("missing_credentials".into()));
        }
    }
}
