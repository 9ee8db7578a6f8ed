//! The input of a run: how its URLs are fetched and read, and those of its chunks that are being worked off.
//!
//! A chunk is loaded before the first of its URLs is scheduled and let go when the last of them has its record, so that
//! a run of a million URLs holds no more of them than its window.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use pagewire_types::request::CHUNK_URLS;
use pagewire_types::{Problem, RobotsRule, ScrapeParams, UrlEntry};

use super::lock;
use crate::recipe::Recipe;

/// What holds for all URLs of a run, and the chunks that are loaded.
#[derive(Debug)]
pub struct RunInput {
    defaults: ScrapeParams,
    shared: Arc<Recipe>,
    robots: RobotsRule,
    chunks: Mutex<HashMap<u32, Arc<Chunk>>>,
}

/// Up to [`CHUNK_URLS`] URLs that follow each other in the input.
#[derive(Debug)]
struct Chunk {
    entries: Vec<UrlEntry>,
    /// Of the URLs that bring overrides; empty where none does.
    recipes: Vec<Option<Arc<Recipe>>>,
    /// URLs without a record.
    open: AtomicUsize,
}

/// One URL of a chunk that is loaded.
#[derive(Debug)]
pub(super) struct LoadedUrl {
    chunk: Arc<Chunk>,
    place: usize,
}

impl LoadedUrl {
    pub(super) fn entry(&self) -> &UrlEntry {
        &self.chunk.entries[self.place]
    }
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
        let mut entries = entries.into_iter().peekable();
        for chunk in 0.. {
            if entries.peek().is_none() {
                break;
            }
            input.load(chunk, entries.by_ref().take(CHUNK_URLS).collect())?;
        }
        Ok(input)
    }

    /// Takes a chunk in. Faults of its URLs are told by pointers into the request, `/urls/0` being the first URL of the
    /// first chunk.
    pub fn load(&self, chunk: u32, entries: Vec<UrlEntry>) -> Result<(), Box<Problem>> {
        let mut recipes = Vec::new();
        if entries.iter().any(|entry| entry.overrides.is_some()) {
            recipes.reserve_exact(entries.len());
            for (place, entry) in entries.iter().enumerate() {
                recipes.push(self.recipe_of(entry).map_err(|problem| {
                    moved_under(problem, &format!("/urls/{}", chunk as usize * CHUNK_URLS + place))
                })?);
            }
        }
        let open = AtomicUsize::new(entries.len());
        lock(&self.chunks).insert(chunk, Arc::new(Chunk { entries, recipes, open }));
        Ok(())
    }

    fn recipe_of(&self, entry: &UrlEntry) -> Result<Option<Arc<Recipe>>, Box<Problem>> {
        let Some(overrides) = &entry.overrides else { return Ok(None) };
        self.shared
            .with_overrides(overrides, &self.defaults, self.robots)
            .map(|recipe| Some(Arc::new(recipe)))
    }

    /// The hosts of a chunk's URLs, by the names that the scheduler has for them, each with the URL's ordinal. Empty for
    /// a chunk that is not loaded.
    pub(super) fn hosts_of(&self, chunk: u32, scheduled: impl Fn(&str) -> Arc<str>) -> Vec<(u32, Arc<str>)> {
        let Some(loaded) = lock(&self.chunks).get(&chunk).cloned() else { return Vec::new() };
        let mut hosts = HashMap::<&str, Arc<str>>::new();
        let first = first_ordinal(chunk);
        (first..)
            .zip(&loaded.entries)
            .map(|(ordinal, entry)| {
                let host = entry.url.host();
                (ordinal, hosts.entry(host).or_insert_with(|| scheduled(host)).clone())
            })
            .collect()
    }

    /// The chunks that are loaded, in order.
    pub(super) fn loaded_chunks(&self) -> Vec<u32> {
        let mut chunks: Vec<u32> = lock(&self.chunks).keys().copied().collect();
        chunks.sort_unstable();
        chunks
    }

    /// A URL of a chunk that is loaded.
    pub(super) fn url(&self, ordinal: u32) -> Option<LoadedUrl> {
        let chunk = lock(&self.chunks).get(&chunk_of(ordinal)).cloned()?;
        let place = ordinal as usize % CHUNK_URLS;
        (place < chunk.entries.len()).then_some(LoadedUrl { chunk, place })
    }

    /// How a URL is to be fetched and read.
    pub(super) fn recipe<'a>(&'a self, url: &'a LoadedUrl) -> &'a Arc<Recipe> {
        url.chunk.recipes.get(url.place).and_then(Option::as_ref).unwrap_or(&self.shared)
    }

    /// A URL has its record; with the last one its chunk is let go.
    pub(super) fn recorded(&self, ordinal: u32) {
        let mut chunks = lock(&self.chunks);
        let chunk = chunk_of(ordinal);
        if chunks.get(&chunk).is_some_and(|chunk| chunk.open.fetch_sub(1, Ordering::Relaxed) == 1) {
            chunks.remove(&chunk);
        }
    }
}

/// The chunk that a URL is in.
pub(super) fn chunk_of(ordinal: u32) -> u32 {
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
