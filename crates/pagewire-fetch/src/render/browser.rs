//! One browser that runs, and the tabs in it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use pagewire_types::TargetUrl;
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};
use tempfile::TempDir;
use tokio::{
    sync::{OwnedSemaphorePermit, oneshot},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use super::{
    config::RenderConfig,
    connection::{COMMAND_TIMEOUT, CommandError, Connection, Hears, Nothing},
    error::RenderError,
    find::FoundBrowser,
    group::{Group, Strays},
    launch::{Launched, launch},
    watch::Watch,
};

/// What the headless shell calls itself. A full browser without a screen says `Chrome`.
const HEADLESS_SHELL: &str = "HeadlessChrome/";

/// A browser that runs.
pub(super) struct Browser {
    pub(super) connection: Connection,
    pub(super) group: Group,
    tabs: Tabs,
    /// Goes with the browser.
    profile: TempDir,
    strays: OnceLock<Strays>,
    /// What it calls itself.
    user_agent: String,
    /// Whether it is a full browser, and no headless shell. It is known once the browser has answered.
    is_full: OnceLock<bool>,
    started: AtomicU64,
    under_way: AtomicU64,
    retired: AtomicBool,
    /// What it does on its own, and the tabs that are being closed.
    pub(super) tasks: TaskTracker,
}

/// Tabs that were asked for and are not there yet, by their contexts.
#[derive(Default)]
struct Tabs(Mutex<HashMap<String, oneshot::Sender<Attached>>>);

/// A tab that is there.
struct Attached {
    target: String,
    session: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttachedToTarget {
    session_id: String,
    target_info: TargetInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TargetInfo {
    target_id: String,
    #[serde(rename = "type")]
    kind: String,
    browser_context_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    browser_context_id: String,
}

/// What a browser is.
#[derive(Deserialize)]
struct Version {
    product: String,
}

/// What a reply holds that nobody looks at.
#[derive(Deserialize)]
pub(super) struct Done {}

impl Browser {
    /// Starts one and waits until it answers.
    pub(super) async fn start(
        config: &RenderConfig,
        found: &FoundBrowser,
        user_agent: &str,
    ) -> Result<Arc<Self>, RenderError> {
        let Launched { group, writer, reader, complaints, profile } = launch(config, found, user_agent)?;
        let (connection, work) = Connection::open(writer, reader);
        let tasks = TaskTracker::new();
        tasks.spawn(work);
        let browser = Arc::new(Self {
            connection,
            group,
            tabs: Tabs::default(),
            profile,
            strays: OnceLock::new(),
            user_agent: user_agent.to_owned(),
            is_full: OnceLock::new(),
            started: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            retired: AtomicBool::new(false),
            tasks,
        });
        let listener: Weak<dyn Hears> = Arc::downgrade(&(browser.clone() as Arc<dyn Hears>));
        browser.connection.listen(listener);
        match browser.set_up().await {
            Ok(()) => Ok(browser),
            Err(error) => {
                browser.end().await;
                let said = complaints.reason();
                let reason = if said.is_empty() { error.to_string() } else { said };
                Err(RenderError::Launch { program: found.program.display().to_string(), reason })
            }
        }
    }

    async fn set_up(&self) -> Result<(), CommandError> {
        // New tabs wait until they are set up; what is no tab, such as a worker, is not looked at.
        let attach = json!({
            "autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true,
            "filter": [{ "type": "page" }, { "exclude": true }],
        });
        let attached = self.connection.call(None, "Target.setAutoAttach", attach);
        let version = self.connection.call(None, "Browser.getVersion", Nothing {});
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        attached.by::<Done>(deadline).await?;
        let Version { product } = version.by(deadline).await?;
        let (group, profile) = (self.group, self.profile.path().to_owned());
        let strays = tokio::task::spawn_blocking(move || group.strays(&profile)).await;
        // It is set up once.
        let _ = self.strays.set(strays.unwrap_or_default());
        let _ = self.is_full.set(!product.starts_with(HEADLESS_SHELL));
        Ok(())
    }

    /// Opens a tab for a page in a context of its own, whose network is the proxy at that address. It waits to be set up, and
    /// stays until it is dropped.
    pub(super) async fn open_tab(
        self: &Arc<Self>,
        url: &TargetUrl,
        proxy: SocketAddr,
        room: OwnedSemaphorePermit,
    ) -> Result<Tab, RenderError> {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let mut tab = Tab {
            browser: self.clone(),
            context: None,
            target: String::new(),
            session: String::new(),
            is_in_full_browser: true,
            watch: Arc::default(),
            room: Some(room),
        };
        let context = json!({
            "disposeOnDetach": true, "proxyServer": format!("http://{proxy}"), "proxyBypassList": "<-loopback>",
        });
        let created = self.connection.call(None, "Target.createBrowserContext", context);
        let Context { browser_context_id: context } = created.prompt().await?;
        let (sender, attached) = oneshot::channel();
        self.tabs.lock().insert(context.clone(), sender);
        tab.context = Some(context.clone());
        let deny = json!({ "behavior": "deny", "browserContextId": context });
        self.connection.tell(None, "Browser.setDownloadBehavior", deny);
        // Not by way of a blank page: going from one document to another costs as much as a page of few scripts. But a full
        // browser sends its first request before the tab can be set up.
        tab.is_in_full_browser = self.is_full.get().copied().unwrap_or(true);
        let begin = if tab.is_in_full_browser { "about:blank" } else { url.as_str() };
        let target = json!({ "url": begin, "browserContextId": context });
        let created = self.connection.call(None, "Target.createTarget", target);
        created.prompt::<Done>().await?;
        let attached = tokio::time::timeout(COMMAND_TIMEOUT, attached).await;
        let Ok(Ok(Attached { target, session })) = attached else {
            self.connection.close();
            return Err(RenderError::BrowserGone);
        };
        let listener: Weak<dyn Hears> = Arc::downgrade(&(tab.watch.clone() as Arc<dyn Hears>));
        tab.watch.begin(&self.connection, &session, &target);
        self.connection.listen_to(&session, listener);
        (tab.target, tab.session) = (target, session);
        Ok(tab)
    }

    /// Pages that were opened in it, those of the past included.
    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Pages that are in it.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Takes no more pages from now on.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Whether it takes no more pages.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed) || self.connection.is_closed()
    }

    /// Ends it with all its processes.
    pub(super) async fn end(&self) {
        self.retire();
        self.connection.close();
        self.group.end(self.strays.get().unwrap_or(&Strays::default())).await;
        self.tasks.close();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Who owned it has most likely ended it; a second time does no harm while its group is not reaped, and a group that is
        // reaped is not found.
        if !self.group.reap() {
            self.group.kill();
        }
    }
}

impl Browser {
    /// Closes a window that a page opened. The page waits until the window begins, so it may: but whatever it asks for is
    /// held back, until it is gone.
    fn refuse_window(&self, session: &str, target: &str) {
        self.connection.tell(Some(session), "Fetch.enable", json!({ "patterns": [{ "urlPattern": "*" }] }));
        self.connection.tell(Some(session), "Runtime.runIfWaitingForDebugger", Nothing {});
        self.connection.tell(None, "Target.closeTarget", json!({ "targetId": target }));
    }
}

impl Hears for Browser {
    fn hear(&self, method: &str, params: &RawValue) {
        if method != "Target.attachedToTarget" {
            return;
        }
        let Ok(AttachedToTarget { session_id, target_info }) = serde_json::from_str(params.get()) else {
            return;
        };
        let context = target_info.browser_context_id.unwrap_or_default();
        let expected = if target_info.kind == "page" { self.tabs.lock().remove(&context) } else { None };
        match expected {
            Some(waiting) => {
                // Who asked may have gone; its context goes with it.
                let _ = waiting.send(Attached { target: target_info.target_id, session: session_id });
            }
            None => self.refuse_window(&session_id, &target_info.target_id),
        }
    }
}

impl Tabs {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, oneshot::Sender<Attached>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tab, alone in its context. Dropping it closes both; its room is free once the browser has done so.
pub(super) struct Tab {
    browser: Arc<Browser>,
    context: Option<String>,
    pub(super) target: String,
    pub(super) session: String,
    /// If so, it has yet to be sent to its page, and the window has a toolbar.
    pub(super) is_in_full_browser: bool,
    pub(super) watch: Arc<Watch>,
    room: Option<OwnedSemaphorePermit>,
}

impl Tab {
    /// The browser's pipe.
    pub(super) fn connection(&self) -> &Connection {
        &self.browser.connection
    }

    /// Has the tab do something that goes well or shows in what comes of it.
    pub(super) fn tell(&self, method: &'static str, params: impl Serialize) {
        self.connection().tell(Some(&self.session), method, params);
    }

    /// What the browser calls itself on a phone.
    pub(super) fn mobile_user_agent(&self) -> String {
        let desktop = &self.browser.user_agent;
        desktop.replace("X11; Linux x86_64", "Linux; Android 10; K").replace(" Safari/", " Mobile Safari/")
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let (browser, room) = (self.browser.clone(), self.room.take());
        browser.connection.forget(&self.session);
        let closing = self.context.take().map(|context| {
            browser.tabs.lock().remove(&context);
            let context = json!({ "browserContextId": context });
            browser.connection.call(None, "Target.disposeBrowserContext", context)
        });
        let tasks = browser.tasks.clone();
        let close = async move {
            if let Some(closing) = closing {
                // A browser that hangs is closed by that.
                let _ = closing.prompt::<Done>().await;
            }
            browser.under_way.fetch_sub(1, Ordering::Relaxed);
            drop(room);
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(tasks.spawn_on(close, &runtime)),
            Err(_) => drop(close),
        }
    }
}
