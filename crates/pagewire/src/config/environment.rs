//! The environment as a layer of the configuration: `PAGEWIRE_SECTION__KEY=value`, `PAGEWIRE_PLANS__NAME__KEY=value`,
//! `PAGEWIRE_WORKSPACES__NAME=plan`.
//!
//! A variable that begins with `PAGEWIRE_` and names no setting is refused, so that a typo never passes in silence.

use toml::{Table, Value};

use super::ConfigError;
use super::raw::{NESTED, Plan, SECTIONS};

const PREFIX: &str = "PAGEWIRE_";

/// Variables that are no settings: they stand in for flags of the command line.
const OF_THE_COMMAND_LINE: [&str; 3] = ["PAGEWIRE_SERVER", "PAGEWIRE_API_KEY", "PAGEWIRE_CONFIG"];

/// Keys whose values are lists.
const LISTS: &[&[&str]] = &[
    &["fetch", "allow_targets"],
    &["object_store", "s3", "buckets"],
    &["object_store", "s3", "roles"],
    &["object_store", "gcs", "buckets"],
    NUMBERS,
];
/// The one of them whose items are numbers.
const NUMBERS: &[&str] = &["webhooks", "retry_delays_s"];

/// The settings among the variables.
pub(super) fn layer(variables: impl IntoIterator<Item = (String, String)>) -> Result<Table, ConfigError> {
    let mut layer = Table::new();
    for (name, text) in variables {
        let Some(setting) = name.strip_prefix(PREFIX) else { continue };
        if OF_THE_COMMAND_LINE.contains(&name.as_str()) {
            continue;
        }
        let path = setting_path(setting).ok_or_else(|| unknown(&name))?;
        put(&mut layer, &path, value(&path, &text));
    }
    Ok(layer)
}

/// The path of the setting, where there is one: section and key; `plans`, name and key; or `workspaces` and name.
fn setting_path(setting: &str) -> Option<Vec<String>> {
    let path: Vec<String> = setting.split("__").map(str::to_ascii_lowercase).collect();
    let known = match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["workspaces", name] => !name.is_empty(),
        ["plans", name, key] => !name.is_empty() && Plan::KEYS.contains(key),
        [section, part, key] => {
            NESTED.iter().any(|(outer, inner, keys)| outer == section && inner == part && keys.contains(key))
        }
        [section, key] => SECTIONS.iter().any(|(name, keys)| name == section && keys.contains(key)),
        _ => false,
    };
    known.then_some(path)
}

/// A list where the key has one; else what TOML reads the text as, and text where it reads nothing.
fn value(path: &[String], text: &str) -> Value {
    if LISTS.iter().any(|list| path == *list) {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let item = |item: &str| if path == NUMBERS { plain(item) } else { Value::String(item.to_owned()) };
        return Value::Array(items.map(item).collect());
    }
    plain(text.trim())
}

/// A number or a flag where the text is one, and text otherwise.
fn plain(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return Value::Integer(number);
    }
    match text {
        "true" => Value::Boolean(true),
        "false" => Value::Boolean(false),
        _ => Value::String(text.to_owned()),
    }
}

fn put(layer: &mut Table, path: &[String], value: Value) {
    let [parents @ .., key] = path else { return };
    let mut table = layer;
    for parent in parents {
        let entry = table.entry(parent.clone()).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(inner) = entry else { return };
        table = inner;
    }
    table.insert(key.clone(), value);
}

fn unknown(name: &str) -> ConfigError {
    let candidates = SECTIONS.iter().flat_map(|(section, keys)| {
        keys.iter().map(move |key| format!("{PREFIX}{}__{}", section.to_uppercase(), key.to_uppercase()))
    });
    let nested = NESTED.iter().flat_map(|(outer, inner, keys)| {
        let section = format!("{PREFIX}{}__{}", outer.to_uppercase(), inner.to_uppercase());
        keys.iter().map(move |key| format!("{section}__{}", key.to_uppercase()))
    });
    let nearest = candidates.chain(nested).map(|candidate| (distance(name, &candidate), candidate)).min();
    let hint = match nearest {
        Some((distance, candidate)) if distance <= 4 => format!("; is {candidate} meant?"),
        _ => "; `pagewire config show` lists all settings".to_owned(),
    };
    ConfigError::UnknownVariable { name: name.to_owned(), hint }
}

/// How many characters must be put in, taken out or changed to make one text of the other (Levenshtein's distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Table, ConfigError> {
        layer([(name.to_owned(), text.to_owned())])
    }

    #[test]
    fn a_variable_sets_the_key_of_its_section_with_a_value_of_the_right_kind() {
        let layer = layer(
            [
                ("PAGEWIRE_SERVER__LISTEN", "0.0.0.0:80"),
                ("PAGEWIRE_SCHEDULER__FETCHES_MAX", "7"),
                ("PAGEWIRE_FETCH__ALLOW_TARGETS", "10.0.0.0/8, ::1/128"),
                ("PAGEWIRE_WEBHOOKS__RETRY_DELAYS_S", "1,20"),
                ("PAGEWIRE_PLANS__TRIAL__CONNECTIONS_MAX", "3"),
                ("PAGEWIRE_WORKSPACES__ACME", "trial"),
                ("PAGEWIRE_API_KEY", "is no setting"),
                ("HOME", "/somewhere"),
            ]
            .map(|(name, text)| (name.to_owned(), text.to_owned())),
        )
        .expect("known settings");
        let expected: Table = toml::from_str(
            "server.listen = '0.0.0.0:80'\nscheduler.fetches_max = 7\n\
             fetch.allow_targets = ['10.0.0.0/8', '::1/128']\nwebhooks.retry_delays_s = [1, 20]\n\
             plans.trial.connections_max = 3\nworkspaces.acme = 'trial'",
        )
        .expect("TOML");
        assert_eq!(layer, expected);
    }

    #[test]
    fn a_variable_that_names_no_setting_is_refused_with_the_nearest_that_does() {
        let message = read("PAGEWIRE_SERVER__LISTN", "x").expect_err("a typo").to_string();
        assert!(message.contains("PAGEWIRE_SERVER__LISTN"), "{message}");
        assert!(message.contains("is PAGEWIRE_SERVER__LISTEN meant?"), "{message}");
        assert!(read("PAGEWIRE_NO_SUCH_THING_AT_ALL", "x").is_err());
        assert!(read("PAGEWIRE_PLANS__PRO__COLOUR", "x").is_err());
    }
}
