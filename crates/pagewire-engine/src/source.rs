//! Where pages come from: the web, or the sandbox. What stands above it, extraction, envelope, records and retries, is
//! the same for both.

use std::sync::Arc;

use pagewire_fetch::{Client, FetchError, Recording, Request, Response, RobotsVerdict};
use pagewire_types::TargetUrl;

use crate::sandbox;

/// What stands before the host's name where politeness is concerned: no host has a colon in its name, so that what a
/// fixture asks for never makes a real host wait.
const SANDBOX_HOST: &str = "sandbox:";

/// What answers for targets.
#[derive(Clone)]
pub(crate) enum Source {
    /// The targets themselves.
    Web(Client),
    /// Fixtures: no name is looked up, no socket is opened.
    Sandbox,
}

impl Source {
    /// One attempt.
    pub(crate) async fn fetch(&self, request: &Request) -> Result<Response, FetchError> {
        match self {
            Self::Web(client) => client.fetch(request).await,
            Self::Sandbox => sandbox::fetch(request).await,
        }
    }

    /// The same, of which is recorded what is sent and what comes.
    pub(crate) fn recorded(&self, recording: Recording) -> Self {
        match self {
            Self::Web(client) => Self::Web(client.recorded(recording)),
            Self::Sandbox => Self::Sandbox,
        }
    }

    /// What the site's robots.txt says of the URL.
    pub(crate) async fn robots(&self, url: &TargetUrl) -> RobotsVerdict {
        match self {
            Self::Web(client) => client.robots().allowed(client, url).await,
            Self::Sandbox => sandbox::robots(url),
        }
    }

    /// Who asks, where a request does not say.
    pub(crate) fn user_agent(&self) -> &str {
        match self {
            Self::Web(client) => client.user_agent(),
            Self::Sandbox => "",
        }
    }

    /// The name under which the scheduler knows a host.
    pub(crate) fn scheduled_host(&self, host: &str) -> Arc<str> {
        match self {
            Self::Web(_) => host.into(),
            Self::Sandbox => format!("{SANDBOX_HOST}{host}").into(),
        }
    }
}

/// The host of the URLs that the scheduler knows under that name.
pub(crate) fn host_of_scheduled(name: &str) -> &str {
    name.strip_prefix(SANDBOX_HOST).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use pagewire_fetch::FetchConfig;

    use super::*;

    #[test]
    fn a_host_of_the_sandbox_is_another_to_the_scheduler_and_told_by_its_own_name() {
        let web = Source::Web(Client::new(FetchConfig::default()).expect("a client"));
        for host in ["shop.example", "127.0.0.1", "[::1]"] {
            let (real, fixture) = (web.scheduled_host(host), Source::Sandbox.scheduled_host(host));
            assert_ne!(real, fixture);
            assert_eq!((host_of_scheduled(&real), host_of_scheduled(&fixture)), (host, host));
        }
    }
}
