//! What is said to a browser and heard of it: commands with their replies, and events.
//!
//! The protocol is the DevTools protocol over `--remote-debugging-pipe`. What is not known is not an error: a browser of
//! another version says more than we listen to. Events are not queued: who listens takes out of each what matters to him,
//! at once, so that a page cannot fill memory by having much to tell.

use std::{
    borrow::Cow,
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::unix::pipe,
    sync::{mpsc, oneshot},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{error::RenderError, pipe::Frames};

/// Commands that wait to be written. The browser reads them at once unless it hangs.
const COMMANDS_QUEUED_MAX: usize = 1_024;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// What a browser that does not hang answers within, however busy the machine is.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a command has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum CommandError {
    /// The pipe is closed: the browser is gone.
    #[error("the browser is gone")]
    Gone,
    /// No reply in time.
    #[error("no reply in time")]
    TimedOut,
    /// The browser says no.
    #[error("{0}")]
    Refused(String),
}

impl CommandError {
    /// As the reason why a page is not rendered.
    pub(super) fn of(self, method: &'static str) -> RenderError {
        match self {
            Self::Gone | Self::TimedOut => RenderError::BrowserGone,
            Self::Refused(reason) => RenderError::Refused { method, reason },
        }
    }
}

/// Hears the events of a session, or of the browser itself.
pub(super) trait Hears: Send + Sync {
    /// One event. Must not wait.
    fn hear(&self, method: &str, params: &RawValue);
}

/// A browser's pipe. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    commands: mpsc::Sender<Vec<u8>>,
    state: Mutex<State>,
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    last_id: u64,
    pending: HashMap<u64, oneshot::Sender<Result<Box<RawValue>, CommandError>>>,
    browser: Option<Weak<dyn Hears>>,
    sessions: HashMap<String, Weak<dyn Hears>>,
}

#[derive(Serialize)]
struct Command<'a, P> {
    id: u64,
    method: &'a str,
    #[serde(rename = "sessionId", skip_serializing_if = "Option::is_none")]
    session: Option<&'a str>,
    params: P,
}

#[derive(Deserialize)]
struct Heard<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(rename = "sessionId", borrow)]
    session: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    message: String,
}

/// Parameters of a command that has none.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Nothing {}

impl Connection {
    /// Begins to write and read; both end when the pipe does, or when `closed` is cancelled.
    pub(super) fn open(
        writer: pipe::Sender,
        reader: pipe::Receiver,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (commands, queue) = mpsc::channel(COMMANDS_QUEUED_MAX);
        let closed = CancellationToken::new();
        let shared = Arc::new(Shared { commands, state: Mutex::default(), closed: closed.clone() });
        let connection = Self { shared };
        let heard = connection.clone();
        let work = async move {
            tokio::select! {
                () = write(writer, queue) => {}
                () = heard.read(reader) => {}
                () = closed.cancelled() => {}
            }
            heard.close();
        };
        (connection, work)
    }

    /// Who hears what is said of no session.
    pub(super) fn listen(&self, listener: Weak<dyn Hears>) {
        self.lock().browser = Some(listener);
    }

    /// Who hears what is said of a session, for as long as he is there.
    pub(super) fn listen_to(&self, session: &str, listener: Weak<dyn Hears>) {
        self.lock().sessions.insert(session.to_owned(), listener);
    }

    /// Forgets a session.
    pub(super) fn forget(&self, session: &str) {
        self.lock().sessions.remove(session);
    }

    /// Sends a command. Its reply is waited for by who wants it; it is on its way at once.
    pub(super) fn call(&self, session: Option<&str>, method: &'static str, params: impl Serialize) -> Reply {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut state = self.lock();
            state.last_id += 1;
            let id = state.last_id;
            if !self.is_closed() {
                state.pending.insert(id, sender);
            }
            id
        };
        self.write(&Command { id, method, session, params });
        Reply { id, method, receiver, shared: self.shared.clone() }
    }

    /// Sends a command whose reply nobody waits for.
    pub(super) fn tell(&self, session: Option<&str>, method: &'static str, params: impl Serialize) {
        let id = {
            let mut state = self.lock();
            state.last_id += 1;
            state.last_id
        };
        self.write(&Command { id, method, session, params });
    }

    fn write<P: Serialize>(&self, command: &Command<'_, P>) {
        let Ok(mut text) = serde_json::to_vec(command) else { return };
        text.push(0);
        // A browser that lets a thousand commands lie reads no more: it hangs, and whoever waits will say so.
        if self.shared.commands.try_send(text).is_err() {
            self.close();
        }
    }

    /// Whether the pipe is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.shared.closed.is_cancelled()
    }

    /// Until the pipe is closed.
    pub(super) async fn closed(&self) {
        self.shared.closed.cancelled().await;
    }

    /// Closes the pipe: whoever waits for a reply is told.
    pub(super) fn close(&self) {
        self.shared.closed.cancel();
        let mut state = self.lock();
        state.pending.clear();
        state.sessions.clear();
    }

    async fn read(&self, mut reader: pipe::Receiver) {
        let (mut frames, mut buffer) = (Frames::default(), vec![0; READ_BYTES]);
        loop {
            match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(read) => {
                    if frames.push(&buffer[..read], |message| self.hear(message)).is_err() {
                        tracing::warn!("the browser sent a message larger than any may be");
                        return;
                    }
                }
            }
        }
    }

    fn hear(&self, message: &[u8]) {
        let Ok(heard) = serde_json::from_slice::<Heard<'_>>(message) else {
            tracing::debug!(bytes = message.len(), "the browser said what is not understood");
            return;
        };
        match (heard.id, heard.method) {
            (Some(id), _) => {
                let Some(waiting) = self.lock().pending.remove(&id) else { return };
                let reply = match (heard.error, heard.result) {
                    (Some(fault), _) => Err(CommandError::Refused(fault.message)),
                    (None, Some(result)) => Ok(result.to_owned()),
                    (None, None) => Ok(RawValue::NULL.to_owned()),
                };
                // Who asked may have gone.
                let _ = waiting.send(reply);
            }
            (None, Some(method)) => {
                let listener = match &heard.session {
                    Some(session) => self.lock().sessions.get(session.as_ref()).cloned(),
                    None => self.lock().browser.clone(),
                };
                if let Some(listener) = listener.and_then(|listener| listener.upgrade()) {
                    listener.hear(&method, heard.params.unwrap_or(RawValue::NULL));
                }
            }
            (None, None) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(mut writer: pipe::Sender, mut queue: mpsc::Receiver<Vec<u8>>) {
    let mut batch = Vec::new();
    while let Some(first) = queue.recv().await {
        batch.clear();
        batch.extend_from_slice(&first);
        while let Ok(next) = queue.try_recv() {
            batch.extend_from_slice(&next);
        }
        if writer.write_all(&batch).await.is_err() {
            return;
        }
    }
}

/// A reply that is on its way.
pub(super) struct Reply {
    id: u64,
    method: &'static str,
    receiver: oneshot::Receiver<Result<Box<RawValue>, CommandError>>,
    shared: Arc<Shared>,
}

impl Reply {
    /// The reply of a command that a browser answers at once: one that does not, hangs, and is closed.
    pub(super) async fn prompt<T: for<'de> Deserialize<'de>>(self) -> Result<T, RenderError> {
        let (method, shared) = (self.method, self.shared.clone());
        match self.by(Instant::now() + COMMAND_TIMEOUT).await {
            Err(CommandError::TimedOut) => {
                tracing::warn!(method, "the browser hangs");
                shared.closed.cancel();
                Err(RenderError::BrowserGone)
            }
            result => result.map_err(|error| error.of(method)),
        }
    }

    /// The reply, if it comes by then.
    pub(super) async fn by<T: for<'de> Deserialize<'de>>(self, deadline: Instant) -> Result<T, CommandError> {
        let raw = tokio::time::timeout_at(deadline, self).await.map_err(|_| CommandError::TimedOut)??;
        serde_json::from_str(raw.get()).map_err(|error| CommandError::Refused(error.to_string()))
    }
}

impl Future for Reply {
    type Output = Result<Box<RawValue>, CommandError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx).map(|reply| reply.unwrap_or(Err(CommandError::Gone)))
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).pending.remove(&self.id);
    }
}
