//! A run that reads what another has archived: its records are made of that run's, one of each, and nothing is fetched.

use bytes::Bytes;
use pagewire_journal::Record;
use pagewire_types::{TargetErrorCode, UrlEntry};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{ERROR, EarlyEnd, PAGE, Run, key_of};
use crate::archive;
use crate::envelope::{Failure, error_record};
use crate::schedule::Item;

/// Records that may wait for their commit: as many as a run may have under way that fetches.
const UNCOMMITTED_MAX: usize = 256;

/// What of an earlier record goes on into the new one.
#[derive(Deserialize)]
struct Head<'a> {
    url: String,
    custom_id: Option<String>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    /// Of an error.
    index: Option<u32>,
    code: Option<TargetErrorCode>,
    /// Of a page.
    meta: Option<Meta>,
}

#[derive(Deserialize)]
struct Meta {
    index: u32,
}

impl Head<'_> {
    /// Whether an answer came that is a page: not one whose status or whose walls are the error.
    fn is_of_a_page(&self) -> bool {
        !matches!(self.code, Some(TargetErrorCode::HttpError | TargetErrorCode::BlockedByTarget))
    }

    fn index(&self) -> u32 {
        self.meta.as_ref().map(|meta| meta.index).or(self.index).unwrap_or_default()
    }

    /// The URL as it was asked for. It was one when it was accepted.
    fn entry(&self) -> Option<UrlEntry> {
        let mut entry = serde_json::Map::from_iter([("url".to_owned(), Value::from(self.url.as_str()))]);
        entry.extend(self.custom_id.iter().map(|id| ("custom_id".to_owned(), Value::from(id.as_str()))));
        let metadata = self.metadata.and_then(|metadata| serde_json::from_str(metadata.get()).ok());
        entry.extend(metadata.map(|metadata: Value| ("metadata".to_owned(), metadata)));
        UrlEntry::parse(Value::Object(entry)).ok()
    }
}

impl Run {
    /// Makes the record that follows from one of the run that is read, unless it is there.
    pub(crate) async fn rework(&self, old: &Record) {
        // Dense, also where the other run was cancelled and has URLs without a record.
        let ordinal = u32::try_from(old.position.0.saturating_sub(1)).unwrap_or(u32::MAX);
        if self.journal.contains(key_of(ordinal)) {
            return;
        }
        let Some(input) = self.input() else { return };
        let item = Item { ordinal, attempts: 0 };
        let parts = archive::split(&old.body);
        let head: Option<Head<'_>> = serde_json::from_slice(&parts.json).ok();
        let warc = parts.warc.clone().filter(|_| head.as_ref().is_some_and(Head::is_of_a_page));
        let replayed = match warc {
            Some(warc) => self
                .scraper
                .turns()
                .take("reading an archived page", move || archive::replay(&warc))
                .await
                .flatten(),
            None => None,
        };
        let (Some(head), Some(replayed)) = (head, replayed) else {
            // Of what never came, or is no page, there is nothing new to tell.
            let kind = if old.kind == ERROR { ERROR } else { PAGE };
            self.record(&input, item, kind, 0, parts.json);
            return;
        };
        let Some(entry) = head.entry() else {
            self.record(&input, item, ERROR, 0, parts.json);
            return;
        };
        let index = head.index();
        let failed = |failure: &Failure| -> Bytes { error_record(&entry, index, 0, failure) };
        if !self.account.may_spend(self.mode) {
            self.warn(EarlyEnd::CreditsExhausted.warning());
            let failure = Failure {
                code: TargetErrorCode::Cancelled,
                message: EarlyEnd::CreditsExhausted.sentence().to_owned(),
                http_status: None,
                retryable: true,
                unsatisfied: None,
                tried: None,
            };
            self.record(&input, item, ERROR, 0, failed(&failure));
            return;
        }
        match self.scraper.read_again(&entry, index, input.recipe(), replayed).await {
            Ok(page) => {
                self.spend(page.credits);
                self.record(&input, item, PAGE, page.credits, page.json);
            }
            Err(error) => {
                self.record(&input, item, ERROR, 0, failed(&error.failure));
            }
        }
    }

    /// Until the commits have kept up. Who reads what is archived holds no permits, as who fetches does.
    pub(crate) async fn commits_keep_up(&self) {
        let mut tip = pagewire_journal::Journal::tip(self.journal.as_ref());
        while self.group.pending() >= UNCOMMITTED_MAX {
            // The run holds the journal, so its watch cannot close.
            let _ = tip.changed().await;
        }
    }
}
