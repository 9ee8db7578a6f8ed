//! How often a feed says that it changes: RSS 1.0's syndication module (`sy:updatePeriod`, `sy:updateFrequency`).

/// Bytes within which a channel's own elements stand.
const HEAD_BYTES: usize = 64 * 1024;

/// Seconds between two changes.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    let period = match content(head, "updatePeriod>")? {
        "hourly" => 3_600,
        "daily" => 86_400,
        "weekly" => 7 * 86_400,
        "monthly" => 30 * 86_400,
        "yearly" => 365 * 86_400,
        _ => return None,
    };
    let frequency = content(head, "updateFrequency>").and_then(|times| times.parse().ok()).unwrap_or(1_u64);
    Some(period / frequency.max(1))
}

/// What stands in the first element whose start tag ends so.
fn content<'t>(head: &'t str, tag_end: &str) -> Option<&'t str> {
    let rest = &head[head.find(tag_end)? + tag_end.len()..];
    Some(rest[..rest.find('<')?].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_period_is_divided_by_how_often_it_changes_in_it() {
        for (text, expected) in [
            (
                "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>",
                Some(1_800),
            ),
            ("<sy:updatePeriod>\n daily\t</sy:updatePeriod>", Some(86_400)),
            (
                "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>",
                Some(86_400),
            ),
            ("<sy:updatePeriod>now and then</sy:updatePeriod>", None),
            ("<sy:updatePeriod>daily", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
