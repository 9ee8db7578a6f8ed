//! Pictures and links: where they lead, as the page writes it.

use super::{Finder, Lead};
use crate::dom::Tag;
use crate::sketch::page::{At, Valued, flag};

/// Pixels of what is an ornament.
const ORNAMENT_PX_MAX: u32 = 60;
/// Words in an address or a name that mark what is no picture of the page's matter.
const ORNAMENTS: &[&str] = &[
    "logo",
    "icon",
    "sprite",
    "pixel",
    "spacer",
    "blank",
    "placeholder",
    "badge",
    "flag",
    "tracking",
    "loader",
    "spinner",
    "arrow",
    "button",
    "1x1",
    "captcha",
    "payment",
    "rating",
    "stars",
    "cart",
];

impl Finder<'_, '_> {
    /// Pictures, those after the title and of the main part first.
    pub(super) fn pictures(&self, push: &mut dyn FnMut(At, f32)) {
        let title = self.title.unwrap_or(0);
        let mut rank = 0;
        for at in self.part.clone().filter(|at| self.page.element(*at).tag == Tag::Img) {
            if rank > 30 {
                break;
            }
            if self.page.is(at, flag::NAV | flag::BREADCRUMB)
                || self.source(at).is_none()
                || self.is_ornament(at)
            {
                continue;
            }
            let is_named = self.title.is_some_and(|title| {
                let alt = self.page.attribute(at, "alt").unwrap_or_default().to_lowercase();
                let title = self.page.text(title).to_lowercase();
                alt.len() > 3 && (title.contains(&alt) || alt.contains(&title))
            });
            let is_large = self
                .page
                .attribute(at, "width")
                .and_then(|width| width.parse::<u32>().ok())
                .is_some_and(|width| width >= 300);
            let is_small = self
                .page
                .attribute(at, "width")
                .and_then(|width| width.parse::<u32>().ok())
                .is_some_and(|width| width < 120)
                && !self.is_item;
            let mut score = 0.66 - 0.01 * rank as f32;
            score += if is_named { 0.12 } else { 0.0 }
                + if is_large { 0.04 } else { 0.0 }
                + if self.page.is(at, flag::MAIN) { 0.03 } else { 0.0 };
            score -=
                if is_small { 0.12 } else { 0.0 } + if at > title.saturating_add(400) { 0.1 } else { 0.0 };
            push(at, score);
            rank += 1;
        }
    }

    fn is_ornament(&self, at: At) -> bool {
        let size = |name: &str| {
            self.page.attribute(at, name).and_then(|size| size.trim_end_matches("px").parse::<u32>().ok())
        };
        let is_small =
            ["width", "height"].iter().filter_map(|name| size(name)).any(|size| size <= ORNAMENT_PX_MAX);
        let names = self.page.names(at);
        let source = self.source(at).unwrap_or_default().to_ascii_lowercase();
        let file = source.split(['?', '#']).next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        is_small
            || ORNAMENTS
                .iter()
                .any(|word| file.contains(word) || names.split([' ', '\n']).any(|name| name == *word))
            || self.page.attribute(at, "role").is_some_and(|role| role == "presentation")
    }

    /// Where a picture is, whatever attribute a script would take it from.
    fn source(&self, at: At) -> Option<String> {
        let largest = |set: String| {
            let of_width = set.split(',').filter_map(|entry| {
                let mut parts = entry.split_whitespace();
                let url = parts.next()?;
                let width =
                    parts.next().and_then(|width| width.trim_end_matches(['w', 'x']).parse::<f32>().ok());
                Some((width.unwrap_or(0.0), url.to_owned()))
            });
            of_width.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, url)| url)
        };
        let plain = [
            "src",
            "data-src",
            "data-original",
            "data-lazy-src",
            "data-lazy",
            "data-image",
            "data-zoom-image",
            "data-full",
        ];
        let is_real = |source: &String| {
            !source.starts_with("data:") && !source.contains("placeholder") && !source.contains("blank.gif")
        };
        plain.iter().filter_map(|name| self.page.attribute(at, name)).find(is_real).or_else(|| {
            ["srcset", "data-srcset"]
                .iter()
                .filter_map(|name| self.page.attribute(at, name))
                .find_map(largest)
                .filter(is_real)
        })
    }

    pub(super) fn picture(&self, lead: &Lead) -> Option<(String, f32)> {
        let holders: Vec<At> = match &lead.value {
            Valued::Element(at) => vec![*at],
            Valued::Elements(all) => all.to_vec(),
            Valued::Text(_) => return None,
        };
        let holder = *holders.first()?;
        let mut pictures = holders
            .iter()
            .flat_map(|at| self.page.within(*at).take(200))
            .filter(|at| self.page.element(*at).tag == Tag::Img);
        let picture = pictures.find(|at| self.source(*at).is_some() && !self.is_ornament(*at));
        if let Some(at) = picture {
            // What holds far more than a picture is named for something else.
            let quality = if self.page.len(holder) > 400 { 0.7 } else { 1.0 };
            return Some((self.source(at)?, quality));
        }
        let style = self.page.within(holder).take(4).find_map(|at| self.page.attribute(at, "style"))?;
        let (_, after) = style.split_once("background").and_then(|(_, rest)| rest.split_once("url("))?;
        let url = after.split(')').next()?.trim_matches(['"', '\'', ' ']);
        (!url.is_empty() && !url.starts_with("data:")).then(|| (url.to_owned(), 0.9))
    }

    pub(super) fn link(&self, lead: &Lead) -> Option<(String, f32)> {
        let Valued::Element(holder) = lead.value else {
            let text = self.text_of(&lead.value);
            let is_url =
                text.starts_with("http://") || text.starts_with("https://") || text.starts_with("www.");
            return (is_url && !text.contains(' ')).then_some((text, 0.9));
        };
        let up = self.page.element(holder).parent;
        let around = (self.page.element(up).tag == Tag::A && self.has(up)).then_some(up);
        let link =
            self.page.within(holder).take(30).find(|at| self.page.element(*at).tag == Tag::A).or(around);
        let href = self.page.attribute(link?, "href")?;
        let is_place = !href.starts_with('#')
            && !["javascript:", "mailto:", "tel:", "data:"].iter().any(|scheme| {
                href.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            });
        is_place.then_some((href, 1.0))
    }
}
