//! Which entry is which, from one document to the next, wherever it stands in it.
//!
//! An entry is known by its id; where it has none, or shares it with another that says something else, by its link;
//! where that is so too, by its title at its link; and else by all that it says. An identity that was shared once is
//! never used again ([`Kept::shared`](super::kept::Kept)), or the last entry of those that shared it would look new.

use std::collections::{HashMap, HashSet};

use super::entry::{Entry, comparable};
use super::hash;

/// An entry's identity, and whether another entry of the document is the same entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity(pub(super) u64);

/// What entries can be known by, from the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Id,
    Link,
    Title,
    All,
}

impl By {
    fn next(self) -> Self {
        match self {
            Self::Id => Self::Link,
            Self::Link => Self::Title,
            Self::Title | Self::All => Self::All,
        }
    }
}

/// The identities of a document's entries, in their order. An entry that stands twice has the same one twice. `shared`
/// holds identities that are not used, and takes in those that turn out to be shared.
pub(super) fn identities(entries: &[Entry], shared: &mut HashSet<u64>) -> Vec<Identity> {
    let mut by: Vec<By> = vec![By::Id; entries.len()];
    let mut identities: Vec<u64> =
        entries.iter().zip(&mut by).map(|(entry, by)| identity(entry, by)).collect();
    // Three steps lead from the best to the last, at which those that share an identity say the same.
    for _ in 0..3 {
        shared.extend(shared_now(entries, &identities, &by));
        let mut stepped = false;
        for ((entry, by), identity_now) in entries.iter().zip(&mut by).zip(&mut identities) {
            while *by != By::All && shared.contains(identity_now) {
                *by = by.next();
                *identity_now = identity(entry, by);
                stepped = true;
            }
        }
        if !stepped {
            break;
        }
    }
    identities.into_iter().map(Identity).collect()
}

/// The identity by the first thing from there on that the entry has.
fn identity(entry: &Entry, by: &mut By) -> u64 {
    loop {
        let link = entry.link.as_deref();
        match (*by, &entry.id) {
            (By::Id, Some(id)) => return hash::of(&["id", id]),
            (By::Link, _) if link.is_some() => return hash::of(&["link", link.unwrap_or_default()]),
            (By::Title, _) if !entry.title.is_empty() => {
                return hash::of(&["title", link.unwrap_or_default(), &comparable(&entry.title)]);
            }
            (By::All, _) => return hash::of(&["all", &format!("{:016x}", entry.said)]),
            _ => *by = by.next(),
        }
    }
}

/// Identities of more than one entry, which do not all say the same.
fn shared_now(entries: &[Entry], identities: &[u64], by: &[By]) -> Vec<u64> {
    let mut first: HashMap<u64, u64> = HashMap::with_capacity(entries.len());
    let mut shared = Vec::new();
    for ((entry, identity), by) in entries.iter().zip(identities).zip(by) {
        if *by != By::All && *first.entry(*identity).or_insert(entry.said) != entry.said {
            shared.push(*identity);
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use pagewire_extract::feed::FeedItem;
    use proptest::prelude::*;

    use super::*;

    fn entry(id: &str, link: &str, title: &str, text: &str) -> Entry {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let item = FeedItem {
            id: some(id),
            url: some(link),
            title: some(title),
            content_text: some(text),
            ..FeedItem::default()
        };
        Entry::of(item, "https://s.example/", jiff::Timestamp::UNIX_EPOCH)
    }

    fn of(entries: &[Entry]) -> Vec<u64> {
        identities(entries, &mut HashSet::new()).into_iter().map(|identity| identity.0).collect()
    }

    #[test]
    fn an_id_is_the_identity_whatever_else_changes() {
        let before = of(&[entry("a", "https://s.example/1", "One", "x")]);
        assert_eq!(before, of(&[entry("a", "https://s.example/2", "Two", "y")]));
        assert_ne!(before, of(&[entry("b", "https://s.example/1", "One", "x")]));
    }

    #[test]
    fn without_an_id_it_is_the_link_then_the_title_then_all() {
        let link = of(&[entry("", "https://s.example/1", "One", "x")]);
        assert_eq!(link, of(&[entry("", "http://s.example/1?utm_source=x", "Two", "y")]));
        let title = of(&[entry("", "", "One", "x")]);
        assert_eq!(title, of(&[entry("", "", " One", "y")]));
        assert_ne!(of(&[entry("", "", "", "x")]), of(&[entry("", "", "", "y")]));
    }

    #[test]
    fn entries_that_share_an_id_are_told_apart_by_what_they_do_not_share() {
        let by_link =
            of(&[entry("a", "https://s.example/1", "T", "x"), entry("a", "https://s.example/2", "T", "y")]);
        assert_ne!(by_link[0], by_link[1]);
        let by_title =
            of(&[entry("a", "https://s.example/", "One", "x"), entry("a", "https://s.example/", "Two", "y")]);
        assert_ne!(by_title[0], by_title[1]);
        let by_all =
            of(&[entry("a", "https://s.example/", "T", "x"), entry("a", "https://s.example/", "T", "y")]);
        assert_ne!(by_all[0], by_all[1]);
        let same =
            of(&[entry("a", "https://s.example/", "T", "x"), entry("a", "https://s.example/", "T", "x")]);
        assert_eq!(same[0], same[1]);
    }

    #[test]
    fn an_id_that_was_shared_stays_unused_when_one_entry_is_left() {
        let (one, two) =
            (entry("a", "https://s.example/1", "T", "x"), entry("a", "https://s.example/2", "T", "y"));
        let mut shared = HashSet::new();
        let before = identities(&[one, two.clone()], &mut shared);
        assert_eq!(identities(&[two], &mut shared), [before[1]]);
    }

    proptest! {
        #[test]
        fn order_changes_no_identity_and_only_equals_share_one(
            parts in proptest::collection::vec((0..4_u8, 0..4_u8, 0..3_u8, 0..3_u8), 0..12), turn in any::<usize>(),
        ) {
            let name = |kind: &str, n: u8| if n == 0 { String::new() } else { format!("{kind}{n}") };
            let entries: Vec<Entry> = parts.iter().map(|(id, link, title, text)| {
                let link = if *link == 0 { String::new() } else { format!("https://s.example/{link}") };
                entry(&name("i", *id), &link, &name("t", *title), &name("x", *text))
            }).collect();
            let found = of(&entries);
            for (one, a) in entries.iter().zip(&found) {
                for (other, b) in entries.iter().zip(&found) {
                    prop_assert!(a != b || one.said == other.said);
                }
            }
            let turn = turn.checked_rem(entries.len()).unwrap_or(0);
            let mut turned = entries.clone();
            turned.rotate_left(turn);
            let mut again = of(&turned);
            again.rotate_right(turn);
            prop_assert_eq!(again, found);
        }
    }
}
