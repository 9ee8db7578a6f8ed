//! Sources of the live stream: what is watched, how it is, and what it wants kept between two polls.
//!
//! A **life** is one source as it watches one thing. Whoever reports on a source names the life that he has seen, so that
//! what a poll finds after its source was deleted or pointed elsewhere changes nothing.

use jiff::Timestamp;
use pagewire_types::{DeclaredIn, SourceId, SourceLife, SourceStatus, WorkspaceId};

use super::Answer;
use super::keys::KeyMode;

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRow {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Of which mode's stream it is.
    pub mode: KeyMode,
    /// Its name there.
    pub id: SourceId,
    /// Which of its lives this is.
    pub life: SourceLife,
    /// Where it was declared.
    pub declared_in: DeclaredIn,
    /// Where it is, as it was declared.
    pub url: String,
    /// The whole declaration: JSON, without the values of headers.
    pub spec: String,
    /// The values of headers, sealed.
    pub headers: Option<Vec<u8>>,
    /// Why it is not asked any more although it is enabled.
    pub retired: Option<String>,
    /// How it is.
    pub report: SourceReport,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How a source is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceReport {
    /// What was seen of it, as JSON.
    pub health: String,
    /// How often something is new, as JSON.
    pub rhythm: Option<String>,
    /// When it is polled next.
    pub next_poll_at: Option<Timestamp>,
}

/// What a poll leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOutcome {
    /// Of which life.
    pub life: SourceLife,
    /// How the source is now.
    pub report: SourceReport,
    /// What the next poll is to be given; what is kept stays where absent.
    pub state: Option<String>,
    /// Why it is not to be asked any more.
    pub retired: Option<String>,
}

/// What became of a source that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceInsertion {
    /// It is there now.
    Stored,
    /// Its id is another's.
    Taken,
    /// The workspace has as many as it may have.
    Full,
}

/// Which sources of a workspace are to be listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceFilter {
    /// Only those after this id.
    pub after: Option<SourceId>,
    /// At most so many.
    pub limit: u32,
    /// Only those of this status, by what was last seen of them.
    pub status: Option<SourceStatus>,
    /// Only those with this tag.
    pub tag: Option<String>,
}

/// Sources.
pub trait Sources: Send + Sync {
    /// Stores sources in one step, each unless its id is taken or its workspace has `max` in that mode. Gives what became
    /// of each, in the same order.
    fn insert_sources(&self, sources: Vec<SourceRow>, max: u32) -> Answer<'_, Vec<SourceInsertion>>;

    /// A source; another workspace's, or mode's, is not there.
    fn source(&self, workspace: WorkspaceId, mode: KeyMode, id: SourceId) -> Answer<'_, Option<SourceRow>>;

    /// Sources of a workspace, by id.
    fn sources(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        filter: SourceFilter,
    ) -> Answer<'_, Vec<SourceRow>>;

    /// Those of the URLs that sources of the workspace have.
    fn known_source_urls(
        &self,
        workspace: WorkspaceId,
        mode: KeyMode,
        urls: Vec<String>,
    ) -> Answer<'_, Vec<String>>;

    /// All sources of all workspaces, so many from the one after that life on.
    fn all_sources(&self, after: Option<SourceLife>, limit: u32) -> Answer<'_, Vec<SourceRow>>;

    /// All sources that were declared in the configuration file.
    fn sources_in_config(&self) -> Answer<'_, Vec<SourceRow>>;

    /// Puts a source in the place of the one with its id. Of the same life, how it is and what is kept stay as they are; of
    /// another one, what is kept is forgotten. Whether it was there.
    fn put_source(&self, source: SourceRow) -> Answer<'_, bool>;

    /// Forgets a source and what is kept of it. Whether it was there.
    fn delete_source(&self, workspace: WorkspaceId, mode: KeyMode, id: SourceId) -> Answer<'_, bool>;

    /// What a source wants its next poll to be given.
    fn source_state(&self, life: SourceLife) -> Answer<'_, Option<String>>;

    /// Notes what polls have left, all in one step. Of a life that is over, nothing is noted.
    fn report_sources(&self, outcomes: Vec<SourceOutcome>) -> Answer<'_, ()>;
}
