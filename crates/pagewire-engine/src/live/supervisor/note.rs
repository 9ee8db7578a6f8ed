//! What a poll says of its source: how it is, and how long to wait. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagewire_types::{SourceHealth, SourceStatus, TargetErrorCode};

use super::super::schedule::{Blame, Outcome, Pace, Rhythm};
use super::super::watch::{Link, Polled, Verdict};

/// Characters of a reason.
const REASON_CHARS_MAX: usize = 500;

/// What is known of a poll beside what it found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// When it ended.
    pub(super) at: Timestamp,
    /// How long it took.
    pub(super) took: Duration,
    /// How long ago the one before was answered; `None` at the first.
    pub(super) since_last: Option<Duration>,
    /// Events that were new to the log.
    pub(super) told: usize,
    /// Who is to blame if it failed.
    pub(super) blame: Blame,
    /// Any number.
    pub(super) chance: u64,
}

/// Takes in a poll. How long to wait until the next; `None` where there is none.
pub(super) fn note(
    health: &mut SourceHealth,
    rhythm: &mut Rhythm,
    pace: Pace,
    polled: &Polled,
    seen: Circumstances,
) -> Option<Duration> {
    let at = time_text(seen.at);
    let is_first = health.last_success_at.is_none();
    health.last_fetch_at = Some(at.clone());
    health.latency_ms = Some(u64::try_from(seen.took.as_millis()).unwrap_or(u64::MAX));
    if polled.http_status.is_some() {
        health.http_status = polled.http_status;
    }
    if let Some(url) = &polled.moved_to {
        health.moved_to = Some(url.as_str().to_owned());
    }
    if polled.source_type.is_some() {
        health.found_type = polled.source_type;
    }
    count(health, seen.told, seen.at);
    let outcome = match &polled.verdict {
        Verdict::Changed | Verdict::Unchanged => {
            (health.status, health.reason, health.error_code) = (SourceStatus::Ok, None, None);
            health.error_streak = 0;
            health.last_success_at = Some(at);
            if let Some(since) = seen.since_last {
                rhythm.observe(since, polled.verdict == Verdict::Changed);
            }
            Outcome::Answered
        }
        Verdict::Degraded { reason } => {
            (health.status, health.error_code) = (SourceStatus::Degraded, None);
            (health.reason, health.error_streak) = (Some(brief(reason)), 0);
            Outcome::Answered
        }
        Verdict::Failed { code, detail } => {
            failed(health, *code, detail, seen.blame);
            Outcome::Failed { streak: health.error_streak.max(1) }
        }
        Verdict::Retired { reason } => {
            (health.status, health.reason) = (SourceStatus::Retired, Some(brief(reason)));
            health.next_poll_at = None;
            return None;
        }
    };
    let mut wait = pace.wait(rhythm, outcome, polled.wait, seen.chance);
    if is_first && outcome == Outcome::Answered && polled.wait.is_none() {
        // Sources that were made together are not polled together for ever.
        wait -= super::super::schedule::spread(wait / 2, seen.chance.rotate_left(32));
    }
    health.next_poll_at = next_text(seen.at, wait);
    Some(wait)
}

fn failed(health: &mut SourceHealth, code: TargetErrorCode, detail: &str, blame: Blame) {
    health.status = SourceStatus::Failing;
    health.error_code = Some(code);
    health.reason = Some(match blame {
        Blame::Host => brief(detail),
        Blame::Network => brief(&format!("no host can be reached from this server: {detail}")),
    });
    if blame == Blame::Host {
        health.error_streak = health.error_streak.saturating_add(1);
    }
}

/// Takes in events of a source.
pub(super) fn count(health: &mut SourceHealth, told: usize, at: Timestamp) {
    if told > 0 {
        health.events = health.events.saturating_add(told as u64);
        health.last_event_at = Some(time_text(at));
    }
}

/// Takes in how the connection to a firehose is.
pub(super) fn connection(health: &mut SourceHealth, link: &Link, at: Timestamp) {
    let now = Some(time_text(at));
    match link {
        Link::Open { http_status } => {
            (health.status, health.reason, health.error_code) = (SourceStatus::Ok, None, None);
            (health.error_streak, health.http_status) = (0, Some(*http_status));
            (health.last_fetch_at, health.last_success_at) = (now.clone(), now);
            health.next_poll_at = None;
        }
        Link::Degraded { reason } => {
            (health.status, health.reason) = (SourceStatus::Degraded, Some(brief(reason)));
        }
        Link::Down { code, detail, retry_in } => {
            health.last_fetch_at = now;
            failed(health, *code, detail, Blame::Host);
            health.next_poll_at = next_text(at, *retry_in);
        }
    }
}

fn next_text(at: Timestamp, wait: Duration) -> Option<String> {
    let wait = SignedDuration::try_from(wait).ok()?;
    at.checked_add(wait).ok().map(time_text)
}

fn brief(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}

pub(crate) fn time_text(at: Timestamp) -> String {
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use pagewire_types::TargetUrl;

    use super::*;

    const PACE: Pace = Pace::Declared(Duration::from_secs(300));

    fn seen() -> Circumstances {
        Circumstances {
            at: Timestamp::UNIX_EPOCH,
            took: Duration::from_millis(42),
            since_last: Some(Duration::from_secs(300)),
            told: 0,
            blame: Blame::Host,
            chance: 7,
        }
    }

    fn fail() -> Polled {
        Polled::of(Verdict::Failed { code: TargetErrorCode::Timeout, detail: "slow".to_owned() })
    }

    fn noted(health: &mut SourceHealth, polled: &Polled, seen: Circumstances) -> Option<Duration> {
        note(health, &mut Rhythm::default(), PACE, polled, seen)
    }

    #[test]
    fn failures_are_counted_and_one_answer_ends_the_count() {
        let mut health = SourceHealth::default();
        for streak in 1..=3 {
            noted(&mut health, &fail(), seen());
            assert_eq!((health.status, health.error_streak), (SourceStatus::Failing, streak));
        }
        assert_eq!(health.reason.as_deref(), Some("slow"));
        let polled = Polled { http_status: Some(200), ..Polled::of(Verdict::Unchanged) };
        noted(&mut health, &polled, Circumstances { told: 2, ..seen() });
        assert_eq!((health.status, health.error_streak, health.events), (SourceStatus::Ok, 0, 2));
        assert_eq!(
            (health.reason.as_deref(), health.error_code, health.http_status),
            (None, None, Some(200))
        );
        assert_eq!((health.latency_ms, health.last_event_at.is_some()), (Some(42), true));
    }

    #[test]
    fn no_source_is_blamed_for_a_network_that_is_down() {
        let mut health = SourceHealth::default();
        noted(&mut health, &fail(), Circumstances { blame: Blame::Network, ..seen() });
        assert_eq!((health.status, health.error_streak), (SourceStatus::Failing, 0));
        assert!(health.reason.is_some_and(|reason| reason.contains("from this server")));
    }

    #[test]
    fn a_source_that_is_gone_is_not_polled_again_and_one_that_moved_says_where() {
        let mut health = SourceHealth::default();
        let moved =
            Polled { moved_to: TargetUrl::parse("https://b.example/").ok(), ..Polled::of(Verdict::Changed) };
        assert!(noted(&mut health, &moved, seen()).is_some());
        assert_eq!(health.moved_to.as_deref(), Some("https://b.example/"));
        let gone = Polled::of(Verdict::Retired { reason: "410".to_owned() });
        assert_eq!(noted(&mut health, &gone, seen()), None);
        assert_eq!((health.status, health.next_poll_at), (SourceStatus::Retired, None));
    }

    #[test]
    fn the_first_polls_of_sources_that_were_made_together_spread_them_out() {
        let waits: Vec<Duration> = (0..100_u64)
            .map(|number| {
                let chance = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let polled = Polled::of(Verdict::Changed);
                noted(&mut SourceHealth::default(), &polled, Circumstances { chance, ..seen() })
                    .expect("a wait")
            })
            .collect();
        let (least, most) = (waits.iter().min().expect("waits"), waits.iter().max().expect("waits"));
        assert!(
            *least < Duration::from_secs(170)
                && *most > Duration::from_secs(280)
                && *most <= Duration::from_secs(300)
        );
    }

    #[test]
    fn a_connection_is_told_as_it_is() {
        let mut health = SourceHealth::default();
        let at = Timestamp::UNIX_EPOCH;
        let retry_in = Duration::from_secs(5);
        let down =
            Link::Down { code: TargetErrorCode::ConnectFailed, detail: "refused".to_owned(), retry_in };
        connection(&mut health, &down, at);
        assert_eq!((health.status, health.error_streak), (SourceStatus::Failing, 1));
        assert_eq!(health.next_poll_at.as_deref(), Some("1970-01-01T00:00:05.000Z"));
        connection(&mut health, &Link::Open { http_status: 101 }, at);
        assert_eq!((health.status, health.error_streak, health.next_poll_at), (SourceStatus::Ok, 0, None));
    }
}
