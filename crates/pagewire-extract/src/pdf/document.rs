//! What a document says of itself: its information dictionary, and the addresses that its pages link to.

use std::collections::{BTreeMap, HashSet};

use pdf_extract::{Dictionary, Document, Object, ObjectId, decode_text_string};

use super::{PdfText, date};

/// Links that are given.
const LINKS_MAX: usize = 5_000;
/// Annotations that are looked at on one page.
const ANNOTATIONS_MAX: usize = 5_000;
/// Characters of one fact.
const FACT_CHARS_MAX: usize = 1_000;

/// Everything but the pages' text.
pub(super) fn describe(document: &Document, pages: &BTreeMap<u32, ObjectId>) -> PdfText {
    let info = document.trailer.get(b"Info").ok().and_then(|info| as_dictionary(document, info));
    let fact = |key: &[u8]| text(document, info?.get(key).ok()?);
    let catalog = document.catalog().ok();
    PdfText {
        title: fact(b"Title"),
        author: fact(b"Author"),
        subject: fact(b"Subject"),
        keywords: fact(b"Keywords"),
        generator: fact(b"Creator").or_else(|| fact(b"Producer")),
        language: catalog.and_then(|catalog| text(document, catalog.get(b"Lang").ok()?)),
        created_at: fact(b"CreationDate").and_then(|text| date::to_rfc3339(&text)),
        modified_at: fact(b"ModDate").and_then(|text| date::to_rfc3339(&text)),
        links: links(document, pages),
        page_count: 0,
        pages: Vec::new(),
    }
}

fn as_dictionary<'d>(document: &'d Document, object: &'d Object) -> Option<&'d Dictionary> {
    document.dereference(object).ok()?.1.as_dict().ok()
}

fn text(document: &Document, object: &Object) -> Option<String> {
    let text = decode_text_string(document.dereference(object).ok()?.1).ok()?;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).take(FACT_CHARS_MAX).collect();
    Some(line).filter(|line| !line.is_empty())
}

fn links(document: &Document, pages: &BTreeMap<u32, ObjectId>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut links = Vec::new();
    for page in pages.values().filter_map(|id| document.get_dictionary(*id).ok()) {
        let annotations = page.get(b"Annots").ok().and_then(|list| document.dereference(list).ok());
        let annotations = annotations.and_then(|(_, list)| list.as_array().ok());
        for annotation in annotations.into_iter().flatten().take(ANNOTATIONS_MAX) {
            let Some(address) = address_of(document, annotation) else { continue };
            if links.len() < LINKS_MAX && seen.insert(address.clone()) {
                links.push(address);
            }
        }
    }
    links
}

fn address_of(document: &Document, annotation: &Object) -> Option<String> {
    let action = as_dictionary(document, annotation)?.get(b"A").ok()?;
    let address = as_dictionary(document, action)?.get(b"URI").ok()?;
    let bytes = document.dereference(address).ok()?.1.as_str().ok()?;
    let address = std::str::from_utf8(bytes).ok()?.trim();
    (address.starts_with("http://") || address.starts_with("https://")).then(|| address.to_owned())
}
