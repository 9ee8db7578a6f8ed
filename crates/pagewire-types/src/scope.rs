//! What a key may do.

use std::fmt;
use std::str::FromStr;

macro_rules! scopes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// One right of a key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Scope { $($(#[$doc])* $variant,)* }

        impl Scope {
            /// Every scope.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The scope's text form.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

scopes! {
    /// `POST /v1/scrape`, `POST /v1/parse`.
    Scrape = "scrape",
    /// `POST /v1/stream` and its resumption.
    StreamWrite = "stream:write",
    /// `GET /v1/stream`.
    StreamRead = "stream:read",
    /// Reading jobs.
    JobsRead = "jobs:read",
    /// Creating, cancelling and retrying jobs.
    JobsWrite = "jobs:write",
    /// `GET /v1/events`.
    EventsRead = "events:read",
    /// Reading sources.
    SourcesRead = "sources:read",
    /// Changing sources.
    SourcesWrite = "sources:write",
    /// Reading webhooks.
    WebhooksRead = "webhooks:read",
    /// Changing webhooks.
    WebhooksWrite = "webhooks:write",
    /// Keys, and everything else.
    Admin = "admin",
}

/// The text names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope; the scopes are {list}", list = Scope::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", "))]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL
            .iter()
            .copied()
            .find(|s| s.as_str() == text)
            .ok_or_else(|| UnknownScope(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes. `admin` contains every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// Whether the set grants the scope.
    #[must_use]
    pub fn grant(self, scope: Scope) -> bool {
        self.0 & (bit(scope) | bit(Scope::Admin)) != 0
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes named in the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.0 & bit(*scope) != 0)
    }
}

fn bit(scope: Scope) -> u16 {
    1 << (scope as u16)
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | bit(scope)))
    }
}

/// Comma-separated scopes, as on the command line and in the store.
impl FromStr for Scopes {
    type Err = UnknownScope;
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_back_from_their_text() {
        let scopes: Scopes = "scrape, stream:write".parse().expect("known scopes");
        assert_eq!(scopes.to_string(), "scrape,stream:write");
        assert!(scopes.grant(Scope::Scrape) && !scopes.grant(Scope::Admin));
        assert!("admin".parse::<Scopes>().expect("known").grant(Scope::JobsWrite));
        assert!("scrpe".parse::<Scopes>().is_err());
    }
}
