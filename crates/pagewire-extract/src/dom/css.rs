//! Selectors of CSS over the tree: the `selectors` crate reads and matches them, and asks the nodes.

use std::fmt;

use cssparser::{CowRcStr, ParseError, ToCss};
use html5ever::{LocalName, Namespace, local_name, ns};
use precomputed_hash::PrecomputedHash;
use selectors::OpaqueElement;
use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::context::{
    MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags, QuirksMode, SelectorCaches,
};
use selectors::matching::{ElementSelectorFlags, matches_selector_list};
use selectors::parser::{self, Component, ParseRelative, SelectorList, SelectorParseErrorKind};

use super::node::NodeRef;
use super::tree::Vocabulary;

/// A list of selectors.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    list: SelectorList<Css>,
    /// The names, where every selector is a name and nothing else.
    names: Option<Vec<LocalName>>,
}

/// The text is no list of selectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoSelector;

impl Matcher {
    pub(crate) fn new(text: &str) -> Result<Self, NoSelector> {
        let mut parser = cssparser::Parser::new(text);
        let list = SelectorList::parse(&Reader, &mut parser, ParseRelative::No).map_err(|_| NoSelector)?;
        let names = list.slice().iter().map(|selector| match selector.iter_raw_match_order().as_slice() {
            // In other vocabularies names have cases.
            [Component::LocalName(name)] if name.name == name.lower_name => Some(name.name.0.clone()),
            _ => None,
        });
        let names = names.collect();
        Ok(Self { list, names })
    }

    fn is_of(&self, node: &NodeRef<'_>, caches: &mut SelectorCaches) -> bool {
        let Some(name) = node.name() else { return false };
        if let Some(names) = &self.names {
            return names.contains(name);
        }
        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            caches,
            QuirksMode::NoQuirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );
        matches_selector_list(&self.list, node, &mut context)
    }
}

/// The elements in a node that match, in the order of the document.
pub(crate) struct Matches<'d, 'm> {
    nodes: Box<dyn Iterator<Item = NodeRef<'d>> + 'd>,
    matcher: &'m Matcher,
    caches: SelectorCaches,
}

impl<'d, 'm> Matches<'d, 'm> {
    pub(super) fn of(within: NodeRef<'d>, matcher: &'m Matcher) -> Self {
        Self { nodes: Box::new(within.descendants()), matcher, caches: SelectorCaches::default() }
    }
}

impl<'d> Iterator for Matches<'d, '_> {
    type Item = NodeRef<'d>;

    fn next(&mut self) -> Option<NodeRef<'d>> {
        let Self { nodes, matcher, caches } = self;
        nodes.find(|node| matcher.is_of(node, caches))
    }
}

/// The kind of selectors: names are those of the parser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Css;

impl parser::SelectorImpl for Css {
    type ExtraMatchingData<'a> = ();
    type AttrValue = Text;
    type Identifier = Name;
    type LocalName = Name;
    type NamespaceUrl = Namespace;
    type NamespacePrefix = Name;
    type BorrowedLocalName = Name;
    type BorrowedNamespaceUrl = Namespace;
    type NonTSPseudoClass = PseudoClass;
    type PseudoElement = PseudoElement;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(String);

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl ToCss for Text {
    fn to_css<W: fmt::Write>(&self, to: &mut W) -> fmt::Result {
        cssparser::serialize_string(&self.0, to)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Name(LocalName);

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl ToCss for Name {
    fn to_css<W: fmt::Write>(&self, to: &mut W) -> fmt::Result {
        cssparser::serialize_identifier(&self.0, to)
    }
}

impl PrecomputedHash for Name {
    fn precomputed_hash(&self) -> u32 {
        self.0.precomputed_hash()
    }
}

/// Classes of elements that are no matter of the tree's shape: links, and two that many know from other tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PseudoClass {
    Link,
    /// What no page that nobody looks at is: hovered, visited, focused.
    Never,
    /// One text and no elements.
    OnlyText,
    /// One of the texts in it holds this.
    HasText(String),
    /// All the texts in it, one after another, hold this.
    Contains(String),
}

impl parser::NonTSPseudoClass for PseudoClass {
    fn is_active_or_hover(&self) -> bool {
        false
    }

    fn is_user_action_state(&self) -> bool {
        false
    }
}

impl ToCss for PseudoClass {
    fn to_css<W: fmt::Write>(&self, to: &mut W) -> fmt::Result {
        let (name, text) = match self {
            Self::Link => return to.write_str(":any-link"),
            Self::Never => return to.write_str(":visited"),
            Self::OnlyText => return to.write_str(":only-text"),
            Self::HasText(text) => (":has-text(", text),
            Self::Contains(text) => (":contains(", text),
        };
        to.write_str(name)?;
        cssparser::serialize_string(text, to)?;
        to.write_str(")")
    }
}

/// There are none: what a style adds is not of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PseudoElement {}

impl parser::PseudoElement for PseudoElement {}

impl ToCss for PseudoElement {
    fn to_css<W: fmt::Write>(&self, _: &mut W) -> fmt::Result {
        match *self {}
    }
}

struct Reader;

impl<'i> parser::Parser<'i> for Reader {
    type Impl = Css;
    type Error = SelectorParseErrorKind;

    fn parse_is_and_where(&self) -> bool {
        true
    }

    fn parse_has(&self) -> bool {
        true
    }

    fn parse_non_ts_pseudo_class(&self, name: CowRcStr<'i>) -> Result<PseudoClass, ParseError<Self::Error>> {
        match &*name.to_ascii_lowercase() {
            "any-link" | "link" => Ok(PseudoClass::Link),
            "visited" | "hover" | "active" | "focus" | "enabled" | "disabled" | "checked"
            | "indeterminate" => Ok(PseudoClass::Never),
            "only-text" => Ok(PseudoClass::OnlyText),
            _ => Err(ParseError::custom(SelectorParseErrorKind::UnsupportedPseudoClassOrElement)),
        }
    }

    fn parse_non_ts_functional_pseudo_class(
        &self,
        name: CowRcStr<'i>,
        parser: &mut cssparser::Parser<'i>,
        _: bool,
    ) -> Result<PseudoClass, ParseError<Self::Error>> {
        let make = match &*name.to_ascii_lowercase() {
            "has-text" => PseudoClass::HasText,
            "contains" => PseudoClass::Contains,
            _ => {
                return Err(ParseError::custom(SelectorParseErrorKind::UnsupportedPseudoClassOrElement));
            }
        };
        Ok(make(parser.expect_string()?.as_ref().to_owned()))
    }
}

impl<'d> NodeRef<'d> {
    fn element_of(node: Option<Self>, next: impl Fn(Self) -> Option<Self>) -> Option<Self> {
        std::iter::successors(node, |at| next(*at)).find(Self::is_element)
    }

    fn texts(self) -> impl Iterator<Item = &'d str> {
        self.descendants().filter_map(|node| match node.data() {
            super::NodeData::Text(text) => Some(text),
            _ => None,
        })
    }
}

impl selectors::Element for NodeRef<'_> {
    type Impl = Css;

    fn opaque(&self) -> OpaqueElement {
        OpaqueElement::new(self.document.node(self.id))
    }

    fn parent_element(&self) -> Option<Self> {
        self.parent().filter(Self::is_element)
    }

    fn parent_node_is_shadow_root(&self) -> bool {
        false
    }

    fn containing_shadow_host(&self) -> Option<Self> {
        None
    }

    fn is_pseudo_element(&self) -> bool {
        false
    }

    fn prev_sibling_element(&self) -> Option<Self> {
        Self::element_of(self.sibling_before(), Self::sibling_before)
    }

    fn next_sibling_element(&self) -> Option<Self> {
        Self::element_of(self.next_sibling(), Self::next_sibling)
    }

    fn first_element_child(&self) -> Option<Self> {
        Self::element_of(self.first_child(), Self::next_sibling)
    }

    fn is_html_element_in_html_document(&self) -> bool {
        self.element().is_some_and(|element| element.vocabulary == Vocabulary::Html)
    }

    fn has_local_name(&self, name: &Name) -> bool {
        self.name() == Some(&name.0)
    }

    fn has_namespace(&self, namespace: &Namespace) -> bool {
        self.element().is_some_and(|element| element.vocabulary.namespace() == namespace)
    }

    fn is_same_type(&self, other: &Self) -> bool {
        let kind = |node: &Self| node.element().map(|element| (element.name, element.vocabulary));
        kind(self) == kind(other)
    }

    fn attr_matches(
        &self,
        namespace: &NamespaceConstraint<&Namespace>,
        name: &Name,
        operation: &AttrSelectorOperation<&Text>,
    ) -> bool {
        let Some(element) = self.element() else { return false };
        let is_it =
            |found: super::node::Attribute<'_>| *found.name == name.0 && operation.eval_str(found.value);
        match namespace {
            NamespaceConstraint::Any => element.attributes().any(is_it),
            NamespaceConstraint::Specific(namespace) if **namespace == ns!() => {
                element.plain_attributes().any(is_it)
            }
            NamespaceConstraint::Specific(_) => false,
        }
    }

    fn match_non_ts_pseudo_class(&self, class: &PseudoClass, _: &mut MatchingContext<'_, Css>) -> bool {
        match class {
            PseudoClass::Link => self.is_link(),
            PseudoClass::Never => false,
            PseudoClass::OnlyText => {
                let mut children = self.children();
                children.next().is_some_and(|child| child.is_text()) && children.next().is_none()
            }
            PseudoClass::HasText(text) => self.texts().any(|told| told.contains(&**text)),
            PseudoClass::Contains(text) => self.text().contains(&**text),
        }
    }

    fn match_pseudo_element(&self, element: &PseudoElement, _: &mut MatchingContext<'_, Css>) -> bool {
        match *element {}
    }

    fn apply_selector_flags(&self, _: ElementSelectorFlags) {}

    fn is_link(&self) -> bool {
        self.element().is_some_and(|element| {
            matches!(*element.name, local_name!("a") | local_name!("area") | local_name!("link"))
                && element.plain_attributes().any(|attribute| *attribute.name == local_name!("href"))
        })
    }

    fn is_html_slot_element(&self) -> bool {
        false
    }

    fn has_id(&self, id: &Name, case: CaseSensitivity) -> bool {
        let known = self.element().and_then(|element| element.attr(local_name!("id")));
        known.is_some_and(|known| case.eq(id.0.as_bytes(), known.as_bytes()))
    }

    fn has_class(&self, class: &Name, case: CaseSensitivity) -> bool {
        let classes = self.element().and_then(|element| element.attr(local_name!("class")));
        let mut classes = classes.into_iter().flat_map(str::split_ascii_whitespace);
        classes.any(|known| case.eq(class.0.as_bytes(), known.as_bytes()))
    }

    fn has_custom_state(&self, _: &Name) -> bool {
        false
    }

    fn imported_part(&self, _: &Name) -> Option<Name> {
        None
    }

    fn is_part(&self, _: &Name) -> bool {
        false
    }

    fn is_empty(&self) -> bool {
        self.children().all(|child| match child.data() {
            super::NodeData::Text(text) => text.is_empty(),
            super::NodeData::Element(_) => false,
            _ => true,
        })
    }

    fn is_root(&self) -> bool {
        self.parent().is_some_and(|parent| parent.id == self.document.root().id)
    }

    fn add_element_unique_hashes(&self, _: &mut BloomFilter) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dom::Document;

    const PAGE: &str = "<html lang=en><body><div id=a class='x Y'><p>one</p><p class=x>two <b>bold</b></p><!-- c --></div>\
                        <ul><li>1<li>2<li><a href=/>3</a></ul><p></p><svg><foreignObject/><a xlink:href=z>s</a></svg>";

    fn found(selector: &str) -> Vec<String> {
        let document = Document::from(PAGE);
        document
            .select(selector)
            .iter()
            .map(|node| format!("{}:{}", &**node.name().expect("a name"), node.text()))
            .collect()
    }

    #[test]
    fn selectors_find_what_they_say() {
        for (selector, expected) in [
            ("p", &["p:one", "p:two bold", "p:"] as &[&str]),
            ("P, b", &["p:one", "p:two bold", "b:bold", "p:"]),
            ("div > p:first-child", &["p:one"]),
            ("p + p", &["p:two bold"]),
            (".x", &["div:onetwo bold", "p:two bold"]),
            ("#a.Y b", &["b:bold"]),
            ("li:nth-child(2n+1)", &["li:1", "li:3"]),
            ("li:last-child, li:nth-of-type(2)", &["li:2", "li:3"]),
            ("li:not(:has(a))", &["li:1", "li:2"]),
            ("p:empty", &["p:"]),
            (":root > body > ul > li:is(:first-child)", &["li:1"]),
            ("p:contains('two b')", &["p:two bold"]),
            ("p:has-text('two b')", &[]),
            ("p:only-text", &["p:one"]),
            ("a:any-link", &["a:3"]),
            ("[href]", &["a:3"]),
            ("[*|href]", &["a:3", "a:s"]),
            ("[class~='y' i]", &["div:onetwo bold"]),
            ("foreignObject", &["foreignObject:"]),
            ("foreignobject", &[]),
            ("ul ~ p", &["p:"]),
        ] {
            assert_eq!(found(selector), expected, "{selector}");
        }
        for broken in ["", "p >", "p::before", ":nothing", "[", "a:contains(x)"] {
            assert!(Matcher::new(broken).is_err(), "{broken}");
        }
    }
}
