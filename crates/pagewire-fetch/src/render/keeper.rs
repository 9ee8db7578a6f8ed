//! What looks after a browser for as long as it runs: its memory, its idleness, its end.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    browser::{Browser, Done},
    config::RenderConfig,
    connection::{Connection, Nothing},
};

/// How often a browser that shows pages is looked at: a page can take memory so fast.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How often one is that shows none.
const IDLE_LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// How often a browser is asked whether it is there.
const LIFE_INTERVAL: Duration = Duration::from_secs(5);

/// Looks after a browser until it is gone, with all that belonged to it.
pub(super) async fn keep(browser: Arc<Browser>, config: Arc<RenderConfig>, shutdown: CancellationToken) {
    browser.tasks.spawn(ask_for_life(browser.connection.clone()));
    let (mut busy_at, mut started_before) = (Instant::now(), 0);
    loop {
        let is_busy = browser.under_way() > 0 || browser.started() != started_before;
        started_before = browser.started();
        let pause = if is_busy { LOOK_INTERVAL } else { IDLE_LOOK_INTERVAL };
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = browser.connection.closed() => {
                tracing::debug!("a browser is gone");
                break;
            }
            () = tokio::time::sleep(pause) => {}
        }
        if is_busy {
            busy_at = Instant::now();
        }
        if browser.under_way() == 0 && (browser.is_retired() || busy_at.elapsed() >= config.idle_timeout) {
            // A page that was given this browser a moment ago finds it closed, and is given another.
            browser.retire();
            break;
        }
        if is_busy {
            look_at_memory(&browser, &config).await;
        }
        if browser.started() >= config.recycle_after_pages {
            browser.retire();
        }
    }
    browser.end().await;
}

/// Asks a browser now and then whether it is there, until it is gone. One that does not say so hangs, and is closed by that.
async fn ask_for_life(connection: Connection) {
    while !connection.is_closed() {
        tokio::select! {
            () = connection.closed() => return,
            () = tokio::time::sleep(LIFE_INTERVAL) => {}
        }
        let asked = connection.call(None, "Browser.getVersion", Nothing {});
        if asked.prompt::<Done>().await.is_err() {
            return;
        }
    }
}

/// A process that shows pages and takes more than one may is ended; a browser that takes more than it may takes no more
/// pages.
async fn look_at_memory(browser: &Arc<Browser>, config: &RenderConfig) {
    let group = browser.group;
    let Ok(members) = tokio::task::spawn_blocking(move || group.members()).await else { return };
    for member in &members {
        if member.is_renderer && member.private_bytes > config.page_memory_bytes_max {
            tracing::info!(bytes = member.private_bytes, "a page takes more memory than it may and is ended");
            // It may have ended just now.
            let _ = member.kill();
        }
    }
    let all: u64 = members.iter().map(|member| member.private_bytes).sum();
    if all > config.browser_memory_bytes_max && !browser.is_retired() {
        tracing::info!(bytes = all, "a browser takes more memory than it may and is replaced");
        browser.retire();
    }
}
