//! What a page says of itself. For each field the first source that has it:
//!
//! | field | sources, in order |
//! |---|---|
//! | `title` | `<title>`, OpenGraph, Twitter, JSON-LD, names of citations and Dublin Core, the first heading |
//! | `description` | `description`, OpenGraph, Twitter, JSON-LD, Dublin Core |
//! | `author` | JSON-LD, `author` and its like by name, the byline; several with a comma between |
//! | `published_at`, `modified_at` | JSON-LD, article times, names by which publishers and libraries tell them, `<time>`; ISO 8601 where it is clearly a date |
//! | `language` | `<html lang>`, `content-language`, JSON-LD, OpenGraph's locale, Dublin Core |
//! | `site_name` | OpenGraph, `application-name`, JSON-LD |
//! | `canonical` | `<link rel=canonical>`, `og:url` |
//! | `image` | OpenGraph, Twitter, JSON-LD |
//! | `keywords`, `robots`, `generator` | `<meta>` |
//! | `icons` | `[{url, rel, sizes, type}]` |
//! | `feeds` | `[{url, title, type}]`: the feeds that the page announces |
//! | `alternates` | `[{url, hreflang}]` |
//! | `open_graph`, `twitter` | as in `structured` |
//!
//! What is not there is left out. Texts are folded and bounded: they are a stranger's.

mod about;
mod linked;
mod seen;

use crate::dom::{Document, NodeRef};
use serde_json::{Map, Value};
use url::Url;

use self::about::About;
use self::linked::Linked;
use self::seen::folded;
use crate::links::base_of;
use crate::sketch::coerce::date;
use crate::structured::{json_ld, meta};

/// Characters of a text, and of the texts of `open_graph` and `twitter`.
const TEXT_CHARS_MAX: usize = 5_000;
/// Characters of a time that is no clear date.
const TIME_CHARS_MAX: usize = 100;
/// Values of one name in `open_graph` and `twitter`.
const VALUES_MAX: usize = 100;

const TITLES: [&str; 2] = ["og:title", "twitter:title"];
const LATE_TITLES: [&str; 5] =
    ["citation_title", "dc.title", "dcterms.title", "parsely-title", "sailthru.title"];
const DESCRIPTIONS: [&str; 3] = ["description", "og:description", "twitter:description"];
const LATE_DESCRIPTIONS: [&str; 4] =
    ["dc.description", "dcterms.description", "dcterms.abstract", "sailthru.description"];
const AUTHORS: [&str; 12] = [
    "author",
    "article:author",
    "parsely-author",
    "sailthru.author",
    "citation_author",
    "dc.creator",
    "dcterms.creator",
    "dc.contributor",
    "article:author_name",
    "byl",
    "og:article:author",
    "book:author",
];
const PUBLISHED: [&str; 21] = [
    "article:published_time",
    "og:published_time",
    "og:article:published_time",
    "datepublished",
    "parsely-pub-date",
    "sailthru.date",
    "citation_publication_date",
    "citation_online_date",
    "citation_date",
    "dc.date.issued",
    "dcterms.issued",
    "dcterms.created",
    "dc.date.created",
    "dc.date",
    "dcterms.date",
    "date",
    "pubdate",
    "publish-date",
    "publishdate",
    "publication_date",
    "article.published",
];
const MODIFIED: [&str; 9] = [
    "article:modified_time",
    "og:updated_time",
    "og:modified_time",
    "datemodified",
    "dcterms.modified",
    "dc.date.modified",
    "last-modified",
    "revised",
    "article.updated",
];
const SITE_NAMES: [&str; 3] = ["og:site_name", "application-name", "apple-mobile-web-app-title"];
const LANGUAGES: [&str; 3] = ["content-language", "dc.language", "dcterms.language"];

/// The metadata of a page.
pub(crate) fn of_page(text: &str, document: &Document, page: &Url) -> Map<String, Value> {
    let nodes = json_ld::nodes_of(text);
    let base = base_of(document, page);
    let source = Source {
        document,
        base: &base,
        tags: meta::of_document(document),
        about: About::of(&nodes),
        linked: Linked::of(document, &base),
        language: document
            .select_first("html[lang]")
            .and_then(|node| node.attr("lang"))
            .map(|lang| lang.trim().to_owned()),
    };
    source.metadata()
}

/// Where metadata is looked for.
struct Source<'a> {
    document: &'a Document,
    base: &'a Url,
    tags: meta::MetaTags,
    about: About<'a>,
    linked: Linked,
    language: Option<String>,
}

impl Source<'_> {
    fn metadata(mut self) -> Map<String, Value> {
        let mut metadata = Map::new();
        let found = [
            ("title", self.title()),
            ("description", self.description()),
            ("author", self.author()),
            ("published_at", self.published_at()),
            ("modified_at", self.modified_at()),
            ("language", self.language()),
            ("site_name", self.first_of(&SITE_NAMES).or_else(|| self.about.site_name())),
            ("canonical", self.canonical()),
            ("image", self.image()),
            ("keywords", self.first_of(&["keywords", "news_keywords"])),
            ("robots", self.first_of(&["robots"])),
            ("generator", self.first_of(&["generator"])),
        ];
        for (name, value) in found {
            let value = value.map(|value| bounded(&folded(&value), TEXT_CHARS_MAX));
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                metadata.insert(name.to_owned(), value.into());
            }
        }
        let linked = std::mem::take(&mut self.linked);
        for (name, links) in
            [("icons", linked.icons), ("feeds", linked.feeds), ("alternates", linked.alternates)]
        {
            if !links.is_empty() {
                metadata.insert(name.to_owned(), Value::Array(links));
            }
        }
        for (name, prefix) in [("open_graph", "og:"), ("twitter", "twitter:")] {
            let values = self.tags.with_prefix(prefix);
            if !values.is_empty() {
                metadata
                    .insert(name.to_owned(), Value::Object(values.into_iter().map(within_bounds).collect()));
            }
        }
        metadata
    }

    fn first_of(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.tags.get(name)).map(str::to_owned)
    }

    fn title(&self) -> Option<String> {
        let title = folded(&self.document.select_first("title").map(NodeRef::text).unwrap_or_default());
        Some(title)
            .filter(|title| !title.is_empty())
            .or_else(|| self.first_of(&TITLES))
            .or_else(|| self.about.text(&["headline", "name"]))
            .or_else(|| self.first_of(&LATE_TITLES))
            .or_else(|| seen::headline(self.document))
    }

    fn description(&self) -> Option<String> {
        self.first_of(&DESCRIPTIONS)
            .or_else(|| self.about.text(&["description", "abstract"]))
            .or_else(|| self.first_of(&LATE_DESCRIPTIONS))
    }

    /// Addresses are no names: `article:author` is often a profile's.
    fn author(&self) -> Option<String> {
        let is_name = |name: &String| {
            let name = name.trim();
            !name.is_empty() && !name.contains("://") && !name.starts_with(['/', '@'])
        };
        let named = |names: Vec<String>| -> Option<String> {
            let mut kept: Vec<String> = Vec::new();
            for name in names.into_iter().filter(is_name).map(|name| bounded(&folded(&name), TIME_CHARS_MAX))
            {
                if !kept.contains(&name) {
                    kept.push(name);
                }
            }
            (!kept.is_empty()).then(|| kept.join(", "))
        };
        named(self.about.authors())
            .or_else(|| AUTHORS.iter().find_map(|name| named(self.tags.all(name).to_vec())))
            .or_else(|| named(seen::authors(self.document)))
            .or_else(|| self.first_of(&["twitter:creator"]))
    }

    fn published_at(&self) -> Option<String> {
        let told = self.about.text(&["datePublished", "uploadDate", "dateCreated", "datePosted"]);
        let tags = PUBLISHED.iter().filter_map(|name| self.tags.get(name).map(str::to_owned));
        self.time(told.into_iter().chain(tags).chain(seen::published(self.document)))
    }

    fn modified_at(&self) -> Option<String> {
        let told = self.about.text(&["dateModified"]);
        let tags = MODIFIED.iter().filter_map(|name| self.tags.get(name).map(str::to_owned));
        self.time(told.into_iter().chain(tags).chain(seen::modified(self.document)))
    }

    /// The first of some texts that is clearly a date, in ISO 8601; else the first as it stands, if it has a digit.
    fn time(&self, texts: impl Iterator<Item = String>) -> Option<String> {
        let texts: Vec<String> = texts.collect();
        let clear = texts.iter().find_map(|text| date::read(text, self.language.as_deref()));
        clear.map(|dates| dates.start).or_else(|| {
            let text = texts.into_iter().find(|text| text.contains(|c: char| c.is_ascii_digit()))?;
            Some(bounded(&text, TIME_CHARS_MAX))
        })
    }

    fn language(&self) -> Option<String> {
        let of_page = self.language.clone().filter(|language| !language.is_empty());
        let by_xml = || {
            self.document
                .select_first("html")
                .and_then(|node| node.attr("xml:lang"))
                .map(|lang| lang.trim().to_owned())
        };
        let by_http = || {
            let tag = self.document.select_first("meta[http-equiv='content-language' i][content]");
            tag.and_then(|tag| tag.attr("content"))
                .map(|language| language.split(',').next().unwrap_or_default().trim().to_owned())
        };
        let by_locale = || self.first_of(&["og:locale"]).map(|locale| locale.replace('_', "-"));
        of_page
            .or_else(by_xml)
            .or_else(by_http)
            .or_else(|| self.first_of(&LANGUAGES))
            .or_else(|| self.about.text(&["inLanguage"]))
            .or_else(by_locale)
            .map(|language| bounded(&language, TIME_CHARS_MAX))
    }

    fn canonical(&self) -> Option<String> {
        let linked = self.linked.canonical.clone();
        linked.or_else(|| linked::absolute(self.base, self.tags.get("og:url")?))
    }

    fn image(&self) -> Option<String> {
        let found = self.first_of(&["og:image", "og:image:url", "twitter:image", "twitter:image:src"]);
        linked::absolute(self.base, &found.or_else(|| self.about.text(&["image", "thumbnailUrl"]))?)
    }
}

fn bounded(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((cut, _)) => text[..cut].to_owned(),
        None => text.to_owned(),
    }
}

fn within_bounds((name, value): (String, Value)) -> (String, Value) {
    let value = match value {
        Value::String(text) => bounded(&text, TEXT_CHARS_MAX).into(),
        Value::Array(values) => {
            values.into_iter().take(VALUES_MAX).map(|value| within_bounds((String::new(), value)).1).collect()
        }
        other => other,
    };
    (bounded(&name, TIME_CHARS_MAX), value)
}

#[cfg(test)]
mod tests;
