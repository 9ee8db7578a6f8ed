//! What becomes of a delivery after a try.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pagewire_store::{LeasedDelivery, Outcome};

use super::attempt::Tried;
use super::backoff::Schedule;

/// A webhook whose deliveries have all failed for so long is disabled.
const FAILING_MAX: SignedDuration = SignedDuration::from_hours(5 * 24);

/// What becomes of the delivery. `chance` is any number.
pub(super) fn outcome(schedule: &Schedule, delivery: &LeasedDelivery, tried: &Tried, chance: u64) -> Outcome {
    let webhook = &delivery.webhook;
    if tried.is_delivered() {
        return Outcome::Delivered;
    }
    if tried.status == Some(http::StatusCode::GONE) {
        return Outcome::Disable { reason: "the receiver answered 410 Gone".to_owned() };
    }
    if webhook.failing_since.is_some_and(|since| tried.at.duration_since(since) >= FAILING_MAX) {
        return Outcome::Disable { reason: "no delivery has succeeded for 5 days".to_owned() };
    }
    match schedule.wait(delivery.tries, tried.retry_after, chance) {
        Some(wait) => Outcome::Again(after(tried, wait)),
        None => Outcome::Dead,
    }
}

fn after(tried: &Tried, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(tried.elapsed + wait).unwrap_or(FAILING_MAX);
    tried.at.checked_add(wait).unwrap_or(tried.at)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use pagewire_store::{KeyMode, WebhookRow};
    use pagewire_types::{DeliveryId, WebhookId, WorkspaceId};

    use super::*;

    fn delivery(tries: u32, failing_since: Option<Timestamp>) -> LeasedDelivery {
        let id = WebhookId::generate();
        LeasedDelivery {
            id: DeliveryId::of(1, &id),
            webhook: WebhookRow {
                id,
                workspace: WorkspaceId::default_workspace(),
                mode: KeyMode::Live,
                job: None,
                url: "https://a.example/".to_owned(),
                events: Vec::new(),
                description: None,
                metadata: None,
                enabled: true,
                disabled_reason: None,
                secret: Vec::new(),
                previous_secret: None,
                failing_since,
                created_at: Timestamp::UNIX_EPOCH,
            },
            body: "{}".to_owned(),
            tries,
            fence: 1,
        }
    }

    fn answered(status: u16) -> Tried {
        Tried { status: StatusCode::from_u16(status).ok(), ..Tried::failed(String::new()) }
    }

    fn verdict(delivery: &LeasedDelivery, tried: &Tried) -> Outcome {
        let waits = [10, 60].map(Duration::from_secs);
        outcome(&Schedule::new(waits.to_vec()), delivery, tried, 0)
    }

    #[test]
    fn any_2xx_is_delivered_and_all_else_is_tried_again_until_the_last_try() {
        for status in [200, 201, 204, 299] {
            assert_eq!(verdict(&delivery(2, None), &answered(status)), Outcome::Delivered);
        }
        for status in [100, 301, 302, 307, 400, 404, 429, 500, 503] {
            let tried = answered(status);
            let again = tried.at + SignedDuration::from_secs(60);
            assert_eq!(verdict(&delivery(1, None), &tried), Outcome::Again(again), "{status}");
            assert_eq!(verdict(&delivery(2, None), &tried), Outcome::Dead, "{status}");
        }
        assert_eq!(verdict(&delivery(2, None), &Tried::failed("no answer".to_owned())), Outcome::Dead);
    }

    #[test]
    fn a_receiver_that_is_gone_or_has_failed_for_five_days_is_disabled() {
        assert!(matches!(verdict(&delivery(0, None), &answered(410)), Outcome::Disable { .. }));
        let tried = answered(500);
        let since = |hours| Some(tried.at - SignedDuration::from_hours(hours));
        assert!(matches!(verdict(&delivery(0, since(119)), &tried), Outcome::Again(_)));
        assert!(matches!(verdict(&delivery(0, since(120)), &tried), Outcome::Disable { .. }));
        assert_eq!(verdict(&delivery(0, since(1_000)), &answered(200)), Outcome::Delivered);
    }
}
