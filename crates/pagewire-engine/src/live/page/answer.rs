//! What an answer says about a page: pure.
//!
//! | status | verdict |
//! |---|---|
//! | 2xx, a page | changed or unchanged; degraded where it is not to be believed |
//! | 2xx, something else | failed: what it is instead |
//! | 304 | unchanged |
//! | 410 of the page's own URL | retired |
//! | 429, 503 | failed, with the wait that the host asks for |
//! | any other | failed |

use http::StatusCode;
use jiff::tz::TimeZone;
use pagewire_extract::diff::{Change, Finding, Outcome, Pending, Step, Today, Visit};
use pagewire_extract::{ExtractError, diff};
use pagewire_fetch::Response;
use pagewire_types::{Diff, SourceType, TargetErrorCode};

use super::Given;
use super::kept::Kept;
use crate::live::event::{EventKey, NewEvent};
use crate::live::watch::{Polled, Verdict};

/// What the first answer of a poll comes to.
pub(super) enum First {
    /// It says all.
    Polled(Polled),
    /// The page is to be fetched once more.
    Again(Box<Pending>),
}

/// What the first answer says.
pub(super) fn first(response: &Response, given: &Given) -> First {
    let polled = match response.status {
        StatusCode::NOT_MODIFIED => Polled::of(Verdict::Unchanged),
        status if status.is_success() => {
            let state = given.kept.as_ref().map(Kept::page);
            match given.watch.look(state, &visit(response, given), given.backfill) {
                Ok(Step::Again(pending)) => return First::Again(pending),
                Ok(Step::Done(outcome)) => of_outcome(outcome, Some(response), given),
                Err(error) => unread(&error),
            }
        }
        _ => no_page(response),
    };
    First::Polled(answered(polled, response, given))
}

/// What the second says.
pub(super) fn second(response: &Response, given: &Given, pending: Pending) -> Polled {
    let polled = if response.status.is_success() {
        match given.watch.look_again(pending, &visit(response, given)) {
            Ok(outcome) => of_outcome(outcome, Some(response), given),
            Err(error) => unread(&error),
        }
    } else {
        without_second(pending, no_page(response), given)
    };
    answered(polled, response, given)
}

/// What a poll comes to whose second fetch failed so: a page that is read for the first time is kept as it is.
pub(super) fn without_second(pending: Pending, failed: Polled, given: &Given) -> Polled {
    match pending.without_second() {
        Some(outcome) => of_outcome(outcome, None, given),
        None => failed,
    }
}

/// What every answer tells.
fn answered(polled: Polled, response: &Response, given: &Given) -> Polled {
    let is_page = matches!(polled.verdict, Verdict::Changed | Verdict::Unchanged);
    // Headers that are the source's own are not for another site.
    let moved_to = response.moved_permanently_to().filter(|_| is_page && !given.has_headers).cloned();
    Polled { http_status: Some(response.status.as_u16()), moved_to, ..polled }
}

fn no_page(response: &Response) -> Polled {
    let (status, url) = (response.status, response.final_url.as_str());
    if status == StatusCode::GONE && (response.redirects == 0 || response.redirects_are_permanent) {
        let reason = format!("{url} answers 410: the page is gone for good");
        return Polled::of(Verdict::Retired { reason });
    }
    let asks_for_a_pause = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let wait = response.retry_after.filter(|_| asks_for_a_pause);
    Polled { wait, ..failed(TargetErrorCode::HttpError, format!("{url} answers {status}")) }
}

fn unread(error: &ExtractError) -> Polled {
    let more = "; a feed is a source of type `rss`, `atom` or `json_feed`";
    let is_feed = matches!(error, ExtractError::UnsupportedContent { content_type } if ["xml", "json"].iter().any(|kind| content_type.ends_with(kind)));
    failed(error.code(), format!("{error}{}", if is_feed { more } else { "" }))
}

pub(super) fn failed(code: TargetErrorCode, detail: String) -> Polled {
    Polled::of(Verdict::Failed { code, detail })
}

fn of_outcome(outcome: Outcome, response: Option<&Response>, given: &Given) -> Polled {
    let verdict = match outcome.finding {
        Finding::First | Finding::Changed => Verdict::Changed,
        Finding::Unchanged => Verdict::Unchanged,
        Finding::Doubted(doubt) => Verdict::Degraded { reason: doubt.to_string() },
    };
    let version = response.filter(|_| outcome.is_settled).map(|response| (&given.url, &response.headers));
    let state = outcome.state.and_then(|page| Kept::new(page, version)?.write());
    let state = state.filter(|state| given.state.as_ref() != Some(state));
    let from = outcome.from;
    let events = outcome.changes.into_iter().map(|change| event(change, from, given)).collect();
    Polled { events, state, ..Polled::of(verdict) }
}

fn event(change: Change, (since, revision): (i64, u32), given: &Given) -> NewEvent {
    let key = EventKey::of(&[
        b"page",
        &since.to_le_bytes(),
        &revision.to_le_bytes(),
        &change.identity.to_le_bytes(),
    ]);
    let name = given.name.as_deref().unwrap_or(given.url.as_str());
    NewEvent {
        key,
        source_type: SourceType::Html,
        url: change.url.unwrap_or_else(|| given.url.as_str().to_owned()),
        title: if change.title.is_empty() { name.to_owned() } else { change.title },
        content: change.content,
        author: None,
        tags: Vec::new(),
        published_at: None,
        fetched_at: given.now,
        diff: Some(Diff { added: change.added, removed: change.removed }),
    }
}

fn visit<'a>(response: &'a Response, given: &'a Given) -> Visit<'a> {
    let date = given.now.to_zoned(TimeZone::UTC).date();
    Visit {
        body: &response.body,
        content_type: response.content_type.as_deref(),
        asked: given.url.as_url(),
        at: response.final_url.as_url(),
        today: Today {
            year: date.year().into(),
            month: date.month().unsigned_abs().into(),
            day: date.day().unsigned_abs().into(),
        },
        now: given.now.as_second(),
    }
}

/// What is watched, as the source was declared.
pub(super) fn watch(spec: &pagewire_types::SourceSpec) -> Result<diff::Watch, String> {
    let options = diff::WatchOptions {
        include_selectors: spec.include_selectors.clone(),
        exclude_selectors: spec.exclude_selectors.clone(),
        ignore: spec.ignore.clone(),
    };
    diff::Watch::compile(&options).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        format!("the source cannot be watched as it is declared: {}", faults.join("; "))
    })
}
