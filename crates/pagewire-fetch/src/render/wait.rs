//! Waiting for a page: until it has loaded and settled, until something is there, until the network is quiet.

use std::time::Duration;

use pagewire_types::render::WaitFor;
use tokio::time::Instant;

use super::{
    error::RenderError,
    page::Page,
    script::{self, Evaluated},
};

/// For so long nothing may move on the network for a page to have settled.
const QUIET: Duration = Duration::from_millis(60);
/// A page that never does has settled all the same after this.
const SETTLE_MAX: Duration = Duration::from_secs(3);
/// How often it is looked whether it has.
const SETTLE_POLL: Duration = Duration::from_millis(15);

impl Page<'_> {
    /// Waits for what the request waits for.
    pub(super) async fn wait(&self, until: Option<&WaitFor>) -> Result<(), RenderError> {
        match until {
            None => {
                self.doing("load");
                self.loaded().await?;
                self.doing("settle");
                self.settled().await;
            }
            Some(WaitFor::Selector(selector)) => {
                self.doing(&format!("show an element that matches `{selector}`"));
                self.there_is(selector, self.deadline).await?;
            }
            Some(WaitFor::Time(time)) => {
                self.doing("load");
                self.loaded().await?;
                self.doing("stay for as long as it was waited for");
                tokio::time::sleep(*time).await;
            }
            Some(WaitFor::NetworkIdle) => {
                self.doing("come to rest on the network");
                self.until(|told| told.document.is_network_idle.then_some(())).await?;
            }
        }
        Ok(())
    }

    /// Until the document and what belongs to it has loaded.
    pub(super) async fn loaded(&self) -> Result<(), RenderError> {
        self.until(|told| told.document.is_loaded.then_some(())).await
    }

    /// Until nothing has moved on the network for a moment: what scripts fetch to build the page with has come.
    pub(super) async fn settled(&self) {
        let deadline = (Instant::now() + SETTLE_MAX).min(self.deadline);
        while Instant::now() < deadline {
            let (network, scripts) =
                (self.proxy.ledger().quiet_for(), self.tab.watch.look(|told| told.quiet_for()));
            if network.zip(scripts).is_some_and(|(network, scripts)| network.min(scripts) >= QUIET) {
                return;
            }
            tokio::time::sleep(SETTLE_POLL).await;
        }
    }

    /// Until an element is there, in whatever document the page shows by then.
    pub(super) async fn there_is(&self, selector: &str, deadline: Instant) -> Result<(), RenderError> {
        let script = script::wait_for(selector);
        loop {
            match self.evaluate_by(&script, deadline).await? {
                Evaluated::Value(_) => return Ok(()),
                Evaluated::Threw(_) => return Err(RenderError::Selector { selector: selector.to_owned() }),
                Evaluated::Gone => tokio::time::sleep(SETTLE_POLL).await,
            }
        }
    }
}
