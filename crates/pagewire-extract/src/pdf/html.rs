//! A PDF's text as a page: a section for each of its pages, a paragraph for lines that stand together. What is a heading
//! or a table is not in a PDF, and is not guessed.

use serde_json::{Map, Value, json};

use super::PdfText;

impl PdfText {
    /// The document as HTML.
    pub(crate) fn to_html(&self) -> String {
        let mut out = String::from("<!doctype html><html");
        if let Some(language) = &self.language {
            put(&mut out, " lang=\"", language, "\"");
        }
        out.push_str("><head>");
        if let Some(title) = &self.title {
            put(&mut out, "<title>", title, "</title>");
        }
        for (name, content) in [
            ("author", &self.author),
            ("description", &self.subject),
            ("keywords", &self.keywords),
            ("generator", &self.generator),
            ("article:published_time", &self.created_at),
            ("article:modified_time", &self.modified_at),
        ] {
            if let Some(content) = content {
                put(&mut out, &format!("<meta name=\"{name}\" content=\""), content, "\">");
            }
        }
        out.push_str("</head><body>");
        for page in &self.pages {
            out.push_str("<section>");
            for paragraph in paragraphs(page) {
                put(&mut out, "<p>", &paragraph, "</p>");
            }
            out.push_str("</section>");
        }
        if !self.links.is_empty() {
            // Regions of the pages, of which nothing is written.
            out.push_str("<map>");
            for link in &self.links {
                put(&mut out, "<area href=\"", link, "\">");
            }
            out.push_str("</map>");
        }
        out.push_str("</body></html>");
        out
    }

    /// What it says of itself, in the words of schema.org.
    pub(crate) fn to_node(&self) -> Map<String, Value> {
        let mut node = Map::new();
        node.insert("@type".to_owned(), "DigitalDocument".into());
        for (name, value) in [
            ("name", &self.title),
            ("headline", &self.title),
            ("author", &self.author),
            ("description", &self.subject),
            ("keywords", &self.keywords),
            ("inLanguage", &self.language),
            ("datePublished", &self.created_at),
            ("dateModified", &self.modified_at),
        ] {
            if let Some(value) = value {
                node.insert(name.to_owned(), value.clone().into());
            }
        }
        node.insert("numberOfPages".to_owned(), self.page_count.into());
        node.insert("pages".to_owned(), self.page_count.into());
        node
    }

    /// What `metadata` has beside what the head has.
    pub(crate) fn metadata(&self) -> Map<String, Value> {
        Map::from_iter([("pages".to_owned(), json!(self.page_count))])
    }
}

fn put(out: &mut String, before: &str, text: &str, after: &str) {
    out.push_str(before);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out.push_str(after);
}

/// Lines that stand together are one paragraph; a word that was broken at a line's end is whole again.
fn paragraphs(page: &str) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in page.lines().map(str::trim) {
        if line.is_empty() {
            is_open = false;
            continue;
        }
        match paragraphs.last_mut().filter(|_| is_open) {
            None => paragraphs.push(line.to_owned()),
            Some(paragraph) if continues_a_word(paragraph, line) => {
                paragraph.pop();
                paragraph.push_str(line);
            }
            Some(paragraph) => {
                paragraph.push('\n');
                paragraph.push_str(line);
            }
        }
        is_open = true;
    }
    paragraphs
}

fn continues_a_word(before: &str, line: &str) -> bool {
    let mut end = before.chars().rev();
    end.next().is_some_and(|c| matches!(c, '-' | '\u{ad}'))
        && end.next().is_some_and(char::is_lowercase)
        && line.chars().next().is_some_and(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_paragraphs_and_broken_words_are_whole() {
        let page = "\n\nA line of manip-\nulation and\n more. \n\n\nNext-\nPart\n";
        assert_eq!(paragraphs(page), ["A line of manipulation and\nmore.", "Next-\nPart"]);
    }
}
