//! Formulas: the TeX that stands behind what MathML, KaTeX, MathJax and encyclopedias show.

use crate::dom::{Element, NodeRef, local_name};

use super::walk::attribute;
use crate::dom::Tag;

/// Bytes of a formula.
const TEX_BYTES_MAX: usize = 4_000;

/// The TeX of a `math` element: its `alttext`, or its annotation.
pub(super) fn of_element(node: &NodeRef<'_>, element: &Element<'_>) -> Option<String> {
    let alternative = element
        .attributes()
        .find(|attribute| &**attribute.name == "alttext")
        .map(|found| found.value.to_string());
    alternative
        .or_else(|| {
            let annotation = node.descendants().find(|within| {
                within.element().is_some_and(|element| {
                    element.tag == Tag::Annotation
                        && element
                            .attr(local_name!("encoding"))
                            .is_some_and(|encoding| encoding.contains("tex"))
                })
            })?;
            Some(annotation.text().to_string())
        })
        .as_deref()
        .and_then(plain)
}

/// The TeX that MathJax keeps in a script.
pub(super) fn of_script(node: &NodeRef<'_>, element: &Element<'_>) -> Option<String> {
    let kind = attribute(element, local_name!("type"))?;
    kind.starts_with("math/tex").then(|| node.text()).as_deref().and_then(plain)
}

/// The TeX in the alternative text of a formula's picture.
pub(super) fn of_image<'a>(element: &Element<'_>, alternative: &'a str) -> Option<&'a str> {
    let class = attribute(element, local_name!("class"))?;
    let is_formula = class.contains("mwe-math")
        || class.split_ascii_whitespace().any(|class| class == "latex" || class == "tex");
    let tex = alternative.trim();
    (is_formula && !tex.is_empty() && !tex.contains('\n') && tex.len() <= TEX_BYTES_MAX).then_some(tex)
}

/// Whether an element shows a formula for the eye that stands beside it for programs as well.
pub(super) fn is_rendering(tag: Tag, element: &Element<'_>) -> bool {
    tag == Tag::Span
        && attribute(element, local_name!("class")).is_some_and(|class| {
            class.split_ascii_whitespace().any(|class| {
                matches!(
                    class,
                    "katex-html" | "MathJax" | "MathJax_Preview" | "MathJax_SVG" | "MathJax_CHTML"
                )
            })
        })
}

/// A formula on one line.
fn plain(tex: &str) -> Option<String> {
    let tex = tex.split_whitespace().collect::<Vec<_>>().join(" ");
    (!tex.is_empty() && tex.len() <= TEX_BYTES_MAX).then_some(tex)
}
