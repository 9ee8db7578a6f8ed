//! What `scrape` says of a browser: whether the page is shown in one, what is waited for, and where its picture goes.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pagewire_types::render::ImageType;
use serde_json::{Map, Value, json};

use super::CliError;

/// How the page is shown.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Show the page in a headless Chromium and read what it shows then: always, or `auto`, where what is served is an
    /// empty shell
    #[arg(long, value_name = "WHEN", num_args = 0..=1, default_missing_value = "always", value_parser = ["always", "auto"])]
    render: Option<String>,
    /// Wait for an element that this CSS selector matches, for so many milliseconds, or for `networkidle`
    #[arg(long, value_name = "SELECTOR|MS", requires = "render")]
    wait_for: Option<String>,
    /// Put a picture of the page into this file: .png, .jpg or .webp
    #[arg(long, value_name = "FILE", requires = "render")]
    screenshot: Option<PathBuf>,
    /// The picture is of the whole page, not only of what a window shows
    #[arg(long, requires = "screenshot")]
    full_page: bool,
}

impl Args {
    /// Adds the request's members.
    pub(super) fn add_to(&self, members: &mut Map<String, Value>) -> Result<(), CliError> {
        let Some(render) = &self.render else { return Ok(()) };
        let mode = if render == "auto" { json!("auto") } else { json!(true) };
        members.insert("render".to_owned(), mode);
        if let Some(wait_for) = &self.wait_for {
            let value = wait_for.parse::<u64>().map_or_else(|_| json!(wait_for), |ms| json!(ms));
            members.insert("wait_for".to_owned(), value);
        }
        if let Some(file) = &self.screenshot {
            let image = image_type(file)?;
            members.insert(
                "screenshot".to_owned(),
                json!({"full_page": self.full_page, "type": image.as_str()}),
            );
            if let Some(formats) = members.get_mut("formats").and_then(Value::as_array_mut) {
                formats.push(json!("screenshot"));
            }
        }
        Ok(())
    }

    /// Takes the picture out of the page and into its file; the page names the file instead.
    pub(super) fn take_picture(&self, page: &mut Value) -> Result<(), CliError> {
        let Some(file) = &self.screenshot else { return Ok(()) };
        let Some(picture) = page.pointer_mut("/data/screenshot").and_then(Value::as_object_mut) else {
            return Ok(());
        };
        let base64 = picture.remove("base64");
        let image = base64.as_ref().and_then(Value::as_str).and_then(|text| STANDARD.decode(text).ok());
        let unwritable = || CliError::io(format!("cannot write {}", file.display()));
        let image =
            image.ok_or_else(|| unwritable()(std::io::Error::other("the answer holds no picture")))?;
        std::fs::write(file, image).map_err(unwritable())?;
        picture.insert("file".to_owned(), file.display().to_string().into());
        Ok(())
    }
}

fn image_type(file: &Path) -> Result<ImageType, CliError> {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "png" => Ok(ImageType::Png),
        "jpg" | "jpeg" => Ok(ImageType::Jpeg),
        "webp" => Ok(ImageType::Webp),
        _ => Err(CliError::Usage(
            "--screenshot needs a file whose name ends in .png, .jpg or .webp".to_owned(),
        )),
    }
}
