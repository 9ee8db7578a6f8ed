//! First contact with an origin: who comes while the first connection is being made waits for it, since an origin that
//! speaks HTTP/2 needs but one. A hundred requests at once would otherwise be a hundred handshakes.
//!
//! The wait is bounded, and whoever has waited in vain connects on its own: an origin that speaks HTTP/1.1, a leader that
//! fails, gives up or hangs hold nobody up for longer. Origins that were seen to speak HTTP/1.1 are not waited for again.
//! Plain HTTP is never waited for: it has no way to agree on HTTP/2.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

/// What a first contact is waited for. A handshake over half the world takes a third of it.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// Origins that are remembered to speak HTTP/1.1; past this all are forgotten, which costs each one wait.
const REMEMBERED_MAX: usize = 4096;

/// The first contacts under way.
#[derive(Debug, Default)]
pub(crate) struct FirstContacts {
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// One for each origin that is being connected to, so no more than there are fetches.
    under_way: HashMap<Box<str>, watch::Receiver<()>>,
    http1: HashSet<Box<str>>,
}

/// What somebody without a connection is to do.
#[derive(Debug)]
pub(crate) enum Contact {
    /// Connect: others wait for it until this is dropped.
    Lead(Lead),
    /// Wait, and look again for a connection that can be shared.
    Follow(Follow),
    /// Connect: nobody waits.
    Alone,
}

/// The first contact of an origin; over when dropped.
#[derive(Debug)]
pub(crate) struct Lead {
    origin: Box<str>,
    known: Arc<Mutex<Known>>,
    /// Wakes all that wait by going.
    _over: watch::Sender<()>,
}

/// A wait for somebody else's contact.
#[derive(Debug)]
pub(crate) struct Follow {
    over: watch::Receiver<()>,
}

impl FirstContacts {
    /// To be asked by who has no connection to an origin behind TLS.
    pub(crate) fn enter(&self, origin: &str) -> Contact {
        let mut known = lock(&self.known);
        if known.http1.contains(origin) {
            return Contact::Alone;
        }
        if let Some(over) = known.under_way.get(origin) {
            return Contact::Follow(Follow { over: over.clone() });
        }
        let (sender, receiver) = watch::channel(());
        known.under_way.insert(origin.into(), receiver);
        Contact::Lead(Lead { origin: origin.into(), known: Arc::clone(&self.known), _over: sender })
    }

    /// The origin speaks HTTP/1.1.
    pub(crate) fn speaks_http1(&self, origin: &str) {
        let mut known = lock(&self.known);
        if known.http1.contains(origin) {
            return;
        }
        if known.http1.len() >= REMEMBERED_MAX {
            known.http1.clear();
        }
        known.http1.insert(origin.into());
    }
}

impl Follow {
    /// Until the contact is over, or has taken too long.
    pub(crate) async fn wait(mut self) {
        // An error says that the sender is gone, which is what is waited for; so is the end of the time.
        let _ = tokio::time::timeout(WAIT_MAX, self.over.changed()).await;
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        lock(&self.known).under_way.remove(&self.origin);
    }
}

fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const ORIGIN: &str = "https://a.example";

    #[tokio::test]
    async fn one_leads_and_the_others_wait_until_it_is_over() {
        let contacts = FirstContacts::default();
        let Contact::Lead(lead) = contacts.enter(ORIGIN) else { panic!("the first leads") };
        assert!(
            matches!(contacts.enter("https://b.example"), Contact::Lead(_)),
            "another origin is another matter"
        );
        let Contact::Follow(follow) = contacts.enter(ORIGIN) else { panic!("the second follows") };
        let begun = Instant::now();
        let (waited, ()) = tokio::join!(
            async {
                follow.wait().await;
                begun.elapsed()
            },
            async { drop(lead) }
        );
        assert!(waited < WAIT_MAX);
        assert!(matches!(contacts.enter(ORIGIN), Contact::Lead(_)), "what is over can begin again");
    }

    #[tokio::test]
    async fn an_origin_that_speaks_http1_is_not_waited_for_again() {
        let contacts = FirstContacts::default();
        let lead = contacts.enter(ORIGIN);
        contacts.speaks_http1(ORIGIN);
        drop(lead);
        assert!(matches!(contacts.enter(ORIGIN), Contact::Alone));
        for number in 0..REMEMBERED_MAX {
            contacts.speaks_http1(&format!("https://{number}.example"));
        }
        assert!(lock(&contacts.known).http1.len() <= REMEMBERED_MAX);
    }
}
