//! The configuration as the rest of the program sees it: typed, in range, complete. Each section is judged in its own file.

use std::collections::BTreeMap;

use pagewire_engine::account::Plan;
use pagewire_engine::cache::CacheSettings;
use pagewire_types::{SourceSpec, WorkspaceId};

use super::accounts::Credits;
use super::blobs::BlobPlace;
use super::extract::Extract;
use super::fetch::Fetch;
use super::journal::Journal;
use super::judge::{Fault, Judge};
use super::live::Live;
use super::log::Log;
use super::object_store::ObjectStore;
use super::politeness::{Politeness, Scheduler};
use super::proxies::ProxyPool;
use super::raw::Raw;
use super::render::Render;
use super::runs::{Jobs, Stream};
use super::server::Server;
use super::webhooks::Webhooks;

/// The whole configuration.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    /// The HTTP edge.
    pub(crate) server: Server,
    /// How targets are fetched.
    pub(crate) fetch: Fetch,
    /// What one host may be asked.
    pub(crate) politeness: Politeness,
    /// What targets may be reached through.
    pub(crate) proxies: Vec<ProxyPool>,
    /// How much of the pages is kept.
    pub(crate) cache: CacheSettings,
    /// How much is done at once.
    pub(crate) scheduler: Scheduler,
    /// The bounds of a stream.
    pub(crate) stream: Stream,
    /// The bounds of jobs.
    pub(crate) jobs: Jobs,
    /// How webhooks are delivered.
    pub(crate) webhooks: Webhooks,
    /// What the live stream keeps, and how sources are watched.
    pub(crate) live: Live,
    /// The sources that the file declares.
    pub(crate) sources: Vec<(WorkspaceId, SourceSpec)>,
    /// How records are kept.
    pub(crate) journal: Journal,
    /// How what is not HTML is read, and by whom else fields are filled.
    pub(crate) extract: Extract,
    /// Where jobs may read their lists from.
    pub(crate) object_store: ObjectStore,
    /// `[blobs]`
    pub(crate) blobs: BlobPlace,
    /// Plans by name; `enterprise` is always among them.
    pub(crate) plans: BTreeMap<String, Plan>,
    /// The names of the plans that workspaces were given.
    pub(crate) workspaces: BTreeMap<WorkspaceId, String>,
    /// `[render]`
    pub(crate) render: Render,
    /// What things cost.
    pub(crate) credits: Credits,
    /// What is logged.
    pub(crate) log: Log,
}

impl Checked {
    /// Judges what was written, and names every fault at once.
    pub(super) fn of(raw: &Raw) -> Result<Self, Vec<Fault>> {
        let mut judge = Judge::default();
        let object_store = judge.object_store(&raw.object_store);
        let live = judge.live(&raw.live);
        let checked = Self {
            server: judge.server(&raw.server),
            fetch: judge.fetch(&raw.fetch),
            politeness: judge.politeness(&raw.politeness),
            proxies: judge.proxies(&raw.proxies),
            cache: judge.cache(&raw.cache),
            scheduler: judge.scheduler(&raw.scheduler),
            stream: judge.stream(&raw.stream),
            jobs: judge.jobs(&raw.jobs),
            webhooks: judge.webhooks(&raw.webhooks),
            sources: judge.sources(&raw.sources, &live),
            live,
            journal: judge.journal(&raw.journal),
            extract: judge.extract(&raw.extract),
            blobs: judge.blobs(&raw.blobs, &object_store),
            object_store,
            plans: raw.plans.iter().map(|(name, plan)| (name.clone(), judge.plan(name, plan))).collect(),
            workspaces: judge.workspaces(raw),
            render: judge.render(&raw.render),
            credits: judge.credits(&raw.credits),
            log: judge.log(&raw.log),
        };
        if judge.faults.is_empty() { Ok(checked) } else { Err(judge.faults) }
    }
}
