//! The input of a run: how its URLs are fetched and read, and those of its chunks that are being worked off.
//!
//! A chunk is loaded before the first of its URLs is scheduled and let go when the last of them has its record, so that
//! a run of a million URLs holds no more of them than its window.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use pagewire_extract::OutputField;
use pagewire_types::request::CHUNK_URLS;
use pagewire_types::{InvalidLine, Problem, RobotsRule, ScrapeParams, StoredEntry, UrlEntry};

use super::lock;
use crate::recipe::Recipe;

/// What holds for all URLs of a run, and the chunks that are loaded.
#[derive(Debug)]
pub struct RunInput {
    defaults: ScrapeParams,
    shared: Arc<Recipe>,
    robots: RobotsRule,
    chunks: Mutex<HashMap<u32, Chunk>>,
}

/// Up to [`CHUNK_URLS`] entries that follow each other in the input.
#[derive(Debug)]
struct Chunk {
    entries: Vec<Loaded>,
    /// Entries without a record.
    open: usize,
}

#[derive(Debug)]
enum Loaded {
    Url(LoadedUrl),
    Invalid(Arc<InvalidLine>),
}

/// A URL of a chunk that is loaded, and how it is fetched and read.
#[derive(Debug, Clone)]
pub(super) struct LoadedUrl {
    pub(super) entry: Arc<UrlEntry>,
    pub(super) recipe: Arc<Recipe>,
}

/// An entry that has no record yet.
#[derive(Debug)]
pub(super) enum OpenEntry {
    /// To be fetched from this host.
    Url { ordinal: u32, host: Arc<str> },
    /// To be recorded as it is.
    Invalid { ordinal: u32, line: Arc<InvalidLine> },
}

impl RunInput {
    /// Compiles what holds for all URLs.
    pub fn new(defaults: ScrapeParams, robots: RobotsRule) -> Result<Self, Box<Problem>> {
        let shared = Arc::new(Recipe::compile(defaults.clone(), robots)?);
        Ok(Self { defaults, shared, robots, chunks: Mutex::new(HashMap::new()) })
    }

    /// The input of a request that brings all its URLs, so that a fault in any is found before anything is fetched.
    pub fn of_request(
        defaults: ScrapeParams,
        entries: Vec<UrlEntry>,
        robots: RobotsRule,
    ) -> Result<Self, Box<Problem>> {
        let input = Self::new(defaults, robots)?;
        let mut entries = entries.into_iter().map(StoredEntry::Url).peekable();
        for chunk in 0.. {
            if entries.peek().is_none() {
                break;
            }
            input.load(chunk, entries.by_ref().take(CHUNK_URLS))?;
        }
        Ok(input)
    }

    /// Takes a chunk in. Faults of its URLs are told by pointers into the request, `/urls/0` being the first URL of the
    /// first chunk.
    pub fn load(
        &self,
        chunk: u32,
        entries: impl IntoIterator<Item = StoredEntry>,
    ) -> Result<(), Box<Problem>> {
        let loaded = entries.into_iter().zip(first_ordinal(chunk)..).map(|(entry, ordinal)| match entry {
            StoredEntry::Invalid(line) => Ok(Loaded::Invalid(Arc::new(line))),
            StoredEntry::Url(entry) => {
                self.loaded(entry).map_err(|problem| moved_under(problem, &format!("/urls/{ordinal}")))
            }
        });
        let entries = loaded.collect::<Result<Vec<_>, Box<Problem>>>()?;
        self.hold(chunk, entries);
        Ok(())
    }

    /// Takes a chunk in that nobody waits for: a URL whose overrides do not go with the run's parameters becomes an error
    /// of its own.
    pub(super) fn load_stored(&self, chunk: u32, entries: Vec<StoredEntry>) {
        let loaded = entries.into_iter().zip(1 + u64::from(first_ordinal(chunk))..).map(|(entry, line)| {
            let entry = match entry {
                StoredEntry::Invalid(line) => return Loaded::Invalid(Arc::new(line)),
                StoredEntry::Url(entry) => entry,
            };
            let given = entry.given().to_owned();
            self.loaded(entry).unwrap_or_else(|problem| {
                Loaded::Invalid(Arc::new(InvalidLine { line, url: given, detail: problem.detail }))
            })
        });
        self.hold(chunk, loaded.collect());
    }

    fn loaded(&self, entry: UrlEntry) -> Result<Loaded, Box<Problem>> {
        let recipe = self.recipe_of(&entry)?;
        Ok(Loaded::Url(LoadedUrl { entry: Arc::new(entry), recipe }))
    }

    fn hold(&self, chunk: u32, entries: Vec<Loaded>) {
        let open = entries.len();
        lock(&self.chunks).insert(chunk, Chunk { entries, open });
    }

    /// How pages are fetched and read where a URL says nothing else.
    pub(super) fn recipe(&self) -> &Recipe {
        &self.shared
    }

    /// The fields that pages are asked for where a URL says nothing else.
    pub(super) fn fields(&self) -> Vec<OutputField> {
        self.shared.plan.output_fields()
    }

    fn recipe_of(&self, entry: &UrlEntry) -> Result<Arc<Recipe>, Box<Problem>> {
        let Some(overrides) = &entry.overrides else { return Ok(self.shared.clone()) };
        self.shared.with_overrides(overrides, &self.defaults, self.robots).map(Arc::new)
    }

    /// The entries of a chunk, of which those that are `done` count as recorded. None for a chunk that is not loaded.
    pub(super) fn open_entries(
        &self,
        chunk: u32,
        scheduled_host: impl Fn(&str) -> Arc<str>,
        done: impl Fn(u32) -> bool,
    ) -> Vec<OpenEntry> {
        let mut chunks = lock(&self.chunks);
        let Some(loaded) = chunks.get_mut(&chunk) else { return Vec::new() };
        let mut hosts = HashMap::<&str, Arc<str>>::new();
        let mut open = Vec::with_capacity(loaded.entries.len());
        for (ordinal, entry) in (first_ordinal(chunk)..).zip(&loaded.entries) {
            match entry {
                _ if done(ordinal) => {}
                Loaded::Url(url) => {
                    let host = url.entry.url.host();
                    let host = hosts.entry(host).or_insert_with(|| scheduled_host(host)).clone();
                    open.push(OpenEntry::Url { ordinal, host });
                }
                Loaded::Invalid(line) => open.push(OpenEntry::Invalid { ordinal, line: line.clone() }),
            }
        }
        loaded.open = open.len();
        if open.is_empty() {
            chunks.remove(&chunk);
        }
        open
    }

    /// The chunks that are loaded, in order.
    pub(super) fn loaded_chunks(&self) -> Vec<u32> {
        let mut chunks: Vec<u32> = lock(&self.chunks).keys().copied().collect();
        chunks.sort_unstable();
        chunks
    }

    /// Whether a chunk is loaded: some of its entries have no record.
    pub(super) fn is_loaded(&self, chunk: u32) -> bool {
        lock(&self.chunks).contains_key(&chunk)
    }

    /// A URL of a chunk that is loaded.
    pub(super) fn url(&self, ordinal: u32) -> Option<LoadedUrl> {
        match lock(&self.chunks).get(&chunk_of(ordinal))?.entries.get(ordinal as usize % CHUNK_URLS)? {
            Loaded::Url(url) => Some(url.clone()),
            Loaded::Invalid(_) => None,
        }
    }

    /// An entry has its record; with the last one its chunk is let go.
    pub(super) fn recorded(&self, ordinal: u32) {
        let mut chunks = lock(&self.chunks);
        let chunk = chunk_of(ordinal);
        let Some(loaded) = chunks.get_mut(&chunk) else { return };
        loaded.open = loaded.open.saturating_sub(1);
        if loaded.open == 0 {
            chunks.remove(&chunk);
        }
    }
}

/// The chunk that a URL is in.
fn chunk_of(ordinal: u32) -> u32 {
    ordinal / CHUNK_URLS as u32
}

/// The first URL of a chunk.
pub(super) fn first_ordinal(chunk: u32) -> u32 {
    chunk * CHUNK_URLS as u32
}

fn moved_under(mut problem: Box<Problem>, pointer: &str) -> Box<Problem> {
    for error in &mut problem.errors {
        error.pointer.insert_str(0, pointer);
    }
    if let Some(first) = problem.errors.first() {
        problem.detail = first.to_string();
    }
    problem
}
