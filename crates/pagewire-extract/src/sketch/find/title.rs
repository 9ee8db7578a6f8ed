//! What the page, or an item of a list, is called: the heading that its `<title>` agrees with, then the first of the
//! highest rank.

use super::Finder;
use crate::dom::Tag;
use crate::sketch::page::{At, flag, words_of};

/// Bytes of a title.
const TITLE_BYTES_MAX: usize = 400;
/// Last words of a name for what something is called.
const NAMING: &[&str] = &[
    "title",
    "headline",
    "name",
    "heading",
    "titel",
    "titre",
    "titulo",
    "titolo",
    "nom",
    "nombre",
    "nome",
    "navn",
    "namn",
    "naam",
    "overskrift",
    "rubrik",
    "nazwa",
    "tytul",
    "nazev",
];
/// Names of what names the site.
const OF_SITE: &[&str] = &[
    "logo",
    "site title",
    "site name",
    "brand",
    "navbar brand",
    "sitename",
    "masthead",
    "blog title",
    "sr only",
    "visually hidden",
    "screen reader text",
];

impl Finder<'_, '_> {
    pub(super) fn title_element(&self) -> Option<At> {
        if self.is_item { self.title_of_item() } else { self.title_of_page() }
    }

    fn title_of_page(&self) -> Option<At> {
        let said = words_of(self.page_title.unwrap_or_default());
        let mut best: Option<(f32, At)> = None;
        let mut count = 0;
        for at in self.part.clone() {
            let element = self.page.element(at);
            let rank = match element.tag {
                Tag::H1 => 1.0,
                Tag::H2 => 0.7,
                Tag::H3 => 0.55,
                Tag::H4 => 0.4,
                _ if self.is_named_title(at) => 0.68,
                // Old pages put the title in a bold or a big font.
                Tag::B | Tag::Strong | Tag::Td | Tag::Div | Tag::Center | Tag::Other | Tag::P | Tag::Span
                    if !said.is_empty() =>
                {
                    0.3
                }
                _ => continue,
            };
            let length = self.page.len(at);
            if !(2..=TITLE_BYTES_MAX).contains(&length) || self.page.is(at, flag::NAV | flag::FOOTER) {
                continue;
            }
            count += 1;
            if count > 4_000 {
                break;
            }
            let agreement = agreement(&said, &words_of(self.page.raw_text(at)));
            if rank < 0.5 && agreement < 0.9 {
                continue;
            }
            let mut score = rank + 0.6 * agreement - 0.001 * count as f32 * rank;
            if self.page.is(at, flag::OTHERS | flag::CARD) {
                score -= 0.6;
            }
            if self.page.is(at, flag::HEADER)
                || self.page.names(at).lines().any(|name| OF_SITE.contains(&name))
            {
                score -= 0.45;
            }
            if self.page.names_the_site(at) {
                score -= 0.6;
            }
            if self.page.is(at, flag::ASIDE) {
                score -= 0.2;
            }
            if best.is_none_or(|(other, _)| score > other + 0.001) {
                best = Some((score, at));
            }
        }
        best.filter(|(score, _)| *score > 0.35).map(|(_, at)| at)
    }

    fn is_named_title(&self, at: At) -> bool {
        let named = |name: &str| {
            let words: Vec<&str> = name.split(' ').collect();
            words.last().is_some_and(|last| NAMING.contains(last)) && words.len() <= 4
        };
        self.page.names(at).lines().any(named)
    }

    /// The first heading, the first that is named so, or the longest link.
    fn title_of_item(&self) -> Option<At> {
        let says = |at: &At| (2..=TITLE_BYTES_MAX).contains(&self.page.len(*at));
        let part = || self.part.clone().filter(says);
        part()
            .find(|at| self.page.element(*at).tag.is_heading())
            .or_else(|| part().skip(1).find(|at| self.is_named_title(*at)))
            .or_else(|| {
                let links = part().filter(|at| self.page.element(*at).tag == Tag::A);
                links.max_by_key(|at| (self.page.len(*at).min(80), std::cmp::Reverse(*at)))
            })
            .or_else(|| {
                part()
                    .find(|at| matches!(self.page.element(*at).tag, Tag::Strong | Tag::B | Tag::Dt | Tag::Td))
            })
    }
}

/// How much of a heading the page's own title says, or the heading of it. A title is what the site adds to as well.
fn agreement(said: &[String], heading: &[String]) -> f32 {
    if said.is_empty() || heading.is_empty() {
        return 0.0;
    }
    let is_within =
        said.len() >= heading.len() && said.windows(heading.len()).any(|window| window == heading);
    if is_within {
        // A site's name is at the end, and shorter than what a page is called.
        let leads = said.starts_with(heading);
        return if leads { 1.0 } else { 0.55 + 0.35 * (heading.len() as f32 / said.len() as f32) };
    }
    let common = heading.iter().filter(|word| said.contains(word)).count();
    0.8 * common as f32 / heading.len().max(said.len().min(heading.len() * 2)) as f32
}
