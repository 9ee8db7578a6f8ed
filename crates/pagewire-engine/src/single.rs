//! One page for one caller: a lane of one URL, ahead of all streams and jobs, which answers by a channel and leaves no
//! record behind.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use pagewire_types::UrlEntry;
use tokio::sync::oneshot;

use crate::account::WorkspaceAccount;
use crate::envelope::Failure;
use crate::passage::Turn;
use crate::recipe::Recipe;
use crate::retry;
use crate::schedule::{Class, Item, LaneId, LaneLimits, Outcome, Scheduler, Work};
use crate::scrape::{AttemptFailure, FailedAttempt, Page, Scraper};
use crate::session::InSession;

type Answer = Result<Page, Failure>;

struct SingleUrl {
    entry: UrlEntry,
    recipe: Recipe,
    scraper: Scraper,
    session: Option<InSession>,
    reply: Mutex<Option<oneshot::Sender<Answer>>>,
}

impl SingleUrl {
    fn answer(&self, answer: Answer) -> Outcome {
        let reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A caller that has gone wants no answer.
        let _ = reply.map(|reply| reply.send(answer));
        Outcome::Recorded { bytes: 0, host_rest: None }
    }
}

impl Work for SingleUrl {
    fn attempt(self: Arc<Self>, item: Item) -> BoxFuture<'static, Outcome> {
        Box::pin(async move {
            let turn = Turn::new(item.attempts, self.session.as_ref());
            match self.scraper.attempt(&self.entry, item.ordinal, &self.recipe, &turn).await {
                Ok(page) => self.answer(Ok(page)),
                Err(FailedAttempt { kind: AttemptFailure::Deferred(until), .. }) => {
                    Outcome::Deferred { until }
                }
                Err(failed) => {
                    let retry = &self.recipe.options.retry;
                    match retry::pause(retry, item.attempts + 1, &failed, retry::chance()) {
                        Some(after) => Outcome::Retry { after, host_rest: failed.retry_after },
                        None => self.answer(Err(failed.failure)).resting(failed.retry_after),
                    }
                }
            }
        })
    }

    fn has_room(&self, item: Item) -> bool {
        let name = self.session.as_ref().map(|session| &session.name);
        self.scraper.has_room(&self.entry, item.attempts, &self.recipe, name)
    }
}

/// Takes the lane out again when the caller has its answer, or has gone.
struct LaneGuard {
    scheduler: Arc<Scheduler>,
    lane: LaneId,
}

impl Drop for LaneGuard {
    fn drop(&mut self) {
        self.scheduler.remove(self.lane);
    }
}

/// Fetches one page. `None` where the scheduler is going down.
pub(crate) async fn scrape(
    scheduler: &Arc<Scheduler>,
    scraper: Scraper,
    account: &WorkspaceAccount,
    entry: UrlEntry,
    recipe: Recipe,
    session: Option<InSession>,
) -> Option<Answer> {
    let (reply, answer) = oneshot::channel();
    let host = scraper.scheduled_host(entry.url.host());
    let work = Arc::new(SingleUrl { entry, recipe, scraper, session, reply: Mutex::new(Some(reply)) });
    let limits = LaneLimits { concurrency: 1, open_max: 1, bytes_max: usize::MAX };
    let waiting = std::iter::once((Item { ordinal: 0, attempts: 0 }, host));
    let lane = scheduler.add(Class::Scrape, &account.id, limits, waiting, work);
    let _guard = LaneGuard { scheduler: scheduler.clone(), lane };
    answer.await.ok()
}
