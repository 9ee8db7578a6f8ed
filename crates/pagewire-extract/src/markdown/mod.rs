//! The content of a page as CommonMark with GFM tables.
//!
//! [`walk`] goes through the tree and says what comes; [`writer`] puts it down: white space, blank lines, escapes and
//! the prefixes of nested blocks are decided there and nowhere else. Both are linear in the page. [`code`], [`math`],
//! [`footnotes`] and [`table`] know how pages mark up what their names say.

mod address;
mod code;
mod escape;
mod footnotes;
mod math;
mod signs;
mod table;
mod walk;
mod writer;

use url::Url;

use crate::main_content::Content;

/// The Markdown of what is kept of a page; links and images stand on `base`.
pub(crate) fn of_content(content: &Content<'_>, base: &Url) -> String {
    let mut walk = walk::Walk::new(content, base);
    for root in content.roots() {
        walk.root(root);
    }
    walk.finish()
}

#[cfg(test)]
mod tests;
