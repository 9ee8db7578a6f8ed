//! What is wanted of a page, compiled once; and the two ways to get it: by a scan, or with the tree.

pub(crate) mod draft;

use crate::dom::Document;
use pagewire_types::fields::pointer_step;
use pagewire_types::{FieldError, Format, Formats};
use serde_json::{Map, Value};
use url::Url;

use crate::content::json_document::{self, JSON};
use crate::content::{self, ContentKind};
use crate::error::ExtractError;
use crate::json::{self, ObjectWriter};
use crate::json_schema::JsonSchema;
use crate::main_content::Content;
use crate::pdf::PdfText;
use crate::sketch::fill::{Filled, JSON_LD, MICRODATA, RDFA};
use crate::sketch::{Shape, Sketch, Visible};
use crate::stand_in::StandIn;
use crate::structured::{self, json_ld, meta, microdata, rdfa};
use crate::{charset, dom, feed, head, html, images, links, markdown, metadata, text};

/// What a request wants of its pages.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// The formats to make.
    pub formats: Formats,
    /// The `extract` of the request.
    pub extract: Option<Value>,
    /// Whether boilerplate is dropped from the formats that are made of the content.
    pub only_main_content: bool,
    /// Only what matches one of these is read.
    pub include_selectors: Vec<String>,
    /// What matches one of these is dropped.
    pub exclude_selectors: Vec<String>,
}

/// Room for the name of a field and what is around it.
const FIELD_BYTES: usize = 32;

/// What is wanted of a page, compiled.
#[derive(Debug)]
pub struct Plan {
    formats: Formats,
    sketch: Option<Sketch>,
    /// The schema that the shape was made of.
    schema: Option<JsonSchema>,
    only_main_content: bool,
    exclude: Vec<String>,
    include: Vec<String>,
}

/// A page as it was fetched.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The body, content coding undone.
    pub body: &'a [u8],
    /// The `Content-Type` that came with it.
    pub content_type: Option<&'a str>,
    /// Where it was found in the end: relative links stand on it.
    pub url: &'a Url,
}

/// What a page says of itself, for the envelope's `meta`.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The title.
    pub title: Option<String>,
    /// The language, as the page names it.
    pub language: Option<String>,
    /// The encoding that it was in.
    pub charset: &'static str,
    /// The media type without its parameters.
    pub content_type: String,
    /// Where each extracted field came from.
    pub extract_report: Option<Value>,
}

/// What a scan came to.
#[derive(Debug)]
pub enum Scan {
    /// Everything asked for is in the buffer.
    Done(Facts),
    /// The tree is needed; the buffer is as it was.
    NeedsTree,
}

impl Plan {
    /// Compiles a request's wishes, or tells what is wrong with them by pointers into the request.
    pub fn compile(options: &PlanOptions) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        for format in options.formats.iter().filter(|format| !is_made(*format)) {
            faults.push(FieldError::new(
                "/formats",
                format!("`{format}` is not made by this version; it makes every other one"),
            ));
        }
        for (field, selectors) in [
            ("include_selectors", &options.include_selectors),
            ("exclude_selectors", &options.exclude_selectors),
        ] {
            for (index, selector) in selectors.iter().enumerate() {
                if crate::dom::Matcher::new(selector).is_err() {
                    faults.push(FieldError::new(format!("/{field}/{index}"), "is not a CSS selector"));
                }
            }
        }
        let (shape, schema) = match options.extract.as_ref().map(read_extract) {
            None => (None, None),
            Some(Ok((shape, schema))) => (Some(shape), schema),
            Some(Err(found)) => {
                faults.extend(found);
                (None, None)
            }
        };
        for field in shape.iter().flat_map(|shape| &shape.fields) {
            if options.formats.iter().any(|format| format.as_str() == field.name) {
                let within = if schema.is_some() { "/extract/properties" } else { "/extract" };
                faults.push(FieldError::new(
                    pointer_step(within, &field.name),
                    "a format of that name is asked for as well; give the field another name",
                ));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            formats: options.formats,
            sketch: shape.map(Sketch::from),
            schema,
            only_main_content: options.only_main_content,
            exclude: options.exclude_selectors.clone(),
            include: options.include_selectors.clone(),
        })
    }

    /// The linear part of the work. Takes microseconds for an ordinary page, whatever is asked for.
    pub fn scan(&self, input: &Input<'_>, out: &mut Vec<u8>) -> Result<Scan, ExtractError> {
        let page = Page::read(input)?;
        if page.has_tree() && self.formats_need_a_tree() {
            return Ok(Scan::NeedsTree);
        }
        let Some(sketch) = &self.sketch else {
            let facts = page.facts(None);
            self.write(&page, None, &[], out);
            return Ok(Scan::Done(facts));
        };
        let mut filled = Filled::new(sketch);
        if page.kind == ContentKind::Json {
            filled.take_from_nodes(&json_document::nodes_of(&page.text, &sketch.shape), JSON);
        }
        if page.has_tree() {
            if page.kind == ContentKind::Feed || sketch.shape.has_selectors() {
                return Ok(Scan::NeedsTree);
            }
            filled.take_from_nodes(&json_ld::nodes_of(&page.text), JSON_LD);
            if !filled.is_settled() {
                return Ok(Scan::NeedsTree);
            }
        }
        let (values, report) = filled.finish();
        let values = self.conclude(values)?;
        self.write(&page, None, &values, out);
        Ok(Scan::Done(page.facts(Some(report))))
    }

    /// All of the work.
    pub fn extract(&self, input: &Input<'_>, out: &mut Vec<u8>) -> Result<Facts, ExtractError> {
        if let Scan::Done(facts) = self.scan(input, out)? {
            return Ok(facts);
        }
        self.read_tree(&self.read_page(input)?, out)
    }

    fn read_page<'a>(&self, input: &Input<'a>) -> Result<Page<'a>, ExtractError> {
        let mut page = Page::read(input)?;
        if page.kind == ContentKind::Feed {
            let is_structured = self.formats.contains(Format::Structured);
            page.stand_in = StandIn::of_feed(&page.text, page.url, self.shape(), is_structured);
        }
        Ok(page)
    }

    /// All of the work, for a PDF whose text has been read.
    pub fn extract_pdf(&self, pdf: &PdfText, url: &Url, out: &mut Vec<u8>) -> Result<Facts, ExtractError> {
        self.read_tree(&Page::of_pdf(pdf, url), out)
    }

    fn read_tree(&self, page: &Page<'_>, out: &mut Vec<u8>) -> Result<Facts, ExtractError> {
        let document = dom::parse(page.markup());
        let filled = self.sketch.as_ref().map(|sketch| fill(sketch, page, &document).finish());
        let (values, report) = filled.map_or((Vec::new(), None), |(values, report)| (values, Some(report)));
        let values = self.conclude(values)?;
        self.write(page, Some(document), &values, out);
        Ok(page.facts(report))
    }

    /// The fields as they are told: those that a schema leaves out are `None`.
    fn conclude(&self, values: Vec<Value>) -> Result<Vec<Option<Value>>, ExtractError> {
        let (Some(shape), Some(schema)) = (self.shape(), &self.schema) else {
            return Ok(values.into_iter().map(Some).collect());
        };
        let names = shape.fields.iter().map(|field| field.name.clone());
        match schema.conclude(names.zip(values).collect()) {
            Ok(mut found) => {
                Ok(shape.fields.iter().map(|field| found.get_mut(&field.name).map(Value::take)).collect())
            }
            Err(unsatisfied) => Err(ExtractError::Unsatisfied(Box::new(unsatisfied))),
        }
    }

    pub(crate) fn shape(&self) -> Option<&Shape> {
        self.sketch.as_ref().map(|sketch| &sketch.shape)
    }

    fn formats_need_a_tree(&self) -> bool {
        self.formats.iter().any(|format| format != Format::RawHtml)
    }

    fn write(
        &self,
        page: &Page<'_>,
        document: Option<Document>,
        values: &[Option<Value>],
        out: &mut Vec<u8>,
    ) {
        let mut data = ObjectWriter::begin(out);
        self.write_fields(values, &mut data);
        match document {
            Some(document) => {
                let made = self.make_formats(page, &document);
                // What is written is as much again: the tree is let go before.
                drop(document);
                let raw_html = if self.has_raw_html() { json::written_bytes(&page.text) } else { 0 };
                let of_made = made.iter().map(|(name, value)| name.len() + value.len() + 4);
                data.reserve(of_made.sum::<usize>() + raw_html + FIELD_BYTES);
                for (name, value) in made {
                    data.field(name).extend_from_slice(&value);
                }
                self.write_raw_html(page, &mut data);
            }
            None => self.write_formats_of_text(page, &mut data),
        }
        data.end();
    }

    fn write_fields(&self, values: &[Option<Value>], data: &mut ObjectWriter<'_>) {
        for (field, value) in self.shape().iter().flat_map(|shape| &shape.fields).zip(values) {
            if let Some(value) = value {
                json::value(data.field(&field.name), value);
            }
        }
    }

    /// The formats of a page with a tree, each as it is written. One buffer for all would be moved while it grows, and
    /// stand beside the tree twice.
    fn make_formats(&self, page: &Page<'_>, document: &Document) -> Vec<(&'static str, Vec<u8>)> {
        let content = self.formats.iter().any(is_made_of_content).then(|| self.content_of(page, document));
        let content = content.as_ref();
        let base = links::base_of(document, page.url);
        let mut made = Vec::new();
        for format in self.formats.iter() {
            let mut value = Vec::new();
            match (format, content) {
                (Format::Markdown, Some(content)) => {
                    json::string(&mut value, &markdown::of_content(content, &base));
                }
                (Format::Text, Some(content)) => json::string(&mut value, &text::of_content(content)),
                (Format::Html, Some(content)) => {
                    json::string(&mut value, &html::of_content(content, &base));
                }
                (Format::Links, _) => json::value(&mut value, &links::of_document(document, page.url)),
                (Format::Images, _) => {
                    json::value(&mut value, &images::of_document(document, page.url));
                }
                (Format::Metadata, _) => {
                    let mut metadata = metadata::of_page(page.markup(), document, page.url);
                    metadata.extend(page.stand_in.iter().flat_map(|stand_in| stand_in.metadata.clone()));
                    json::value(&mut value, &metadata);
                }
                (Format::Structured, _) => {
                    let none = Map::new();
                    let more = page.stand_in.as_ref().map_or(&none, |stand_in| &stand_in.structured);
                    structured::write(page.markup(), document, base.as_str(), more, &mut value);
                }
                (Format::Markdown | Format::Text | Format::Html, None)
                | (Format::RawHtml | Format::Screenshot, _) => continue,
            }
            made.push((format.as_str(), value));
        }
        made
    }

    fn has_raw_html(&self) -> bool {
        self.formats.iter().any(|format| format == Format::RawHtml)
    }

    fn write_raw_html(&self, page: &Page<'_>, data: &mut ObjectWriter<'_>) {
        if !self.has_raw_html() {
            return;
        }
        let out = data.field(Format::RawHtml.as_str());
        if page.kind == ContentKind::Pdf {
            // A PDF's bytes are no text, and no HTML came with it.
            json::value(out, &Value::Null);
        } else {
            json::string(out, &page.text);
        }
    }

    /// The formats of what has no tree: raw HTML of anything, and the rest of what is no markup.
    fn write_formats_of_text(&self, page: &Page<'_>, data: &mut ObjectWriter<'_>) {
        for format in self.formats.iter() {
            let name = format.as_str();
            match format {
                Format::Markdown if page.kind == ContentKind::Json => {
                    json::string(data.field(name), &json_document::fenced(&page.text));
                }
                Format::Html if page.kind == ContentKind::Json => {
                    json::string(data.field(name), &json_document::html_of(&page.text));
                }
                Format::RawHtml | Format::Markdown | Format::Text | Format::Html => {
                    json::string(data.field(name), &page.text);
                }
                Format::Links | Format::Images => {
                    json::value(data.field(name), &Value::Array(Vec::new()));
                }
                Format::Metadata | Format::Structured => {
                    json::value(data.field(name), &Value::Object(serde_json::Map::new()));
                }
                Format::Screenshot => {}
            }
        }
    }

    fn content_of<'d>(&self, page: &Page<'_>, document: &'d Document) -> Content<'d> {
        let is_cleaned = self.only_main_content && page.stand_in.is_none();
        let mut content = if is_cleaned { Content::main(document) } else { Content::whole(document) };
        content.include(document, &self.include);
        content.exclude(document, &self.exclude);
        content
    }
}

/// A sketch, or a JSON Schema with what is looked for in it.
fn read_extract(extract: &Value) -> Result<(Shape, Option<JsonSchema>), Vec<FieldError>> {
    if JsonSchema::is_one(extract) {
        JsonSchema::read(extract, "/extract").map(|(shape, schema)| (shape, Some(schema)))
    } else {
        Shape::parse(extract, "/extract").map(|shape| (shape, None))
    }
}

/// Whether a body is a PDF, whose text must be read before [`Plan::extract_pdf`].
#[must_use]
pub fn is_pdf(input: &Input<'_>) -> bool {
    content::classify(input.content_type, input.body).is_ok_and(|(kind, _)| kind == ContentKind::Pdf)
}

fn is_made(format: Format) -> bool {
    format != Format::Screenshot
}

fn is_made_of_content(format: Format) -> bool {
    matches!(format, Format::Markdown | Format::Text | Format::Html)
}

fn fill<'s>(sketch: &'s Sketch, page: &Page<'_>, document: &Document) -> Filled<'s> {
    let mut filled = Filled::new(sketch);
    let seen = Visible::of(document, &sketch.lexicon);
    filled.take_from_selectors(&seen);
    if let Some(stand_in) = &page.stand_in {
        filled.take_from_nodes(&stand_in.nodes, stand_in.source);
    }
    filled.take_from_nodes(&json_ld::nodes_of(page.markup()), JSON_LD);
    if filled.is_settled() {
        return filled;
    }
    filled.take_from_nodes(&microdata::nodes_of(document), MICRODATA);
    filled.take_from_nodes(&rdfa::nodes_of(document), RDFA);
    filled.take_from_meta(&meta::of_document(document), &seen);
    filled.take_from_page(&seen);
    filled
}

/// A body as text.
struct Page<'a> {
    kind: ContentKind,
    content_type: String,
    text: std::borrow::Cow<'a, str>,
    charset: &'static str,
    url: &'a Url,
    /// The HTML that it is read as, where it is none itself.
    stand_in: Option<StandIn>,
}

impl<'a> Page<'a> {
    fn read(input: &Input<'a>) -> Result<Self, ExtractError> {
        let (mut kind, content_type) = content::classify(input.content_type, input.body)?;
        if kind == ContentKind::Pdf {
            return Err(ExtractError::UnsupportedContent { content_type });
        }
        let (text, charset) = charset::decode(input.body, input.content_type, input.url);
        if kind == ContentKind::Markup && feed::is_xml_feed(&text)
            || kind == ContentKind::Json && feed::is_json_feed(&text)
        {
            kind = ContentKind::Feed;
        }
        Ok(Self { kind, content_type, text, charset, url: input.url, stand_in: None })
    }

    fn of_pdf(pdf: &PdfText, url: &'a Url) -> Self {
        Self {
            kind: ContentKind::Pdf,
            content_type: "application/pdf".to_owned(),
            text: "".into(),
            charset: "binary",
            url,
            stand_in: Some(StandIn::of_pdf(pdf)),
        }
    }

    fn has_tree(&self) -> bool {
        matches!(self.kind, ContentKind::Markup | ContentKind::Feed | ContentKind::Pdf)
    }

    fn markup(&self) -> &str {
        self.stand_in.as_ref().map_or(&self.text, |stand_in| &stand_in.html)
    }

    fn facts(&self, extract_report: Option<Value>) -> Facts {
        let head = if self.has_tree() { head::read(self.markup()) } else { head::Head::default() };
        Facts {
            title: head.title,
            language: head.language,
            charset: self.charset,
            content_type: self.content_type.clone(),
            extract_report,
        }
    }
}

#[cfg(test)]
mod tests;
