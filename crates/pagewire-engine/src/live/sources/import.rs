//! Subscription lists (OPML) in: each feed becomes a source, unless there is one of its URL.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use pagewire_extract::opml::{self, FeedOutline, Outlines};
use pagewire_store::{SourceInsertion, SourceRow};
use pagewire_types::source_request::{TAGS_MAX, made_id};
use pagewire_types::{
    DeclaredIn, Problem, ProblemCode, RefusedLine, SourceImport, SourceSpec, SourceType, TargetUrl,
};
use serde_json::json;

use super::manage::BLOCKED;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// Lines that are told; the others are counted.
const TOLD_MAX: usize = 1_000;

/// A list to be imported.
#[derive(Debug, Clone)]
pub struct SourceImportList {
    /// The document.
    pub body: Bytes,
    /// What it was said to be.
    pub content_type: Option<String>,
    /// Tags for all of its sources.
    pub tags: Vec<String>,
}

/// A line of the list, and the source that it would be.
struct Candidate {
    line: u64,
    row: SourceRow,
}

impl Engine {
    /// Makes sources of a subscription list. A line that cannot be taken takes no other with it.
    pub async fn import_sources(
        &self,
        caller: &Caller,
        list: SourceImportList,
    ) -> Result<SourceImport, Refusal> {
        let SourceImportList { body, content_type, tags } = list;
        let read = tokio::task::spawn_blocking(move || opml::read(&body, content_type.as_deref()));
        let outlines = match read.await {
            Ok(Ok(outlines)) => outlines,
            Ok(Err(error)) => {
                let problem = Problem::new(ProblemCode::ValidationFailed, error.to_string());
                return Err(Refusal::Invalid(Box::new(problem)));
            }
            Err(_) => return Err(Refusal::Overloaded("the list could not be read")),
        };
        let mut reply = reply_of(&outlines);
        let _changing = self.sources.changing.lock().await;
        let new = self.not_there_yet(caller, outlines.feeds, &mut reply).await?;
        let candidates = self.candidates(caller, new, &tags, &mut reply)?;
        let stored = self.insert_candidates(candidates, &mut reply).await?;
        for row in &stored {
            self.sources.supervisor.watch(row, &self.webhooks.vault)?;
        }
        reply.imported = stored.len() as u64;
        reply.invalid.sort_by_key(|line| line.line);
        Ok(reply)
    }

    /// The feeds that are no sources yet, each URL once.
    async fn not_there_yet(
        &self,
        caller: &Caller,
        feeds: Vec<FeedOutline>,
        reply: &mut SourceImport,
    ) -> Result<Vec<(FeedOutline, TargetUrl)>, Refusal> {
        let mut new = Vec::with_capacity(feeds.len());
        for feed in feeds {
            match TargetUrl::parse(&feed.url) {
                Ok(url) => new.push((feed, url)),
                Err(error) => refuse(reply, feed.line, error.to_string()),
            }
        }
        let urls = new.iter().map(|(_, url)| url.as_str().to_owned()).collect();
        let known = self.store.known_source_urls(caller.workspace.id.clone(), caller.mode, urls).await?;
        let mut known: HashSet<String> = known.into_iter().collect();
        let before = new.len();
        new.retain(|(_, url)| known.insert(url.as_str().to_owned()));
        reply.already_there = (before - new.len()) as u64;
        Ok(new)
    }

    fn candidates(
        &self,
        caller: &Caller,
        feeds: Vec<(FeedOutline, TargetUrl)>,
        tags: &[String],
        reply: &mut SourceImport,
    ) -> Result<Vec<Candidate>, Refusal> {
        let guard = self.sources.supervisor.web.guard();
        let mut candidates = Vec::with_capacity(feeds.len());
        for (feed, url) in feeds {
            if guard.check_literal(&url).is_err() {
                refuse(reply, feed.line, format!("the URL {BLOCKED}"));
                continue;
            }
            let line = feed.line;
            match self.sources.rules.read_new(declaration(&feed, &url, tags)) {
                Ok(spec) => {
                    let row = self.new_source_row(caller, DeclaredIn::Api, &spec)?;
                    candidates.push(Candidate { line, row });
                }
                Err(problem) => refuse(reply, line, problem.detail),
            }
        }
        Ok(candidates)
    }

    /// Stores what there is room for. Where an id is another's, a longer one is tried, which is the URL's alone.
    async fn insert_candidates(
        &self,
        candidates: Vec<Candidate>,
        reply: &mut SourceImport,
    ) -> Result<Vec<SourceRow>, Refusal> {
        let (mut stored, mut retried) = (Vec::with_capacity(candidates.len()), Vec::new());
        for (candidate, became) in self.insert_all(candidates).await? {
            match became {
                SourceInsertion::Stored => stored.push(candidate.row),
                SourceInsertion::Taken => retried.push(self.under_a_longer_id(candidate)?),
                SourceInsertion::Full => refuse(reply, candidate.line, self.full().to_string()),
            }
        }
        for (candidate, became) in self.insert_all(retried).await? {
            match became {
                SourceInsertion::Stored => stored.push(candidate.row),
                SourceInsertion::Taken => {
                    let detail = format!("there is a source `{}` already", candidate.row.id);
                    refuse(reply, candidate.line, detail);
                }
                SourceInsertion::Full => refuse(reply, candidate.line, self.full().to_string()),
            }
        }
        Ok(stored)
    }

    async fn insert_all(
        &self,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<(Candidate, SourceInsertion)>, Refusal> {
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let rows = candidates.iter().map(|candidate| candidate.row.clone()).collect();
        let became = self.store.insert_sources(rows, self.sources.sources_max).await?;
        Ok(candidates.into_iter().zip(became).collect())
    }

    fn under_a_longer_id(&self, candidate: Candidate) -> Result<Candidate, Refusal> {
        let Candidate { line, row } = candidate;
        let mut spec = super::watched::spec_of(&row, &self.webhooks.vault)?;
        let hash = digest(&SHA256, row.url.as_bytes());
        let digits: String = hash.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        spec.id = format!("{}-{digits}", made_id(&row.url)).parse().unwrap_or(spec.id);
        let row = renamed(row, &spec)?;
        Ok(Candidate { line, row })
    }
}

fn renamed(row: SourceRow, spec: &SourceSpec) -> Result<SourceRow, Refusal> {
    let text =
        serde_json::to_string(spec).map_err(|_| crate::refusal::damaged("the declaration of a source"))?;
    Ok(SourceRow { id: spec.id.clone(), spec: text, ..row })
}

fn declaration(feed: &FeedOutline, url: &TargetUrl, tags: &[String]) -> serde_json::Value {
    let source_type = match feed.kind.as_deref() {
        Some("atom") => SourceType::Atom,
        Some("json" | "jsonfeed" | "json_feed") => SourceType::JsonFeed,
        _ => SourceType::Rss,
    };
    let mut told: Vec<&str> = tags.iter().chain(&feed.tags).map(String::as_str).collect();
    let mut seen = HashSet::new();
    told.retain(|tag| seen.insert(*tag));
    told.truncate(TAGS_MAX);
    json!({"source_type": source_type.as_str(), "url": url.as_str(), "name": feed.title, "tags": told})
}

fn reply_of(outlines: &Outlines) -> SourceImport {
    let invalid = outlines.bad.iter().take(TOLD_MAX);
    let invalid = invalid.map(|line| RefusedLine { line: line.line, detail: line.detail.clone() }).collect();
    SourceImport { refused: outlines.bad_lines, invalid, ..SourceImport::default() }
}

fn refuse(reply: &mut SourceImport, line: u64, detail: String) {
    reply.refused += 1;
    if reply.invalid.len() < TOLD_MAX {
        reply.invalid.push(RefusedLine { line, detail });
    }
}
