//! Markdown as it is put down: words, breaks, prefixes and inline marks.
//!
//! White space is never written before it is known to be needed, so no line ends in a space and no marks hold one at
//! their inner edge; a mark is written only when there is something to mark, and only where Markdown takes it as one.

use super::escape::{self, Place, is_punctuation};

/// Bytes of Markdown after which no more is taken in; a record could not hold them anyway.
const OUT_BYTES_MAX: usize = 24 * 1024 * 1024;

/// What separates what was written from what comes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Break {
    #[default]
    None,
    /// A line break within a paragraph.
    Hard,
    /// A new line, as between items of a list.
    Line,
    /// A blank line.
    Block,
}

/// An inline mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    Strong,
    Emphasis,
    Strike,
    /// To this address.
    Link(String),
}

impl Mark {
    fn opening(&self) -> &'static str {
        match self {
            Self::Strong => "**",
            Self::Emphasis => "*",
            Self::Strike => "~~",
            Self::Link(_) => "[",
        }
    }

    fn sign(&self) -> char {
        match self {
            Self::Strong | Self::Emphasis => '*',
            Self::Strike => '~',
            Self::Link(_) => '[',
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// How far an open mark has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be written before the next content.
    Due,
    /// Written at this byte.
    Written(usize),
    /// Markdown would not take it as a mark here.
    Left,
}

/// A mark that was closed at the very end of what is written; what comes next may undo it.
#[derive(Debug, Clone, Copy)]
struct Closed {
    opening_at: usize,
    closing_at: usize,
    length: usize,
}

/// A prefix of the lines of a nested block: a list item's or a quotation's.
#[derive(Debug)]
struct Prefix {
    first: Option<String>,
    rest: String,
}

#[derive(Debug, Default)]
pub(super) struct Writer {
    out: String,
    prefixes: Vec<Prefix>,
    marks: Vec<(Mark, State)>,
    closed: Vec<Closed>,
    /// Where the last picture or span of code ended.
    piece_end: usize,
    break_due: Break,
    space_due: bool,
    /// Whether the line has no words yet: some characters mean something there only.
    at_line_start: bool,
    /// Cells and headings: all breaks are spaces, and in cells bars are escaped.
    one_line: bool,
    in_cell: bool,
}

impl Writer {
    /// A writer that begins with this room.
    pub(super) fn into_buffer(out: String) -> Self {
        Self { out, ..Self::default() }
    }

    /// A writer for the content of a table cell.
    pub(super) fn of_cell() -> Self {
        Self { one_line: true, in_cell: true, ..Self::default() }
    }

    pub(super) fn is_full(&self) -> bool {
        self.out.len() > OUT_BYTES_MAX
    }

    pub(super) fn is_one_line(&self) -> bool {
        self.one_line
    }

    pub(super) fn is_in_link(&self) -> bool {
        self.marks.iter().any(|(mark, _)| matches!(mark, Mark::Link(_)))
    }

    pub(super) fn finish(mut self) -> String {
        self.close_marks();
        self.out
    }

    /// The next content begins a new block.
    pub(super) fn block(&mut self) {
        self.due(Break::Block);
    }

    /// The next content begins a new line.
    pub(super) fn line(&mut self) {
        self.due(Break::Line);
    }

    /// A line break within a paragraph; two of them end it.
    pub(super) fn hard_break(&mut self) {
        if self.break_due == Break::Hard {
            self.due(Break::Block);
        } else if !self.at_line_start {
            self.due(Break::Hard);
        }
    }

    fn due(&mut self, kind: Break) {
        if self.one_line {
            self.space_due = true;
        } else if self.prefixes.last().is_some_and(|prefix| prefix.first.is_some()) {
            // Nothing stands in the nested block yet: there is nothing to be apart from.
            self.break_due = self.break_due.max(Break::Line);
        } else {
            self.break_due = self.break_due.max(kind);
        }
    }

    /// The end of an item that began at this length: the next one follows on the next line, whatever this one held.
    pub(super) fn end_item(&mut self, start: usize) {
        if self.one_line {
            self.space_due = true;
        } else if self.out.len() > start {
            self.break_due = Break::Line;
        }
    }

    /// Bytes written.
    pub(super) fn length(&self) -> usize {
        self.out.len()
    }

    pub(super) fn space(&mut self) {
        self.space_due = true;
    }

    /// Begins a nested block; its first line has a prefix of its own.
    pub(super) fn push_prefix(&mut self, first: Option<&str>, rest: &str) {
        self.prefixes.push(Prefix { first: first.map(str::to_owned), rest: rest.to_owned() });
    }

    pub(super) fn pop_prefix(&mut self) {
        self.prefixes.pop();
    }

    /// A heading: all that is written until [`Self::end_heading`] stands on one line.
    pub(super) fn begin_heading(&mut self, level: usize) -> bool {
        if self.one_line {
            self.space();
            return false;
        }
        self.block();
        self.push_prefix(Some(&"###### "[6 - level.min(6)..]), "");
        self.one_line = true;
        true
    }

    pub(super) fn end_heading(&mut self) {
        self.close_marks();
        self.one_line = false;
        self.pop_prefix();
        self.block();
    }

    /// Opens a mark; `false` where the like is open already.
    pub(super) fn open(&mut self, mark: Mark) -> bool {
        if self.marks.iter().any(|(open, _)| open.is_like(&mark)) {
            return false;
        }
        self.marks.push((mark, State::Due));
        true
    }

    /// Closes the mark opened last.
    pub(super) fn close(&mut self) {
        if let Some((mark, State::Written(at))) = self.marks.pop() {
            self.write_closing(&mark, at);
        }
    }

    fn write_closing(&mut self, mark: &Mark, opening_at: usize) {
        match mark {
            Mark::Link(address) => {
                self.out.push_str("](");
                self.out.push_str(address);
                self.out.push(')');
                self.closed.clear();
            }
            mark => {
                let closing_at = self.out.len();
                self.out.push_str(mark.opening());
                self.closed.push(Closed { opening_at, closing_at, length: mark.opening().len() });
            }
        }
    }

    /// Closes what is open, to be opened again by what comes.
    fn close_marks(&mut self) {
        for at in (0..self.marks.len()).rev() {
            if let State::Written(opening_at) = std::mem::replace(&mut self.marks[at].1, State::Due) {
                let mark = self.marks[at].0.clone();
                self.write_closing(&mark, opening_at);
            }
        }
        self.closed.clear();
    }

    /// Makes ready for content that begins with this character: the break, the space and the marks that are due.
    fn begin(&mut self, next: char) {
        if self.break_due != Break::None || self.out.is_empty() {
            self.begin_line();
        } else if self.space_due && !self.at_line_start {
            self.out.push(' ');
        } else if !self.closed.is_empty() {
            self.undo_unless_taken(next);
        }
        self.closed.clear();
        self.space_due = false;
        if self.marks.last().is_some_and(|(_, state)| *state == State::Due) {
            self.write_openings(next);
        }
    }

    /// Closing marks after punctuation and right before a letter are none; nor are any before a sign like theirs.
    fn undo_unless_taken(&mut self, next: char) {
        let inner = self.out[..self.closed[0].closing_at].chars().next_back();
        let mut signs = self.closed.iter().map(|closed| self.out.as_bytes()[closed.closing_at]);
        let first = signs.next();
        let is_mixed = signs.any(|sign| Some(sign) != first);
        if !(is_mixed || inner.is_some_and(is_punctuation)) || is_punctuation(next) {
            return;
        }
        for at in (0..self.closed.len()).rev() {
            let Closed { opening_at, closing_at, length } = self.closed[at];
            self.out.truncate(closing_at);
            self.out.replace_range(opening_at..opening_at + length, "");
            for inner in &mut self.closed[..at] {
                inner.opening_at -= length;
                inner.closing_at -= length;
            }
        }
    }

    fn write_openings(&mut self, next: char) {
        let mut before = self.out.chars().next_back().unwrap_or(' ');
        for at in 0..self.marks.len() {
            let (mark, state) = &self.marks[at];
            if *state != State::Due {
                continue;
            }
            let is_link = matches!(mark, Mark::Link(_));
            // Marks of one sign are one run; what follows it decides.
            let after_run =
                self.marks[at + 1..].iter().map(|(mark, _)| mark.sign()).find(|s| *s != mark.sign());
            let next = after_run.unwrap_or(next);
            let is_taken = is_link
                || !matches!(before, '*' | '~')
                    && (!is_punctuation(next) || before.is_whitespace() || is_punctuation(before));
            if !is_taken {
                self.marks[at].1 = State::Left;
                continue;
            }
            if is_link && before == '!' {
                // Or it would be an image.
                self.out.pop();
                self.out.push_str("\\!");
            }
            let (mark, state) = &mut self.marks[at];
            *state = State::Written(self.out.len());
            self.out.push_str(mark.opening());
            let inner = self.marks[at + 1..].first().map(|(mark, _)| mark.sign());
            let sign = self.marks[at].0.sign();
            if is_link || inner.is_some_and(|inner| inner != sign) {
                // What comes stands after a sign that is not its like.
                before = '[';
            }
        }
    }

    fn begin_line(&mut self) {
        let due = std::mem::take(&mut self.break_due);
        if !self.out.is_empty() {
            if due == Break::Hard {
                self.out.push_str("  ");
            } else {
                self.close_marks();
            }
            self.out.push('\n');
            if due == Break::Block {
                self.blank_line();
            }
        }
        for prefix in &mut self.prefixes {
            match prefix.first.take() {
                Some(first) => self.out.push_str(&first),
                None => self.out.push_str(&prefix.rest),
            }
        }
        self.at_line_start = true;
        self.space_due = false;
    }

    /// A blank line within the blocks that go on.
    fn blank_line(&mut self) {
        let start = self.out.len();
        for prefix in self.prefixes.iter().take_while(|prefix| prefix.first.is_none()) {
            self.out.push_str(&prefix.rest);
        }
        let end = start + self.out[start..].trim_end().len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    /// Text of the page: white space folded, what would be taken for markup escaped.
    pub(super) fn text(&mut self, text: &str) {
        let mut rest = text;
        loop {
            let start = rest.trim_start();
            if start.len() < rest.len() {
                self.space_due = true;
            }
            let Some(first) = start.chars().next() else { return };
            let end = start.find(char::is_whitespace).unwrap_or(start.len());
            let (word, after) = start.split_at(end);
            self.begin(first);
            let place = Place {
                line_start: std::mem::take(&mut self.at_line_start),
                cell: self.in_cell,
                heading: self.one_line && !self.in_cell,
                before_space: !after.is_empty(),
            };
            escape::word(&mut self.out, word, place);
            rest = after;
        }
    }

    /// Something that is Markdown already: code, an image.
    pub(super) fn verbatim(&mut self, markdown: &str) {
        self.begin(markdown.chars().next().unwrap_or(' '));
        if self.in_cell && markdown.contains('|') {
            self.out.push_str(&markdown.replace('|', "\\|"));
        } else {
            self.out.push_str(markdown);
        }
        self.at_line_start = false;
    }

    /// A picture or a span of code; two in a row stand apart.
    pub(super) fn piece(&mut self, markdown: &str) {
        if self.piece_end == self.out.len() && !self.out.is_empty() {
            self.space_due = true;
        }
        self.verbatim(markdown);
        self.piece_end = self.out.len();
    }

    /// Lines that keep their white space: tables and code, which no mark can hold.
    pub(super) fn lines(&mut self, lines: &str) {
        self.block();
        for (index, line) in lines.split('\n').enumerate() {
            if index > 0 {
                self.break_due = Break::Line;
            }
            if self.break_due != Break::None || self.out.is_empty() {
                self.begin_line();
            }
            if line.is_empty() {
                // A line of nothing but its prefix ends without a space.
                self.out.truncate(self.out.trim_end_matches(' ').len());
            }
            self.out.push_str(line);
            self.at_line_start = false;
        }
        self.block();
    }
}
