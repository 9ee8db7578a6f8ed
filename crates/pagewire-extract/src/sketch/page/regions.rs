//! In which part of the page an element stands, by its tag and its names, for itself and all that is in it.

use super::{Page, flag};
use crate::dom::Tag;

/// Words of names that tell a part of the page, where they stand alone or as the name's main word.
const PARTS: &[(&str, u16)] = &[
    ("nav", flag::NAV),
    ("navbar", flag::NAV),
    ("navigation", flag::NAV),
    ("menu", flag::NAV),
    ("topbar", flag::NAV),
    ("pagination", flag::NAV),
    ("pager", flag::NAV),
    ("breadcrumb", flag::BREADCRUMB),
    ("breadcrumbs", flag::BREADCRUMB),
    ("crumbs", flag::BREADCRUMB),
    ("brotkrumen", flag::BREADCRUMB),
    ("footer", flag::FOOTER),
    ("colophon", flag::FOOTER),
    ("sidebar", flag::ASIDE),
    ("cookie", flag::NAV),
    ("cookies", flag::NAV),
    ("consent", flag::NAV),
    ("newsletter", flag::NAV),
    ("subscribe", flag::NAV),
    ("social", flag::NAV),
    ("share", flag::NAV),
    ("sharing", flag::NAV),
    ("related", flag::OTHERS),
    ("similar", flag::OTHERS),
    ("recommended", flag::OTHERS),
    ("recommendations", flag::OTHERS),
    ("recommendation", flag::OTHERS),
    ("upsell", flag::OTHERS),
    ("upsells", flag::OTHERS),
    ("crosssell", flag::OTHERS),
    ("cross", flag::OTHERS),
    ("comments", flag::OTHERS),
    ("comment", flag::OTHERS),
    ("recent", flag::OTHERS),
    ("popular", flag::OTHERS),
    ("trending", flag::OTHERS),
    ("teaser", flag::OTHERS),
    ("teasers", flag::OTHERS),
    ("bestseller", flag::OTHERS),
    ("bestsellers", flag::OTHERS),
    ("promo", flag::OTHERS),
    ("advert", flag::OTHERS),
    ("advertisement", flag::OTHERS),
    ("sponsored", flag::OTHERS),
    ("widget", flag::ASIDE),
    ("reviewlist", flag::OTHERS),
    ("modal", flag::NAV),
    ("minicart", flag::NAV),
    ("banner", flag::NAV),
    ("announcement", flag::NAV),
    ("masthead", flag::HEADER),
    ("others", flag::OTHERS),
    ("suggestions", flag::OTHERS),
    ("suggested", flag::OTHERS),
    ("alsolike", flag::OTHERS),
    ("also", flag::OTHERS),
];
/// Names of several words that do.
const PHRASES: &[(&str, u16)] = &[
    ("site header", flag::HEADER),
    ("page header top", flag::HEADER),
    ("main header", flag::HEADER),
    ("global header", flag::HEADER),
    ("top bar", flag::NAV),
    ("site nav", flag::NAV),
    ("site footer", flag::FOOTER),
    ("you may also", flag::OTHERS),
    ("also like", flag::OTHERS),
    ("also bought", flag::OTHERS),
    ("recently viewed", flag::OTHERS),
    ("more from", flag::OTHERS),
    ("read more", flag::OTHERS),
    ("more jobs", flag::OTHERS),
    ("more events", flag::OTHERS),
    ("more recipes", flag::OTHERS),
    ("read next", flag::OTHERS),
    ("up next", flag::OTHERS),
    ("cross sell", flag::OTHERS),
    ("review list", flag::OTHERS),
    ("reviews list", flag::OTHERS),
    ("review item", flag::OTHERS),
    ("customer review", flag::OTHERS),
    ("mini cart", flag::NAV),
    ("other products", flag::OTHERS),
    ("other events", flag::OTHERS),
];
/// What was before.
const STRUCK: &[&str] = &[
    "old price",
    "price old",
    "was price",
    "price was",
    "regular price",
    "price regular",
    "original price",
    "price original",
    "strike",
    "strikethrough",
    "striked",
    "crossed",
    "list price",
    "price list",
    "line through",
    "compare price",
    "price compare",
    "compare at",
    "price before",
    "before price",
    "rrp",
    "msrp",
    "uvp",
    "price was",
    "prev price",
    "oldprice",
    "struck",
    "streichpreis",
    "price strike",
    "text decoration line through",
    "was",
    "old",
    "high price",
    "crossed out",
];
/// What the head of a whole site is called, and of nothing smaller.
const OF_SITE: &[&str] = &[
    "header",
    "header inner",
    "header main",
    "header wrapper",
    "header container",
    "kopf",
    "kopfzeile",
    "cabecera",
    "testata",
    "hlavicka",
    "branding",
    "site branding",
];
/// Words that turn a name of a part into something else.
const PARTLESS: &[&str] = &[
    "title",
    "body",
    "content",
    "main",
    "has",
    "with",
    "no",
    "is",
    "page",
    "item",
    "layout",
    "left",
    "right",
    "wrapper",
    "container",
];

pub(super) fn mark(page: &mut Page<'_>) {
    let mut here = Vec::with_capacity(page.elements.len());
    for at in page.all() {
        let inherited: u16 = if at == 0 { 0 } else { here[page.element(at).parent as usize] };
        let element = page.element(at);
        let mut flags = inherited & !flag::HEADING | element.flags | own(page, at, inherited);
        // A card or section of its own within the main part is no header of the site.
        if matches!(element.tag, Tag::Main | Tag::Article) {
            flags = flags & !flag::HEADER | flag::MAIN;
        }
        here.push(flags);
    }
    // Near the root a name says what the page is like, not what it stands in.
    for (element, flags) in page.elements.iter_mut().zip(here) {
        element.flags = flags;
    }
}

/// Elements that are looked through for the page's title.
const TITLE_WITHIN_MAX: usize = 300;

fn own(page: &Page<'_>, at: super::At, inherited: u16) -> u16 {
    let element = page.element(at);
    let holds_the_title = || {
        page.within(at)
            .take(TITLE_WITHIN_MAX)
            .any(|inner| page.element(inner).tag == Tag::H1 && !page.names_the_site(inner))
    };
    let mut flags = match element.tag {
        Tag::Nav => flag::NAV,
        Tag::Footer if inherited & flag::MAIN == 0 => flag::FOOTER,
        Tag::Header if inherited & flag::MAIN == 0 && !holds_the_title() => flag::HEADER,
        Tag::Aside => flag::ASIDE,
        Tag::Button | Tag::Form => flag::CONTROL,
        Tag::A => flag::LINK,
        tag if tag.is_heading() => flag::HEADING,
        _ => 0,
    };
    if matches!(element.tag, Tag::Body | Tag::Main | Tag::Article) || at == 0 {
        return flags;
    }
    for name in page.names(at).lines() {
        if OF_SITE.contains(&name) && inherited & flag::MAIN == 0 && !holds_the_title() {
            flags |= flag::HEADER;
        }
        if STRUCK.contains(&name) || STRUCK.iter().any(|struck| struck.contains(' ') && name.contains(struck))
        {
            flags |= flag::STRUCK;
        }
        let words: Vec<&str> = name.split(' ').collect();
        let parts = PHRASES
            .iter()
            .filter(|(phrase, _)| name.starts_with(phrase) && name.len() < phrase.len() + 12)
            .fold(0, |parts, (_, part)| parts | part);
        if parts != 0 && !holds_the_title() {
            flags |= parts;
        }
        let telling = words.iter().filter(|word| !PARTLESS.contains(*word)).count();
        if telling == 0 || telling > 3 || element.tag.is_heading() {
            continue;
        }
        let parts = PARTS
            .iter()
            .filter(|(word, part)| words.contains(word) && (telling <= 2 || *part == flag::OTHERS));
        let parts = parts.fold(0, |parts, (_, part)| parts | part);
        // What an article has at its end is the article's, and a teaser without a link is its own.
        let parts = if inherited & flag::MAIN != 0 { parts & !(flag::FOOTER | flag::HEADER) } else { parts };
        let is_own_teaser = parts == flag::OTHERS
            && words.contains(&"teaser")
            && !page.within(at).take(30).any(|inner| page.element(inner).tag == Tag::A);
        if parts != 0 && !is_own_teaser && !holds_the_title() {
            flags |= parts;
        }
    }
    flags
}
