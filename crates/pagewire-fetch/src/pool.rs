//! Idle connections, by origin: bounded for each origin and in all, and closed when they have lain too long.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use crate::exchange::{Connection, Http1, Http2};

/// The idle connections of a client.
pub(crate) struct Pool {
    origins: Mutex<Origins>,
    per_origin_max: usize,
    idle_max: usize,
    idle_timeout: Duration,
    reaper: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct Origins {
    by_name: HashMap<Box<str>, Idle>,
    http1_count: usize,
}

#[derive(Default)]
struct Idle {
    http1: Vec<(Instant, Http1)>,
    /// Shared: taking it leaves it here.
    http2: Option<(Instant, Http2)>,
}

impl Idle {
    fn shared(&mut self) -> Option<Connection> {
        self.http2.take_if(|(_, connection)| connection.is_closed());
        let (used, connection) = self.http2.as_mut()?;
        *used = Instant::now();
        Some(Connection::Http2(connection.clone()))
    }

    fn is_empty(&self) -> bool {
        self.http1.is_empty() && self.http2.is_none()
    }
}

impl Pool {
    pub(crate) fn new(per_origin_max: usize, idle_max: usize, idle_timeout: Duration) -> Arc<Self> {
        Arc::new(Self {
            origins: Mutex::default(),
            per_origin_max,
            idle_max,
            idle_timeout,
            reaper: OnceLock::new(),
        })
    }

    /// A connection to the origin, the one used last.
    pub(crate) fn take(&self, origin: &str) -> Option<Connection> {
        let mut origins = self.lock();
        let idle = origins.by_name.get_mut(origin)?;
        if let Some(connection) = idle.shared() {
            return Some(connection);
        }
        let (since, connection) = idle.http1.pop()?;
        origins.http1_count -= 1;
        (since.elapsed() < self.idle_timeout).then_some(Connection::Http1(connection))
    }

    /// The connection to the origin that all share.
    pub(crate) fn shared(&self, origin: &str) -> Option<Connection> {
        self.lock().by_name.get_mut(origin)?.shared()
    }

    /// Keeps a connection for the next request to the origin, if there is room.
    pub(crate) fn put(self: &Arc<Self>, origin: &str, connection: Connection) {
        self.reaper.get_or_init(|| reap(Arc::downgrade(self), self.idle_timeout));
        let now = Instant::now();
        let mut origins = self.lock();
        let Origins { by_name, http1_count } = &mut *origins;
        if !by_name.contains_key(origin) {
            // Origins whose connections are all in use have empty entries; they give way before a connection does.
            if by_name.len() >= 4 * self.idle_max {
                by_name.retain(|_, idle| !idle.is_empty());
            }
            if by_name.len() >= 4 * self.idle_max {
                return;
            }
            by_name.insert(origin.into(), Idle::default());
        }
        let Some(idle) = by_name.get_mut(origin) else { return };
        match connection {
            Connection::Http1(connection) => {
                if idle.http1.len() < self.per_origin_max && *http1_count < self.idle_max {
                    idle.http1.push((now, connection));
                    *http1_count += 1;
                }
            }
            Connection::Http2(connection) => {
                if idle.http2.is_none() {
                    idle.http2 = Some((now, connection));
                }
            }
        }
    }

    /// Gives out a shared connection no more: it failed an exchange.
    pub(crate) fn forget(&self, origin: &str, failed: &Http2) {
        let mut origins = self.lock();
        if let Some(idle) = origins.by_name.get_mut(origin)
            && idle.http2.as_ref().is_some_and(|(_, kept)| kept.is_same(failed))
        {
            idle.http2 = None;
        }
    }

    fn sweep(&self) {
        let mut origins = self.lock();
        let Origins { by_name, http1_count } = &mut *origins;
        *http1_count = 0;
        by_name.retain(|_, idle| {
            idle.http1.retain(|(since, _)| since.elapsed() < self.idle_timeout);
            *http1_count += idle.http1.len();
            idle.http2.take_if(|(used, kept)| kept.is_closed() || used.elapsed() >= self.idle_timeout);
            !idle.is_empty()
        });
    }

    fn lock(&self) -> MutexGuard<'_, Origins> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(reaper) = self.reaper.get() {
            reaper.abort();
        }
    }
}

/// Closes what has lain too long also when no request comes any more; ends with its pool.
fn reap(pool: Weak<Pool>, idle_timeout: Duration) -> AbortHandle {
    let every = (idle_timeout / 2).max(Duration::from_millis(100));
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(every).await;
            let Some(pool) = pool.upgrade() else { return };
            pool.sweep();
        }
    })
    .abort_handle()
}
