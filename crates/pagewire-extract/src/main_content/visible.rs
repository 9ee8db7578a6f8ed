//! What of a page is never seen: scripts, controls, and what the page itself hides.

use crate::dom::{Element, local_name};

use crate::dom::Tag;

/// Whether an element is never seen, or is a control and no content.
pub(crate) fn is_hidden(tag: Tag, element: &Element<'_>) -> bool {
    tag.is_never_read()
        || element.attributes().any(|attribute| match *attribute.name {
            local_name!("hidden") => true,
            local_name!("style") => hides(attribute.value),
            _ => false,
        })
}

/// Whether a style takes its element out of sight.
fn hides(style: &str) -> bool {
    [("display", "none"), ("visibility", "hidden")].iter().any(|(property, value)| {
        style.split(';').any(|declaration| {
            declaration.split_once(':').is_some_and(|(name, set)| {
                name.trim().eq_ignore_ascii_case(property)
                    && set.trim().get(..value.len()).is_some_and(|start| start.eq_ignore_ascii_case(value))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_hide_by_display_and_visibility() {
        for style in ["display:none", "color:red; DISPLAY : None !important", "visibility:hidden"] {
            assert!(hides(style), "{style}");
        }
        for style in ["display:block", "", "background:url(display:none)", "opacity:1;display:"] {
            assert!(!hides(style), "{style}");
        }
    }
}
