//! Subscription lists (OPML 2.0) out: the feeds of a workspace, each with its tags as categories.

use std::fmt::Write as _;

use pagewire_store::SourceFilter;
use pagewire_types::{SourceId, SourceSpec};

use super::watched::spec_of;
use crate::account::Caller;
use crate::engine::Engine;
use crate::refusal::Refusal;

/// Sources that are read at once.
const PAGE: u32 = 1_000;

impl Engine {
    /// The feeds of the caller's workspace as OPML. Pages and firehoses have no place in it.
    pub async fn export_sources(&self, caller: &Caller) -> Result<String, Refusal> {
        let mut document = String::from(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n<head><title>Pagewire sources</title></head>\n<body>\n",
        );
        let mut after: Option<SourceId> = None;
        loop {
            let filter = SourceFilter { after, limit: PAGE, ..SourceFilter::default() };
            let rows = self.store.sources(caller.workspace.id.clone(), caller.mode, filter).await?;
            for row in &rows {
                let spec = spec_of(row, &self.webhooks.vault)?;
                if spec.source_type.is_feed() {
                    write_outline(&mut document, &spec);
                }
            }
            after = rows.last().map(|row| row.id.clone());
            if rows.len() < PAGE as usize {
                break;
            }
        }
        document.push_str("</body>\n</opml>\n");
        Ok(document)
    }
}

fn write_outline(document: &mut String, spec: &SourceSpec) {
    let name = escaped(spec.name.as_deref().unwrap_or(spec.id.as_str()));
    let (kind, url) = (spec.source_type.as_str(), escaped(&spec.url));
    let _ = write!(document, "<outline type=\"{kind}\" text=\"{name}\" title=\"{name}\" xmlUrl=\"{url}\"");
    if !spec.tags.is_empty() {
        // A comma in a category would make two of it.
        let tags: Vec<String> = spec.tags.iter().map(|tag| escaped(&tag.replace(',', " "))).collect();
        let _ = write!(document, " category=\"{}\"", tags.join(","));
    }
    document.push_str("/>\n");
}

/// As the value of an attribute in double quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use pagewire_extract::opml;
    use serde_json::json;

    use super::super::source_rules;
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let body = json!({
            "source_type": "atom", "url": "https://a.example/f?a=1&b=2", "name": "A \"b\" <c> & 'd'",
            "tags": ["one & two", "x"],
        });
        let spec = source_rules(1..=10).read_new(body).expect("valid");
        let mut document = String::from("<opml><body>");
        write_outline(&mut document, &spec);
        let found = opml::read(document.as_bytes(), None).expect("OPML");
        let feed = &found.feeds[0];
        assert_eq!((feed.url.as_str(), feed.title.as_deref()), (spec.url.as_str(), spec.name.as_deref()));
        assert_eq!((feed.kind.as_deref(), &feed.tags, found.bad), (Some("atom"), &spec.tags, Vec::new()));
    }
}
