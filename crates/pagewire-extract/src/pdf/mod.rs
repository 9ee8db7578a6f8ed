//! PDF documents: their text, page by page, and what they say of themselves.
//!
//! [`read`] calls a parser that panics, recurses and allocates as its input wants. Whoever calls it does so where that
//! harms nobody: the server in a process of its own, with bounds on time and memory. What it gives is then read like any
//! other page ([`Plan::extract_pdf`](crate::Plan::extract_pdf)).

mod date;
mod document;
mod html;

use std::panic::{AssertUnwindSafe, catch_unwind};

use pdf_extract::{ConvertToFmt, Document, PlainTextOutput, output_doc_page};
use serde::{Deserialize, Serialize};

/// Pages that are read.
const PAGES_MAX: usize = 2_000;
/// Bytes of text that are read.
const TEXT_BYTES_MAX: usize = 16 << 20;

/// The text of a PDF document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PdfText {
    /// Its title, where it tells one.
    pub title: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// Its keywords.
    pub keywords: Option<String>,
    /// The program it was written with.
    pub generator: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// When it was made, RFC 3339.
    pub created_at: Option<String>,
    /// When it was changed last, RFC 3339.
    pub modified_at: Option<String>,
    /// How many pages it has.
    pub page_count: usize,
    /// The text of its pages, in order, as its lines stand. A page that cannot be read is empty.
    pub pages: Vec<String>,
    /// The addresses that it links to.
    pub links: Vec<String>,
}

/// Why a PDF has no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// It is encrypted with a password that nobody gave.
    #[error("it can be opened with a password only")]
    Encrypted,
    /// It is none, or broken beyond reading.
    #[error("it is broken: {0}")]
    Broken(String),
}

/// Reads a document.
pub fn read(body: &[u8]) -> Result<PdfText, PdfError> {
    // Some servers put a line or a mark before it; readers look for the header in the first kilobyte.
    let start = memchr::memmem::find(&body[..body.len().min(1_024)], b"%PDF-").unwrap_or(0);
    let loaded = catch_unwind(|| Document::load_mem(&body[start..]));
    let mut document = match loaded {
        Ok(Ok(document)) => document,
        Ok(Err(error)) => return Err(PdfError::Broken(error.to_string())),
        Err(_) => return Err(PdfError::Broken("its parts do not fit together".to_owned())),
    };
    if document.is_encrypted() {
        // Many are encrypted with the empty password, which lets everybody read and nobody change them.
        document.decrypt("").map_err(|_| PdfError::Encrypted)?;
    }
    let pages = document.get_pages();
    let mut text = PdfText { page_count: pages.len(), ..document::describe(&document, &pages) };
    let (mut left, mut is_read) = (TEXT_BYTES_MAX, false);
    for number in pages.keys().take(PAGES_MAX) {
        let (page, is_whole) = page_text(&document, *number, left);
        is_read |= is_whole || !page.trim().is_empty();
        left = left.saturating_sub(page.len());
        text.pages.push(page);
        if left == 0 {
            break;
        }
    }
    if text.pages.is_empty() {
        return Err(PdfError::Broken("it has no pages".to_owned()));
    }
    if !is_read {
        return Err(PdfError::Broken("none of its pages can be read".to_owned()));
    }
    Ok(text)
}

/// The text of a page, and whether it was read to its end. What was written before it turned out to be broken is kept.
fn page_text(document: &Document, number: u32, bytes_max: usize) -> (String, bool) {
    let mut out = Bounded { text: String::new(), bytes_max };
    // The parser answers what it does not expect with a panic; the pages after this one may be as it expects.
    let read = catch_unwind(AssertUnwindSafe(|| {
        let mut writer = PlainTextOutput::new(&mut out);
        output_doc_page(document, &mut writer, number)
    }));
    (out.text, matches!(read, Ok(Ok(()))))
}

/// Text up to a bound.
struct Bounded {
    text: String,
    bytes_max: usize,
}

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.text.len() + text.len() > self.bytes_max {
            return Err(std::fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

impl ConvertToFmt for &mut Bounded {
    type Writer = Self;

    fn convert(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests;
