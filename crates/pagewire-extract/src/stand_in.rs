//! What is no HTML but has titles, links and paragraphs, put as an HTML document: so every format of it is made where
//! those of pages are made. Beside it stands what the document says of itself, for the fields of an `extract`.

use serde_json::{Map, Value};
use url::Url;

use crate::feed::Feed;
use crate::pdf::PdfText;
use crate::sketch::fill::Source;
use crate::sketch::{FieldType, Shape};

/// The feed's own words are the publisher's.
const FEED: Source = Source { name: "feed", confidence: 0.97 };

/// An HTML document that stands for another, all of which is content.
#[derive(Debug)]
pub(crate) struct StandIn {
    /// The document.
    pub(crate) html: String,
    /// What it says of itself.
    pub(crate) nodes: Vec<Map<String, Value>>,
    /// Who says so.
    pub(crate) source: Source,
    /// What `metadata` has beside what the head has.
    pub(crate) metadata: Map<String, Value>,
    /// What `structured` has beside what pages have.
    pub(crate) structured: Map<String, Value>,
}

impl StandIn {
    /// For a feed, with what `structured` and fields need if they are asked for. `None` where it is none after all.
    pub(crate) fn of_feed(text: &str, url: &Url, shape: Option<&Shape>, is_structured: bool) -> Option<Self> {
        let feed = Feed::read(text, url)?;
        let nodes = shape.map(|shape| feed.to_node(&names_of_lists(shape)));
        let structured = is_structured.then(|| ("feed".to_owned(), feed.to_json_feed()));
        Some(Self {
            html: feed.to_html(),
            nodes: nodes.into_iter().collect(),
            source: FEED,
            metadata: Map::new(),
            structured: structured.into_iter().collect(),
        })
    }

    /// For a PDF.
    pub(crate) fn of_pdf(pdf: &PdfText) -> Self {
        Self {
            html: pdf.to_html(),
            nodes: vec![pdf.to_node()],
            source: PDF,
            metadata: pdf.metadata(),
            structured: Map::new(),
        }
    }
}

/// What a document's information says was written by whoever made it, or by his program.
const PDF: Source = Source { name: "pdf", confidence: 0.9 };

/// The fields that are lists of objects: whatever the caller calls them, in a document that is a list they are it.
pub(crate) fn names_of_lists(shape: &Shape) -> Vec<&str> {
    let is_list = |of: &FieldType| matches!(of, FieldType::Array(item) if matches!(**item, FieldType::Object(_) | FieldType::Record));
    shape.fields.iter().filter(|field| is_list(&field.from)).map(|field| field.name.as_str()).collect()
}

#[cfg(test)]
mod tests;
