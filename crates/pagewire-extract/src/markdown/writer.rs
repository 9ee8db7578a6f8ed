//! Markdown as it is put down: words, breaks, prefixes and inline marks.
//!
//! White space is never written before it is known to be needed, so no line ends in a space and no marks hold one at
//! their inner edge; a mark is written only when there is something to mark.

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

/// An inline mark that is open.
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
    marks: Vec<(Mark, bool)>,
    break_due: Break,
    space_due: bool,
    /// Whether the line has no words yet: some characters mean something there only.
    at_line_start: bool,
    /// Cells and headings: all breaks are spaces, and in cells bars are escaped.
    one_line: bool,
    in_cell: bool,
}

impl Writer {
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

    pub(super) fn finish(mut self) -> String {
        self.close_marks_from(0);
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

    /// The end of an item: the next one follows on the next line, whatever this one held.
    pub(super) fn end_item(&mut self) {
        if self.one_line {
            self.space_due = true;
        } else {
            self.break_due = Break::Line;
        }
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
        self.push_prefix(Some(&format!("{} ", "#".repeat(level))), "");
        self.one_line = true;
        true
    }

    pub(super) fn end_heading(&mut self) {
        self.close_marks_from(0);
        self.one_line = false;
        self.pop_prefix();
        self.block();
    }

    /// Opens a mark; `false` where the like is open already.
    pub(super) fn open(&mut self, mark: Mark) -> bool {
        let same = |(open, _): &(Mark, bool)| match (&mark, open) {
            (Mark::Link(_), Mark::Link(_)) => true,
            (mark, open) => mark == open,
        };
        if self.marks.iter().any(same) {
            return false;
        }
        self.marks.push((mark, false));
        true
    }

    /// Closes the mark opened last.
    pub(super) fn close(&mut self) {
        if let Some((mark, true)) = self.marks.pop() {
            self.write_closing(&mark);
        }
    }

    fn write_closing(&mut self, mark: &Mark) {
        match mark {
            Mark::Link(address) => {
                self.out.push_str("](");
                self.out.push_str(address);
                self.out.push(')');
            }
            mark => self.out.push_str(mark.opening()),
        }
    }

    /// Closes what is open, to be opened again by what comes.
    fn close_marks_from(&mut self, from: usize) {
        for at in (from..self.marks.len()).rev() {
            if std::mem::replace(&mut self.marks[at].1, false) {
                let mark = self.marks[at].0.clone();
                self.write_closing(&mark);
            }
        }
    }

    /// Makes ready for content: the break, the prefixes, the space and the marks that are due.
    fn begin(&mut self) {
        self.begin_unmarked();
        for (mark, written) in &mut self.marks {
            if !std::mem::replace(written, true) {
                self.out.push_str(mark.opening());
            }
        }
    }

    fn begin_unmarked(&mut self) {
        let due = std::mem::take(&mut self.break_due);
        if self.out.is_empty() {
            self.start_line();
        } else if due != Break::None {
            if due != Break::Hard {
                self.close_marks_from(0);
            }
            if due == Break::Hard {
                self.out.push_str("  ");
            }
            self.out.push('\n');
            if due == Break::Block {
                self.blank_line();
            }
            self.start_line();
        } else if self.space_due && !self.at_line_start {
            self.out.push(' ');
        }
        self.space_due = false;
    }

    fn start_line(&mut self) {
        for prefix in &mut self.prefixes {
            match prefix.first.take() {
                Some(first) => self.out.push_str(&first),
                None => self.out.push_str(&prefix.rest),
            }
        }
        self.at_line_start = true;
    }

    /// A blank line within the blocks that go on.
    fn blank_line(&mut self) {
        let goes_on = self.prefixes.iter().take_while(|prefix| prefix.first.is_none());
        let line: String = goes_on.map(|prefix| prefix.rest.as_str()).collect();
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    /// Text of the page: white space folded, what would be taken for markup escaped.
    pub(super) fn text(&mut self, text: &str) {
        if text.starts_with(char::is_whitespace) {
            self.space_due = true;
        }
        for (index, word) in text.split_whitespace().enumerate() {
            if index > 0 {
                self.space_due = true;
            }
            self.begin();
            self.word(word);
            self.at_line_start = false;
        }
        if text.ends_with(char::is_whitespace) {
            self.space_due = true;
        }
    }

    /// Something that is Markdown already: code, an image.
    pub(super) fn verbatim(&mut self, markdown: &str) {
        self.begin();
        if self.in_cell {
            self.out.push_str(&markdown.replace('|', "\\|"));
        } else {
            self.out.push_str(markdown);
        }
        self.at_line_start = false;
    }

    /// Lines that keep their white space: tables and code, which no mark can hold.
    pub(super) fn lines(&mut self, lines: &str) {
        self.block();
        for (index, line) in lines.split('\n').enumerate() {
            if index > 0 {
                self.break_due = Break::Line;
            }
            self.begin_unmarked();
            self.out.push_str(line);
            self.at_line_start = false;
        }
        self.block();
    }

    fn word(&mut self, word: &str) {
        if self.at_line_start {
            let first = word.as_bytes()[0];
            let digits = word.bytes().take_while(u8::is_ascii_digit).count();
            let is_all = |c: u8| word.bytes().all(|b| b == c);
            if digits > 0 && digits <= 9 && matches!(&word[digits..], "." | ")") {
                self.out.push_str(&word[..digits]);
                self.out.push('\\');
                self.out.push_str(&word[digits..]);
                return;
            }
            if first == b'>' || is_all(b'#') || is_all(b'-') || is_all(b'=') || is_all(b'+') {
                self.out.push('\\');
            }
        }
        let mut before = ' ';
        let mut rest = word.char_indices().peekable();
        while let Some((_, c)) = rest.next() {
            let after = rest.peek().map_or(' ', |(_, next)| *next);
            let escaped = match c {
                '\\' => after.is_ascii_punctuation() || after == ' ',
                '*' | '[' | ']' | '`' => true,
                '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
                '<' => after.is_ascii_alphabetic() || matches!(after, '/' | '!' | '?'),
                '~' => before == '~' || after == '~',
                '&' => after.is_ascii_alphanumeric() || after == '#',
                '|' => self.in_cell,
                _ => false,
            };
            if escaped {
                self.out.push('\\');
            }
            self.out.push(c);
            before = c;
        }
    }
}
