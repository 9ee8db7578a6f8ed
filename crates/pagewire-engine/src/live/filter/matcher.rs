//! Many filters at once: what an event costs follows the filters that it hits, not those that there are.
//!
//! Sources are looked up by their id and by each of its beginnings that ends with a dot; tags and types likewise; all
//! keywords are found in one pass over the text, by one Aho-Corasick automaton.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, BuildError, MatchKind};

use super::super::body::Fields;
use super::text::Folded;
use super::{Filter, SourcePattern};

const SOURCE: u8 = 1;
const TYPE: u8 = 2;
const TAG: u8 = 4;
const KEYWORD: u8 = 8;

/// Filters, compiled. They are known by their places in what the matcher was made of.
pub(in crate::live) struct Matcher {
    /// Of each filter, the names that it has values of.
    required: Vec<u8>,
    exact: HashMap<String, Vec<u32>>,
    prefixes: HashMap<String, Vec<u32>>,
    types: HashMap<u8, Vec<u32>>,
    tags: HashMap<String, Vec<u32>>,
    keywords: Option<Keywords>,
    /// Of each filter, the names that hold for the event at hand.
    met: Vec<u8>,
    /// The filters of which some name holds.
    touched: Vec<u32>,
}

/// The keywords of all filters.
struct Keywords {
    automaton: AhoCorasick,
    /// Of each needle, the keywords that have it.
    of_needle: Vec<Vec<u32>>,
    /// Of each keyword, how many needles it has.
    needed: Vec<u32>,
    /// Of each keyword, the filters that have it.
    filters: Vec<Vec<u32>>,
    /// Of each keyword, how many needles were found.
    found: Vec<u32>,
    needle_found: Vec<bool>,
}

impl Matcher {
    /// Compiles filters; none of them takes everything. It fails only where keywords are more than an automaton can hold.
    pub(in crate::live) fn new<'f>(
        filters: impl IntoIterator<Item = &'f Filter>,
    ) -> Result<Self, BuildError> {
        let mut matcher = Self {
            required: Vec::new(),
            exact: HashMap::new(),
            prefixes: HashMap::new(),
            types: HashMap::new(),
            tags: HashMap::new(),
            keywords: None,
            met: Vec::new(),
            touched: Vec::new(),
        };
        let mut keywords: HashMap<&[String], Vec<u32>> = HashMap::new();
        for (number, filter) in (0_u32..).zip(filters) {
            let mut required = 0;
            for pattern in &filter.sources {
                required |= SOURCE;
                match pattern {
                    SourcePattern::Exact(id) => matcher.exact.entry(id.clone()).or_default().push(number),
                    SourcePattern::Prefix(id) => matcher.prefixes.entry(id.clone()).or_default().push(number),
                }
            }
            for source_type in &filter.source_types {
                required |= TYPE;
                matcher.types.entry(*source_type as u8).or_default().push(number);
            }
            for tag in &filter.tags {
                required |= TAG;
                matcher.tags.entry(tag.clone()).or_default().push(number);
            }
            for keyword in &filter.keywords {
                required |= KEYWORD;
                keywords.entry(keyword.needles()).or_default().push(number);
            }
            matcher.required.push(required);
        }
        matcher.met = vec![0; matcher.required.len()];
        matcher.keywords = Keywords::of(keywords)?;
        Ok(matcher)
    }

    /// The filters that take an event, by their places; none twice.
    pub(in crate::live) fn matches(&mut self, fields: &Fields<'_>) -> Vec<u32> {
        let (met, touched) = (&mut self.met, &mut self.touched);
        let mut meet = |filters: Option<&Vec<u32>>, name: u8| {
            for filter in filters.into_iter().flatten() {
                let met = &mut met[*filter as usize];
                if *met == 0 {
                    touched.push(*filter);
                }
                *met |= name;
            }
        };
        let source: &str = &fields.source_id;
        meet(self.exact.get(source), SOURCE);
        if !self.prefixes.is_empty() {
            for (dot, _) in source.match_indices('.') {
                meet(self.prefixes.get(&source[..=dot]), SOURCE);
            }
        }
        meet(self.types.get(&(fields.source_type as u8)), TYPE);
        for tag in &fields.tags {
            meet(self.tags.get(tag.as_ref()), TAG);
        }
        if let Some(keywords) = &mut self.keywords {
            keywords
                .find(&Folded::of(&fields.title, &fields.content), |filters| meet(Some(filters), KEYWORD));
        }
        let hit = |filter: &u32| self.met[*filter as usize] == self.required[*filter as usize];
        let hits = self.touched.iter().copied().filter(hit).collect();
        for filter in self.touched.drain(..) {
            self.met[filter as usize] = 0;
        }
        hits
    }
}

impl Keywords {
    fn of(keywords: HashMap<&[String], Vec<u32>>) -> Result<Option<Self>, BuildError> {
        let mut needles: HashMap<&str, Vec<u32>> = HashMap::new();
        let (mut needed, mut filters) = (Vec::new(), Vec::new());
        for (number, (keyword, of_filters)) in (0_u32..).zip(keywords) {
            needed.push(u32::try_from(keyword.len()).unwrap_or(u32::MAX));
            filters.push(of_filters);
            for needle in keyword {
                needles.entry(needle).or_default().push(number);
            }
        }
        if needles.is_empty() {
            return Ok(None);
        }
        let (texts, of_needle): (Vec<&str>, Vec<Vec<u32>>) = needles.into_iter().unzip();
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&texts)?;
        let (found, needle_found) = (vec![0; needed.len()], vec![false; texts.len()]);
        Ok(Some(Self { automaton, of_needle, needed, filters, found, needle_found }))
    }

    /// Gives the filters of each keyword that is in the text.
    fn find(&mut self, text: &Folded, mut give: impl FnMut(&Vec<u32>)) {
        let mut needles_found = Vec::new();
        for found in self.automaton.find_overlapping_iter(text.as_str()) {
            let needle = found.pattern().as_usize();
            if self.needle_found[needle] || !text.is_whole(found.start(), found.end()) {
                continue;
            }
            self.needle_found[needle] = true;
            needles_found.push(needle);
            for keyword in &self.of_needle[needle] {
                let keyword = *keyword as usize;
                self.found[keyword] += 1;
                if self.found[keyword] == self.needed[keyword] {
                    give(&self.filters[keyword]);
                }
            }
        }
        for needle in needles_found {
            self.needle_found[needle] = false;
            for keyword in &self.of_needle[needle] {
                self.found[*keyword as usize] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pagewire_types::SourceType;
    use proptest::prelude::*;

    use super::*;
    use crate::live::filter::{FilterCaps, FilterValues};

    const WORDS: [&str; 6] = ["rust", "go", "async", "runtime", "東京", "a b"];
    const SOURCES: [&str; 6] = ["news", "news.local", "news.local.town", "newsy", "shop.a", "news-x.local"];

    fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(prop::sample::select(of).prop_map(str::to_owned), 0..3)
    }

    fn filters() -> impl Strategy<Value = Filter> {
        const PATTERNS: &[&str] =
            &["news", "news.*", "news.local.*", "news.local", "newsy", "shop.*", "other"];
        const KEYWORDS: &[&str] = &["rust", "go", "rust async", "\"async runtime\"", "東京", "RUN", "b"];
        (some(PATTERNS), some(&["rss", "html"]), some(&["x", "y"]), some(KEYWORDS)).prop_map(
            |(sources, source_types, tags, keywords)| {
                let values = FilterValues { sources, source_types, tags, keywords };
                Filter::read(&values, FilterCaps { values: 100 }).expect("valid")
            },
        )
    }

    fn events() -> impl Strategy<Value = Fields<'static>> {
        let text = || prop::collection::vec(prop::sample::select(&WORDS[..]), 0..6).prop_map(|w| w.join(" "));
        let tags = prop::collection::vec(prop::sample::select(&["x", "y", "z"][..]), 0..3);
        let types = prop::sample::select(SourceType::ALL);
        (prop::sample::select(&SOURCES[..]), types, tags, text(), text()).prop_map(
            |(source_id, source_type, tags, title, content)| Fields {
                source_id: source_id.into(),
                source_type,
                tags: tags.into_iter().map(Into::into).collect(),
                title: title.into(),
                content: content.into(),
            },
        )
    }

    proptest! {
        #[test]
        fn all_filters_at_once_take_what_each_takes_alone(
            filters in prop::collection::vec(filters(), 0..12),
            events in prop::collection::vec(events(), 1..6),
        ) {
            let mut matcher = Matcher::new(&filters).expect("a few keywords");
            for event in &events {
                let mut hits = matcher.matches(event);
                hits.sort_unstable();
                let expected: Vec<u32> = (0_u32..)
                    .zip(&filters)
                    .filter(|(_, filter)| !filter.is_everything() && filter.matches(event))
                    .map(|(number, _)| number)
                    .collect();
                prop_assert_eq!(hits, expected);
            }
        }
    }
}
