//! How somebody is reached: mail addresses and telephone numbers, by their links, labels and looks.

use super::{Finder, How, Lead};
use crate::dom::Tag;
use crate::sketch::page::{At, Valued};
use crate::sketch::vocabulary::Kind;

impl Finder<'_, '_> {
    pub(super) fn contacts(&self, kind: Kind, push: &mut dyn FnMut(At, f32)) {
        let scheme = if kind == Kind::Email { "mailto:" } else { "tel:" };
        let mut rank = 0;
        for at in self.part.clone().filter(|at| self.page.element(*at).tag == Tag::A) {
            let href = self.page.attribute(at, "href").unwrap_or_default();
            let is_one = href.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
            if is_one && href.len() > scheme.len() {
                push(at, 0.86 - 0.01 * rank.min(20) as f32);
                rank += 1;
            }
        }
        if kind == Kind::Phone {
            let says = |text: &str| {
                let text = text.to_lowercase();
                [
                    "tel", "phone", "fon", "tlf", "tfn", "電話", "电话", "тел", "mobil", "call", "puh",
                    "tél", "tfno", "whatsapp", "☎", "📞",
                ]
                .iter()
                .any(|word| text.contains(word))
            };
            let found = self
                .short_elements(160)
                .filter(|at| says(self.page.raw_text(*at)) && phone_in(self.page.raw_text(*at)).is_some());
            for (rank, at) in found.take(8).enumerate() {
                push(at, 0.64 - 0.01 * rank as f32);
            }
        }
        if kind == Kind::Email {
            let mut rank = 0;
            for at in self.short_elements(120) {
                if rank < 20 && address_in(self.page.raw_text(at)).is_some() {
                    push(at, 0.74 - 0.01 * rank as f32);
                    rank += 1;
                }
            }
        }
    }

    pub(super) fn email(&self, lead: &Lead, text: &str) -> Option<(String, f32)> {
        if let Some(address) = address_in(text) {
            return Some((address, 1.0));
        }
        let Valued::Element(at) = lead.value else { return None };
        let link = self.page.within(at).take(12).find_map(|inner| {
            let href = self.page.attribute(inner, "href")?;
            let address =
                href.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).map(|_| &href[7..])?;
            address_in(address.split('?').next().unwrap_or_default())
        });
        link.map(|address| (address, 1.0))
    }

    pub(super) fn phone(&self, lead: &Lead, text: &str) -> Option<(String, f32)> {
        let sure = !matches!(lead.how, How::Name(_));
        if let Some(number) = phone_in(text) {
            return Some((number, if sure { 1.0 } else { 0.95 }));
        }
        let Valued::Element(at) = lead.value else { return None };
        let link = self.page.within(at).take(12).find_map(|inner| {
            let href = self.page.attribute(inner, "href")?;
            let number =
                href.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("tel:")).map(|_| &href[4..])?;
            phone_in(number)
        });
        link.map(|number| (number, 0.95))
    }
}

/// The mail address in a text, also one that is spelled out against robots.
fn address_in(text: &str) -> Option<String> {
    let text = &text[..text.floor_char_boundary(300)];
    let plain = text.find('@').and_then(|at| {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
        let start = text[..at]
            .rfind(|c: char| !is_part(c))
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        let end = text[at + 1..].find(|c: char| !is_part(c)).map_or(text.len(), |end| at + 1 + end);
        let address = text[start..end].trim_matches('.');
        is_address(address).then(|| address.to_owned())
    });
    plain.or_else(|| {
        let mut spelled = text.to_owned();
        for (mark, sign) in [
            ("[at]", "@"),
            ("(at)", "@"),
            ("{at}", "@"),
            ("[AT]", "@"),
            ("(AT)", "@"),
            ("[dot]", "."),
            ("(dot)", "."),
            ("{dot}", "."),
            (" at ", "@"),
            (" dot ", "."),
        ] {
            if mark.starts_with(' ') && !spelled.contains('@') && !spelled.contains(" dot ") {
                continue;
            }
            while let Some(at) = spelled.find(mark) {
                let before = spelled[..at].trim_end().len();
                let after = at
                    + mark.len()
                    + (spelled[at + mark.len()..].len() - spelled[at + mark.len()..].trim_start().len());
                spelled.replace_range(before..after, sign);
            }
        }
        (spelled != text && spelled.contains('@')).then(|| address_in(&spelled)).flatten()
    })
}

fn is_address(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else { return false };
    let Some((_, top)) = domain.rsplit_once('.') else { return false };
    !name.is_empty()
        && !domain.starts_with('.')
        && top.chars().count() >= 2
        && top.chars().all(char::is_alphabetic)
}

/// The telephone number in a short text: seven digits or more with what people write between them.
fn phone_in(text: &str) -> Option<String> {
    let text = &text[..text.floor_char_boundary(160)];
    let is_part = |c: char| {
        c.is_ascii_digit()
            || matches!(c, '+' | '(' | ')' | '-' | '.' | '/' | ' ' | '\u{a0}' | '‐' | '–' | '‑')
    };
    let run = text.split(|c| !is_part(c)).max_by_key(|run| run.bytes().filter(u8::is_ascii_digit).count())?;
    let digits = run.bytes().filter(u8::is_ascii_digit).count();
    let run = run.trim_matches(|c: char| !(c.is_ascii_digit() || matches!(c, '+' | '(')));
    let run = if run.starts_with('(') && !run.contains(')') { run.trim_start_matches('(') } else { run };
    if !(6..=16).contains(&digits) {
        return None;
    }
    // An extension belongs to the number.
    let after = text.split_once(run).map(|(_, after)| after).unwrap_or_default();
    let trimmed = after.trim_start_matches([' ', ',']);
    let is_extension = ["ext", "x", "App", "Durchwahl", "poste"].iter().any(|word| trimmed.starts_with(word));
    let extension: String = if is_extension {
        let end = trimmed.find(|c: char| c.is_ascii_digit()).map_or(0, |first| {
            first + trimmed[first..].find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len() - first)
        });
        if end > 0 && end < 14 {
            after[..after.len() - trimmed.len() + end].to_owned()
        } else {
            String::new()
        }
    } else {
        String::new()
    };
    Some(crate::sketch::page::folded(&format!("{run}{extension}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_read_as_they_are_written() {
        for (text, expected) in [
            ("Mail: jane.doe@example.org.", Some("jane.doe@example.org")),
            ("jane [at] example [dot] org", Some("jane@example.org")),
            ("jane(at)example.org", Some("jane@example.org")),
            ("meet me at noon", None),
            ("@jane", None),
        ] {
            assert_eq!(address_in(text).as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("Tel. +49 (0)30 1234-567", Some("+49 (0)30 1234-567")),
            ("(555) 123-4567 ext. 89", Some("(555) 123-4567 ext. 89")),
            ("08-123 456 78", Some("08-123 456 78")),
            ("Room 12", None),
        ] {
            assert_eq!(phone_in(text).as_deref(), expected, "{text}");
        }
    }
}
