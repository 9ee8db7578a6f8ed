//! What names mean at a place of the page: prefixes, the vocabulary, the base and the language, as declared on the
//! elements around it; and how terms, CURIEs and references become IRIs (RDFa Core 1.1, section 7).

use std::collections::HashMap;
use std::rc::Rc;

use crate::dom::NodeRef;

use super::graph::Term;
use crate::structured::reference;

/// The vocabulary that names without a prefix (`:next`) and RDFa 1.0's link types belong to.
const XHTML: &str = "http://www.w3.org/1999/xhtml/vocab#";
/// Bytes of a namespace or base: it is repeated with every name that stands on it.
const NAMESPACE_BYTES_MAX: usize = 2_048;
/// Prefixes that one element may declare.
const PREFIXES_MAX: usize = 1_000;

/// The prefixes that every page has (the initial context of RDFa 1.1), and those of social previews.
const PREFIXES: [(&str, &str); 53] = [
    ("article", "http://ogp.me/ns/article#"),
    ("as", "https://www.w3.org/ns/activitystreams#"),
    ("book", "http://ogp.me/ns/book#"),
    ("cc", "http://creativecommons.org/ns#"),
    ("csvw", "http://www.w3.org/ns/csvw#"),
    ("ctag", "http://commontag.org/ns#"),
    ("dc", "http://purl.org/dc/terms/"),
    ("dc11", "http://purl.org/dc/elements/1.1/"),
    ("dcat", "http://www.w3.org/ns/dcat#"),
    ("dcterms", "http://purl.org/dc/terms/"),
    ("dqv", "http://www.w3.org/ns/dqv#"),
    ("duv", "https://www.w3.org/ns/duv#"),
    ("fb", "http://ogp.me/ns/fb#"),
    ("foaf", "http://xmlns.com/foaf/0.1/"),
    ("gr", "http://purl.org/goodrelations/v1#"),
    ("grddl", "http://www.w3.org/2003/g/data-view#"),
    ("ical", "http://www.w3.org/2002/12/cal/icaltzd#"),
    ("jsonld", "http://www.w3.org/ns/json-ld#"),
    ("ldp", "http://www.w3.org/ns/ldp#"),
    ("ma", "http://www.w3.org/ns/ma-ont#"),
    ("music", "http://ogp.me/ns/music#"),
    ("oa", "http://www.w3.org/ns/oa#"),
    ("odrl", "http://www.w3.org/ns/odrl/2/"),
    ("og", "http://ogp.me/ns#"),
    ("org", "http://www.w3.org/ns/org#"),
    ("owl", "http://www.w3.org/2002/07/owl#"),
    ("profile", "http://ogp.me/ns/profile#"),
    ("prov", "http://www.w3.org/ns/prov#"),
    ("qb", "http://purl.org/linked-data/cube#"),
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("rdfa", "http://www.w3.org/ns/rdfa#"),
    ("rdfs", "http://www.w3.org/2000/01/rdf-schema#"),
    ("rev", "http://purl.org/stuff/rev#"),
    ("rif", "http://www.w3.org/2007/rif#"),
    ("rr", "http://www.w3.org/ns/r2rml#"),
    ("schema", "http://schema.org/"),
    ("sd", "http://www.w3.org/ns/sparql-service-description#"),
    ("sioc", "http://rdfs.org/sioc/ns#"),
    ("skos", "http://www.w3.org/2004/02/skos/core#"),
    ("skosxl", "http://www.w3.org/2008/05/skos-xl#"),
    ("sosa", "http://www.w3.org/ns/sosa/"),
    ("ssn", "http://www.w3.org/ns/ssn/"),
    ("time", "http://www.w3.org/2006/time#"),
    ("twitter", "https://dev.twitter.com/cards#"),
    ("v", "http://rdf.data-vocabulary.org/#"),
    ("vcard", "http://www.w3.org/2006/vcard/ns#"),
    ("video", "http://ogp.me/ns/video#"),
    ("void", "http://rdfs.org/ns/void#"),
    ("wdr", "http://www.w3.org/2007/05/powder#"),
    ("wdrs", "http://www.w3.org/2007/05/powder-s#"),
    ("xhv", "http://www.w3.org/1999/xhtml/vocab#"),
    ("xml", "http://www.w3.org/XML/1998/namespace"),
    ("xsd", "http://www.w3.org/2001/XMLSchema#"),
];

/// Terms that every page has, where it declares no vocabulary.
const TERMS: [(&str, &str); 3] = [
    ("describedby", "http://www.w3.org/2007/05/powder-s#describedby"),
    ("license", "http://www.w3.org/1999/xhtml/vocab#license"),
    ("role", "http://www.w3.org/1999/xhtml/vocab#role"),
];

/// Terms of RDFa 1.0, all of the XHTML vocabulary.
const TERMS_1_0: [&str; 26] = [
    "alternate",
    "appendix",
    "bookmark",
    "chapter",
    "cite",
    "contents",
    "copyright",
    "first",
    "glossary",
    "help",
    "icon",
    "index",
    "last",
    "license",
    "meta",
    "next",
    "p3pv1",
    "prev",
    "previous",
    "role",
    "section",
    "start",
    "stylesheet",
    "subsection",
    "top",
    "up",
];

/// Which RDFa a page is written in. 1.0 only where the page says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1_0,
    V1_1,
}

impl Version {
    pub(super) fn of_page(root: &NodeRef<'_>) -> Self {
        let version = root.attr("version").unwrap_or_default();
        let is_1_0 = version.contains("RDFa 1.0") || version.contains("RDFa1.0");
        if is_1_0 { Self::V1_0 } else { Self::V1_1 }
    }
}

/// Prefixes declared on one element, over those of the elements around it.
#[derive(Debug)]
struct Prefixes {
    here: HashMap<String, Rc<str>>,
    around: Option<Rc<Prefixes>>,
}

/// What holds at an element.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) version: Version,
    pub(super) base: Rc<str>,
    pub(super) language: Option<Rc<str>>,
    vocabulary: Option<Rc<str>>,
    prefixes: Option<Rc<Prefixes>>,
    /// `xmlns:` declarations as they apply, for XML that is quoted whole; and the plain `xmlns`.
    pub(super) namespaces: Rc<Vec<(String, Rc<str>)>>,
    pub(super) default_namespace: Option<Rc<str>>,
}

impl Context {
    pub(super) fn of_page(version: Version, base: &str) -> Self {
        let base = if base.len() <= NAMESPACE_BYTES_MAX { base } else { "" };
        Self {
            version,
            base: base.into(),
            language: None,
            vocabulary: None,
            prefixes: None,
            namespaces: Rc::default(),
            default_namespace: None,
        }
    }

    /// With what an element declares. Tells the vocabulary where the element names one.
    pub(super) fn enter(&mut self, element: &NodeRef<'_>) -> Option<Rc<str>> {
        let element = element.element()?;
        let attribute =
            |name: &str| element.attributes().find(|found| &**found.name == name).map(|found| found.value);
        if let Some(base) = attribute("xml:base").filter(|base| base.len() <= NAMESPACE_BYTES_MAX) {
            self.base = base.split('#').next().unwrap_or_default().into();
        }
        if let Some(language) = attribute("xml:lang") {
            self.language = Some(language.to_lowercase()).filter(|lang| !lang.is_empty()).map(Into::into);
        }
        if let Some(namespace) = attribute("xmlns") {
            self.default_namespace = Some(namespace.into());
        }
        let mut declared = HashMap::new();
        for found in element.attributes().take(PREFIXES_MAX) {
            let Some(prefix) = found.name.strip_prefix("xmlns:") else { continue };
            if prefix.is_empty() || prefix == "_" || prefix.contains(':') {
                continue;
            }
            let Some(namespace) = namespace_of(found.value) else { continue };
            let prefix = self.cased(prefix);
            let namespaces = Rc::make_mut(&mut self.namespaces);
            namespaces.retain(|(known, _)| *known != prefix);
            if namespaces.len() < PREFIXES_MAX {
                namespaces.push((prefix.clone(), Rc::clone(&namespace)));
            }
            declared.insert(prefix, namespace);
        }
        let mut vocabulary = None;
        if self.version == Version::V1_1 {
            if let Some(pairs) = attribute("prefix") {
                read_prefixes(pairs, &mut declared);
            }
            match attribute("vocab").map(str::trim) {
                Some("") => self.vocabulary = None,
                Some(name) if name.len() <= NAMESPACE_BYTES_MAX => {
                    let name: Rc<str> = self.reference(name).into();
                    self.vocabulary = Some(Rc::clone(&name));
                    vocabulary = Some(name);
                }
                Some(_) | None => {}
            }
        }
        if !declared.is_empty() {
            self.prefixes = Some(Rc::new(Prefixes { here: declared, around: self.prefixes.take() }));
        }
        vocabulary
    }

    fn cased(&self, prefix: &str) -> String {
        match self.version {
            Version::V1_0 => prefix.to_owned(),
            Version::V1_1 => prefix.to_lowercase(),
        }
    }

    fn namespace(&self, prefix: &str) -> Option<&str> {
        let mut scope = self.prefixes.as_deref();
        while let Some(prefixes) = scope {
            if let Some(namespace) = prefixes.here.get(prefix) {
                return Some(namespace);
            }
            scope = prefixes.around.as_deref();
        }
        if self.version == Version::V1_0 {
            return None;
        }
        let at = PREFIXES.binary_search_by_key(&prefix, |(known, _)| known).ok()?;
        Some(PREFIXES[at].1)
    }

    /// A URL or reference (`href`, `src`, `vocab`).
    pub(super) fn reference(&self, text: &str) -> String {
        let mut resolved = reference::resolved(&self.base, text);
        // As a name, a URL keeps a mark at its end that means nothing in an address.
        if let Some(mark @ ('#' | '?')) = text.chars().last()
            && !resolved.ends_with(mark)
        {
            resolved.push(mark);
        }
        let trimmed = resolved.trim();
        if trimmed.len() == resolved.len() { resolved } else { trimmed.to_owned() }
    }

    /// `about` and `resource`: a CURIE, one in brackets, or a reference.
    pub(super) fn curie_or_reference(&self, text: &str) -> Option<Term> {
        if text.is_empty() {
            return Some(Term::iri(&self.base));
        }
        let safe = match text.strip_prefix('[') {
            Some(rest) => Some(rest.strip_suffix(']')?),
            None => None,
        };
        match (safe, self.version) {
            (Some(curie), _) => self.curie(curie),
            (None, Version::V1_0) => Some(Term::iri(&self.reference(text))),
            (None, Version::V1_1) => match self.curie(text) {
                None => Some(Term::iri(&self.reference(text))),
                Some(Term::Iri(iri)) if reference::scheme_of(&iri).is_none() => {
                    Some(Term::iri(&format!("{}{iri}", self.base)))
                }
                found => found,
            },
        }
    }

    /// A name of `property`, `typeof`, `rel`, `rev`, `datatype`: a term, a CURIE or an absolute IRI.
    pub(super) fn name(&self, text: &str) -> Option<Term> {
        if is_term(text) {
            return self.term(text);
        }
        if let Some(found) = self.curie(text) {
            return Some(found);
        }
        let is_absolute = self.version == Version::V1_1 && reference::scheme_of(text).is_some();
        is_absolute.then(|| Term::iri(text))
    }

    /// A word of `role`: as if the XHTML vocabulary were declared. RDFa 1.0 knows CURIEs there and nothing else.
    pub(super) fn role(&self, text: &str) -> Option<Term> {
        match (is_term(text), self.version) {
            (true, Version::V1_1) => Some(Term::iri(&format!("{XHTML}{text}"))),
            (true, Version::V1_0) => None,
            (false, _) => self.name(text),
        }
    }

    fn term(&self, text: &str) -> Option<Term> {
        if let Some(vocabulary) = &self.vocabulary {
            return Some(Term::iri(&format!("{vocabulary}{text}")));
        }
        match self.version {
            Version::V1_0 => TERMS_1_0
                .iter()
                .find(|term| term.eq_ignore_ascii_case(text))
                .map(|term| Term::iri(&format!("{XHTML}{term}"))),
            Version::V1_1 => {
                TERMS.iter().find(|(term, _)| term.eq_ignore_ascii_case(text)).map(|(_, iri)| Term::iri(iri))
            }
        }
    }

    fn curie(&self, text: &str) -> Option<Term> {
        let (prefix, local) = text.split_once(':')?;
        if prefix.is_empty() {
            return self.is_local_part(local).then(|| Term::iri(&format!("{XHTML}{local}")));
        }
        if prefix == "_" {
            return Some(Term::named_blank(local));
        }
        let spelled = prefix.starts_with(|c: char| c.is_ascii_alphabetic())
            && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !spelled || !self.is_local_part(local) {
            return None;
        }
        let namespace = self.namespace(&self.cased(prefix))?;
        Some(Term::iri(&format!("{namespace}{local}")))
    }

    /// Whether the part after a CURIE's colon can be that: `//host` makes it a URL.
    fn is_local_part(&self, text: &str) -> bool {
        if self.version == Version::V1_1
            && text
                .strip_prefix("//")
                .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
        {
            return false;
        }
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let query = rest.split_once('?').map_or("", |(_, query)| query);
        !query.contains(['[', ']']) && !fragment.contains(['#', '[', ']'])
    }
}

fn is_term(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/'))
}

/// The pairs of a `prefix` attribute. They are told in pairs from the end, so of an odd number the first is left over;
/// of two that are the same, the first counts.
fn read_prefixes(text: &str, declared: &mut HashMap<String, Rc<str>>) {
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.rchunks_exact(2).take(PREFIXES_MAX) {
        let Some(prefix) = pair[0].strip_suffix(':') else { continue };
        let spelled = prefix.starts_with(|c: char| c.is_ascii_alphabetic())
            && prefix.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if let Some(namespace) = namespace_of(pair[1]).filter(|_| spelled) {
            declared.insert(prefix.to_lowercase(), namespace);
        }
    }
}

/// A namespace with the characters that no IRI has as percent signs.
fn namespace_of(text: &str) -> Option<Rc<str>> {
    let text = text.trim();
    if text.len() > NAMESPACE_BYTES_MAX {
        return None;
    }
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-~:/\\?=#".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            quoted.push_str(&format!("%{byte:02X}"));
        }
    }
    Some(quoted.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_prefixes_are_in_order() {
        assert!(PREFIXES.is_sorted_by_key(|(prefix, _)| *prefix));
    }
}
