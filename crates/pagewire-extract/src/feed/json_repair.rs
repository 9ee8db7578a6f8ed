//! Broken JSON Feeds: what breaks off, and values that are not of the kind that the standard wants.

use serde_json::{Map, Value};

/// A feed that a strict reader takes, and whether it breaks off. `None` for what is no feed at all.
pub(super) fn repaired(text: &str) -> Option<(String, bool)> {
    let mut is_cut = false;
    let value = serde_json::from_str(text).ok().or_else(|| {
        let (whole, cut) = whole_items(text);
        is_cut = cut;
        serde_json::from_str(&whole).ok()
    })?;
    let Value::Object(mut feed) = value else { return None };
    let version = feed.get("version").and_then(Value::as_str).unwrap_or_default();
    if !version.contains("jsonfeed.org/version/1") && !feed.get("items").is_some_and(Value::is_array) {
        return None;
    }
    feed.insert("version".to_owned(), "https://jsonfeed.org/version/1.1".into());
    texts(&mut feed, &["title", "home_page_url", "feed_url", "language", "description", "icon", "favicon"]);
    feed.entry("title").or_insert_with(|| "".into());
    people(&mut feed);
    let items = match feed.remove("items") {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    feed.insert("items".to_owned(), items.into_iter().filter_map(item).collect());
    Some((Value::Object(feed).to_string(), is_cut))
}

fn item(value: Value) -> Option<Value> {
    let Value::Object(mut item) = value else { return None };
    texts(
        &mut item,
        &[
            "id",
            "url",
            "external_url",
            "title",
            "content_html",
            "content_text",
            "summary",
            "date_published",
            "date_modified",
        ],
    );
    people(&mut item);
    if let Some(Value::Array(tags)) = item.get_mut("tags") {
        tags.retain(Value::is_string);
    } else {
        item.remove("tags");
    }
    if let Some(Value::Array(files)) = item.remove("attachments") {
        item.insert("attachments".to_owned(), files.into_iter().filter_map(attachment).collect());
    }
    Some(Value::Object(item))
}

fn attachment(value: Value) -> Option<Value> {
    let Value::Object(mut file) = value else { return None };
    texts(&mut file, &["url", "mime_type", "title"]);
    file.entry("mime_type").or_insert_with(|| "".into());
    if !file.get("size_in_bytes").is_some_and(Value::is_u64) {
        file.remove("size_in_bytes");
    }
    file.contains_key("url").then_some(Value::Object(file))
}

/// Numbers become texts; what else is no text is left out.
fn texts(map: &mut Map<String, Value>, names: &[&str]) {
    for name in names {
        match map.get(*name) {
            Some(Value::Number(number)) => {
                let text = number.to_string();
                map.insert((*name).to_owned(), text.into());
            }
            Some(Value::String(_)) | None => {}
            Some(_) => {
                map.remove(*name);
            }
        }
    }
}

fn people(map: &mut Map<String, Value>) {
    let person = |value: Value| match value {
        Value::String(name) => Some(serde_json::json!({ "name": name })),
        Value::Object(mut person) => {
            texts(&mut person, &["name", "url"]);
            Some(Value::Object(person))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    if let Some(author) = map.remove("author").and_then(person) {
        map.insert("author".to_owned(), author);
    }
    if let Some(Value::Array(authors)) = map.remove("authors") {
        map.insert("authors".to_owned(), authors.into_iter().filter_map(person).collect());
    }
}

/// The text up to the last whole item, closed, and whether more was to come: without commas before an end, and with
/// control characters in strings as spaces.
fn whole_items(text: &str) -> (String, bool) {
    let mut out = String::with_capacity(text.len());
    let (mut open, mut in_string, mut is_escaped) = (Vec::new(), false, false);
    // After the last item, or the start of their list.
    let mut whole = None;
    for c in text.chars() {
        if in_string {
            in_string = is_escaped || c != '"';
            is_escaped = !is_escaped && c == '\\';
            out.push(if c.is_control() { ' ' } else { c });
            continue;
        }
        match c {
            '"' => in_string = true,
            '{' | '[' => open.push(c),
            '}' | ']' => {
                let end = out.trim_end().trim_end_matches(',').len();
                out.truncate(end);
                open.pop();
            }
            _ => {}
        }
        out.push(c);
        let in_list = open.as_slice() == ['{', '['];
        if (in_list && c == '}')
            || (in_list && c == '[' && out.trim_end_matches(['[', ' ', ':']).ends_with("\"items\""))
        {
            whole = Some(out.len());
        }
        if open.is_empty() && c == '}' {
            return (out, false);
        }
    }
    if let Some(whole) = whole {
        out.truncate(whole);
        out.push_str("]}");
    }
    (out, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Option<(Vec<Value>, bool)> {
        let (text, is_cut) = repaired(text)?;
        let feed: Value = serde_json::from_str(&text).expect("JSON");
        Some((feed["items"].as_array().expect("items").clone(), is_cut))
    }

    #[test]
    fn what_breaks_off_leaves_the_whole_items_before_it() {
        let head = r#"{"version":"https://jsonfeed.org/version/1","title":"a } ] \" b","authors":[{"name":"x"}],"items":["#;
        let whole = r#"{"id":"1","tags":["a"]},{"id":"2","title":"}]{"}"#;
        let text = format!("{head}{whole}]}}");
        let first = head.len() + r#"{"id":"1","tags":["a"]}"#.len();
        for end in head.len()..text.len() {
            let (found, is_cut) = items(&text[..end]).expect("a feed");
            let expected = usize::from(end >= first) + usize::from(end >= head.len() + whole.len());
            assert!(found.len() == expected && is_cut, "{}", &text[..end]);
        }
        assert_eq!(items(&text).map(|(items, is_cut)| (items.len(), is_cut)), Some((2, false)));
    }

    #[test]
    fn values_of_the_wrong_kind_do_not_cost_the_feed() {
        let text = r#"{"version":"http://jsonfeed.org/version/1","author":"Ann","items":[{"id":7,"title":null,"tags":"x",
            "attachments":[{"url":"u","size_in_bytes":"9"},{"mime_type":"a"}],"authors":[{"name":1},"Bo"]},"no item",],}
            trailing"#;
        let (found, is_cut) = items(text).expect("a feed");
        assert!(!is_cut);
        let expected = serde_json::json!([{"id":"7","authors":[{"name":"1"},{"name":"Bo"}],
            "attachments":[{"url":"u","mime_type":""}]}]);
        assert_eq!(Value::from(found), expected);
    }

    #[test]
    fn what_is_no_feed_stays_none() {
        for text in ["", "{}", "[]", r#"{"items":{}}"#, r#"{"a":[{"#, r#"{"version":"2"}"#] {
            assert_eq!(items(text), None, "{text}");
        }
    }
}
