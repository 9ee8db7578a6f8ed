//! XPath 1.0 over the tree that is there already: `xpath-eval` evaluates, this shows it our nodes.
//!
//! An expression is the caller's and a page a stranger's, so both are bounded. An expression is bounded in length and
//! nesting before it is parsed, and may use nothing whose cost cannot be counted here. Every node that is looked at and
//! every text that is made takes from an allowance for the page; when it is spent, nodes have no more children, the
//! evaluation runs dry, and its result is dropped.

mod node;
mod refuse;

use crate::dom::{NodeId, NodeRef};
use xpath_eval::{EvaluationContext, Expr, Value, evaluate};

pub(super) use node::Page;
use node::XNode;

/// Characters of an expression, and how deep its brackets nest.
const EXPRESSION_CHARS_MAX: usize = 500;
const NESTING_MAX: usize = 20;
/// Unions in one: each sorts what it has found so far.
const UNIONS_MAX: usize = 10;

/// An expression, parsed.
#[derive(Debug, Clone)]
pub(crate) struct XPath {
    text: String,
    expression: Expr,
}

/// What an expression comes to: nodes of the page, or a value made of them.
pub(super) enum Found {
    Nodes(Vec<Place>),
    Text(String),
}

/// An element, a text, or an attribute of an element.
pub(super) enum Place {
    Node(NodeId),
    Attribute(String),
}

impl XPath {
    /// Parses an expression, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.chars().count() > EXPRESSION_CHARS_MAX {
            return Err(format!("is longer than {EXPRESSION_CHARS_MAX} characters"));
        }
        if nesting_of(text) > NESTING_MAX {
            return Err(format!("nests more than {NESTING_MAX} deep"));
        }
        if text.matches('|').count() > UNIONS_MAX {
            return Err(format!("has more than {UNIONS_MAX} unions"));
        }
        let expression = xpath_eval::parse(text).map_err(|fault| fault.to_string())?;
        refuse::what_cannot_be(&expression)?;
        Ok(Self { text: text.to_owned(), expression })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Evaluates at a node. `None` where the page's allowance did not suffice.
    pub(super) fn evaluate(&self, at: &NodeRef<'_>, page: &Page<'_>) -> Option<Found> {
        let context = EvaluationContext::new(XNode::of(page, at.id));
        let value = evaluate(&self.expression, &context).ok()?;
        if page.is_spent() {
            return None;
        }
        Some(match value {
            Value::NodeSet(mut nodes) => {
                nodes.sort_by(|a, b| xpath_eval::Node::document_order(*a, *b));
                Found::Nodes(nodes.into_iter().map(XNode::place).collect())
            }
            Value::Number(number) if !number.is_finite() => return None,
            other => Found::Text(other.to_xpath_string()),
        })
    }
}

/// How deep brackets and signs nest: a parser that descends goes no deeper.
fn nesting_of(text: &str) -> usize {
    let (mut deepest, mut depth, mut signs) = (0, 0_usize, 0);
    for c in text.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '-' => signs += 1,
            c if c.is_whitespace() => {}
            _ => signs = 0,
        }
        deepest = deepest.max(depth + signs);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::dom::Document;

    use super::*;
    use crate::cpu_clock::CpuClock;

    fn found(html: &str, expression: &str) -> Vec<String> {
        let document = Document::from(html);
        let page = Page::of(&document);
        let expression = XPath::parse(expression).expect(expression);
        match expression.evaluate(&document.root(), &page) {
            None => vec!["nothing".to_owned()],
            Some(Found::Text(text)) => vec![text],
            Some(Found::Nodes(places)) => places
                .into_iter()
                .map(|place| match place {
                    Place::Node(id) => NodeRef::new(id, &document).text().to_string(),
                    Place::Attribute(value) => value,
                })
                .collect(),
        }
    }

    #[test]
    fn expressions_as_people_write_them_work() {
        let html = "<body><h1>A</h1><div class='row first'><a href=/1>One</a> <i>1</i></div>\
                    <div class=row><a href=/2>Two</a> tail</div><table><tr><th>K<td>V</table></body>";
        for (expression, expected) in [
            ("//h1", vec!["A"]),
            ("//H1/text()", vec!["A"]),
            ("/html/body/div[2]/a", vec!["Two"]),
            ("//div[@class='row']/a/@href", vec!["/2"]),
            ("//div[contains(@class, 'first')]//i", vec!["1"]),
            ("//a[text()='Two']/following-sibling::text()", vec![" tail"]),
            ("//th[.='K']/following-sibling::td[1]", vec!["V"]),
            ("(//a)[last()]", vec!["Two"]),
            ("//a[position() < 2] | //h1", vec!["A", "One", "Two"]),
            ("count(//a)", vec!["2"]),
            ("string(//a/@href)", vec!["/1"]),
            ("normalize-space(//div[2])", vec!["Two tail"]),
            ("concat(//h1, '-', //i)", vec!["A-1"]),
            ("//table//tr/td", vec!["V"]),
            ("//*[@href='/2']/ancestor::div", vec!["Two tail"]),
            ("//b", vec![]),
            ("number(//h1)", vec!["nothing"]),
        ] {
            assert_eq!(found(html, expression), expected, "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_evaluated_is_refused_when_it_is_read() {
        for broken in [
            "",
            "//",
            "//a[",
            "//a[@b='c]",
            "nothing(//a)",
            "count()",
            "//a[$x]",
            "//svg:a",
            "//a = //b",
            "//a[//b > //c]",
            &"(".repeat(100),
            &"-".repeat(300),
            &"//a".repeat(200),
            &"//a|".repeat(20),
        ] {
            assert!(XPath::parse(broken).is_err(), "{broken}");
        }
        for good in ["//a[@b = @c]", "//a[. = ../b]", "//a[@b=//c[1]/@d]", "not(//a)"] {
            assert!(XPath::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn hostile_expressions_on_large_pages_are_bounded() {
        let html = format!("<body>{}", "<div a=1><p>text<b>x</b></div>".repeat(5_000));
        for hostile in [
            "//*[//*[//*[//*]]]",
            "//*[count(preceding::*) > count(following::*)]",
            "//*[contains(/, 'y')]",
            &format!("concat({}/)", "/,".repeat(120)),
            &format!("//*{}", "|//*".repeat(10)),
            &format!("//*[{}//y]", "//y or ".repeat(60)),
            "//*[@a = //*/@a]",
        ] {
            let started = CpuClock::start();
            found(&html, hostile);
            assert!(started.elapsed() < Duration::from_secs(20), "{:?} for {hostile:.60}", started.elapsed());
        }
    }
}
