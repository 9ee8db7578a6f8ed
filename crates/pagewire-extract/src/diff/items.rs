//! Repeated things: where a page lists news, goods, posts or jobs, each of them is an item.
//!
//! Items are elements of one kind and one name beside each other, three or more, each of which leads somewhere of its own,
//! or is an article, or has a name to be linked by. They are the page where they hold much of what is watched; a list
//! within a text is text.

use std::collections::HashMap;
use std::ops::Range;

use super::blocks::{Blocks, Holder};
use crate::dom::Tag;

/// Elements beside each other that are a list.
const MEMBERS_MIN: u32 = 3;
/// Of them those that must lead somewhere, in tenths.
const LEADING_TENTHS: u32 = 8;
/// Characters that an item has at most, on the whole.
const CHARACTERS_MAX: u32 = 4_000;
/// Characters that an item has at least, on the whole.
const CHARACTERS_MIN: u32 = 6;
/// Share of what is watched that must be items, in tenths.
const SHARE_TENTHS: u64 = 4;

/// Elements of a kind beside each other.
#[derive(Debug, Default)]
struct Group {
    members: u32,
    text: u32,
    linked: u32,
    links: u32,
    headings: u32,
    /// Members with a link that leads away.
    leading: u32,
    /// Members that begin with one, or whose heading is one.
    led_by_link: u32,
    named: u32,
    headed: u32,
    /// The most text in lists within its members, added up.
    inner: u32,
}

/// The items of a page: the element, and its blocks. None where it is no list.
pub(super) fn find(all: &Blocks) -> Vec<(usize, Range<usize>)> {
    let groups = groups_of(all);
    let chosen = |at: usize, holder: &Holder| {
        groups
            .get(&(holder.parent, holder.signature))
            .is_some_and(|group| group.is_list(holder.tag) && !group.holds_lists())
            && at < all.elements.len()
    };
    let mut items: Vec<(usize, Range<usize>)> = Vec::new();
    let mut held_until = 0;
    let mut text = 0_u64;
    for (at, holder) in all.elements.iter().enumerate() {
        let blocks = holder.first_block as usize..(holder.end_block as usize).min(all.blocks.len());
        if blocks.start < held_until || blocks.is_empty() || holder.text == 0 || !chosen(at, holder) {
            continue;
        }
        held_until = blocks.end;
        text += u64::from(holder.text);
        items.push((at, blocks));
    }
    let whole: u64 = all.blocks.iter().map(|block| block.text.chars().count() as u64).sum();
    if text * 10 < SHARE_TENTHS * whole {
        items.clear();
    }
    items
}

fn groups_of(all: &Blocks) -> HashMap<(u32, u64), Group> {
    let mut groups: HashMap<(u32, u64), Group> = HashMap::new();
    for holder in all.elements.iter().filter(|holder| holder.text > 0 && may_be_item(holder.tag)) {
        let group = groups.entry((holder.parent, holder.signature)).or_default();
        let begins_with_link =
            all.blocks.get(holder.first_block as usize).is_some_and(|block| block.starts_with_link);
        group.members += 1;
        group.text = group.text.saturating_add(holder.text);
        group.linked = group.linked.saturating_add(holder.linked);
        group.links = group.links.saturating_add(holder.links);
        group.headings = group.headings.saturating_add(holder.headings);
        group.leading += u32::from(holder.links > 0);
        group.led_by_link += u32::from(holder.links > 0 && (begins_with_link || holder.headings > 0));
        group.named += u32::from(holder.has_id);
        group.headed += u32::from(holder.headings > 0);
    }
    let mut inner = vec![0_u32; all.elements.len()];
    for ((parent, _), group) in &groups {
        if let Some(held) = inner.get_mut(*parent as usize) {
            // What the kind of a list's members allows is asked of the list itself, further out.
            let text = if group.members >= MEMBERS_MIN && group.leading * 10 >= group.members * LEADING_TENTHS
            {
                group.text
            } else {
                0
            };
            *held = (*held).max(text);
        }
    }
    for at in (0..all.elements.len()).rev() {
        let holder = &all.elements[at];
        if let Some(above) = all.elements.get(holder.parent as usize).map(|_| holder.parent as usize) {
            inner[above] = inner[above].max(inner[at]);
        }
        if let Some(group) = groups.get_mut(&(holder.parent, holder.signature)) {
            group.inner = group.inner.saturating_add(inner[at]);
        }
    }
    groups
}

impl Group {
    fn is_list(&self, tag: Tag) -> bool {
        let most = |count: u32| count * 10 >= self.members * LEADING_TENTHS;
        if self.members < MEMBERS_MIN
            || self.text > self.members.saturating_mul(CHARACTERS_MAX)
            || self.text < self.members * CHARACTERS_MIN
        {
            return false;
        }
        match tag {
            // In a text there are links as well; an item is one, or begins with one.
            Tag::P | Tag::Li | Tag::Dd | Tag::Dt => {
                most(self.leading) && (most(self.led_by_link) || self.linked * 2 >= self.text)
                    || tag == Tag::Li && most(self.named) && most(self.headed)
            }
            Tag::Article => true,
            _ => most(self.leading) || most(self.headed) && most(self.named),
        }
    }

    /// Whether its members are lists themselves, such as the days of a calendar.
    fn holds_lists(&self) -> bool {
        let many = |count: u32, each: u32| count >= self.members * each;
        self.inner * 2 >= self.text
            && (many(self.headings, 2) || self.headings < self.members && many(self.links, 6))
    }
}

/// Whether things that are repeated may be such elements.
fn may_be_item(tag: Tag) -> bool {
    matches!(
        tag,
        Tag::Li
            | Tag::Article
            | Tag::Div
            | Tag::Section
            | Tag::Tr
            | Tag::A
            | Tag::P
            | Tag::Dd
            | Tag::Dt
            | Tag::Figure
            | Tag::Other
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dom::Document;
    use crate::main_content::Content;

    fn items(html: &str) -> Vec<String> {
        let document = Document::from(html);
        let all = Blocks::of(&Content::whole(&document));
        let texts = |blocks: Range<usize>| {
            all.blocks[blocks].iter().map(|block| &*block.text).collect::<Vec<_>>().join("/")
        };
        find(&all).into_iter().map(|(_, blocks)| texts(blocks)).collect()
    }

    #[test]
    fn things_that_lead_somewhere_are_items() {
        let cards = |names: &[&str]| {
            names
                .iter()
                .map(|name| {
                    format!("<div class=card><h3><a href=/{name}>{name}</a></h3><p>About {name}</div>")
                })
                .collect::<String>()
        };
        assert_eq!(
            items(&format!("<h1>News</h1><div>{}</div>", cards(&["one", "two", "three"]))),
            ["one/About one", "two/About two", "three/About three"]
        );
        assert_eq!(items("<ul><li><a href=/a>First of all</a> 1 kr<li><a href=/b>Second of all</a><li><a href=/c>Third of all</a></ul>").len(), 3);
        assert_eq!(
            items(
                "<table><tr><td>Mon<td><a href=/a>Cook</a><tr><td>Tue<td><a href=/b>Waiter</a><tr><td>Wed<td><a href=/c>Driver</a></table>"
            ),
            ["Mon | Cook", "Tue | Waiter", "Wed | Driver"]
        );
        let rows: String = (0..4)
            .map(|n| format!("<a class=row href=/{n}><h4>Card number {n}</h4><div>more</div></a>"))
            .collect();
        assert_eq!(items(&rows).len(), 4);
    }

    #[test]
    fn lists_of_lists_are_told_by_their_inner_ones() {
        let day = |day: &str| {
            let events: String = (0..4)
                .map(|n| format!("<article><h3><a href=/{day}{n}>Event {day} {n}</a></h3></article>"))
                .collect();
            format!("<section class=day><h2>{day}</h2>{events}</section>")
        };
        assert_eq!(items(&["a", "b", "c"].map(day).concat()).len(), 12);
    }

    #[test]
    fn a_card_of_several_parts_is_one_item() {
        let card = |n: u32| {
            format!(
                "<li class=card><div><a href=/{n}>Kettle {n}</a></div><div><a href=/by>Acme</a></div><div>219 kr</div></li>"
            )
        };
        assert_eq!(items(&format!("<ul>{}</ul>", (0..5).map(card).collect::<String>())).len(), 5);
    }

    #[test]
    fn a_text_has_none() {
        let text = "A sentence with <a href=/x>a link</a> in it, and with words that go on for some time. ";
        let paragraphs: String = (0..6).map(|_| format!("<p>Words, and {text}")).collect();
        assert_eq!(items(&paragraphs), [""; 0]);
        assert_eq!(
            items(
                "<h2>1.3</h2><ul><li>Fix a thing (<a href=/1>#1</a>)<li>Fix another (<a href=/2>#2</a>)<li>Add (<a href=/3>#3</a>)</ul>"
            ),
            [""; 0]
        );
        let long = format!(
            "<p>{}</p><h2>See also</h2><ul><li><a href=/a>Alpha one</a><li><a href=/b>Beta one</a><li><a href=/c>Gamma</a></ul>",
            text.repeat(5)
        );
        assert_eq!(items(&long), [""; 0]);
    }
}
