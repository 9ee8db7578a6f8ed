//! Pictures of a page.

use pagewire_types::render::{ImageType, ScreenshotOptions};
use serde::Deserialize;
use serde_json::json;

use super::{connection::Nothing, error::RenderError, page::Page, request::Screenshot};

/// Pixels that a picture of a whole page is high at most: what is below is left out, as the engine draws no more at once.
const HEIGHT_MAX: f64 = 16_384.0;
/// And wide.
const WIDTH_MAX: f64 = 4_096.0;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layout {
    css_content_size: Size,
}

#[derive(Deserialize)]
struct Size {
    width: f64,
    height: f64,
}

#[derive(Deserialize)]
struct Captured {
    data: String,
}

impl Page<'_> {
    /// Takes a picture.
    pub(super) async fn picture(&self, options: ScreenshotOptions) -> Result<Screenshot, RenderError> {
        self.doing("be drawn");
        let mut params = json!({ "format": options.image.as_str() });
        match options.image {
            ImageType::Png => {}
            ImageType::Jpeg | ImageType::Webp => params["quality"] = options.quality.unwrap_or(80).into(),
        }
        if options.full_page {
            let layout: Layout = self.command("Page.getLayoutMetrics", Nothing {}).await?;
            let Size { width, height } = layout.css_content_size;
            params["captureBeyondViewport"] = true.into();
            params["clip"] = json!({
                "x": 0, "y": 0, "scale": 1,
                "width": width.clamp(1.0, WIDTH_MAX), "height": height.clamp(1.0, HEIGHT_MAX),
            });
        }
        let Captured { data } = self.command("Page.captureScreenshot", params).await?;
        Ok(Screenshot { image: options.image, base64: data })
    }
}
