//! What a poll of a page comes to: one fetch decides where nothing has changed, a second confirms what has.

use url::Url;

use super::baseline::Baseline;
use super::changes::Change;
use super::snapshot::Snapshot;
use super::today::Today;
use super::trust::{Doubt, Found};
use super::watch::Watch;
use crate::Input;
use crate::error::ExtractError;

/// A page as it was fetched.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// The body, content coding undone.
    pub body: &'a [u8],
    /// The `Content-Type` that came with it.
    pub content_type: Option<&'a str>,
    /// Where it was asked for.
    pub asked: &'a Url,
    /// Where it was found in the end.
    pub at: &'a Url,
    /// The day.
    pub today: Today,
    /// The time: seconds since 1970.
    pub now: i64,
}

/// What one fetch comes to.
#[derive(Debug)]
pub enum Step {
    /// It decides.
    Done(Outcome),
    /// The page is to be fetched once more, a moment later.
    Again(Box<Pending>),
}

/// What waits for the second fetch.
#[derive(Debug)]
pub struct Pending {
    baseline: Option<Baseline>,
    first: Snapshot,
    /// Items of a list that is read for the first time, which are told.
    backfill: usize,
    now: i64,
}

/// What a poll comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was found.
    pub finding: Finding,
    /// What is to be told, in this order.
    pub changes: Vec<Change>,
    /// What is to be kept; nothing where nothing was learned of the page.
    pub state: Option<String>,
    /// What the changes were found from: since when the page is watched, and how often something was told.
    pub from: (i64, u32),
    /// Whether what is kept is the page as it was fetched last, so that it need not be fetched again to be compared.
    pub is_settled: bool,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The page, for the first time.
    First,
    /// Something that is told.
    Changed,
    /// Nothing.
    Unchanged,
    /// A page that is not to be believed.
    Doubted(Doubt),
}

impl Watch {
    /// The first fetch of a poll. `state` is what the last poll left to be kept; where it left nothing, so many items of a
    /// list are told.
    pub fn look(
        &self,
        state: Option<&str>,
        visit: &Visit<'_>,
        backfill: usize,
    ) -> Result<Step, ExtractError> {
        let baseline = state.and_then(|state| Baseline::read(state, self));
        let page = self.snapshot_of(visit, baseline.as_ref())?;
        let doubt = page.found(visit).doubt(baseline.as_ref());
        let Some(mut baseline) = baseline else {
            return Ok(match doubt {
                Some(doubt) => Step::Done(Outcome::doubted(doubt, None)),
                None => {
                    let backfill = if state.is_none() { backfill } else { 0 };
                    Step::Again(Box::new(Pending { baseline: None, first: page, backfill, now: visit.now }))
                }
            });
        };
        match doubt {
            Some(Doubt::Gone) if baseline.meet_other(&page, visit.now) => {
                let next = baseline.replaced_by(&page);
                Ok(Step::Done(Outcome::of(Finding::Unchanged, Vec::new(), &next, &next)))
            }
            Some(Doubt::Gone) => Ok(Step::Done(Outcome::doubted(Doubt::Gone, Some(&baseline)))),
            Some(doubt) => Ok(Step::Done(Outcome::doubted(doubt, None))),
            None if baseline.differs(&page) => {
                let pending = Pending { baseline: Some(baseline), first: page, backfill: 0, now: visit.now };
                Ok(Step::Again(Box::new(pending)))
            }
            None => {
                let before = baseline.clone();
                baseline.keep(&page);
                Ok(Step::Done(Outcome::of(Finding::Unchanged, Vec::new(), &before, &baseline)))
            }
        }
    }

    /// The second fetch.
    pub fn look_again(&self, pending: Pending, visit: &Visit<'_>) -> Result<Outcome, ExtractError> {
        let page = self.snapshot_as(visit, &pending.first)?;
        let doubt = page.found(visit).doubt(pending.baseline.as_ref());
        let Some(mut baseline) = pending.baseline else {
            return Ok(first(
                &pending.first,
                Some(&page).filter(|_| doubt.is_none()),
                pending.backfill,
                pending.now,
            ));
        };
        if let Some(doubt) = doubt {
            return Ok(Outcome::doubted(doubt, None));
        }
        let before = baseline.clone();
        let changes = baseline.take(&pending.first, &page);
        let finding = if changes.is_empty() { Finding::Unchanged } else { Finding::Changed };
        let is_settled = !baseline.differs(&page);
        Ok(Outcome { is_settled, ..Outcome::of(finding, changes, &before, &baseline) })
    }

    fn snapshot_of(&self, visit: &Visit<'_>, baseline: Option<&Baseline>) -> Result<Snapshot, ExtractError> {
        self.read(&visit.input(), visit.today, baseline.map(Baseline::part))
    }

    fn snapshot_as(&self, visit: &Visit<'_>, first: &Snapshot) -> Result<Snapshot, ExtractError> {
        self.read(&visit.input(), visit.today, Some(first.part()))
    }
}

impl Pending {
    /// What it comes to when the second fetch fails: a page that is read for the first time is kept as it is, a change is
    /// left for the next poll.
    #[must_use]
    pub fn without_second(self) -> Option<Outcome> {
        match self.baseline {
            Some(_) => None,
            None => Some(first(&self.first, None, self.backfill, self.now)),
        }
    }
}

fn first(page: &Snapshot, again: Option<&Snapshot>, backfill: usize, now: i64) -> Outcome {
    let baseline = Baseline::first(page, again, now);
    if baseline.nothing_lasts() {
        return Outcome::doubted(Doubt::NothingLasts, None);
    }
    let changes = baseline.backfill(page, backfill);
    Outcome { from: (0, 0), ..Outcome::of(Finding::First, changes, &baseline, &baseline) }
}

impl Outcome {
    fn of(finding: Finding, changes: Vec<Change>, before: &Baseline, next: &Baseline) -> Self {
        Self {
            finding,
            changes,
            state: Some(next.write()),
            from: (before.since, before.revision),
            is_settled: true,
        }
    }

    fn doubted(doubt: Doubt, next: Option<&Baseline>) -> Self {
        let state = next.map(Baseline::write);
        Self { finding: Finding::Doubted(doubt), changes: Vec::new(), state, from: (0, 0), is_settled: false }
    }
}

impl<'a> Visit<'a> {
    fn input(&self) -> Input<'a> {
        Input { body: self.body, content_type: self.content_type, url: self.at }
    }
}

impl Snapshot {
    fn found<'a>(&'a self, visit: &Visit<'a>) -> Found<'a> {
        Found { page: self, asked: visit.asked, at: visit.at }
    }
}
