//! What a page looks like as a whole, whatever of it is watched: by that a wall in front of it is known.

use crate::challenge;
use crate::dom::{Document, Element, NodeId, NodeRef, Tag, Visitor, local_name, walk};
use crate::main_content::Content;

/// Characters of a page that are looked at for what it begins with.
const LEAD_CHARACTERS: usize = 600;
/// Bytes of a title or heading.
const TITLE_BYTES_MAX: usize = 1_000;

/// What a page looks like.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signs {
    /// Its title, and its first heading of the first level.
    pub(crate) title: String,
    pub(crate) heading: String,
    /// What it begins with, in lower case.
    pub(crate) lead: String,
    /// Characters that are seen.
    pub(crate) characters: usize,
    /// Whether it asks for a password.
    pub(crate) asks_password: bool,
    /// Whether it holds the means of a challenge.
    pub(crate) holds_challenge: bool,
}

impl Signs {
    pub(crate) fn of_page(text: &str, document: &Document) -> Self {
        let plain = |node: NodeRef<'_>| {
            let text = node.text();
            let text = &text[..text.floor_char_boundary(TITLE_BYTES_MAX)];
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let title = document.select_first("title").map(plain).unwrap_or_default();
        let headings = document.select("h1");
        let heading = headings.into_iter().map(plain).find(|text| !text.is_empty()).unwrap_or_default();
        let mut looking =
            Looking { content: Content::whole(document), signs: Self { title, heading, ..Self::default() } };
        if let Some(body) = document.body() {
            walk(&body, &mut looking);
        }
        let mut signs = looking.signs;
        signs.lead = signs.lead.to_lowercase();
        signs.holds_challenge = challenge::holds_mark(text.as_bytes());
        signs
    }

    pub(crate) fn of_text(text: &str) -> Self {
        let lead: String = text.chars().take(LEAD_CHARACTERS).collect();
        Self { lead: lead.to_lowercase(), characters: text.chars().count(), ..Self::default() }
    }
}

struct Looking<'d> {
    content: Content<'d>,
    signs: Signs,
}

impl Visitor for Looking<'_> {
    fn text(&mut self, _: NodeId, text: &str) {
        let signs = &mut self.signs;
        for word in text.split_whitespace() {
            let characters = word.chars().count();
            if signs.characters < LEAD_CHARACTERS {
                if !signs.lead.is_empty() {
                    signs.lead.push(' ');
                }
                signs.lead.extend(word.chars().take(LEAD_CHARACTERS));
            }
            signs.characters += characters;
        }
    }

    fn enter(&mut self, id: NodeId, tag: Tag, element: &Element<'_>) -> bool {
        if tag == Tag::Input {
            let kind = element.attr(local_name!("type")).unwrap_or_default();
            self.signs.asks_password |= kind.trim().eq_ignore_ascii_case("password");
        }
        !self.content.leaves_out(id, tag, element)
    }

    fn leave(&mut self, _: Tag) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_looked_at_as_a_whole() {
        let page = "<title> Sign  in </title><nav>Home</nav><h1></h1><h1>Sign <i>in</i></h1><form>Name<input type=Password></form><script>g-recaptcha</script>";
        let signs = Signs::of_page(page, &Document::from(page));
        assert_eq!(
            (&*signs.title, &*signs.heading, &*signs.lead),
            ("Sign in", "Sign in", "home sign in name")
        );
        assert!(signs.asks_password && signs.holds_challenge);
        assert_eq!(signs.characters, 14);
    }
}
