//! Who wrote a thing: names in bylines, cut out of what stands around them.

use super::{Finder, How, Lead};
use crate::dom::Tag;
use crate::sketch::page::{At, Valued, flag, words_of};
use crate::sketch::shape::Field;
use crate::sketch::vocabulary::VOCABULARY;

/// Elements under the title among which a bare name is looked for.
const BYLINE_ELEMENTS: u32 = 14;
/// Words that stand before a name.
const BEFORE: &[&str] = &[
    "ein rezept von",
    "rezept von",
    "recipe from",
    "receta de",
    "recette de",
    "ricetta di",
    "un article de",
    "a story by",
    "postado por",
    "publicado por",
    "geplaatst door",
    "inserito da",
    "pubblicato da",
    "lagt ut av",
    "written by",
    "posted by",
    "published by",
    "words by",
    "story by",
    "text by",
    "recipe by",
    "review by",
    "reviewed by",
    "photo by",
    "by",
    "von",
    "verfasst von",
    "geschrieben von",
    "ein beitrag von",
    "text von",
    "text",
    "par",
    "écrit par",
    "rédigé par",
    "publié par",
    "por",
    "escrito por",
    "publicado por",
    "di",
    "scritto da",
    "a cura di",
    "av",
    "skriven av",
    "skrevet av",
    "text av",
    "af",
    "skrevet af",
    "door",
    "geschreven door",
    "autor",
    "autorin",
    "author",
    "authors",
    "auteur",
    "autore",
    "autora",
    "författare",
    "forfatter",
    "autorka",
    "автор",
    "著者",
    "作者",
    "文",
    "yazan",
    "yazar",
    "tekst",
    "teksti",
    "od",
    "foto",
    "foto och text",
];
/// What ends a name: what follows is a date, a place, a paper.
const AFTER: &[&str] = &[
    " | ",
    " · ",
    " • ",
    " – ",
    " — ",
    " - ",
    " / ",
    " on ",
    " am ",
    " le ",
    " el ",
    " il ",
    " den ",
    " in ",
    " for ",
    " pour ",
    " für ",
    " published",
    " posted",
    " updated",
    " @",
    " (",
    "\u{2009}·",
    ";",
    " at ",
];
/// Words that no name has.
const NEVER: &[&str] = &[
    "comments",
    "comment",
    "read",
    "minutes",
    "min",
    "share",
    "posted",
    "updated",
    "published",
    "subscribe",
    "admin",
    "login",
    "views",
    "more",
    "articles",
    "all",
    "about",
    "january",
    "newsletter",
    "follow",
];

impl Finder<'_, '_> {
    /// Links that say that they lead to an author.
    pub(super) fn people(&self, field: &Field, push: &mut dyn FnMut(At, f32)) {
        let author = VOCABULARY.named(&["author".to_owned()]);
        if field.meaning.terms.first().is_none_or(|(term, _)| Some(*term) != author) {
            return;
        }
        self.bare_bylines(push);
        let mut rank = 0;
        for at in self.part.clone().filter(|at| self.page.element(*at).tag == Tag::A) {
            let href = self.page.attribute(at, "href").unwrap_or_default().to_ascii_lowercase();
            let says = [
                "/author/",
                "/authors/",
                "/autor/",
                "/auteur/",
                "/writers/",
                "/profile/",
                "/people/",
                "/by/",
                "/contributor",
                "/staff/",
                "/skribent/",
                "/journalist/",
                "/autore/",
            ]
            .iter()
            .any(|part| href.contains(part));
            if says && rank < 8 && self.is_near_title(at) {
                push(at, 0.76 - 0.02 * rank as f32);
                rank += 1;
            }
        }
    }

    /// A name by itself under the title, with a trade or a date beside it and nothing that says whose it is.
    fn bare_bylines(&self, push: &mut dyn FnMut(At, f32)) {
        let Some(title) = self.title.filter(|_| !self.is_item) else { return };
        let near = title + 1..title.saturating_add(BYLINE_ELEMENTS).min(self.part.end);
        let found = near.filter(|at| {
            let text = self.page.raw_text(*at).trim();
            let beside = self.page.next_sibling(*at).map(|next| self.page.text(next)).unwrap_or_default();
            let is_beside = beside.len() <= 80
                && (is_trade(&beside) || crate::sketch::coerce::date::read(&beside, self.language).is_some());
            is_beside
                && !self.page.element(*at).tag.is_heading()
                && !text.contains('\n')
                && is_full_name(text)
        });
        for at in found.take(1) {
            push(at, 0.56);
        }
    }

    pub(super) fn person(&self, lead: &Lead, text: &str) -> Option<String> {
        if let Valued::Element(at) = lead.value {
            if self.page.is(at, flag::CONTROL) && self.page.element(at).tag == Tag::Button {
                return None;
            }
            // A byline's link is the name, where it has one that looks so.
            if !matches!(lead.how, How::Look(_)) || self.page.len(at) > 60 {
                let links: Vec<At> = self
                    .page
                    .within(at)
                    .skip(1)
                    .take(30)
                    .filter(|inner| self.page.element(*inner).tag == Tag::A)
                    .collect();
                let names: Vec<String> =
                    links.iter().filter_map(|link| name_in(&self.page.text(*link))).collect();
                let is_all = self.page.len(at) <= 200 && names.len() > 1 && names.len() == links.len();
                match names.as_slice() {
                    [one] if links.len() == 1 && has_capital(one) => return Some(one.clone()),
                    several if is_all => return Some(several.join(", ")),
                    _ => {}
                }
            }
            // Of several lines the first that can be a name is it.
            let lines: Vec<&str> = self.page.raw_text(at).trim().lines().collect();
            if lines.len() > 1 {
                return lines.iter().take(6).find_map(|line| name_in(line).filter(|name| has_capital(name)));
            }
        }
        let is_loose = matches!((&lead.how, &lead.value), (How::Label(_), Valued::Text(_)));
        name_in(text).filter(|name| !is_loose || has_capital(name))
    }
}

/// Two to four words that all begin with a capital, of a script that has them.
fn is_full_name(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    (2..=4).contains(&words.len())
        && text.chars().count() <= 50
        && words.iter().all(|word| word.chars().next().is_some_and(char::is_uppercase))
        && !text.contains(|c: char| c.is_numeric() || matches!(c, ':' | '|' | '@' | '!' | '?' | '/'))
}

fn has_capital(name: &str) -> bool {
    name.chars().find(|c| c.is_alphabetic()).is_some_and(|c| !c.is_lowercase())
}

/// The name in a byline.
fn name_in(text: &str) -> Option<String> {
    let mut text = text.trim();
    // Twice, for `Author: by Jane`.
    for _ in 0..2 {
        let words = words_of(text);
        let before = BEFORE.iter().filter(|before| {
            let count = before.split(' ').count();
            words.len() > count && words[..count].join(" ") == **before
        });
        if let Some(before) = before.max_by_key(|before| before.len()) {
            let mut rest = text;
            for word in before.split(' ') {
                let at = rest.to_lowercase().find(word).filter(|at| rest.is_char_boundary(at + word.len()));
                rest = at.map_or(rest, |at| &rest[at + word.len()..]);
            }
            text = rest.trim_start_matches(|c: char| {
                c.is_whitespace() || matches!(c, ':' | '：' | '-' | '.' | '|' | '/' | ',')
            });
        }
    }
    for mark in AFTER {
        if let Some(at) = text.find(mark).filter(|at| *at > 1) {
            text = &text[..at];
        }
    }
    // A date, and a trade after a comma.
    if let Some(at) = number_in(text) {
        text = text[..at].trim_end().trim_end_matches(|c: char| !c.is_whitespace() && !c.is_alphabetic());
        if let Some((head, last)) = text.trim_end_matches([' ', ',']).rsplit_once([' ', ','])
            && crate::sketch::coerce::date::is_month(last)
        {
            text = head;
        }
    }
    if let Some((name, trade)) = text.split_once(", ")
        && name.split_whitespace().count() >= 2
        && (!has_capital(trade) || trade.split_whitespace().count() > 4 || is_trade(trade))
    {
        text = name;
    }
    let text = text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, ',' | '.' | ':' | ';' | '|' | '·' | '-' | '–' | '•' | '"')
    });
    let words = text.split_whitespace().count();
    let length = text.chars().count();
    let is_name = (1..=10).contains(&words)
        && (2..=90).contains(&length)
        && text.chars().any(char::is_alphabetic)
        && !text.contains(['@', '?', '!', '\n', '$', '€', '{'])
        && !words_of(text).iter().any(|word| NEVER.contains(&word.as_str()));
    is_name.then(|| text.to_owned())
}

/// Where a number begins that is no part of a name.
fn number_in(text: &str) -> Option<usize> {
    let mut before = ' ';
    text.char_indices().find_map(|(at, c)| {
        let begins = c.is_numeric() && !before.is_alphanumeric();
        before = c;
        begins.then_some(at)
    })
}

fn is_trade(text: &str) -> bool {
    const TRADES: &[&str] = &[
        "reporter",
        "editor",
        "writer",
        "correspondent",
        "staff",
        "journalist",
        "redakteur",
        "redakteurin",
        "author",
        "contributor",
        "columnist",
        "chef",
        "phd",
        "md",
        "dr",
        "professor",
    ];
    words_of(text).iter().any(|word| TRADES.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_out_of_bylines() {
        for (text, expected) in [
            ("By Jane Doe", Some("Jane Doe")),
            ("Written by Jane Doe | March 3, 2025", Some("Jane Doe")),
            ("Von Jörg Müller, Berlin-Redakteur", Some("Jörg Müller")),
            ("Par Élodie Durand le 3 mars 2025", Some("Élodie Durand")),
            ("Jane Doe, Senior Reporter", Some("Jane Doe")),
            ("Jane Doe and John Roe", Some("Jane Doe and John Roe")),
            ("Jane Doe March 3, 2025", Some("Jane Doe")),
            ("Author: by Jane Doe", Some("Jane Doe")),
            ("12 comments", None),
            ("", None),
        ] {
            assert_eq!(name_in(text).as_deref(), expected, "{text}");
        }
    }
}
