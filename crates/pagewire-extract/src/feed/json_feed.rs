//! A feed as JSON: as JSON Feed 1.1 says, whatever it was written in; and as nodes of schema.org's words, which the
//! fields of an `extract` are looked up in.

use serde_json::{Map, Value, json};

use super::{Feed, FeedItem};

/// Puts what is there, and nothing for what is not.
fn put(map: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    let value = value.into();
    let is_empty = match &value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => false,
    };
    if !is_empty {
        map.insert(name.to_owned(), value);
    }
}

fn people(names: &[String]) -> Vec<Value> {
    names.iter().map(|name| json!({"name": name})).collect()
}

impl Feed {
    /// As JSON Feed 1.1.
    pub(crate) fn to_json_feed(&self) -> Value {
        let mut feed = Map::new();
        put(&mut feed, "version", "https://jsonfeed.org/version/1.1");
        put(&mut feed, "title", self.title.clone());
        put(&mut feed, "home_page_url", self.home_page_url.clone());
        put(&mut feed, "feed_url", self.feed_url.clone());
        put(&mut feed, "description", self.description.clone());
        put(&mut feed, "icon", self.image.clone());
        put(&mut feed, "authors", people(&self.authors));
        put(&mut feed, "language", self.language.clone());
        let items: Vec<Value> = self.items.iter().map(FeedItem::to_json_feed).collect();
        feed.insert("items".to_owned(), Value::Array(items));
        Value::Object(feed)
    }

    /// The feed as one node. Its items stand under `items` and under each of the names given.
    pub(crate) fn to_node(&self, names_of_items: &[&str]) -> Map<String, Value> {
        let mut node = Map::new();
        put(&mut node, "@type", "DataFeed");
        put(&mut node, "name", self.title.clone());
        put(&mut node, "description", self.description.clone());
        put(&mut node, "url", self.home_page_url.clone());
        put(&mut node, "inLanguage", self.language.clone());
        put(&mut node, "language", self.language.clone());
        put(&mut node, "author", people(&self.authors));
        put(&mut node, "image", self.image.clone());
        put(&mut node, "dateModified", self.updated_at.clone());
        let items: Vec<Value> = self.items.iter().map(FeedItem::to_node).collect();
        for name in names_of_items.iter().filter(|name| !node.contains_key(**name)).collect::<Vec<_>>() {
            node.insert((*name).to_owned(), Value::Array(items.clone()));
        }
        node.insert("items".to_owned(), Value::Array(items));
        node
    }
}

impl FeedItem {
    fn to_json_feed(&self) -> Value {
        let mut item = Map::new();
        // The standard wants an id; an address is one where the feed gives none.
        put(&mut item, "id", self.id.clone().or_else(|| self.url.clone()));
        put(&mut item, "url", self.url.clone());
        put(&mut item, "title", self.title.clone());
        put(&mut item, "content_html", self.content_html.clone());
        put(&mut item, "summary", self.summary.clone());
        put(&mut item, "image", self.image.clone());
        put(&mut item, "date_published", self.published_at.clone());
        put(
            &mut item,
            "date_modified",
            self.updated_at.clone().filter(|at| self.published_at.as_ref() != Some(at)),
        );
        put(&mut item, "authors", people(&self.authors));
        put(&mut item, "tags", self.tags.clone());
        let attachments: Vec<Value> = self
            .attachments
            .iter()
            .map(|file| {
                let mut of = Map::new();
                put(&mut of, "url", file.url.clone());
                put(&mut of, "mime_type", file.content_type.clone());
                put(&mut of, "size_in_bytes", file.bytes);
                Value::Object(of)
            })
            .collect();
        put(&mut item, "attachments", attachments);
        Value::Object(item)
    }

    fn to_node(&self) -> Value {
        let mut node = Map::new();
        put(&mut node, "@type", "Article");
        put(&mut node, "headline", self.title.clone());
        put(&mut node, "name", self.title.clone());
        put(&mut node, "url", self.url.clone());
        put(&mut node, "description", self.summary.clone());
        put(&mut node, "articleBody", self.content_text.clone());
        put(&mut node, "content", self.content_text.clone());
        put(&mut node, "datePublished", self.published_at.clone().or_else(|| self.updated_at.clone()));
        put(&mut node, "dateModified", self.updated_at.clone());
        put(&mut node, "author", people(&self.authors));
        put(&mut node, "keywords", self.tags.clone());
        put(&mut node, "articleSection", self.tags.first().cloned());
        put(&mut node, "image", self.image.clone());
        put(&mut node, "identifier", self.id.clone());
        put(&mut node, "id", self.id.clone());
        put(&mut node, "guid", self.id.clone());
        let files: Vec<Value> = self.attachments.iter().map(|file| Value::from(file.url.clone())).collect();
        put(&mut node, "attachments", files);
        Value::Object(node)
    }
}
