//! What of a page is content: the nodes that are written, and those within them that are left out.
//!
//! Linear in the size of the page. Boilerplate goes by what it is (`nav`, `footer`, roles), by what it is called (class
//! and id words), and by how much of it is links; then the walk goes down from the body as long as one child holds
//! nearly all that is left. Nothing that holds most of a page's text is ever dropped.

use std::collections::HashSet;

use dom_query::{Document, LocalName, NodeId, NodeRef};

/// Share of its parent's text that a child must hold for the walk to go down into it.
const DOMINANT_SHARE: f64 = 0.85;
/// Share of the page's text from which on nothing is dropped by its name.
const LARGE_SHARE: f64 = 0.5;
/// Share of links from which on a block is navigation.
const LINK_SHARE: f64 = 0.7;
/// Share of the page's text that a `main` or lone `article` must hold to be believed.
const LANDMARK_SHARE: f64 = 0.3;

/// Words in classes and ids that name boilerplate.
const BOILERPLATE_WORDS: &[&str] = &[
    "ad",
    "ads",
    "advert",
    "advertisement",
    "adsense",
    "banner",
    "breadcrumb",
    "breadcrumbs",
    "consent",
    "cookie",
    "cookies",
    "copyright",
    "disqus",
    "footer",
    "gdpr",
    "masthead",
    "menu",
    "modal",
    "nav",
    "navbar",
    "navigation",
    "newsletter",
    "outbrain",
    "pager",
    "pagination",
    "popup",
    "promo",
    "recommendations",
    "recommended",
    "related",
    "share",
    "sharing",
    "sidebar",
    "signup",
    "skip",
    "social",
    "sponsor",
    "sponsored",
    "subscribe",
    "subscription",
    "taboola",
    "toolbar",
    "widget",
];

/// The part of a document that is written.
pub(crate) struct Content<'d> {
    roots: Vec<NodeRef<'d>>,
    dropped: HashSet<NodeId>,
}

impl<'d> Content<'d> {
    /// All that is visible.
    pub(crate) fn whole(document: &'d Document) -> Self {
        let roots = document.body().into_iter().collect();
        Self { roots, dropped: HashSet::new() }
    }

    /// The main content.
    pub(crate) fn main(document: &'d Document) -> Self {
        let Some(body) = document.body() else { return Self::whole(document) };
        let mut outline = Outline::of(body);
        outline.drop_boilerplate();
        let root = outline.dominant();
        Self { roots: vec![outline.blocks[root].node], dropped: outline.dropped() }
    }

    /// Reads only within these selectors. What boilerplate was dropped before stays out.
    pub(crate) fn include(&mut self, document: &'d Document, selectors: &[String]) {
        if selectors.is_empty() {
            return;
        }
        let mut taken = HashSet::new();
        self.dropped.clear();
        self.roots.clear();
        for node in document.select(&selectors.join(", ")).nodes() {
            // In the order of the document: an ancestor comes before what is within it.
            if !node.ancestors_it(None).any(|ancestor| taken.contains(&ancestor.id)) && taken.insert(node.id)
            {
                self.roots.push(*node);
            }
        }
    }

    /// Leaves out what these selectors match.
    pub(crate) fn exclude(&mut self, document: &'d Document, selectors: &[String]) {
        for selector in selectors {
            self.dropped.extend(document.select(selector).nodes().iter().map(|node| node.id));
        }
    }

    /// Where writing begins.
    pub(crate) fn roots(&self) -> &[NodeRef<'d>] {
        &self.roots
    }

    /// Whether a node is left out, with all that is in it.
    pub(crate) fn leaves_out(&self, node: &NodeRef<'_>) -> bool {
        self.dropped.contains(&node.id) || is_hidden(node)
    }
}

/// The name of an element; none for text, comments and the like.
pub(crate) fn name_of(node: &NodeRef<'_>) -> Option<LocalName> {
    node.qual_name_ref().map(|name| name.local.clone())
}

/// Whether an element is never seen, or is a control and no content.
fn is_hidden(node: &NodeRef<'_>) -> bool {
    let Some(name) = name_of(node) else { return !node.is_text() && !node.is_document() };
    let unseen = matches!(
        &*name,
        "script"
            | "style"
            | "noscript"
            | "template"
            | "head"
            | "svg"
            | "iframe"
            | "object"
            | "embed"
            | "canvas"
            | "button"
            | "input"
            | "select"
            | "textarea"
            | "audio"
            | "video"
            | "dialog"
            | "datalist"
            | "link"
            | "meta"
    );
    unseen
        || node.has_attr("hidden")
        || node.attr("style").is_some_and(|style| {
            let plain: String =
                style.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
            plain.contains("display:none") || plain.contains("visibility:hidden")
        })
}

/// An element in document order, with what it and all in it amount to.
struct Block<'d> {
    node: NodeRef<'d>,
    name: LocalName,
    parent: usize,
    /// One past the last block within this one.
    end: usize,
    own: Amount,
    sum: Amount,
    within_article: bool,
    dropped: bool,
}

/// Characters of text, of text in links, and first-level headings.
#[derive(Clone, Copy, Default)]
struct Amount {
    text: usize,
    link: usize,
    titles: usize,
}

impl Amount {
    fn add(&mut self, other: Self) {
        self.text += other.text;
        self.link += other.link;
        self.titles += other.titles;
    }

    /// Text that is no link; links count a little, so that pages of links have a middle as well.
    fn weight(self) -> f64 {
        (self.text - self.link) as f64 + 0.2 * self.link as f64
    }

    fn is_mostly_links(self) -> bool {
        self.text > 0 && self.link as f64 > LINK_SHARE * self.text as f64
    }
}

struct Outline<'d> {
    blocks: Vec<Block<'d>>,
}

impl<'d> Outline<'d> {
    fn of(body: NodeRef<'d>) -> Self {
        let mut blocks: Vec<Block<'d>> = Vec::new();
        let mut waiting = vec![(body, 0_usize, false)];
        while let Some((node, parent, in_link)) = waiting.pop() {
            if node.is_text() {
                let amount = node.text().chars().filter(|c| !c.is_whitespace()).count();
                let own = &mut blocks[parent].own;
                own.text += amount;
                own.link += if in_link { amount } else { 0 };
                continue;
            }
            let Some(name) = name_of(&node) else { continue };
            if is_hidden(&node) && !blocks.is_empty() {
                continue;
            }
            let at = blocks.len();
            let in_link = in_link || &*name == "a";
            let own = Amount { titles: usize::from(&*name == "h1"), ..Amount::default() };
            blocks.push(Block {
                node,
                name,
                parent,
                end: at + 1,
                own,
                sum: own,
                within_article: false,
                dropped: false,
            });
            waiting.extend(node.children_it(true).map(|child| (child, at, in_link)));
        }
        let mut outline = Self { blocks };
        outline.add_up();
        outline
    }

    /// Sums over what is not dropped.
    fn add_up(&mut self) {
        for block in &mut self.blocks {
            block.sum = block.own;
        }
        for at in (1..self.blocks.len()).rev() {
            let Block { parent, sum, end, dropped, .. } = self.blocks[at];
            let above = &mut self.blocks[parent];
            above.end = above.end.max(end);
            if !dropped {
                above.sum.add(sum);
            }
        }
    }

    fn drop_boilerplate(&mut self) {
        let page = self.blocks[0].sum;
        for at in 1..self.blocks.len() {
            let parent = self.blocks[at].parent;
            if self.blocks[parent].dropped {
                self.blocks[at].dropped = true;
                continue;
            }
            let within = self.blocks[parent].within_article;
            let block = &mut self.blocks[at];
            let role = block.node.attr("role");
            let landmark = matches!(&*block.name, "main" | "article") || role.as_deref() == Some("main");
            block.within_article = within || landmark;
            block.dropped = !landmark && block.is_boilerplate(page, within, role.as_deref());
        }
        self.add_up();
    }

    /// The block that holds nearly all, as far down as that goes.
    fn dominant(&self) -> usize {
        let mut at = self.landmark().unwrap_or(0);
        loop {
            let here = &self.blocks[at];
            let mut child = at + 1;
            let mut next = None;
            while child < here.end {
                let block = &self.blocks[child];
                if !block.dropped
                    && holds_others(&block.name)
                    && block.sum.weight() >= DOMINANT_SHARE * here.sum.weight()
                    && block.sum.titles == here.sum.titles
                {
                    next = Some(child);
                }
                child = block.end;
            }
            match next {
                Some(child) if here.sum.text > 0 => at = child,
                _ => return at,
            }
        }
    }

    /// The `main`, or an `article` that is the only one.
    fn landmark(&self) -> Option<usize> {
        let enough = |at: &usize| {
            self.blocks[*at].sum.weight() >= LANDMARK_SHARE * self.blocks[0].sum.weight().max(1.0)
        };
        let kept = || (0..self.blocks.len()).filter(|at| !self.blocks[*at].dropped);
        let main = kept().find(|at| {
            let block = &self.blocks[*at];
            &*block.name == "main" || block.node.attr("role").as_deref() == Some("main")
        });
        let mut articles = kept().filter(|at| &*self.blocks[*at].name == "article");
        let lone = articles.next().filter(|_| articles.next().is_none());
        lone.filter(enough).or_else(|| main.filter(enough))
    }

    fn dropped(&self) -> HashSet<NodeId> {
        self.blocks.iter().filter(|block| block.dropped).map(|block| block.node.id).collect()
    }
}

impl Block<'_> {
    fn is_boilerplate(&self, page: Amount, within_article: bool, role: Option<&str>) -> bool {
        let large = self.sum.text as f64 >= LARGE_SHARE * page.text as f64;
        let has_the_title = self.sum.titles > 0 && self.sum.titles == page.titles;
        if large || has_the_title {
            return false;
        }
        let by_kind = match &*self.name {
            "nav" => true,
            "footer" | "header" | "aside" => !within_article || self.sum.is_mostly_links(),
            "form" => !within_article || self.sum.text < 200,
            _ => false,
        };
        let by_role = matches!(
            role,
            Some(
                "navigation"
                    | "banner"
                    | "contentinfo"
                    | "search"
                    | "complementary"
                    | "dialog"
                    | "alertdialog"
                    | "menu"
                    | "menubar"
            )
        );
        let unseen = self.node.attr("aria-hidden").as_deref() == Some("true");
        by_kind || by_role || unseen || self.is_called_boilerplate() || self.is_a_list_of_links(page)
    }

    fn is_called_boilerplate(&self) -> bool {
        if !matches!(
            &*self.name,
            "div" | "section" | "ul" | "ol" | "p" | "span" | "table" | "td" | "dl" | "aside"
        ) {
            return false;
        }
        [self.node.attr("class"), self.node.attr("id")].iter().flatten().any(|names| {
            names.split(|c: char| !c.is_ascii_alphabetic()).any(|word| {
                // Longer than any word of the table is none of them.
                word.len() <= 16 && BOILERPLATE_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
            })
        })
    }

    /// Blocks of many links beside a text that is not itself one.
    fn is_a_list_of_links(&self, page: Amount) -> bool {
        matches!(&*self.name, "div" | "ul" | "ol" | "section" | "table")
            && self.sum.is_mostly_links()
            && !page.is_mostly_links()
            && self.sum.link > 40
            && (self.sum.text as f64) < 0.25 * page.text as f64
    }
}

fn holds_others(name: &str) -> bool {
    matches!(
        name,
        "div"
            | "section"
            | "article"
            | "main"
            | "form"
            | "td"
            | "table"
            | "tbody"
            | "tr"
            | "center"
            | "font"
            | "span"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn the_article_is_kept_and_what_stands_around_it_is_not() {
        let long = "A sentence with words that go on for some time, so that there is a text. ".repeat(6);
        let document = Document::from(format!(
            "<body><header><a href=/>Site</a></header><nav><a href=/a>Section</a></nav>\
             <div class=wrap><div class='content'><h1>Title</h1><p>{long}</p><div class='share-bar'>Tweet this</div>\
             <p>End.</p></div><div id=sidebar><p>Popular now</p></div></div>\
             <div class=cookie-banner><p>We use cookies</p></div><footer>Imprint</footer></body>"
        ));
        let written = text::of_content(&Content::main(&document));
        assert_eq!(written, format!("Title\n{}\nEnd.", long.trim()));
    }

    #[test]
    fn a_page_of_links_is_not_emptied() {
        let items = "<li><a href=/x>A product with a name</a></li>".repeat(30);
        let document = Document::from(format!("<body><nav><a href=/>Home</a></nav><ul>{items}</ul></body>"));
        let written = text::of_content(&Content::main(&document));
        assert_eq!(written.lines().count(), 30);
    }
}
