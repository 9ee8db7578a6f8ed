//! The formats of a page that a request can ask for.

use std::fmt;
use std::str::FromStr;

/// One way to give a page's content back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// The main content as CommonMark with GFM tables.
    Markdown,
    /// The visible text.
    Text,
    /// The cleaned HTML.
    Html,
    /// The HTML as it was served, decoded to UTF-8.
    RawHtml,
    /// The page's links, absolute.
    Links,
    /// The page's images, absolute.
    Images,
    /// Title, description, language, canonical URL and the like.
    Metadata,
    /// JSON-LD, microdata, RDFa and OpenGraph as JSON.
    Structured,
    /// A picture of the rendered page.
    Screenshot,
}

impl Format {
    /// Every format, in the contract's order.
    pub const ALL: [Self; 9] = [
        Self::Markdown,
        Self::Text,
        Self::Html,
        Self::RawHtml,
        Self::Links,
        Self::Images,
        Self::Metadata,
        Self::Structured,
        Self::Screenshot,
    ];

    /// The format's name on the wire, in requests and as the key of its content.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Html => "html",
            Self::RawHtml => "raw_html",
            Self::Links => "links",
            Self::Images => "images",
            Self::Metadata => "metadata",
            Self::Structured => "structured",
            Self::Screenshot => "screenshot",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(())
    }
}

/// The name by which a job's `formats` ask that its pages are archived as well. It is no form of a page: nothing of it stands
/// in an envelope.
pub const WARC: &str = "warc";

/// A set of formats, and whether pages are archived beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Formats(u16);

impl Formats {
    /// No format at all.
    pub const NONE: Self = Self(0);
    const ARCHIVED: u16 = 1 << 15;

    /// The same formats, of pages that are archived as well.
    #[must_use]
    pub fn archived(self) -> Self {
        Self(self.0 | Self::ARCHIVED)
    }

    /// Whether pages are archived.
    #[must_use]
    pub fn are_archived(self) -> bool {
        self.0 & Self::ARCHIVED != 0
    }

    /// Whether the format is asked for.
    #[must_use]
    pub fn contains(self, format: Format) -> bool {
        self.0 & (1 << format as u16) != 0
    }

    /// Whether no format is asked for.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 & !Self::ARCHIVED == 0
    }

    /// The formats in the contract's order.
    pub fn iter(self) -> impl Iterator<Item = Format> {
        Format::ALL.into_iter().filter(move |format| self.contains(*format))
    }
}

impl FromIterator<Format> for Formats {
    fn from_iter<I: IntoIterator<Item = Format>>(formats: I) -> Self {
        Self(formats.into_iter().fold(0, |set, format| set | 1 << format as u16))
    }
}
