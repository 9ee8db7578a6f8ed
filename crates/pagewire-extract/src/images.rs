//! The images of a page: absolute, each once, in the order of the page.

use std::collections::HashSet;

use crate::dom::{Document, Element, local_name};
use serde::Serialize;
use url::Url;

use crate::links::base_of;

/// Images that are given at most.
const IMAGES_MAX: usize = 5_000;
/// Characters of an image's text.
const ALT_CHARS_MAX: usize = 500;

/// One image.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Image {
    url: String,
    alt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
}

pub(crate) fn of_document(document: &Document, page: &Url) -> Vec<Image> {
    let base = base_of(document, page);
    let mut seen = HashSet::new();
    let mut images = Vec::new();
    for node in document.select("img") {
        let Some(element) = node.element() else { continue };
        let Some(url) = source_of(&element).and_then(|source| base.join(&source).ok()) else { continue };
        if !matches!(url.scheme(), "http" | "https") || !seen.insert(url.as_str().to_owned()) {
            continue;
        }
        let alt = element.attr(local_name!("alt")).unwrap_or_default();
        let alt = alt.split_whitespace().collect::<Vec<_>>().join(" ");
        images.push(Image {
            url: url.into(),
            alt: alt.chars().take(ALT_CHARS_MAX).collect(),
            width: pixels(&element, "width"),
            height: pixels(&element, "height"),
        });
        if images.len() == IMAGES_MAX {
            break;
        }
    }
    images
}

/// Where an image really is: pages that load late put a placeholder into `src`. None for pixels that count visits.
pub(crate) fn source_of(image: &Element<'_>) -> Option<String> {
    if pixels(image, "width").is_some_and(|width| width <= 1)
        || pixels(image, "height").is_some_and(|height| height <= 1)
    {
        return None;
    }
    ["data-src", "data-original", "data-lazy-src", "src"]
        .iter()
        .find_map(|name| attribute(image, name).filter(|source| is_address(source)))
        .or_else(|| ["data-srcset", "srcset"].iter().find_map(|name| of_set(attribute(image, name)?)))
        .map(str::to_owned)
}

/// The first address of a `srcset`.
fn of_set(set: &str) -> Option<&str> {
    set.split_whitespace().next().map(|first| first.trim_end_matches(',')).filter(|source| is_address(source))
}

fn attribute<'a>(image: &'a Element, name: &str) -> Option<&'a str> {
    let found = image.attributes().find(|attribute| &**attribute.name == name)?;
    Some(found.value.trim())
}

fn is_address(source: &str) -> bool {
    !source.is_empty() && !source.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"))
}

fn pixels(image: &Element<'_>, name: &str) -> Option<u32> {
    attribute(image, name)?.trim_end_matches("px").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_absolute_and_placeholders_are_looked_behind() {
        let document = Document::from(
            "<img src=/a.png alt=' A  a ' width=20><img src='data:image/gif;base64,x' data-src=b.png><img src=/a.png>\
             <img src=pixel.gif width=1 height=1><img srcset='c.png 1x, d.png 2x'>",
        );
        let page = Url::parse("http://site.example/x/").expect("a url");
        let images = of_document(&document, &page);
        let urls: Vec<&str> = images.iter().map(|image| image.url.as_str()).collect();
        assert_eq!(
            urls,
            ["http://site.example/a.png", "http://site.example/x/b.png", "http://site.example/x/c.png"]
        );
        assert_eq!((images[0].alt.as_str(), images[0].width), ("A a", Some(20)));
    }
}
