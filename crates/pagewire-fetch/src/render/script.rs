//! The scripts that run in pages, and what comes back of them.
//!
//! They run where the page's own scripts do, which may make them lie: about the page's own content, which is theirs to say
//! anyway. Where it is, what its status was and how large it may be is not asked of it.

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{browser::Tab, connection::CommandError};

/// What a script ended with.
pub(super) enum Evaluated {
    /// A value.
    Value(Value),
    /// It threw.
    Threw(String),
    /// The document that it ran in is gone: the page has moved on.
    Gone,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evaluation {
    result: Remote,
    exception_details: Option<Exception>,
}

#[derive(Deserialize)]
struct Remote {
    #[serde(default)]
    value: Value,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Exception {
    text: String,
    exception: Option<Remote>,
}

/// Runs a script and waits for its value, a promise's too.
pub(super) async fn evaluate(
    tab: &Tab,
    expression: &str,
    deadline: Instant,
) -> Result<Evaluated, CommandError> {
    let params = json!({
        "expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true,
    });
    let reply = tab.connection().call(Some(&tab.session), "Runtime.evaluate", params);
    match reply.by::<Evaluation>(deadline).await {
        Ok(Evaluation { result, exception_details: None }) => Ok(Evaluated::Value(result.value)),
        Ok(Evaluation { exception_details: Some(exception), .. }) => {
            let thrown = exception.exception.and_then(|thrown| thrown.description);
            Ok(Evaluated::Threw(thrown.unwrap_or(exception.text)))
        }
        Err(CommandError::Refused(reason)) if is_of_navigation(&reason) => Ok(Evaluated::Gone),
        Err(error) => Err(error),
    }
}

/// What the browser says when the document goes while a script runs in it.
fn is_of_navigation(reason: &str) -> bool {
    ["navigated or closed", "context was destroyed", "Cannot find context", "Cannot find default execution"]
        .iter()
        .any(|of_navigation| reason.contains(of_navigation))
}

/// A call of a function with one argument.
fn call(function: &str, argument: &str) -> String {
    format!("({function})({})", Value::from(argument))
}

/// The document as it stands: as text where it is text, as HTML otherwise. A number where it has more characters than may
/// be.
pub(super) fn document(characters_max: u64) -> String {
    format!(
        "((max) => {{
          const d = document, e = d.documentElement;
          if (!e) return '';
          const viewed = d.getElementById('webkit-xml-viewer-source-xml');
          const plain = d.contentType !== 'text/html' && e.localName === 'html' && !viewed
            && !d.contentType.includes('xhtml') && d.body && d.body.firstElementChild;
          const text = viewed ? viewed.innerHTML
            : plain && plain.localName === 'pre' ? plain.textContent
            : (d.doctype ? new XMLSerializer().serializeToString(d.doctype) + '\\n' : '') + e.outerHTML;
          return text.length > max ? text.length : text;
        }})({characters_max})"
    )
}

/// Waits until an element is there, and the document's text with it; throws where the selector is none.
pub(super) fn wait_for(selector: &str) -> String {
    call(
        "(selector) => new Promise((done) => {
          const there = () => document.querySelector(selector) !== null;
          if (there()) { done(true); return; }
          const watch = new MutationObserver(() => { if (there()) { watch.disconnect(); done(true); } });
          watch.observe(document, { subtree: true, childList: true, attributes: true });
        })",
        selector,
    )
}

/// Where the middle of an element is in the window, once it has been scrolled there: `null` where it is nowhere, and
/// nothing of it can be hit.
pub(super) fn middle_of(selector: &str) -> String {
    call(
        "(selector) => {
          const element = document.querySelector(selector);
          element.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
          const box = element.getBoundingClientRect();
          return box.width && box.height ? [box.x + box.width / 2, box.y + box.height / 2] : null;
        }",
        selector,
    )
}

/// Clicks an element that has no place in the window.
pub(super) fn click(selector: &str) -> String {
    call("(selector) => document.querySelector(selector).click()", selector)
}

/// Puts the caret into an element, what it holds being selected.
pub(super) fn focus(selector: &str) -> String {
    call(
        "(selector) => {
          const element = document.querySelector(selector);
          element.scrollIntoView({ block: 'center', behavior: 'instant' });
          element.focus();
          if (typeof element.select === 'function') element.select();
        }",
        selector,
    )
}

/// Scrolls an element into the window.
pub(super) fn scroll_to_element(selector: &str) -> String {
    call(
        "(selector) => document.querySelector(selector).scrollIntoView({ block: 'center', behavior: 'instant' })",
        selector,
    )
}

/// Scrolls so many pixels.
pub(super) fn scroll_by(pixels: i32) -> String {
    format!("window.scrollBy({{ top: {pixels}, behavior: 'instant' }})")
}

/// Scrolls to the end.
pub(super) const SCROLL_TO_END: &str =
    "window.scrollTo({ top: document.documentElement.scrollHeight, behavior: 'instant' })";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_an_argument_and_never_a_part_of_the_script() {
        let script = click("a'); alert(\"1\");//\u{2028}\\");
        assert!(script.ends_with("(\"a'); alert(\\\"1\\\");//\u{2028}\\\\\")"), "{script}");
    }
}
