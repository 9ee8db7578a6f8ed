//! The scrape parameters that say how a browser shows a page: `render`, `wait_for`, `actions`, `viewport`, `mobile`,
//! `block` and `screenshot`.
//!
//! What is a selector is not judged here, where there is no parser of CSS.

use std::time::Duration;

use serde_json::Value;

use crate::fields::{Faults, Fields, brief};

/// The longest wait that `wait_for` and a `wait` may ask for, in milliseconds.
pub const WAIT_MS_MAX: u64 = 30_000;
/// Steps in `actions`.
pub const ACTIONS_MAX: usize = 50;
/// Bytes of a selector.
const SELECTOR_BYTES_MAX: usize = 2_048;
/// Bytes that one `type` may type.
const TYPED_BYTES_MAX: usize = 16 * 1_024;
/// Pixels that a window may be wide or high.
const VIEWPORT_RANGE: std::ops::RangeInclusive<u64> = 64..=4_096;
/// Pixels that a `scroll` may go.
const SCROLL_MAX: i64 = 1_000_000;

/// Whether a browser shows the page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum RenderMode {
    /// The page is read as it is served.
    #[default]
    Never,
    /// A browser shows it.
    Always,
    /// A browser shows it where what is served is an empty shell.
    Auto,
}

/// What a page is waited for to show.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WaitFor {
    /// An element that a selector matches.
    Selector(String),
    /// So much time after the page has loaded.
    Time(Duration),
    /// No request for half a second.
    NetworkIdle,
}

/// Where a `scroll` goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ScrollTo {
    /// The page's end.
    Bottom,
    /// So many pixels down, or up where negative.
    By(i32),
    /// An element, until it is seen.
    Element(String),
}

/// One step that is done to a page once it is there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// Clicks the first element that matches.
    Click {
        /// Which.
        selector: String,
    },
    /// Puts the caret into an element and types.
    Type {
        /// Which.
        selector: String,
        /// What.
        text: String,
    },
    /// Presses a key.
    Press {
        /// By its name.
        key: Key,
    },
    /// Scrolls.
    Scroll {
        /// Where to.
        to: ScrollTo,
    },
    /// Waits.
    Wait {
        /// For what.
        until: WaitFor,
    },
    /// Takes a picture.
    Screenshot {
        /// Of the whole page, not only of what the window shows.
        full_page: bool,
    },
}

impl Action {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Click { .. } => "click",
            Self::Type { .. } => "type",
            Self::Press { .. } => "press",
            Self::Scroll { .. } => "scroll",
            Self::Wait { .. } => "wait",
            Self::Screenshot { .. } => "screenshot",
        }
    }

    /// The selector that it goes by.
    #[must_use]
    pub fn selector(&self) -> Option<&str> {
        match self {
            Self::Click { selector }
            | Self::Type { selector, .. }
            | Self::Scroll { to: ScrollTo::Element(selector) }
            | Self::Wait { until: WaitFor::Selector(selector) } => Some(selector),
            Self::Press { .. } | Self::Scroll { .. } | Self::Wait { .. } | Self::Screenshot { .. } => None,
        }
    }
}

macro_rules! keys {
    ($($name:ident = $code:literal,)*) => {
        /// A key that can be pressed, by its name in UI Events (`KeyboardEvent.key`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Key { $(#[doc = stringify!($name)] $name,)* }

        impl Key {
            /// Every key.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The virtual key code of the key.
            #[must_use]
            pub fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

keys! {
    Enter = 13,
    Tab = 9,
    Escape = 27,
    Backspace = 8,
    Delete = 46,
    ArrowUp = 38,
    ArrowDown = 40,
    ArrowLeft = 37,
    ArrowRight = 39,
    Home = 36,
    End = 35,
    PageUp = 33,
    PageDown = 34,
}

/// The size of the window, in CSS pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Viewport {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl Viewport {
    /// A window on a desk.
    pub const DESKTOP: Self = Self { width: 1_280, height: 720 };
    /// A phone.
    pub const MOBILE: Self = Self { width: 390, height: 844 };
}

/// What a page is shown without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Blocked {
    /// Images.
    pub images: bool,
    /// Fonts.
    pub fonts: bool,
    /// Audio and video.
    pub media: bool,
    /// What hosts serve that are known for advertising and tracking.
    pub ads: bool,
}

/// How a picture is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ImageType {
    /// Lossless.
    #[default]
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
}

impl ImageType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Png, Self::Jpeg, Self::Webp];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
        }
    }

    /// The media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }
}

/// How a picture of the page is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ScreenshotOptions {
    /// Of the whole page, not only of what the window shows.
    pub full_page: bool,
    /// How it is encoded.
    pub image: ImageType,
    /// How good it is to look, 1 to 100, where the type has a say in that.
    pub quality: Option<u8>,
}

/// The parameters of rendering as a request gives them: checked, each possibly absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RenderParams {
    /// `render`
    pub mode: Option<RenderMode>,
    /// `wait_for`
    pub wait_for: Option<WaitFor>,
    /// `actions`
    pub actions: Option<Vec<Action>>,
    /// `viewport`
    pub viewport: Option<Viewport>,
    /// `mobile`
    pub mobile: Option<bool>,
    /// `block`
    pub block: Option<Blocked>,
    /// `screenshot`
    pub screenshot: Option<ScreenshotOptions>,
}

/// The parameters of rendering that hold for one URL.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RenderOptions {
    /// Whether a browser shows the page.
    pub mode: RenderMode,
    /// What is waited for beyond the page's loading.
    pub wait_for: Option<WaitFor>,
    /// What is done to the page, in order.
    pub actions: Vec<Action>,
    /// The window, where the request names one.
    pub viewport: Option<Viewport>,
    /// Whether the browser is a phone's.
    pub mobile: bool,
    /// What is left out.
    pub block: Blocked,
    /// How pictures are taken.
    pub screenshot: ScreenshotOptions,
}

impl RenderParams {
    /// Takes the parameters out of an object.
    pub fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            mode: fields.take_with("render", "true, false or \"auto\"", |value| match value {
                Value::Bool(true) => Some(RenderMode::Always),
                Value::Bool(false) => Some(RenderMode::Never),
                value if value == "auto" => Some(RenderMode::Auto),
                _ => None,
            }),
            wait_for: fields.take_with(
                "wait_for",
                "a CSS selector, milliseconds up to 30000, or \"networkidle\"",
                read_wait,
            ),
            actions: read_actions(fields),
            viewport: read_viewport(fields),
            mobile: fields.take_with("mobile", "true or false", Value::as_bool),
            block: fields.take_with("block", "an array of images, fonts, media, ads", read_blocked),
            screenshot: read_screenshot(fields),
        }
    }

    /// These parameters laid over others.
    #[must_use]
    pub fn over(self, below: &Self) -> Self {
        Self {
            mode: self.mode.or(below.mode),
            wait_for: self.wait_for.or_else(|| below.wait_for.clone()),
            actions: self.actions.or_else(|| below.actions.clone()),
            viewport: self.viewport.or(below.viewport),
            mobile: self.mobile.or(below.mobile),
            block: self.block.or(below.block),
            screenshot: self.screenshot.or(below.screenshot),
        }
    }

    /// Fills what is absent.
    #[must_use]
    pub fn resolve(self) -> RenderOptions {
        RenderOptions {
            mode: self.mode.unwrap_or_default(),
            wait_for: self.wait_for,
            actions: self.actions.unwrap_or_default(),
            viewport: self.viewport,
            mobile: self.mobile.unwrap_or_default(),
            block: self.block.unwrap_or_default(),
            screenshot: self.screenshot.unwrap_or_default(),
        }
    }
}

fn read_wait(value: &Value) -> Option<WaitFor> {
    match value {
        Value::Number(_) => {
            let ms = value.as_u64().filter(|ms| *ms <= WAIT_MS_MAX)?;
            Some(WaitFor::Time(Duration::from_millis(ms)))
        }
        Value::String(text) if text == "networkidle" => Some(WaitFor::NetworkIdle),
        value => selector(value).map(WaitFor::Selector),
    }
}

fn selector(value: &Value) -> Option<String> {
    let text = value.as_str()?.trim();
    (!text.is_empty() && text.len() <= SELECTOR_BYTES_MAX).then(|| text.to_owned())
}

fn read_blocked(value: &Value) -> Option<Blocked> {
    let mut blocked = Blocked::default();
    for item in value.as_array()? {
        match item.as_str()? {
            "images" => blocked.images = true,
            "fonts" => blocked.fonts = true,
            "media" => blocked.media = true,
            "ads" => blocked.ads = true,
            _ => return None,
        }
    }
    Some(blocked)
}

fn read_viewport(fields: &mut Fields<'_>) -> Option<Viewport> {
    let mut inner = object(fields, "viewport")?;
    let mut side = |name| {
        inner.take_with(name, "whole pixels from 64 to 4096", |value| {
            value.as_u64().filter(|side| VIEWPORT_RANGE.contains(side)).and_then(|side| side.try_into().ok())
        })
    };
    let (width, height) = (side("width"), side("height"));
    inner.finish();
    let default = Viewport::DESKTOP;
    Some(Viewport { width: width.unwrap_or(default.width), height: height.unwrap_or(default.height) })
}

fn read_screenshot(fields: &mut Fields<'_>) -> Option<ScreenshotOptions> {
    let mut inner = object(fields, "screenshot")?;
    let options = ScreenshotOptions {
        full_page: inner.take_with("full_page", "true or false", Value::as_bool).unwrap_or_default(),
        image: inner
            .take_with("type", "one of png, jpeg, webp", |value| {
                ImageType::ALL.into_iter().find(|image| value == image.as_str())
            })
            .unwrap_or_default(),
        quality: inner.take_with("quality", "a whole number from 1 to 100", |value| {
            value.as_u64().filter(|quality| (1..=100).contains(quality)).and_then(|q| q.try_into().ok())
        }),
    };
    inner.finish();
    Some(options)
}

fn object<'i>(fields: &'i mut Fields<'_>, name: &str) -> Option<Fields<'i>> {
    match fields.take(name)? {
        Value::Object(map) => {
            let pointer = fields.pointer_to(name);
            Some(Fields::new(map, pointer, fields.faults()))
        }
        other => {
            fields.fault(name, format!("must be an object, not {}", brief(&other)));
            None
        }
    }
}

fn read_actions(fields: &mut Fields<'_>) -> Option<Vec<Action>> {
    let items = match fields.take("actions")? {
        Value::Array(items) if items.len() <= ACTIONS_MAX => items,
        _ => {
            fields.fault("actions", format!("must be an array of at most {ACTIONS_MAX} steps"));
            return None;
        }
    };
    let pointer = fields.pointer_to("actions");
    let read = items.into_iter().enumerate();
    Some(
        read.filter_map(|(at, item)| read_action(item, &format!("{pointer}/{at}"), fields.faults()))
            .collect(),
    )
}

fn read_action(item: Value, pointer: &str, faults: &mut Faults) -> Option<Action> {
    let Value::Object(map) = item else {
        faults.add(pointer, format!("must be an object with `type`, not {}", brief(&item)));
        return None;
    };
    let mut step = Fields::new(map, pointer, faults);
    let kind = step.take("type");
    let action = match kind.as_ref().and_then(Value::as_str) {
        Some("click") => required_selector(&mut step).map(|selector| Action::Click { selector }),
        Some("type") => {
            let selector = required_selector(&mut step);
            let text = step.take_with("text", "a string of at most 16 KiB", |value| {
                value.as_str().filter(|text| text.len() <= TYPED_BYTES_MAX).map(str::to_owned)
            });
            if text.is_none() {
                step.fault("text", "what is typed has to be given");
            }
            selector.zip(text).map(|(selector, text)| Action::Type { selector, text })
        }
        Some("press") => read_key(&mut step).map(|key| Action::Press { key }),
        Some("scroll") => read_scroll(&mut step).map(|to| Action::Scroll { to }),
        Some("wait") => read_step_wait(&mut step).map(|until| Action::Wait { until }),
        Some("screenshot") => {
            let full_page = step.take_with("full_page", "true or false", Value::as_bool).unwrap_or_default();
            Some(Action::Screenshot { full_page })
        }
        _ => {
            step.fault("type", "must be one of click, type, press, scroll, wait, screenshot");
            return None;
        }
    };
    step.finish();
    action
}

fn required_selector(step: &mut Fields<'_>) -> Option<String> {
    let read = step.take_with("selector", "a CSS selector", selector);
    if read.is_none() {
        step.fault("selector", "the element has to be given by a CSS selector");
    }
    read
}

fn read_key(step: &mut Fields<'_>) -> Option<Key> {
    let read = step.take("key").and_then(|value| Key::ALL.iter().copied().find(|key| value == key.as_str()));
    if read.is_none() {
        let names: Vec<&str> = Key::ALL.iter().map(|key| key.as_str()).collect();
        step.fault("key", format!("must be one of {}", names.join(", ")));
    }
    read
}

fn read_scroll(step: &mut Fields<'_>) -> Option<ScrollTo> {
    let element = step.take_with("selector", "a CSS selector", selector).map(ScrollTo::Element);
    let by = step.take_with("y", "whole pixels", |value| {
        let pixels = value.as_i64().filter(|pixels| pixels.abs() <= SCROLL_MAX)?;
        pixels.try_into().ok().map(ScrollTo::By)
    });
    let bottom = step.take_with("to", "\"bottom\"", |value| (value == "bottom").then_some(ScrollTo::Bottom));
    let mut given = [element, by, bottom].into_iter().flatten();
    match (given.next(), given.next()) {
        (None, _) => Some(ScrollTo::Bottom),
        (Some(to), None) => Some(to),
        (Some(_), Some(_)) => {
            step.fault("to", "only one of `to`, `y` and `selector` can be where it scrolls to");
            None
        }
    }
}

fn read_step_wait(step: &mut Fields<'_>) -> Option<WaitFor> {
    let time = step.take_with("ms", "milliseconds up to 30000", |value| match read_wait(value)? {
        WaitFor::Time(time) => Some(WaitFor::Time(time)),
        WaitFor::Selector(_) | WaitFor::NetworkIdle => None,
    });
    let element = step.take_with("selector", "a CSS selector", selector).map(WaitFor::Selector);
    match (time, element) {
        (Some(until), None) | (None, Some(until)) => Some(until),
        (None, None) | (Some(_), Some(_)) => {
            step.fault("ms", "one of `ms` and `selector` has to say what is waited for");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::FieldError;

    fn read(value: Value) -> (RenderParams, Vec<FieldError>) {
        let Value::Object(map) = value else { unreachable!("an object literal") };
        let mut faults = Faults::default();
        let mut fields = Fields::new(map, "", &mut faults);
        let params = RenderParams::read(&mut fields);
        fields.finish();
        (params, faults.into_vec())
    }

    #[test]
    fn every_way_to_wait_and_to_act_is_read() {
        let (params, faults) = read(json!({
            "render": true, "wait_for": "networkidle", "mobile": true, "block": ["images", "ads"],
            "viewport": {"width": 800}, "screenshot": {"full_page": true, "type": "webp", "quality": 70},
            "actions": [
                {"type": "click", "selector": "#more"},
                {"type": "type", "selector": "input", "text": "å"},
                {"type": "press", "key": "Enter"},
                {"type": "scroll"}, {"type": "scroll", "y": -300}, {"type": "scroll", "selector": "footer"},
                {"type": "wait", "ms": 5}, {"type": "wait", "selector": ".row"},
                {"type": "screenshot", "full_page": true}]
        }));
        assert_eq!(faults, []);
        let options = params.resolve();
        assert_eq!(options.mode, RenderMode::Always);
        assert_eq!(options.wait_for, Some(WaitFor::NetworkIdle));
        assert_eq!(options.viewport, Some(Viewport { width: 800, height: 720 }));
        assert!(options.block.images && options.block.ads && !options.block.fonts);
        assert_eq!(options.actions.len(), 9);
        assert_eq!(options.actions[4], Action::Scroll { to: ScrollTo::By(-300) });
        assert_eq!(options.screenshot.image, ImageType::Webp);
    }

    #[test]
    fn each_fault_is_told_at_its_place() {
        let (_, faults) = read(json!({
            "render": "yes", "wait_for": 30_001, "mobile": 1, "block": ["everything"],
            "viewport": {"width": 5, "depth": 3}, "screenshot": {"type": "gif", "quality": 0},
            "actions": [
                {"type": "click"}, {"type": "drag"}, {"type": "press", "key": "F13"},
                {"type": "wait"}, {"type": "scroll", "y": 1, "to": "bottom"}, "click",
                {"type": "type", "selector": "a", "text": "b", "speed": 1}]
        }));
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            [
                "/render",
                "/wait_for",
                "/actions/0/selector",
                "/actions/1/type",
                "/actions/2/key",
                "/actions/3/ms",
                "/actions/4/to",
                "/actions/5",
                "/actions/6/speed",
                "/viewport/width",
                "/viewport/depth",
                "/mobile",
                "/block",
                "/screenshot/type",
                "/screenshot/quality"
            ]
        );
    }

    #[test]
    fn overrides_replace_what_they_name_and_nothing_else() {
        let (below, _) = read(json!({"render": true, "wait_for": "#a", "block": ["fonts"]}));
        let (above, _) = read(json!({"wait_for": 100}));
        let options = above.over(&below).resolve();
        assert_eq!(options.mode, RenderMode::Always);
        assert_eq!(options.wait_for, Some(WaitFor::Time(Duration::from_millis(100))));
        assert!(options.block.fonts);
    }
}
