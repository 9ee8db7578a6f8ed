//! From bytes to text as browsers do it (WHATWG HTML, section 13.2.3): byte order mark, HTTP header, what the markup
//! declares within its first 1,024 bytes, and detection.
//!
//! Where browsers would stop at the detected encoding until the parser meets a declaration further down, and then begin
//! anew, that declaration is looked for at once. A declared `replacement` encoding, which keeps browsers from running
//! scripts in encodings that hide them, counts as none: nothing is run here.

mod prescan;

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};
use url::Url;

/// Bytes in which a declaration counts whatever the content looks like.
const PRESCAN_BYTES: usize = 1_024;
/// Bytes in which one counts where the content is not UTF-8.
const LATE_PRESCAN_BYTES: usize = 64 * 1024;
/// Bytes that detection looks at, from the first that is not ASCII; more would not tell more.
const DETECTION_BYTES: usize = 64 * 1024;
const ESCAPE: u8 = 0x1b;

/// The text of a body, and the name of the encoding it was in. UTF-8 is borrowed.
pub(crate) fn decode<'b>(
    body: &'b [u8],
    content_type: Option<&str>,
    url: &Url,
) -> (Cow<'b, str>, &'static str) {
    let encoding = Encoding::for_bom(body)
        .map(|(encoding, _)| encoding)
        .or_else(|| from_header(content_type))
        .or_else(|| prescan::declared(&body[..body.len().min(PRESCAN_BYTES)]).filter(is_readable))
        .unwrap_or_else(|| undeclared(body, url));
    let (text, used, _) = encoding.decode(body);
    (text, name(used))
}

/// The text of a body whose declaration is not to be believed.
pub(crate) fn detected<'b>(body: &'b [u8], url: &Url) -> Cow<'b, str> {
    let encoding = detect(body, Encoding::ascii_valid_up_to(body), url);
    encoding.decode_without_bom_handling(body).0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "a filter of options takes references")]
fn is_readable(encoding: &&'static Encoding) -> bool {
    *encoding != REPLACEMENT
}

fn from_header(content_type: Option<&str>) -> Option<&'static Encoding> {
    let label = content_type?.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })?;
    Encoding::for_label(label.as_bytes()).filter(is_readable)
}

/// The encoding of a body that does not declare one where it should.
fn undeclared(body: &[u8], url: &Url) -> &'static Encoding {
    let ascii = Encoding::ascii_valid_up_to(body);
    let is_ascii = ascii == body.len();
    // ISO-2022-JP is ASCII to the eye; without an escape there is none of it.
    let may_be_japanese = is_ascii && memchr::memchr(ESCAPE, body).is_some();
    if let Some(encoding) = wide(body) {
        return encoding;
    }
    if !may_be_japanese && (is_ascii || std::str::from_utf8(&body[ascii..]).is_ok()) {
        return UTF_8;
    }
    prescan::declared(&body[..body.len().min(LATE_PRESCAN_BYTES)])
        .filter(is_readable)
        .unwrap_or_else(|| detect(body, if may_be_japanese { 0 } else { ascii }, url))
}

/// UTF-16 without a mark: in text with markup every second byte is mostly zero.
fn wide(body: &[u8]) -> Option<&'static Encoding> {
    let start = &body[..body.len().min(PRESCAN_BYTES)];
    let pairs = start.len() / 2;
    let zeros = |offset: usize| start.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let mostly = |zeros: usize, others: usize| pairs >= 4 && zeros * 2 > pairs && others * 16 < zeros;
    if mostly(odd, even) {
        Some(UTF_16LE)
    } else if mostly(even, odd) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// The site's top-level domain tells neighbours apart that bytes alone do not.
fn detect(body: &[u8], from: usize, url: &Url) -> &'static Encoding {
    let rest = &body[from..];
    let window = &rest[..rest.len().min(DETECTION_BYTES)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(window, window.len() == rest.len());
    let domain = url.domain().map(|domain| domain.trim_end_matches('.').to_ascii_lowercase());
    let top = domain.as_deref().and_then(|domain| domain.rsplit('.').next()).filter(|top| !top.is_empty());
    detector.guess(top.map(str::as_bytes), Utf8Detection::Allow)
}

/// The WHATWG's names, in lower case as most pages write them.
fn name(encoding: &'static Encoding) -> &'static str {
    match encoding.name() {
        "Big5" => "big5",
        "EUC-JP" => "euc-jp",
        "EUC-KR" => "euc-kr",
        "GBK" => "gbk",
        "IBM866" => "ibm866",
        "ISO-2022-JP" => "iso-2022-jp",
        "ISO-8859-2" => "iso-8859-2",
        "ISO-8859-3" => "iso-8859-3",
        "ISO-8859-4" => "iso-8859-4",
        "ISO-8859-5" => "iso-8859-5",
        "ISO-8859-6" => "iso-8859-6",
        "ISO-8859-7" => "iso-8859-7",
        "ISO-8859-8" => "iso-8859-8",
        "ISO-8859-8-I" => "iso-8859-8-i",
        "ISO-8859-10" => "iso-8859-10",
        "ISO-8859-13" => "iso-8859-13",
        "ISO-8859-14" => "iso-8859-14",
        "ISO-8859-15" => "iso-8859-15",
        "ISO-8859-16" => "iso-8859-16",
        "KOI8-R" => "koi8-r",
        "KOI8-U" => "koi8-u",
        "Shift_JIS" => "shift_jis",
        "UTF-8" => "utf-8",
        "UTF-16LE" => "utf-16le",
        "UTF-16BE" => "utf-16be",
        lower => lower,
    }
}

#[cfg(test)]
mod tests;
