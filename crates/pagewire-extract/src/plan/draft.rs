//! A page's fields before they are settled: for callers who let somebody else fill what the page does not surely say, a
//! language model above all. Nobody is asked here: who holds a draft asks, and brings the answer back.
//!
//! An answer is a stranger's word. Of it only the fields that were asked for are taken, each as the type that it was
//! asked for as; what a selector points at is the caller's own and stays. A value that the page's text does not have is
//! told with little confidence.

mod answer;

use serde_json::{Map, Value, json};
use url::Url;

use super::{Input, Page, Plan, fill};
use crate::content::ContentKind;
use crate::content::json_document::{self, JSON};
use crate::error::ExtractError;
use crate::json::ObjectWriter;
use crate::main_content::Content;
use crate::pdf::PdfText;
use crate::sketch::fill::Filled;
use crate::{Facts, dom, links, markdown};

/// How far an answer is trusted that stands in the page's text, and one that does not.
const CONFIRMED: f64 = 0.8;
const UNCONFIRMED: f64 = 0.3;

/// A page that is read but for its fields.
#[derive(Debug)]
pub struct Draft {
    values: Vec<Value>,
    report: Map<String, Value>,
    /// The formats, as the members of a JSON object.
    formats: Vec<u8>,
    facts: Facts,
    text: String,
}

/// What somebody else found.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Values by the names of fields, as they were told.
    pub fields: Map<String, Value>,
    /// The fields that are taken from it.
    pub wanted: Vec<String>,
}

impl Draft {
    /// The page's main text, as Markdown, cut to the bound that was asked for.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How sure a field is; 0 for one that was not found.
    #[must_use]
    pub fn confidence(&self, field: &str) -> f64 {
        self.report.get(field).and_then(|told| told["confidence"].as_f64()).unwrap_or(0.0)
    }
}

impl Plan {
    /// The fields that an answer may fill: all but those that selectors fill.
    pub fn open_fields(&self) -> impl Iterator<Item = &str> {
        let fields = self.sketch.iter().flat_map(|sketch| &sketch.shape.fields);
        fields.filter(|field| answer::is_open(&field.from)).map(|field| field.name.as_str())
    }

    /// Whether the request brought a JSON Schema of its own.
    #[must_use]
    pub fn has_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// What an answer should look like, as JSON Schema.
    #[must_use]
    pub fn answer_schema(&self) -> Value {
        self.sketch.as_ref().map(|sketch| answer::schema_of(&sketch.shape)).unwrap_or_default()
    }

    /// Reads a page as far as its fields go by themselves.
    pub fn draft(&self, input: &Input<'_>, text_bytes_max: usize) -> Result<Draft, ExtractError> {
        let page = self.read_page(input)?;
        Ok(self.draft_of(&page, text_bytes_max))
    }

    /// The same of a PDF whose text has been read.
    #[must_use]
    pub fn draft_pdf(&self, pdf: &PdfText, url: &Url, text_bytes_max: usize) -> Draft {
        self.draft_of(&Page::of_pdf(pdf, url), text_bytes_max)
    }

    /// Appends the `data` object, with what the answer adds to it; nothing where a schema does not take them.
    pub fn settle(
        &self,
        draft: &Draft,
        answer: Option<&Answer>,
        out: &mut Vec<u8>,
    ) -> Result<Facts, ExtractError> {
        let (mut values, mut report) = (draft.values.clone(), draft.report.clone());
        if let (Some(answer), Some(sketch)) = (answer, &self.sketch) {
            let page = answer::Haystack::of(&draft.text);
            for (field, value) in sketch.shape.fields.iter().zip(&mut values) {
                let told = answer.fields.get(&field.name).filter(|_| answer.wanted.contains(&field.name));
                let Some(told) = told.and_then(|told| answer::fit(told, &field.from)) else { continue };
                let confidence = if page.confirms(&told) { CONFIRMED } else { UNCONFIRMED };
                report.insert(field.name.clone(), json!({"source": "llm", "confidence": confidence}));
                *value = told;
            }
        }
        let values = self.conclude(values)?;
        let mut data = ObjectWriter::begin(out);
        self.write_fields(&values, &mut data);
        data.members(&draft.formats);
        data.end();
        let mut facts = draft.facts.clone();
        facts.extract_report = self.sketch.is_some().then_some(Value::Object(report));
        Ok(facts)
    }

    fn draft_of(&self, page: &Page<'_>, text_bytes_max: usize) -> Draft {
        let document = page.has_tree().then(|| dom::parse(page.markup()));
        let filled = self.sketch.as_ref().map(|sketch| match &document {
            Some(document) => fill(sketch, page, document).finish(),
            None => {
                let mut filled = Filled::new(sketch);
                if page.kind == ContentKind::Json {
                    filled.take_from_nodes(&json_document::nodes_of(&page.text, &sketch.shape), JSON);
                }
                filled.finish()
            }
        });
        let (values, report) = filled.unwrap_or_default();
        let mut text = match &document {
            Some(document) => {
                let is_cleaned = page.stand_in.is_none();
                let content = if is_cleaned { Content::main(document) } else { Content::whole(document) };
                markdown::of_content(&content, &links::base_of(document, page.url))
            }
            None => page.text.to_string(),
        };
        text.truncate(text.floor_char_boundary(text_bytes_max));
        let mut object = Vec::new();
        self.write(page, document, &[], &mut object);
        Draft {
            values,
            report: if let Value::Object(report) = report { report } else { Map::new() },
            // Without the brace that begins the object.
            formats: object.split_off(1),
            facts: page.facts(None),
            text,
        }
    }
}

#[cfg(test)]
mod tests;
