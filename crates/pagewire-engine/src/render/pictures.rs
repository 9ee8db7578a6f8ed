//! Pictures in an envelope's `data`: `screenshot`, and `screenshots` of the steps.

use pagewire_fetch::render::Screenshot;

/// Puts the pictures at the end of a `data` object that is complete.
pub(crate) fn append_pictures(data: &mut Vec<u8>, last: Option<&Screenshot>, of_steps: &[Screenshot]) {
    if last.is_none() && of_steps.is_empty() {
        return;
    }
    let Some(b'}') = data.pop() else { return };
    let mut is_first = data.last() == Some(&b'{');
    let mut field = |data: &mut Vec<u8>, name: &[u8]| {
        if !std::mem::take(&mut is_first) {
            data.push(b',');
        }
        data.extend_from_slice(name);
    };
    if let Some(picture) = last {
        field(data, b"\"screenshot\":");
        append(data, picture);
    }
    if !of_steps.is_empty() {
        field(data, b"\"screenshots\":[");
        for (at, picture) in of_steps.iter().enumerate() {
            if at > 0 {
                data.push(b',');
            }
            append(data, picture);
        }
        data.push(b']');
    }
    data.push(b'}');
}

/// Base64 has no character that JSON would escape.
fn append(data: &mut Vec<u8>, picture: &Screenshot) {
    data.extend_from_slice(b"{\"content_type\":\"");
    data.extend_from_slice(picture.image.content_type().as_bytes());
    data.extend_from_slice(b"\",\"base64\":\"");
    data.extend(picture.base64.bytes().filter(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte)));
    data.extend_from_slice(b"\"}");
}

#[cfg(test)]
mod tests {
    use pagewire_types::render::ImageType;
    use serde_json::{Value, json};

    use super::*;

    fn picture(base64: &str) -> Screenshot {
        Screenshot { image: ImageType::Webp, base64: base64.to_owned() }
    }

    fn with_pictures(data: &str, last: Option<&Screenshot>, of_steps: &[Screenshot]) -> Value {
        let mut data = data.as_bytes().to_vec();
        append_pictures(&mut data, last, of_steps);
        serde_json::from_slice(&data).expect("JSON")
    }

    #[test]
    fn pictures_stand_at_the_end_of_data_whatever_it_holds() {
        let seen = json!({"content_type": "image/webp", "base64": "YQ=="});
        let (last, steps) = (picture("YQ=="), [picture("YQ=="), picture("Y\"Q==")]);
        assert_eq!(with_pictures("{}", Some(&last), &[]), json!({"screenshot": seen}));
        assert_eq!(with_pictures("{\"a\":1}", None, &[]), json!({"a": 1}));
        assert_eq!(
            with_pictures("{\"a\":1}", Some(&last), &steps),
            json!({"a": 1, "screenshot": seen, "screenshots": [seen, seen]})
        );
    }
}
