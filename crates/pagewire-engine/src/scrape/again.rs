//! A page that was archived, read anew: what an attempt does once the page is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pagewire_types::UrlEntry;

use super::kept::Came;
use super::{FailedAttempt, Page, Scraper};
use crate::archive::Replayed;
use crate::cache::CachedPage;
use crate::passage::Passed;
use crate::recipe::Recipe;
use crate::render::Shown;

impl Scraper {
    /// Reads an archived page. It was fetched, and paid for, before.
    pub(crate) async fn read_again(
        &self,
        entry: &UrlEntry,
        index: u32,
        recipe: &Recipe,
        replayed: Replayed,
    ) -> Result<Page, FailedAttempt> {
        let Replayed { response, fetched_at, is_rendered } = replayed;
        let age = Timestamp::now().duration_since(fetched_at);
        let age = Some(Duration::try_from(age).unwrap_or_default());
        let shown = Shown { is_rendered, ..Shown::default() };
        let page = CachedPage::new(response, fetched_at, Passed::default(), shown);
        let came = Came::of(Arc::new(page), age);
        self.page_of(entry, recipe, &came, (index, 0), Instant::now()).await
    }
}
