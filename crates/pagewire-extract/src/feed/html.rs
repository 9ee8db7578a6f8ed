//! A feed as a page, of which all formats are made: its head tells what a page's head tells, and each item is an
//! article.

use url::Url;

use super::{Feed, FeedItem};
use crate::{html, main_content::Content};

impl Feed {
    /// The feed as an HTML document.
    pub(crate) fn to_html(&self) -> String {
        let mut page = PageWriter::default();
        page.head(self);
        page.raw("<body>");
        if let Some(title) = &self.title {
            page.raw("<h1>");
            page.link(self.home_page_url.as_deref(), title);
            page.raw("</h1>");
        }
        if let Some(description) = &self.description {
            page.element("p", description);
        }
        for item in &self.items {
            page.item(item);
        }
        page.raw("</body></html>");
        page.out
    }
}

#[derive(Default)]
struct PageWriter {
    out: String,
}

impl PageWriter {
    fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn element(&mut self, name: &str, text: &str) {
        self.raw(&format!("<{name}>"));
        escape(&mut self.out, text);
        self.raw(&format!("</{name}>"));
    }

    fn link(&mut self, url: Option<&str>, text: &str) {
        match url {
            Some(url) => {
                self.attribute("<a href=\"", url, "\">");
                escape(&mut self.out, text);
                self.raw("</a>");
            }
            None => escape(&mut self.out, text),
        }
    }

    fn attribute(&mut self, before: &str, value: &str, after: &str) {
        self.raw(before);
        escape(&mut self.out, value);
        self.raw(after);
    }

    fn meta(&mut self, name: &str, content: Option<&str>) {
        if let Some(content) = content {
            self.raw(&format!("<meta name=\"{name}\""));
            self.attribute(" content=\"", content, "\">");
        }
    }

    fn head(&mut self, feed: &Feed) {
        self.raw("<!doctype html><html");
        if let Some(language) = &feed.language {
            self.attribute(" lang=\"", language, "\"");
        }
        self.raw("><head>");
        if let Some(title) = &feed.title {
            self.element("title", title);
        }
        self.meta("description", feed.description.as_deref());
        self.meta("author", Some(feed.authors.join(", ")).as_deref().filter(|names| !names.is_empty()));
        self.meta("article:modified_time", feed.updated_at.as_deref());
        self.meta("og:image", feed.image.as_deref());
        if let Some(url) = &feed.home_page_url {
            self.attribute("<link rel=\"canonical\" href=\"", url, "\">");
        }
        self.raw("</head>");
    }

    fn item(&mut self, item: &FeedItem) {
        self.raw("<article>");
        if let Some(title) = item.title.as_deref().or(item.url.as_deref()) {
            self.raw("<h2>");
            self.link(item.url.as_deref(), title);
            self.raw("</h2>");
        }
        self.byline(item);
        if let Some(content) = &item.content_html {
            self.raw(content);
        }
        if let Some(image) = item.image.as_deref().filter(|image| !self.out_has_image(item, image)) {
            self.attribute("<p><img src=\"", image, "\" alt=\"\"></p>");
        }
        for attachment in &item.attachments {
            let name = attachment.content_type.as_deref().unwrap_or("attachment");
            if !name.starts_with("image/") {
                self.raw("<p>");
                self.link(Some(&attachment.url), name);
                self.raw("</p>");
            }
        }
        self.raw("</article>");
    }

    fn out_has_image(&self, item: &FeedItem, image: &str) -> bool {
        item.content_html.as_deref().is_some_and(|html| html.contains(image))
    }

    fn byline(&mut self, item: &FeedItem) {
        let time = item.published_at.as_deref().or(item.updated_at.as_deref());
        if time.is_none() && item.authors.is_empty() {
            return;
        }
        self.raw("<p>");
        if let Some(time) = time {
            self.attribute("<time datetime=\"", time, "\">");
            escape(&mut self.out, time);
            self.raw("</time>");
        }
        if !item.authors.is_empty() {
            self.raw(if time.is_some() { " · " } else { "" });
            escape(&mut self.out, &item.authors.join(", "));
        }
        self.raw("</p>");
    }
}

/// The page's own address, if addresses can stand on it.
pub(super) fn web_page(url: &Url) -> Option<&Url> {
    matches!(url.scheme(), "http" | "https").then_some(url)
}

/// An address that can be fetched, absolute.
pub(super) fn absolute(base: Option<&Url>, address: &str) -> Option<String> {
    let address = address.trim();
    let url = match base {
        Some(base) if !address.is_empty() => base.join(address).ok()?,
        _ => Url::parse(address).ok()?,
    };
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// What somebody else wrote, closed in itself: nothing in it can reach out of its article.
pub(super) fn clean(content: &Content<'_>, base: Option<&Url>) -> String {
    let nowhere = Url::parse("about:blank").ok();
    base.or(nowhere.as_ref()).map(|base| html::of_content(content, base)).unwrap_or_default()
}

pub(super) fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}
