//! The little Markdown that our own pages use, as HTML: headings, lists, paragraphs, fenced code and code spans.
//!
//! It reads what is within the binary, not what comes from outside; everything is escaped all the same.

use std::fmt::Write as _;

/// Renders a page.
pub(super) fn rendered(markdown: &str) -> String {
    let mut html = String::new();
    for block in markdown.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        // Writing into a string cannot fail.
        let _ = if let Some(title) = block.strip_prefix("# ") {
            writeln!(html, "<h1>{}</h1>", spans(title))
        } else if let Some(title) = block.strip_prefix("## ") {
            writeln!(html, "<h2>{}</h2>", spans(title))
        } else if block.starts_with("- ") {
            let items: String = block
                .split("\n- ")
                .map(|item| format!("<li>{}</li>", spans(item.trim_start_matches("- "))))
                .collect();
            writeln!(html, "<ul>{items}</ul>")
        } else if let Some(code) = block.strip_prefix("```") {
            let lines = code.split_once('\n').map_or("", |(_, lines)| lines);
            writeln!(html, "<pre><code>{}</code></pre>", escaped(lines.trim_end_matches("```").trim_end()))
        } else {
            writeln!(html, "<p>{}</p>", spans(block))
        };
    }
    html
}

/// Code spans: every second piece between backticks.
pub(super) fn spans(text: &str) -> String {
    let pieces = text.split('`').map(escaped).enumerate();
    pieces
        .map(|(place, piece)| if place % 2 == 1 { format!("<code>{piece}</code>") } else { piece })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_block_becomes_its_element_and_nothing_of_it_markup() {
        let html =
            rendered("# A `code`\n\n## B\n\n- one <b>\n- two\n  lines\n\n```\na: <b>\n```\n\nText & `x`.\n");
        assert_eq!(
            html,
            "<h1>A <code>code</code></h1>\n<h2>B</h2>\n<ul><li>one &lt;b&gt;</li><li>two\n  lines</li></ul>\n\
             <pre><code>a: &lt;b&gt;</code></pre>\n<p>Text &amp; <code>x</code>.</p>\n"
        );
    }
}
