//! One pass over the bytes of a page: how much text there is, how many scripts, and what stands for what scripts will put
//! there. No tree is made; what is broken is counted as it stands.

use memchr::{memchr, memmem};

use super::marks::{self, Script};

/// Bytes of text that are kept to be looked at.
const SAMPLE_BYTES_MAX: usize = 512;
/// Bytes of one tag that are looked at.
const TAG_BYTES_MAX: usize = 4_096;
/// Of a page that only says that it loads, the characters, unless it trails off.
const LOADING_TEXT_MAX: usize = 25;
/// Of an element that frameworks fill.
const LOADING_ROOT_TEXT_MAX: usize = 60;
/// Elements to be filled that may be open within each other.
const OPEN_MAX: usize = 16;
/// Empty elements whose ids are kept.
const EMPTY_MAX: usize = 32;
/// Scripts that build something that are kept.
const BUILDERS_MAX: usize = 16;
/// Bytes of one of them that are looked at.
const BUILDER_BYTES_MAX: usize = 16 << 10;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey<'p> {
    /// Characters of text that is shown, white space counted once, those that stand for syllables and words for more.
    pub(super) text: usize,
    /// Those of them that are in no header, footer or navigation.
    pub(super) own_text: usize,
    /// Scripts that would run.
    pub(super) scripts: usize,
    /// Images, those in the frame included.
    all_images: usize,
    /// Those that are not.
    images: usize,
    /// Inputs, videos, frames and the like.
    inserts: usize,
    /// Tables.
    tables: usize,
    /// Elements that stand for what will be there.
    pub(super) placeholders: usize,
    /// Elements and words that scripts fill from data.
    pub(super) bindings: usize,
    /// Templates in scripts.
    pub(super) templates: usize,
    /// Whether an element that frameworks fill has no text and no content.
    pub(super) has_empty_root: bool,
    /// Whether one that holds what a page is about has none.
    has_empty_content: bool,
    /// Whether `noscript` says that scripts are needed.
    pub(super) asks_for_scripts: bool,
    /// Headers, footers and navigations that are open.
    frames: usize,
    empty: Vec<&'p [u8]>,
    builders: Vec<&'p [u8]>,
    sample: String,
}

/// An element that is open and may be one to be filled: what had been found when it began, and how deep it is.
struct Open<'p> {
    name: Vec<u8>,
    id: &'p [u8],
    is_root: bool,
    is_of_content: bool,
    nested: usize,
    text: usize,
    images: usize,
    inserts: usize,
}

impl<'p> Survey<'p> {
    /// Stops where there is as much text of the page's own as is enough.
    pub(super) fn of(page: &'p [u8], text_enough: usize) -> Self {
        let mut survey = Self::default();
        let mut open: Vec<Open<'p>> = Vec::new();
        let mut rest = page;
        while let Some(at) = memchr(b'<', rest) {
            survey.take_text(&rest[..at]);
            rest = survey.take_tag(&rest[at..], &mut open);
            if survey.own_text >= text_enough {
                return survey;
            }
        }
        survey.take_text(rest);
        // What is never closed holds what follows it.
        for element in open {
            survey.close(&element);
        }
        survey
    }

    /// Images, inputs, videos and the like.
    pub(super) fn content(&self) -> usize {
        self.all_images + self.inserts + self.tables
    }

    /// Whether what little text there is only says that more will come.
    pub(super) fn is_placeholder(&self) -> bool {
        let trails_off = self.sample.contains('…') || self.sample.contains("...");
        let says_so =
            (trails_off || self.text <= LOADING_TEXT_MAX) && marks::says_that_it_loads(&self.sample);
        (says_so || (self.placeholders > 0 && self.text == 0)) && self.content() == 0
    }

    /// Whether scripts fill an element that is there for what the page is about: one that is called so, or one that they name.
    pub(super) fn has_content_to_come(&self) -> bool {
        let is_named = |id: &&[u8]| self.builders.iter().any(|script| marks::names(script, id));
        self.images + self.inserts == 0 && (self.has_empty_content || self.empty.iter().any(is_named))
    }

    /// Takes what begins with `<`, and gives what follows it.
    fn take_tag(&mut self, page: &'p [u8], open: &mut Vec<Open<'p>>) -> &'p [u8] {
        if page.starts_with(b"<!--") {
            return after(page, b"-->");
        }
        let is_end = page.get(1) == Some(&b'/');
        let name_at = if is_end { 2 } else { 1 };
        let name_end =
            page[name_at..].iter().position(|byte| !is_of_name(*byte)).unwrap_or(page.len() - name_at);
        let name = page[name_at..name_at + name_end].to_ascii_lowercase();
        if name.is_empty() {
            // A declaration, or `<` in text.
            return if page.get(1) == Some(&b'!') { after(page, b">") } else { &page[1..] };
        }
        let tag_end = end_of_tag(page);
        let (tag, rest) = page.split_at(tag_end);
        let tag = &tag[..tag.len().min(TAG_BYTES_MAX)];
        if is_end {
            self.frames = self.frames.saturating_sub(usize::from(is_frame(&name)));
            end_in(open, &name).into_iter().for_each(|element| self.close(&element));
            return rest;
        }
        let lowered = tag.to_ascii_lowercase();
        self.bindings += usize::from(marks::is_bound(&lowered));
        match name.as_slice() {
            b"script" => {
                let after = after_element(rest, b"</script");
                self.take_script(marks::script(&lowered), &rest[..rest.len() - after.len()]);
                return after;
            }
            b"style" => return after_element(rest, b"</style"),
            b"template" => return after_element(rest, b"</template"),
            b"title" => return after_element(rest, b"</title"),
            b"textarea" => {
                self.inserts += 1;
                return after_element(rest, b"</textarea");
            }
            b"noscript" => {
                let after = after_element(rest, b"</noscript");
                self.take_noscript(&rest[..rest.len() - after.len()]);
                return after;
            }
            b"img" | b"picture" => {
                self.all_images += 1;
                self.images += usize::from(self.frames == 0);
            }
            b"canvas" => self.placeholders += 1,
            b"video" | b"audio" | b"object" | b"embed" | b"iframe" | b"input" | b"select" => {
                self.inserts += 1;
            }
            b"table" => self.tables += 1,
            _ => self.frames += usize::from(is_frame(&name)),
        }
        self.placeholders += usize::from(marks::is_placeholder(&lowered));
        self.open(name, tag, &lowered, open);
        rest
    }

    fn open(&mut self, name: Vec<u8>, tag: &'p [u8], lowered: &[u8], open: &mut Vec<Open<'p>>) {
        for element in open.iter_mut().filter(|element| element.name == name) {
            element.nested += 1;
        }
        let is_root = marks::is_root(&name, lowered);
        if open.len() < OPEN_MAX && (is_root || marks::may_be_filled(&name)) {
            let is_of_content = marks::is_of_content(&name, lowered);
            let id = marks::attribute(tag, b"id").unwrap_or_default();
            let (text, images, inserts) = (self.text, self.all_images, self.inserts);
            open.push(Open { name, id, is_root, is_of_content, nested: 0, text, images, inserts });
        }
    }

    /// An element has ended: it is empty where it has nothing but a word that more will come, or but a picture beside that
    /// where frameworks fill it.
    fn close(&mut self, element: &Open<'p>) {
        let (text, images) = (self.text - element.text, self.all_images - element.images);
        if self.inserts != element.inserts {
            return;
        }
        if element.is_root {
            let loads = text < LOADING_ROOT_TEXT_MAX && marks::says_that_it_loads(&self.sample);
            let says_no_more = text == 0 || loads;
            self.has_empty_root |= says_no_more && images <= 1;
        }
        if text == 0 && images == 0 {
            self.has_empty_content |= element.is_of_content;
            if !element.id.is_empty() && self.empty.len() < EMPTY_MAX {
                self.empty.push(element.id);
            }
        }
    }

    fn take_text(&mut self, text: &[u8]) {
        self.placeholders += usize::from(marks::is_dash(text));
        let mut characters = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let shown = memmem::find(rest, b"{{").unwrap_or(rest.len());
            characters += characters_of(&rest[..shown]);
            rest = &rest[shown..];
            if !rest.is_empty() {
                // What stands between two braces is for a script to say.
                self.bindings += 1;
                rest = after(rest, b"}}");
            }
        }
        self.text += characters;
        if self.frames == 0 {
            self.own_text += characters;
        }
        let room = SAMPLE_BYTES_MAX.saturating_sub(self.sample.len());
        if characters > 0 && room > 0 {
            let text = text.trim_ascii();
            self.sample.push_str(&String::from_utf8_lossy(&text[..text.len().min(room)]));
            self.sample.push(' ');
        }
    }

    fn take_script(&mut self, kind: Script, script: &'p [u8]) {
        match kind {
            Script::Runs => {
                self.scripts += 1;
                let script = &script[..script.len().min(BUILDER_BYTES_MAX)];
                if self.builders.len() < BUILDERS_MAX && marks::builds(script) {
                    self.builders.push(script);
                }
            }
            Script::Template => self.templates += 1,
            Script::Data => {}
        }
    }

    fn take_noscript(&mut self, inner: &[u8]) {
        let text = String::from_utf8_lossy(&inner[..inner.len().min(TAG_BYTES_MAX)]).to_lowercase();
        self.asks_for_scripts |= marks::asks_for_scripts(&text);
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b':'
}

/// Elements around what a page is about.
fn is_frame(name: &[u8]) -> bool {
    matches!(name, b"header" | b"footer" | b"nav")
}

/// Characters, white space counted once. One that stands for a syllable or a word says as much as two or three letters.
fn characters_of(text: &[u8]) -> usize {
    let letters = |byte: &u8| match byte {
        // A byte that goes on with a character begins none.
        0x80..=0xBF => 0,
        // Kana and ideographs, then Hangul, by the first byte in UTF-8.
        0xE3..=0xE9 => 3,
        0xEA..=0xED => 2,
        _ => 1,
    };
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.map(|word| 1 + word.iter().map(letters).sum::<usize>()).sum()
}

/// Closes the innermost element of that name, if its end tag is this one.
fn end_in<'p>(open: &mut Vec<Open<'p>>, name: &[u8]) -> Option<Open<'p>> {
    let mut closed = None;
    for (at, element) in open.iter_mut().enumerate().rev().filter(|(_, element)| element.name == name) {
        if element.nested > 0 {
            element.nested -= 1;
        } else if closed.is_none() {
            closed = Some(at);
        }
    }
    closed.map(|at| open.remove(at))
}

/// Behind the tag's `>`, quoted ones left aside.
fn end_of_tag(page: &[u8]) -> usize {
    let mut quote = None;
    for (at, byte) in page.iter().enumerate().take(16 * TAG_BYTES_MAX) {
        match (quote, byte) {
            (None, b'>') => return at + 1,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(open), byte) if open == *byte => quote = None,
            _ => {}
        }
    }
    page.len().min(16 * TAG_BYTES_MAX)
}

/// What follows the mark; nothing where it never comes.
fn after<'p>(page: &'p [u8], mark: &[u8]) -> &'p [u8] {
    memmem::find(page, mark).map_or(&[], |at| &page[at + mark.len()..])
}

/// What follows an element whose end tag begins so.
fn after_element<'p>(page: &'p [u8], end: &[u8]) -> &'p [u8] {
    let mut from = 0;
    while let Some(at) = memchr(b'<', &page[from..]) {
        let rest = &page[from + at..];
        if rest.len() >= end.len() && rest[..end.len()].eq_ignore_ascii_case(end) {
            return &rest[end_of_tag(rest)..];
        }
        from += at + 1;
    }
    &[]
}
