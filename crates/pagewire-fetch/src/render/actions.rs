//! The steps that a request has done to a page, as a person would do them: by the mouse and the keys.

use std::time::Duration;

use pagewire_types::render::{Action, Key, ScreenshotOptions, ScrollTo, WaitFor};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    browser::Done,
    error::RenderError,
    page::Page,
    request::Screenshot,
    script::{self, Evaluated},
};

/// How long an element that a step is about may take to appear.
const APPEAR_MAX: Duration = Duration::from_secs(5);
/// How long a step is given to begin what it causes.
const STEP_PAUSE: Duration = Duration::from_millis(30);

impl Page<'_> {
    /// Does the steps in order; the pictures that they took.
    pub(super) async fn act(&self, actions: &[Action]) -> Result<Vec<Screenshot>, RenderError> {
        let mut pictures = Vec::new();
        for (at, action) in actions.iter().enumerate() {
            self.doing(&format!("do step {at} of `actions` ({})", action.as_str()));
            let failed = |reason: String| RenderError::Action { at, name: action.as_str(), reason };
            match self.step(action).await {
                Ok(picture) => pictures.extend(picture),
                Err(RenderError::Selector { selector }) => {
                    return Err(failed(format!("the browser does not know {selector:?} as a selector")));
                }
                Err(RenderError::Timeout { what, .. }) => {
                    return Err(failed(format!("the page did not {what}")));
                }
                Err(RenderError::Refused { reason, .. }) => return Err(failed(reason)),
                Err(error) => return Err(error),
            }
        }
        Ok(pictures)
    }

    async fn step(&self, action: &Action) -> Result<Option<Screenshot>, RenderError> {
        if let Some(selector) = action.selector() {
            self.appears(selector, action).await?;
        }
        match action {
            Action::Click { selector } => self.click(selector).await?,
            Action::Type { selector, text } => {
                self.run(&script::focus(selector)).await?;
                self.command::<Done>("Input.insertText", json!({ "text": text })).await?;
            }
            Action::Press { key } => self.press(*key).await?,
            Action::Scroll { to: ScrollTo::Bottom } => drop(self.run(script::SCROLL_TO_END).await?),
            Action::Scroll { to: ScrollTo::By(pixels) } => drop(self.run(&script::scroll_by(*pixels)).await?),
            Action::Scroll { to: ScrollTo::Element(selector) } => {
                self.run(&script::scroll_to_element(selector)).await?;
            }
            Action::Wait { until: WaitFor::Time(time) } => tokio::time::sleep(*time).await,
            // It is there by now.
            Action::Wait { until: WaitFor::Selector(_) } => {}
            Action::Wait { until: WaitFor::NetworkIdle } => self.settled().await,
            Action::Screenshot { full_page } => {
                let options = ScreenshotOptions { full_page: *full_page, ..self.request.options.screenshot };
                return self.picture(options).await.map(Some);
            }
        }
        if matches!(action, Action::Click { .. } | Action::Press { .. } | Action::Scroll { .. }) {
            self.carried_out().await?;
        }
        Ok(None)
    }

    /// Until the element is there. A step that waits has all the time there is.
    async fn appears(&self, selector: &str, action: &Action) -> Result<(), RenderError> {
        let deadline = match action {
            Action::Wait { .. } => self.deadline,
            _ => self.deadline.min(Instant::now() + APPEAR_MAX),
        };
        let what = format!("show an element that matches `{selector}`");
        self.doing(&what);
        self.there_is(selector, deadline).await
    }

    async fn click(&self, selector: &str) -> Result<(), RenderError> {
        let place: Option<(f64, f64)> =
            serde_json::from_value(self.run(&script::middle_of(selector)).await?).unwrap_or_default();
        let Some((x, y)) = place else {
            self.run(&script::click(selector)).await?;
            return Ok(());
        };
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let (button, clicks) = if kind == "mouseMoved" { ("none", 0) } else { ("left", 1) };
            let event = json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": clicks });
            self.command::<Done>("Input.dispatchMouseEvent", event).await?;
        }
        Ok(())
    }

    async fn press(&self, key: Key) -> Result<(), RenderError> {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": key.as_str(), "code": key.as_str(), "windowsVirtualKeyCode": key.code(),
            });
            if key == Key::Enter && kind == "keyDown" {
                event["text"] = "\r".into();
            }
            self.command::<Done>("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }

    /// What the step caused has happened: the page it led to is there, what it fetched has come.
    async fn carried_out(&self) -> Result<(), RenderError> {
        tokio::time::sleep(STEP_PAUSE).await;
        self.until(|told| told.document.is_parsed.then_some(())).await?;
        self.settled().await;
        Ok(())
    }

    /// Runs a script that is expected to go well.
    async fn run(&self, script: &str) -> Result<Value, RenderError> {
        match self.evaluate_by(script, self.deadline).await? {
            Evaluated::Value(value) => Ok(value),
            Evaluated::Threw(reason) => Err(RenderError::Refused { method: "Runtime.evaluate", reason }),
            Evaluated::Gone => Ok(Value::Null),
        }
    }
}
