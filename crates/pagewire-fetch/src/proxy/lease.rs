//! A proxy for one attempt: gives its place back when it goes, and tells what came of it.

use std::{fmt, sync::Arc};

use pagewire_types::ProxyType;

use super::balance::Picked;
use super::fault::Blame;
use super::health::Told;
use super::pools::{ProxyPools, number_of};
use super::route::Route;
use crate::error::FetchError;
use crate::message::Response;

/// One attempt's hold on a proxy. Dropped without a word, as when an attempt is given up, it says nothing of the proxy.
pub struct Lease {
    pools: Arc<ProxyPools>,
    picked: Picked,
    target: u64,
    told: Told,
    route: Route,
}

impl Lease {
    pub(super) fn new(pools: Arc<ProxyPools>, picked: Picked, host: &str) -> Self {
        let route = Route::through(pools.seats[picked.place].proxy.clone());
        Self { pools, picked, target: number_of(host), told: Told::Nothing, route }
    }

    /// The way through the proxy.
    #[must_use]
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// What kind of address it has.
    #[must_use]
    pub fn kind(&self) -> ProxyType {
        self.pools.seats[self.picked.place].kind
    }

    /// Where that is.
    #[must_use]
    pub fn country(&self) -> Option<Arc<str>> {
        self.pools.seats[self.picked.place].country.clone()
    }

    /// Takes in what came of the attempt.
    pub fn learn(&mut self, came: Result<&Response, &FetchError>) {
        self.told = match came {
            Ok(_) => Told::Good,
            Err(error) => told_by(error),
        };
    }
}

impl Lease {
    /// Something beside the attempt itself failed on the way, and it may have been the proxy.
    pub fn doubt(&mut self) {
        self.told = Told::Doubtful;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pools.settle(self.picked, self.target, self.told);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

/// What a failure says of the proxy that was between.
fn told_by(error: &FetchError) -> Told {
    match error {
        FetchError::Proxy { blame: Blame::Proxy, .. } => Told::Bad,
        FetchError::Proxy { blame: Blame::Either, .. }
        | FetchError::Tls { .. }
        | FetchError::Exchange { .. }
        | FetchError::EndedEarly { .. }
        | FetchError::WebSocket { .. }
        | FetchError::Timeout { .. } => Told::Doubtful,
        // Judged or found out before the proxy was asked.
        FetchError::Blocked { .. }
        | FetchError::Dns { .. }
        | FetchError::Connect { .. }
        | FetchError::RedirectNowhere { .. }
        | FetchError::Request { .. } => Told::Nothing,
        FetchError::HeaderTooLarge { .. }
        | FetchError::TooManyRedirects { .. }
        | FetchError::BodyTooLarge { .. }
        | FetchError::MessageTooLarge { .. }
        | FetchError::DecompressionBomb { .. }
        | FetchError::Encoding { .. } => Told::Good,
    }
}
