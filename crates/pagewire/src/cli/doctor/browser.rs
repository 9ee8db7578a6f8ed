//! The browser that renders pages.

use pagewire_fetch::render::find_browser;

use super::finding::Finding;
use crate::config::Checked;

const CHECK: &str = "browser";

pub(super) fn examine(config: &Checked) -> Finding {
    let named = config.render.browser.as_deref();
    let Some(browser) = find_browser(named) else {
        return match named {
            Some(path) => Finding::warn(
                CHECK,
                format!("{} is not there; requests with `render` are refused", path.display()),
                "set `render.browser` to the program of a Chromium, or leave it empty to have one looked for",
            ),
            None => Finding::warn(
                CHECK,
                "no Chromium is found; requests with `render` are refused".to_owned(),
                "install one (Debian: `apt-get install chromium`), or name its program by `render.browser`",
            ),
        };
    };
    let program = browser.program.display();
    match browser.version() {
        Some(version) => Finding::ok(CHECK, format!("{version}, {program}")),
        None => Finding::warn(
            CHECK,
            format!("{program} does not say its version; pages that are to be rendered may fail"),
            format!("run `{program} --version`: a library may be missing, or it is no Chromium"),
        ),
    }
}
