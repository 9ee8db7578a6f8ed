//! Sessions: what a caller names to keep cookies, and the same proxy, from one URL to the next.
//!
//! A session is its run's, or, for single pages, its workspace's: nobody else's session of the same name is it. It is in
//! memory alone; what is not used for a while goes, as does the one that was used longest ago where there are too many.

mod jar;

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pagewire_types::WorkspaceId;

pub(crate) use jar::Jar as Session;

/// Sessions of one run, or of one workspace's single pages.
const SESSIONS_MAX: usize = 256;
/// How long a session of single pages is kept unused.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(600);

/// Names a session for the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionName(u64);

impl SessionName {
    /// The name in its scope: a run, or a workspace.
    pub(crate) fn of(scope: &impl std::hash::Hash, name: &str) -> Self {
        let mut hasher = std::hash::DefaultHasher::new();
        (scope, name).hash(&mut hasher);
        Self(hasher.finish())
    }

    /// By which a proxy is chosen.
    pub(crate) fn number(&self) -> u64 {
        self.0
    }
}

/// An attempt's session, and what it is called.
#[derive(Debug, Clone)]
pub(crate) struct InSession {
    pub(crate) name: SessionName,
    pub(crate) session: Arc<Session>,
}

/// The sessions of one scope.
#[derive(Debug)]
pub(crate) struct Sessions {
    idle_max: Option<Duration>,
    by_name: Mutex<HashMap<Box<str>, Held>>,
}

#[derive(Debug)]
struct Held {
    session: Arc<Session>,
    used: Instant,
}

impl Sessions {
    /// Those of a run, for as long as it goes on.
    pub(crate) fn of_run() -> Self {
        Self { idle_max: None, by_name: Mutex::default() }
    }

    fn of_single_pages() -> Self {
        Self { idle_max: Some(IDLE_MAX), by_name: Mutex::default() }
    }

    /// The session of that name, which is made if it is not there.
    pub(crate) fn get(&self, name: &str, now: Instant) -> Arc<Session> {
        let mut held = self.lock();
        if let Some(idle_max) = self.idle_max {
            held.retain(|_, held| now.duration_since(held.used) < idle_max);
        }
        if let Some(held) = held.get_mut(name) {
            held.used = now;
            return held.session.clone();
        }
        if held.len() >= SESSIONS_MAX
            && let Some(oldest) = held.iter().min_by_key(|(_, held)| held.used).map(|(name, _)| name.clone())
        {
            held.remove(&oldest);
        }
        let session = Arc::new(Session::default());
        held.insert(name.into(), Held { session: session.clone(), used: now });
        session
    }

    fn is_idle(&self, now: Instant) -> bool {
        let held = self.lock();
        held.values().all(|held| self.idle_max.is_some_and(|max| now.duration_since(held.used) >= max))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Held>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sessions of single pages, of all workspaces.
#[derive(Debug, Default)]
pub(crate) struct PageSessions {
    by_workspace: Mutex<HashMap<WorkspaceId, Arc<Sessions>>>,
}

impl PageSessions {
    /// A workspace's session.
    pub(crate) fn get(&self, workspace: &WorkspaceId, name: &str, now: Instant) -> Arc<Session> {
        let mut all = self.by_workspace.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(workspace) {
            all.retain(|_, sessions| !sessions.is_idle(now));
        }
        let sessions = all.entry(workspace.clone()).or_insert_with(|| Arc::new(Sessions::of_single_pages()));
        sessions.get(name, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(name: &str) -> WorkspaceId {
        name.parse().expect("a workspace")
    }

    #[test]
    fn a_name_is_one_session_within_its_scope_and_another_elsewhere() {
        let (pages, now) = (PageSessions::default(), Instant::now());
        let mine = pages.get(&workspace("a"), "s", now);
        assert!(Arc::ptr_eq(&mine, &pages.get(&workspace("a"), "s", now)));
        assert!(!Arc::ptr_eq(&mine, &pages.get(&workspace("b"), "s", now)));
        assert!(!Arc::ptr_eq(&mine, &pages.get(&workspace("a"), "t", now)));
        assert_ne!(SessionName::of(&1, "s"), SessionName::of(&2, "s"));
    }

    #[test]
    fn what_is_not_used_goes_and_a_runs_stays() {
        let (pages, now) = (PageSessions::default(), Instant::now());
        let mine = pages.get(&workspace("a"), "s", now);
        let later = now + IDLE_MAX / 2;
        assert!(Arc::ptr_eq(&mine, &pages.get(&workspace("a"), "s", later)), "used meanwhile");
        assert!(!Arc::ptr_eq(&mine, &pages.get(&workspace("a"), "s", later + IDLE_MAX)));
        let run = Sessions::of_run();
        let kept = run.get("s", now);
        assert!(Arc::ptr_eq(&kept, &run.get("s", now + IDLE_MAX * 100)));
    }

    #[test]
    fn there_are_no_more_than_the_bound_and_the_longest_unused_goes() {
        let (run, start) = (Sessions::of_run(), Instant::now());
        for number in 0..SESSIONS_MAX * 2 {
            run.get(&number.to_string(), start + Duration::from_secs(number as u64));
        }
        let held = run.lock();
        assert_eq!(held.len(), SESSIONS_MAX);
        assert!(held.contains_key("511") && !held.contains_key("0"));
    }
}
