//! The browsers and the pages in them: how many there may be, who is next, and when one is replaced.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    sync::{Mutex, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    browser::{Browser, Tab},
    config::RenderConfig,
    error::RenderError,
    find::{FoundBrowser, find_browser, major_version},
    group, keeper, launch, page,
    proxy::PageProxy,
    request::{RenderRequest, Rendered},
};
use crate::client::Client;

/// How often a page is begun anew because its browser ended, which another page may have been the cause of.
const RESTARTS_MAX: u32 = 2;

/// Renders pages. Cheap to clone; clones share their browsers.
#[derive(Clone)]
pub struct Renderer {
    shared: Arc<Shared>,
}

struct Shared {
    config: Arc<RenderConfig>,
    browser: Option<FoundBrowser>,
    user_agent: OnceLock<String>,
    /// One for each page that may be shown at once.
    rooms: Arc<Semaphore>,
    waiting: AtomicUsize,
    running: Mutex<Vec<Arc<Browser>>>,
    keepers: TaskTracker,
    shutdown: CancellationToken,
}

impl Renderer {
    /// Looks for a browser; none is started before the first page.
    #[must_use]
    pub fn new(config: RenderConfig) -> Self {
        let browser = find_browser(config.browser.as_deref());
        launch::clear_profiles(&config.profiles);
        Self::with(config, browser)
    }

    /// One that has no browser, and renders nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::with(RenderConfig::default(), None)
    }

    fn with(config: RenderConfig, browser: Option<FoundBrowser>) -> Self {
        let rooms = Arc::new(Semaphore::new(config.pages_max()));
        let shared = Shared {
            config: Arc::new(config),
            browser,
            user_agent: OnceLock::new(),
            rooms,
            waiting: AtomicUsize::new(0),
            running: Mutex::new(Vec::new()),
            keepers: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Whether there is a browser to render with.
    #[must_use]
    pub fn has_browser(&self) -> bool {
        self.shared.browser.is_some()
    }

    /// Shows one page, within the request's timeout. All that it asks of the network goes as the client's requests go, its
    /// route included; cookies that the client keeps are the
    /// browser's to begin with, and what it has at the end is kept.
    ///
    /// Dropping the future closes the page.
    pub async fn render(&self, client: &Client, request: &RenderRequest) -> Result<Rendered, RenderError> {
        let deadline = Instant::now() + request.timeout;
        let mut restarts = 0;
        loop {
            let room = self.shared.enter(request, deadline).await?;
            match self.shared.show(client, request, deadline, room).await {
                Err(RenderError::BrowserGone)
                    if restarts < RESTARTS_MAX && !self.shared.shutdown.is_cancelled() =>
                {
                    restarts += 1;
                }
                shown => return shown,
            }
        }
    }

    /// Ends all browsers. Pages that are being shown fail.
    pub async fn shut_down(&self) {
        self.shared.shutdown.cancel();
        self.shared.keepers.close();
        self.shared.keepers.wait().await;
    }
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

/// Counts who waits, for as long as he does.
struct Waiting<'c>(&'c AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    /// Waits for room.
    async fn enter(
        &self,
        request: &RenderRequest,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, RenderError> {
        if let Ok(room) = self.rooms.clone().try_acquire_owned() {
            return Ok(room);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.config.waiting_max {
            return Err(RenderError::Busy);
        }
        let room = tokio::time::timeout_at(deadline, self.rooms.clone().acquire_owned()).await;
        match room {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_)) | Err(_) => Err(RenderError::NoRoom { after: request.timeout }),
        }
    }

    async fn show(
        self: &Arc<Self>,
        client: &Client,
        request: &RenderRequest,
        deadline: Instant,
        room: OwnedSemaphorePermit,
    ) -> Result<Rendered, RenderError> {
        let out_of_time =
            || RenderError::Timeout { what: "get a browser".to_owned(), after: request.timeout };
        let proxy = PageProxy::open(client.for_a_browser(), &self.config, request.options.block).await?;
        let opened = async {
            let browser = self.browser().await?;
            browser.open_tab(&request.url, proxy.address(), room).await
        };
        let tab: Tab = tokio::time::timeout_at(deadline, opened).await.map_err(|_| out_of_time())??;
        let cookies = client.cookies();
        page::show(&tab, &proxy, request, &self.config, cookies, deadline).await
    }

    /// A browser with room: the one with the fewest pages, or a new one while fewer run than may. A page that has its room
    /// finds one, for each browser has as many as are given out.
    async fn browser(self: &Arc<Self>) -> Result<Arc<Browser>, RenderError> {
        if let Some(browser) = self.idlest(&mut *self.running.lock().await) {
            return Ok(browser);
        }
        // It comes up whether or not the page that it is for has the time to wait for it.
        let shared = self.clone();
        let started = self.keepers.spawn(async move { shared.start_browser().await });
        started.await.unwrap_or(Err(RenderError::BrowserGone))
    }

    async fn start_browser(&self) -> Result<Arc<Browser>, RenderError> {
        let found = self.browser.as_ref().ok_or(RenderError::NoBrowser)?;
        let mut running = self.running.lock().await;
        if let Some(browser) = self.idlest(&mut running) {
            return Ok(browser);
        }
        if self.shutdown.is_cancelled() {
            return Err(RenderError::BrowserGone);
        }
        group::adopt_orphans();
        let browser = Browser::start(&self.config, found, self.user_agent(found).await).await?;
        tracing::info!(program = %found.program.display(), "a browser was started");
        self.keepers.spawn(keeper::keep(browser.clone(), self.config.clone(), self.shutdown.clone()));
        running.push(browser.clone());
        Ok(browser)
    }

    /// The running browser with the fewest pages, unless another is to be started.
    fn idlest(&self, running: &mut Vec<Arc<Browser>>) -> Option<Arc<Browser>> {
        running.retain(|browser| !browser.is_retired());
        let browser = running.iter().min_by_key(|browser| browser.under_way())?;
        let has_room = browser.under_way() < self.config.pages_per_browser_max.max(1) as u64;
        (has_room || running.len() >= self.config.browsers_max.max(1)).then(|| browser.clone())
    }

    /// What the browser calls itself: itself without the word that it has no screen, and who sends it.
    async fn user_agent(&self, found: &FoundBrowser) -> &str {
        if let Some(known) = self.user_agent.get() {
            return known;
        }
        let program = found.clone();
        let version = tokio::task::spawn_blocking(move || program.version()).await.ok().flatten();
        let major = version.as_deref().and_then(major_version).unwrap_or(150);
        self.user_agent.get_or_init(|| {
            format!(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36 {}",
                self.config.user_agent
            )
        })
    }
}
