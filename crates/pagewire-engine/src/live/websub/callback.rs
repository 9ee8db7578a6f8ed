//! What hubs ask of the server, and bring it.

use bytes::Bytes;
use jiff::Timestamp;

use super::NotVerified;
use crate::engine::Engine;

impl Engine {
    /// Whether a callback's token is one that this server has given; what comes to another need not be read.
    #[must_use]
    pub fn is_hub_callback(&self, token: &str) -> bool {
        self.sources.supervisor.websub.as_ref().is_some_and(|websub| websub.is_callback(token))
    }

    /// Answers a hub that asks whether a subscription was wanted, with what it is to be answered.
    pub fn verify_hub(&self, token: &str, query: &str) -> Result<String, NotVerified> {
        let websub = self.sources.supervisor.websub.as_ref().ok_or(NotVerified)?;
        websub.verify(token, query, Timestamp::now())
    }

    /// Takes what a hub delivers: where it is signed, its source is polled now, with the document in place of a fetch.
    /// What is not signed is passed over. An error where the source is watched no more.
    pub fn take_delivery(
        &self,
        token: &str,
        signature: Option<&str>,
        content_type: Option<String>,
        body: Bytes,
    ) -> Result<(), NotVerified> {
        let supervisor = &self.sources.supervisor;
        let websub = supervisor.websub.as_ref().ok_or(NotVerified)?;
        let Some(life) = websub.receive(token, signature, content_type, body) else { return Ok(()) };
        let life = life.parse().map_err(|_| NotVerified)?;
        if supervisor.hurry(&life) { Ok(()) } else { Err(NotVerified) }
    }
}
