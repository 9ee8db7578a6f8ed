//! WebSub (W3C Recommendation of 23 January 2018), as a subscriber: a feed that names a hub is subscribed to there, so
//! that what is new comes at once, and not with the next poll.
//!
//! ```text
//! poll finds a hub ──▶ due? ──▶ subscribe (POST to the hub) ──▶ the hub asks back: verify ──▶ lease
//! the hub delivers ──▶ receive: signature ──▶ the document waits ──▶ the source is polled now, with it in place of a fetch
//! ```
//!
//! Polls go on as they would: a hub that falls silent costs nothing but time. So nothing here is stored. The callback's
//! token and the secret are made of the source's life and a key of the server's, and after a restart each source is
//! subscribed again with its first poll.

mod callback;
mod link;
mod signature;
mod subscribe;
mod token;
mod verify;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::hmac;
use bytes::Bytes;
use jiff::Timestamp;
use pagewire_types::TargetUrl;

pub(crate) use link::hub_of;
pub(crate) use subscribe::{Ask, subscribe};
pub use verify::NotVerified;

/// How long a hub is asked to deliver.
const LEASE_S: u32 = 10 * 86_400;
/// The least and the most that a hub's word on it is taken for.
const LEASE_BOUNDS_S: (u32, u32) = (300, 30 * 86_400);
/// After a request that led to nothing.
const ASK_AGAIN: Duration = Duration::from_secs(6 * 3_600);
/// Documents that wait for their source to be polled, in bytes; past that the source is polled over the web.
const WAITING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A feed's hub, and what the feed is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubLink {
    /// The hub.
    pub hub: TargetUrl,
    /// The feed's own address, as it tells it.
    pub topic: TargetUrl,
}

/// What a hub has delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Delivered {
    /// The document.
    pub(crate) body: Bytes,
    /// Its `Content-Type`.
    pub(crate) content_type: Option<String>,
}

/// The subscriptions of all sources.
pub(crate) struct Websub {
    /// What callbacks begin with.
    base: String,
    key: hmac::Key,
    places: Mutex<HashMap<String, Place>>,
}

/// A source's subscription.
#[derive(Debug)]
struct Place {
    link: HubLink,
    asked_at: Timestamp,
    /// Until when the hub delivers; `None` until it has asked back.
    lease: Option<Lease>,
    waiting: Option<Delivered>,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    half: Timestamp,
}

impl Websub {
    /// Subscriptions whose callbacks stand under the server's public URL; none without one, since no hub could reach it.
    pub(crate) fn new(public_url: Option<&str>, key: &[u8]) -> Option<Self> {
        let base = public_url?.trim_end_matches('/');
        Some(Self {
            base: format!("{base}/v1/websub/"),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
            places: Mutex::default(),
        })
    }

    /// What is to be asked of a source's hub now, if anything: when it is first seen, when half of its lease is over, and
    /// some hours after a request that led to nothing.
    pub(crate) fn due(&self, life: &str, link: &HubLink, now: Timestamp) -> Option<Ask> {
        let mut places = self.lock();
        if let Some(place) = places.get(life).filter(|place| place.link == *link) {
            let is_due = match place.lease {
                Some(lease) => now >= lease.half && later(place.asked_at, Duration::from_secs(300)) <= now,
                None => later(place.asked_at, ASK_AGAIN) <= now,
            };
            if !is_due {
                return None;
            }
        }
        let before = places.remove(life);
        let lease = before.as_ref().filter(|place| place.link == *link).and_then(|place| place.lease);
        let waiting = before.and_then(|place| place.waiting);
        places.insert(life.to_owned(), Place { link: link.clone(), asked_at: now, lease, waiting });
        Some(Ask {
            link: link.clone(),
            callback: format!("{}{}", self.base, token::of(&self.key, life)),
            secret: token::secret(&self.key, life),
            lease_s: LEASE_S,
        })
    }

    /// Answers a hub that asks back (section 5.3): with its challenge, if the request was ours.
    pub(crate) fn verify(&self, token: &str, query: &str, now: Timestamp) -> Result<String, NotVerified> {
        let life = token::life(&self.key, token).ok_or(NotVerified)?;
        let intent = verify::Intent::read(query).ok_or(NotVerified)?;
        let mut places = self.lock();
        let place = places.get_mut(&life).filter(|place| place.link.topic.as_str() == intent.topic);
        match (intent.mode, place) {
            (verify::Mode::Subscribe, Some(place)) => {
                let (least, most) = LEASE_BOUNDS_S;
                let lease_s = intent.lease_s.unwrap_or(LEASE_S).clamp(least, most);
                place.lease = Some(Lease { half: later(now, Duration::from_secs((lease_s / 2).into())) });
                Ok(intent.challenge)
            }
            (verify::Mode::Unsubscribe, None) => Ok(intent.challenge),
            (verify::Mode::Denied, place) => {
                if let Some(place) = place {
                    (place.lease, place.asked_at) = (None, now);
                }
                Ok(String::new())
            }
            (verify::Mode::Subscribe, None) | (verify::Mode::Unsubscribe, Some(_)) => Err(NotVerified),
        }
    }

    /// Whether a callback is ours.
    pub(crate) fn is_callback(&self, token: &str) -> bool {
        token::life(&self.key, token).is_some()
    }

    /// Takes a delivery (section 7): the life of the source that is to be polled now. `None` for what does not bear its
    /// signature, which is acknowledged all the same (section 7.1), and for a callback that is not ours.
    pub(crate) fn receive(
        &self,
        token: &str,
        signature: Option<&str>,
        content_type: Option<String>,
        body: Bytes,
    ) -> Option<String> {
        let life = token::life(&self.key, token)?;
        if !signature::fits(signature?, token::secret(&self.key, &life).as_bytes(), &body) {
            return None;
        }
        let mut places = self.lock();
        let waiting: usize =
            places.values().flat_map(|place| &place.waiting).map(|waits| waits.body.len()).sum();
        // Of two that wait, neither is the feed as it is: it is fetched instead.
        if let Some(place) = places.get_mut(&life)
            && place.waiting.take().is_none()
            && waiting + body.len() <= WAITING_BYTES_MAX
        {
            place.waiting = Some(Delivered { body, content_type });
        }
        Some(life)
    }

    /// The document that waits for a source, which is read in place of a fetch.
    pub(crate) fn take(&self, life: &str) -> Option<Delivered> {
        self.lock().get_mut(life)?.waiting.take()
    }

    /// Forgets a source that is watched no more.
    pub(crate) fn forget(&self, life: &str) {
        self.lock().remove(life);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
