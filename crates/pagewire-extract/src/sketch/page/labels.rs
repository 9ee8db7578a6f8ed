//! Labels and their values: definition lists, table rows, a strong word before a text, a heading over a list, two boxes
//! beside each other, `Label: value` in running text, `320 pages`.

use std::ops::Range;

use super::{At, Page, Pair, Term, Valued, flag};
use crate::dom::Tag;
use crate::sketch::lexicon::Lexicon;
use crate::sketch::vocabulary::{Kind, OWNERS, VOCABULARY};

/// Bytes of a label, words of one, and bytes of a line that is looked at for one.
const LABEL_BYTES_MAX: usize = 90;
const LABEL_WORDS_MAX: usize = 5;
const LINE_BYTES_MAX: usize = 600;
/// Bytes of a text in which a number counts what follows it: in sentences it need not.
const COUNTED_BYTES_MAX: usize = 140;
/// Siblings that a heading may head.
const HEADED_MAX: usize = 60;
/// Steps up from a label to what its value stands beside.
const CLIMB_MAX: usize = 4;
const PAIRS_MAX: usize = 20_000;
const PAIRS_MIN: usize = 256;
const PAIRS_AT_ONCE: usize = 64;
/// Words around a label that change nothing.
const AROUND: &[&str] = &[
    "the", "our", "your", "its", "my", "der", "die", "das", "le", "la", "les", "el", "los", "las", "il",
    "lo", "gli", "i", "o", "a", "os", "as", "de", "du", "del", "des", "s", "nr", "no", "und", "and", "et",
    "y", "e",
];

/// What parts the things that a line tells.
const PARTING: &[char] = &['|', '•', '·', '●', '▪', '‧', '∙', '⋅', ';', '(', '（', '、'];
/// What does so with a space beside it, and else is a part of what is told.
const PARTING_WITH_SPACE: &[char] = &['/', '–', '—'];

/// Pictographs that people write for a label, and what they stand for.
const SIGNS: &[(&str, &[&str])] = &[
    ("📍📌🗺🌍🌎🌐", &["location", "venue", "address"]),
    ("📅📆🗓", &["start date", "date", "published"]),
    ("🕐🕒🕓🕖🕗⏰⏱⏲⌛⏳🕑", &["time", "total time", "reading time"]),
    ("💼", &["employment type"]),
    ("💰💵💶💷💸", &["salary", "price"]),
    ("🏢🏬", &["company"]),
    ("📞☎📱", &["phone"]),
    ("✉📧📩", &["email"]),
    ("🍽👥🍴", &["servings"]),
    ("✍👤", &["author"]),
    ("🎟🎫", &["price"]),
];
/// Words in the names of icons, and what they stand for.
const ICONS: &[(&[&str], &[&str])] = &[
    (&["marker", "location", "pin", "geo", "place", "map", "standort"], &["location", "venue", "address"]),
    (&["calendar", "date", "event", "kalender"], &["start date", "date", "published"]),
    (&["clock", "time", "timer", "stopwatch", "hourglass"], &["time", "total time", "reading time"]),
    (&["user", "author", "pencil", "pen"], &["author"]),
    (&["phone", "tel", "mobile", "telephone"], &["phone"]),
    (&["envelope", "mail", "email"], &["email"]),
    (&["briefcase", "suitcase"], &["employment type"]),
    (&["money", "wallet", "dollar", "euro", "salary", "cash"], &["salary", "price"]),
    (&["ticket"], &["price"]),
    (&["building", "company"], &["company"]),
    (&["cutlery", "utensils", "users", "people", "servings"], &["servings"]),
];

pub(super) fn find(page: &Page<'_>, lexicon: &Lexicon) -> Vec<Pair> {
    let mut finder = Finder { page, lexicon, pairs: Vec::new(), pairs_max: pairs_max(page) };
    for at in page.all() {
        finder.labelled_by_element(at);
        finder.labelled_in_element(at);
        if page.len(at) == 0 {
            finder.labelled_by_icon(at);
        }
        if finder.pairs.len() >= finder.pairs_max {
            break;
        }
    }
    finder.labelled_in_lines();
    // In place: a stable sort makes a copy of all.
    finder.pairs.sort_unstable_by_key(|pair| (pair.label_at, pair.rank));
    finder.pairs
}

/// The words of a text, in lower case.
pub(in crate::sketch) fn words_of(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

struct Finder<'p, 'd> {
    page: &'p Page<'d>,
    lexicon: &'p Lexicon,
    pairs: Vec<Pair>,
    pairs_max: usize,
}

/// As many as there is room for: a list that grows takes twice what is in it.
fn pairs_max(page: &Page<'_>) -> usize {
    let room = page.document.room_beside(page.bytes());
    (room / (2 * size_of::<Pair>())).clamp(PAIRS_MIN, PAIRS_MAX)
}

impl Finder<'_, '_> {
    /// What a text means as a label, and how surely.
    fn meanings(&self, text: &str) -> Vec<(Term, f32)> {
        if text.len() > LABEL_BYTES_MAX {
            return Vec::new();
        }
        let plain = text.split(['(', '[', '（']).next().unwrap_or_default();
        let words = words_of(if plain.trim().is_empty() { text } else { plain });
        if words.is_empty() || words.len() > LABEL_WORDS_MAX {
            return Vec::new();
        }
        let of = |words: &[String]| self.lexicon.labelled(&words.join(" ")).collect::<Vec<_>>();
        let exact = of(&words);
        if !exact.is_empty() {
            return exact.into_iter().map(|term| (term, 1.0)).collect();
        }
        let is_around = |word: &String| AROUND.contains(&word.as_str()) || OWNERS.contains(&word.as_str());
        let start = words.iter().position(|word| !is_around(word)).unwrap_or(words.len());
        let end = words.iter().rposition(|word| !is_around(word)).map_or(start, |last| last + 1);
        if (start, end) != (0, words.len()) && start < end {
            return of(&words[start..end]).into_iter().map(|term| (term, 0.85)).collect();
        }
        Vec::new()
    }

    fn push(
        &mut self,
        meanings: &[(Term, f32)],
        label_at: At,
        label: &Range<u32>,
        value: &Valued,
        share: f32,
    ) {
        // By a quarter at a time: a list of as many again would stand beside it while it is moved.
        if self.pairs.capacity() - self.pairs.len() < meanings.len() {
            self.pairs.reserve_exact(meanings.len() + PAIRS_AT_ONCE + self.pairs.len() / 4);
        }
        for (term, sure) in meanings {
            self.pairs.push(Pair {
                term: *term,
                label_at,
                label: label.clone(),
                value: value.clone(),
                share: sure * share,
                rank: to_u32(self.pairs.len()),
            });
        }
    }

    fn labelled_by_element(&mut self, at: At) {
        let page = self.page;
        let element = page.element(at);
        if page.len(at) == 0 || page.len(at) > LABEL_BYTES_MAX || page.is(at, flag::NAV) {
            return;
        }
        // The innermost of elements that hold the same text is the label.
        let range = page.text_range(at);
        if page.children(at).next().is_some_and(|child| folded_same(page, &page.text_range(child), &range)) {
            return;
        }
        let text = page.raw(&range);
        if text.trim_end().contains('\n') {
            return;
        }
        let meanings = self.meanings(text);
        if meanings.is_empty() {
            return;
        }
        if let Some((value, share)) = self.value_beside(at, element.tag) {
            self.push(&meanings, at, &range, &value, share);
        }
    }

    /// A label and its value within an element that stands in a line with others.
    fn labelled_in_element(&mut self, at: At) {
        let page = self.page;
        let element = page.element(at);
        let range = page.text_range(at);
        let text = page.raw(&range);
        let stands_in_line = matches!(
            element.tag,
            Tag::Span
                | Tag::A
                | Tag::Em
                | Tag::I
                | Tag::B
                | Tag::Strong
                | Tag::Other
                | Tag::Time
                | Tag::Label
                | Tag::Cite
        );
        if !stands_in_line
            || text.len() > LINE_BYTES_MAX
            || text.trim_end().contains('\n')
            || page.is(at, flag::NAV)
        {
            return;
        }
        if page.children(at).next().is_some_and(|child| folded_same(page, &page.text_range(child), &range)) {
            return;
        }
        for (start, part) in segments(text) {
            self.labelled_in_segment(part, range.start as usize + start);
        }
    }

    fn value_beside(&self, label: At, tag: Tag) -> Option<(Valued, f32)> {
        let page = self.page;
        let ends_in_colon = page.raw_text(label).trim_end().ends_with([':', '：']);
        let mut at = label;
        for climbed in 0..=CLIMB_MAX {
            let element = page.element(at);
            match element.tag {
                Tag::Dt => return self.definitions_after(at).map(|value| (value, 1.0)),
                Tag::Th | Tag::Td => return self.cell_after(at),
                Tag::Li | Tag::A | Tag::Tr if climbed > 0 && !ends_in_colon => return None,
                _ => {}
            }
            if let Some(value) = self.text_after(at, ends_in_colon) {
                return Some(value);
            }
            let next = self.sibling_after(at);
            if let Some(next) = next {
                if tag.is_heading() || element.tag.is_heading() || is_list(page.element(next).tag) {
                    return self.headed_by(at).map(|value| (value, 1.0));
                }
                let alike = page.element(next).tag == element.tag && page.names(next) == page.names(at);
                let two = page.children(element.parent).take(3).count() == 2;
                let is_value = ends_in_colon || !alike || two || element.tag == Tag::Label;
                let fits = !matches!(element.tag, Tag::Li | Tag::A | Tag::Button) && is_value;
                return fits
                    .then_some((Valued::Element(next), if ends_in_colon || !alike { 0.97 } else { 0.9 }));
            }
            if at == 0 {
                return None;
            }
            let parent = element.parent;
            if !folded_same(page, &page.text_range(parent), &page.text_range(at)) {
                return self.number_before(at);
            }
            if parent == at {
                return None;
            }
            at = parent;
        }
        None
    }

    /// Text that follows in the same parent, up to the next label of the same make.
    fn text_after(&self, at: At, ends_in_colon: bool) -> Option<(Valued, f32)> {
        let page = self.page;
        let element = page.element(at);
        if at == 0 || element.tag.is_heading() {
            return None;
        }
        let start = page.text_range(at).end;
        let parent_end = page.text_range(element.parent).end;
        let next = page.next_sibling(at);
        let gap_end = next.map_or(parent_end, |next| page.text_range(next).start);
        let gap = page.raw(&(start..gap_end));
        if !gap.contains(|c: char| c.is_alphanumeric() || currency_like(c)) {
            return None;
        }
        let rest = page.raw(&(start..parent_end));
        // The value may stand on the line after the label's.
        let lead =
            rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() || c == ':' || c == '：').len();
        let line = rest[lead..].find('\n').map_or(rest.len(), |end| lead + end);
        let mut end = start + to_u32(line);
        let mut sibling = next;
        while let Some(other) = sibling.filter(|other| page.text_range(*other).start < end) {
            if page.element(other).tag == element.tag
                && page.names(other) == page.names(at)
                && element.tag != Tag::A
            {
                end = page.text_range(other).start;
                break;
            }
            sibling = page.next_sibling(other);
        }
        let told = ends_in_colon
            || rest.trim_start().starts_with([':', '：'])
            || !matches!(element.tag, Tag::A | Tag::Em | Tag::I);
        told.then_some((Valued::Text(start + to_u32(lead)..end), if ends_in_colon { 1.0 } else { 0.93 }))
    }

    /// The next sibling that says anything.
    fn sibling_after(&self, at: At) -> Option<At> {
        let page = self.page;
        let mut next = page.next_sibling(at);
        for _ in 0..4 {
            let sibling = next?;
            let says = page.raw_text(sibling).contains(char::is_alphanumeric)
                || page.within(sibling).take(5).any(|inner| page.element(inner).tag == Tag::Img)
                || page.raw_text(sibling).contains(['★', '☆']);
            if says {
                return Some(sibling);
            }
            next = page.next_sibling(sibling);
        }
        None
    }

    fn definitions_after(&self, term: At) -> Option<Valued> {
        let page = self.page;
        let mut values = Vec::new();
        let mut next = page.next_sibling(term);
        while let Some(at) = next {
            match page.element(at).tag {
                Tag::Dd => values.push(at),
                Tag::Dt => break,
                _ => {}
            }
            if values.len() >= HEADED_MAX {
                break;
            }
            next = page.next_sibling(at);
        }
        match values.as_slice() {
            [] => None,
            [one] => Some(Valued::Element(*one)),
            _ => Some(Valued::Elements(values.into())),
        }
    }

    fn cell_after(&self, cell: At) -> Option<(Valued, f32)> {
        let page = self.page;
        let row = page.element(cell).parent;
        let cells: Vec<At> =
            page.children(row).filter(|cell| page.element(*cell).tag.is_cell()).take(40).collect();
        let at = cells.iter().position(|other| *other == cell)?;
        let is_heading_row = cells.len() > 1 && cells.iter().all(|cell| page.element(*cell).tag == Tag::Th);
        let below = || {
            // In a table with a head, the value stands below in the first row after it.
            let mut rows = std::iter::successors(
                page.next_sibling(row).or_else(|| page.next_sibling(page.element(row).parent)),
                |next| page.next_sibling(*next),
            );
            let next = rows.find(|next| page.len(*next) > 0)?;
            let next = if page.element(next).tag == Tag::Tbody { page.children(next).next()? } else { next };
            page.children(next).filter(|cell| page.element(*cell).tag.is_cell()).nth(at)
        };
        if is_heading_row {
            return below().map(|cell| (Valued::Element(cell), 0.8));
        }
        let next = cells.get(at + 1).filter(|next| page.len(**next) > 0)?;
        let is_label = page.element(cell).tag == Tag::Th || at % 2 == 0;
        is_label.then_some((Valued::Element(*next), 1.0))
    }

    /// What stands under a heading, up to the next one.
    fn headed_by(&self, heading: At) -> Option<Valued> {
        let page = self.page;
        let mut values = Vec::new();
        let mut next = page.next_sibling(heading);
        while let Some(at) = next {
            let element = page.element(at);
            if element.tag.is_heading()
                || matches!(element.tag, Tag::Hr | Tag::Footer) && !values.is_empty()
                || values.len() >= HEADED_MAX
            {
                break;
            }
            if page.len(at) > 0 || page.within(at).take(5).any(|inner| page.element(inner).tag == Tag::Img) {
                values.push(at);
            }
            next = page.next_sibling(at);
        }
        match values.as_slice() {
            [] => None,
            [one] => Some(Valued::Element(*one)),
            _ => Some(Valued::Elements(values.into())),
        }
    }

    /// A number that stands before or above its label: `<b>4</b> <span>Servings</span>`.
    fn number_before(&self, at: At) -> Option<(Valued, f32)> {
        let page = self.page;
        let parent = page.element(at).parent;
        let start = page.text_range(parent).start;
        let before = start..page.text_range(at).start;
        let text = page.raw(&before).trim();
        let is_alone = text.len() <= 24 && text.chars().any(char::is_numeric) && !text.contains('\n');
        let is_last = page.raw(&(page.text_range(at).end..page.text_range(parent).end)).trim().is_empty();
        (at > 0 && is_alone && is_last).then_some((Valued::Text(before), 0.75))
    }

    /// Labels within lines of text.
    fn labelled_in_lines(&mut self) {
        let page = self.page;
        let mut start = 0_usize;
        for line in page.text.split_inclusive('\n') {
            let from = start;
            start += line.len();
            let line = &line[..line.floor_char_boundary(LINE_BYTES_MAX)];
            for (segment_start, segment) in segments(line) {
                self.labelled_in_segment(segment, from + segment_start);
            }
            // A sentence may begin with a label: `… . Apply by 15 May.`
            for (at, _) in line.match_indices(". ").take(8) {
                let sentence = line[at + 2..].split(". ").next().unwrap_or_default().trim_end();
                let words: Vec<(usize, &str)> = words_at(sentence).take(8).collect();
                if !words.is_empty() && sentence.starts_with(char::is_uppercase) {
                    self.labelled_by_first_words(sentence, &words, from + at + 2);
                }
            }
            // What is parted may belong together: `from – to`, `and/or`.
            self.labelled_by_colon(line, from);
            if self.pairs.len() >= self.pairs_max {
                return;
            }
        }
    }

    fn labelled_by_colon(&mut self, segment: &str, start: usize) -> bool {
        let head = &segment[..segment.floor_char_boundary(LABEL_BYTES_MAX)];
        let Some((label, _)) = head.split_once([':', '：']) else { return false };
        let mark = segment[label.len()..].chars().next().map_or(1, char::len_utf8);
        let value = segment[label.len() + mark..].trim_end();
        let value_start = start + label.len() + mark;
        if !value.contains(|c: char| c.is_alphanumeric() || currency_like(c) || matches!(c, '★' | '☆')) {
            return false;
        }
        let mut meanings = self.meanings(label);
        if meanings.is_empty() && !label.contains(char::is_numeric) {
            meanings = self.meanings_of_last_words(label);
        }
        let range = range(start, label.len());
        let value = Valued::Text(to_u32(value_start)..to_u32(value_start + value.len()));
        let at = self.holder_of(&range);
        if !self.page.is(at, flag::NAV) {
            self.push(&meanings, at, &range, &value, 0.98);
        }
        !meanings.is_empty()
    }

    /// Of a line in which a label does not come first.
    fn meanings_of_last_words(&self, text: &str) -> Vec<(Term, f32)> {
        let words = words_of(text);
        for length in (1..=3.min(words.len())).rev() {
            let phrase = words[words.len() - length..].join(" ");
            let found: Vec<(Term, f32)> = self
                .lexicon
                .labelled(&phrase)
                .filter(|term| {
                    kind_of(*term).is_some_and(|kind| {
                        matches!(
                            kind,
                            Kind::Count
                                | Kind::Duration
                                | Kind::Date
                                | Kind::EndDate
                                | Kind::Price
                                | Kind::Rating
                                | Kind::Isbn
                                | Kind::Phone
                                | Kind::Email
                        )
                    })
                })
                .map(|term| (term, 0.85))
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    fn labelled_in_segment(&mut self, segment: &str, start: usize) {
        if segment.trim().is_empty()
            || self.labelled_by_colon(segment, start)
            || self.labelled_by_sign(segment, start)
        {
            return;
        }
        let trimmed =
            segment.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | '~' | '-' | '–'));
        let start = start + (segment.len() - trimmed.len());
        let trimmed = trimmed.trim_end();
        let words: Vec<(usize, &str)> = words_at(trimmed).take(16).collect();
        let Some((_, first)) = words.first() else { return };
        if !first.chars().all(char::is_numeric) {
            self.labelled_by_first_words(trimmed, &words[..words.len().min(8)], start);
        }
        if trimmed.len() <= COUNTED_BYTES_MAX {
            for at in 0..words.len() {
                let begins = at == 0 || !words[at - 1].1.chars().all(char::is_numeric);
                if begins && words[at].1.chars().all(char::is_numeric) {
                    let from = words[at].0;
                    let rest: Vec<(usize, &str)> =
                        words[at..].iter().map(|(place, word)| (place - from, *word)).collect();
                    self.labelled_after_number(&trimmed[from..], &rest, start + from, at == 0);
                }
            }
        }
    }

    /// `📍 Berlin`.
    fn labelled_by_sign(&mut self, segment: &str, start: usize) -> bool {
        let trimmed = segment.trim_start();
        let Some(first) = trimmed.chars().next() else { return false };
        let Some((_, names)) = SIGNS.iter().find(|(signs, _)| signs.contains(first)) else { return false };
        let begin = start + segment.len() - trimmed.len();
        let rest = trimmed[first.len_utf8()..].trim_end();
        if rest.is_empty() {
            return false;
        }
        let range = range(begin, first.len_utf8());
        let at = self.holder_of(&range);
        let value_start = begin + first.len_utf8();
        // Brackets part what a line tells, but not here: `📍 Remote (EU)`.
        let end = start + segment.len();
        let beyond = self.page.text.get(end..).unwrap_or_default();
        let bracket =
            beyond.lines().next().filter(|line| line.starts_with('(')).and_then(|line| line.find(')'));
        let end =
            bracket.filter(|at| *at < LABEL_BYTES_MAX).map_or(value_start + rest.len(), |at| end + at + 1);
        let value = Valued::Text(to_u32(value_start)..to_u32(end));
        self.push(&meanings_of_names(names), at, &range, &value, 0.85);
        true
    }

    /// An icon that stands before a text: `<i class="fa fa-map-marker"></i> Berlin`.
    fn labelled_by_icon(&mut self, at: At) {
        let page = self.page;
        let element = page.element(at);
        if !matches!(element.tag, Tag::I | Tag::Span | Tag::Svg | Tag::Em | Tag::Div)
            || page.children(at).next().is_some()
            || at == 0
            || page.is(at, flag::NAV)
        {
            return;
        }
        let words = || page.names(at).split([' ', '\n']);
        let Some((_, names)) = ICONS.iter().find(|(icons, _)| words().any(|word| icons.contains(&word)))
        else {
            return;
        };
        let says = |range: &Range<u32>| page.raw(range).contains(char::is_alphanumeric);
        let meanings = meanings_of_names(names);
        let label = page.text_range(at);
        if let Some((value, _)) = self.text_after(at, true) {
            self.push(&meanings, at, &label, &value, 0.8);
        } else if let Some(next) = self.sibling_after(at).filter(|next| says(&page.text_range(*next))) {
            self.push(&meanings, at, &label, &Valued::Element(next), 0.8);
        } else if page.raw_text(element.parent).trim().is_empty()
            && let Some(next) = self.sibling_after(element.parent)
        {
            self.push(&meanings, at, &label, &Valued::Element(next), 0.75);
        }
    }

    /// `By Jane Doe`, `Serves 4`, `Published 3 May 2025`.
    fn labelled_by_first_words(&mut self, segment: &str, words: &[(usize, &str)], start: usize) {
        for length in (1..=LABEL_WORDS_MAX.min(words.len().saturating_sub(1))).rev() {
            let end = words[length - 1].0 + words[length - 1].1.len();
            let phrase: Vec<String> = words[..length].iter().map(|(_, word)| word.to_lowercase()).collect();
            let meanings: Vec<(Term, f32)> = self
                .lexicon
                .labelled(&phrase.join(" "))
                .filter(|term| may_lead(*term, &phrase))
                .map(|term| (term, 1.0))
                .collect();
            if meanings.is_empty() {
                continue;
            }
            let range = range(start, end);
            let at = self.holder_of(&range);
            if !self.page.is(at, flag::NAV | flag::HEADING) {
                let value = Valued::Text(to_u32(start + end)..to_u32(start + segment.len()));
                self.push(&meanings, at, &range, &value, 0.85);
            }
            return;
        }
    }

    /// `320 pages`, `(128 customer reviews)`.
    fn labelled_after_number(&mut self, segment: &str, words: &[(usize, &str)], start: usize, leads: bool) {
        let first = words.iter().position(|(_, word)| !word.chars().all(char::is_numeric));
        let Some(first) = first else { return };
        for length in (1..=3.min(words.len() - first)).rev() {
            let phrase: Vec<String> =
                words[first..first + length].iter().map(|(_, word)| word.to_lowercase()).collect();
            let meanings: Vec<(Term, f32)> = self
                .lexicon
                .labelled(&phrase.join(" "))
                .filter(|term| {
                    kind_of(*term).is_some_and(|kind| matches!(kind, Kind::Count | Kind::Duration))
                })
                .map(|term| (term, 1.0))
                .collect();
            if meanings.is_empty() {
                continue;
            }
            let label_start = words[first].0;
            let end = words[first + length - 1].0 + words[first + length - 1].1.len();
            let range = range(start + label_start, end - label_start);
            let at = self.holder_of(&range);
            // The whole is the value: `15 min prep` has its unit in it.
            let value = Valued::Text(to_u32(start)..to_u32(start + segment.len().min(end)));
            let share = if first + length == words.len() && leads { 0.85 } else { 0.7 };
            if !self.page.is(at, flag::NAV) {
                self.push(&meanings, at, &range, &value, share);
            }
            return;
        }
    }

    /// The innermost element that holds a piece of text.
    fn holder_of(&self, range: &Range<u32>) -> At {
        let page = self.page;
        let after = page.elements.partition_point(|element| element.text.0 <= range.start);
        let mut at = to_u32(after.saturating_sub(1));
        for _ in 0..600 {
            let held = page.text_range(at);
            if held.start <= range.start && held.end >= range.end || at == 0 {
                break;
            }
            // An earlier element that has ended is a sibling of one that holds the range, or lies in such a sibling.
            at = page.element(at).parent;
        }
        at
    }
}

/// Whether a term's label may stand before its value with nothing between: its values must tell themselves.
fn may_lead(term: Term, phrase: &[String]) -> bool {
    let is_short = phrase.len() == 1 && phrase[0].chars().count() < 2;
    match kind_of(term) {
        Some(Kind::Person) => {
            !is_short && !matches!(phrase[0].as_str(), "da" | "de" | "text" | "foto" | "photo" | "do" | "te")
        }
        Some(
            Kind::Date
            | Kind::EndDate
            | Kind::Count
            | Kind::Rating
            | Kind::Duration
            | Kind::Isbn
            | Kind::Phone
            | Kind::Price
            | Kind::Salary,
        ) => true,
        Some(Kind::Code) => !is_short,
        // Of words that may be anything only what no sentence begins with.
        Some(Kind::Short) => {
            phrase.len() >= 2
                && matches!(
                    phrase[phrase.len() - 1].as_str(),
                    "by" | "von" | "par" | "por" | "da" | "av" | "af" | "door" | "in"
                )
        }
        _ => false,
    }
}

fn meanings_of_names(names: &[&str]) -> Vec<(Term, f32)> {
    let id = |name: &str| VOCABULARY.named(&name.split(' ').map(str::to_owned).collect::<Vec<_>>());
    names.iter().filter_map(|name| id(name)).map(|term| (term, 1.0)).collect()
}

fn kind_of(term: Term) -> Option<Kind> {
    VOCABULARY.concept(term).map(|concept| concept.kind)
}

fn currency_like(c: char) -> bool {
    matches!(c, '$' | '£' | '¥' | '\u{20a0}'..='\u{20cf}')
}

fn is_list(tag: Tag) -> bool {
    matches!(tag, Tag::Ul | Tag::Ol)
}

fn folded_same(page: &Page<'_>, one: &Range<u32>, other: &Range<u32>) -> bool {
    page.raw(one).trim() == page.raw(other).trim()
}

/// The parts of a line and where they begin.
fn segments(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut from = 0;
    let mut chars = line.char_indices().peekable();
    let mut before = ' ';
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map_or(' ', |(_, next)| *next);
            let parts = PARTING.contains(&c)
                || PARTING_WITH_SPACE.contains(&c) && (before.is_whitespace() || next.is_whitespace());
            before = c;
            if parts {
                let part = (from, &line[from..at]);
                from = at + c.len_utf8();
                return Some(part);
            }
        }
        is_over = true;
        Some((from, &line[from..]))
    })
    .take(24)
}

/// The words of a text and where they begin; a number is a word of its own also where no space parts it from the next.
fn words_at(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        let is_number = rest.chars().next()?.is_numeric();
        let end =
            rest.find(|c: char| !c.is_alphanumeric() || (is_number && !c.is_numeric())).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some((word.as_ptr() as usize - text.as_ptr() as usize, word))
    })
}

fn to_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn range(start: usize, length: usize) -> Range<u32> {
    to_u32(start)..to_u32(start + length)
}
