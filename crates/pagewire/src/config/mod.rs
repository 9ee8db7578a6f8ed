//! The configuration: written in TOML, the environment and flags ([`raw`]), judged once ([`checked`]), trusted after.
//!
//! Layers, of rising precedence: `default.toml`, which is part of the program; the operator's file; the environment;
//! flags. Each layer is read by itself first, so that a fault names where it stands.

mod accounts;
pub(crate) mod blobs;
pub(crate) mod byte_size;
mod cache;
mod checked;
mod environment;
pub(crate) mod extract;
mod fetch;
mod journal;
mod judge;
pub(crate) mod live;
pub(crate) mod log;
pub(crate) mod object_store;
mod politeness;
pub(crate) mod proxies;
mod raw;
mod render;
mod runs;
mod server;
mod webhooks;

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use toml::{Table, Value};

pub(crate) use checked::Checked;
use judge::Fault;
use proxies::without_credentials;
use raw::Raw;

/// The defaults, as documented.
const DEFAULTS: &str = include_str!("../default.toml");

/// What is shown of a secret.
const MASK: &str = "********";

/// Bytes of a configuration file.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no configuration file at all.
    #[error("{} has more than 16 MiB", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A layer is not TOML, has an unknown key, or a value of the wrong kind.
    #[error("{origin}: {detail}")]
    Unparsable {
        /// The layer.
        origin: String,
        /// What and where.
        detail: String,
    },
    /// A variable of the environment names no setting.
    #[error("the environment has {name}, which names no setting{hint}")]
    UnknownVariable {
        /// Which.
        name: String,
        /// What may be meant.
        hint: String,
    },
    /// Values out of their ranges.
    #[error("the configuration is not valid{}", .0.iter().map(|fault| format!("\n  {fault}")).collect::<String>())]
    Invalid(Vec<Fault>),
}

/// The layers put together.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    merged: Table,
}

impl Layers {
    /// The defaults alone.
    pub(crate) fn defaults() -> Result<Self, ConfigError> {
        let mut layers = Self { merged: Table::new() };
        layers.put_text(DEFAULTS, "default.toml")?;
        Ok(layers)
    }

    /// Puts the operator's file on top.
    pub(crate) fn with_file(mut self, path: &Path) -> Result<Self, ConfigError> {
        self.put_text(&read_file(path)?, &path.display().to_string())?;
        Ok(self)
    }

    /// Puts the settings of the environment on top.
    pub(crate) fn with_environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let layer = environment::layer(variables)?;
        Raw::deserialize(Value::Table(layer.clone())).map_err(|error| ConfigError::Unparsable {
            origin: "the environment".to_owned(),
            detail: error.to_string(),
        })?;
        merge(&mut self.merged, layer);
        Ok(self)
    }

    /// Puts one setting on top: how flags arrive.
    pub(crate) fn set(&mut self, section: &str, key: &str, value: impl Into<Value>) {
        let over = Table::from_iter([(key.to_owned(), value.into())]);
        merge(&mut self.merged, Table::from_iter([(section.to_owned(), Value::Table(over))]));
    }

    /// Adds ranges to those that the guard lets through.
    pub(crate) fn allow_targets<'a>(&mut self, ranges: impl IntoIterator<Item = &'a ipnet::IpNet>) {
        let mut allowed = match self.merged.get("fetch").and_then(|fetch| fetch.get("allow_targets")) {
            Some(Value::Array(present)) => present.clone(),
            _ => Vec::new(),
        };
        allowed.extend(ranges.into_iter().map(|range| Value::String(range.to_string())));
        self.set("fetch", "allow_targets", Value::Array(allowed));
    }

    /// Judges what was put together.
    pub(crate) fn check(self) -> Result<Checked, ConfigError> {
        let raw = Raw::deserialize(Value::Table(self.merged)).map_err(|error| ConfigError::Unparsable {
            origin: "the configuration".to_owned(),
            detail: error.to_string(),
        })?;
        Checked::of(&raw).map_err(ConfigError::Invalid)
    }

    /// What holds, as TOML, with secrets masked.
    #[must_use]
    pub(crate) fn shown(&self) -> String {
        let mut shown = self.merged.clone();
        mask(&mut shown);
        shown.to_string()
    }

    fn put_text(&mut self, text: &str, origin: &str) -> Result<(), ConfigError> {
        let unparsable = |error: toml::de::Error| ConfigError::Unparsable {
            origin: origin.to_owned(),
            detail: without_credentials(&error.to_string()),
        };
        // Read twice: as the schema, so that the fault bears its line; then as a table to be merged.
        toml::from_str::<Raw>(text).map_err(unparsable)?;
        let table: Table = toml::from_str(text).map_err(unparsable)?;
        merge(&mut self.merged, table);
        Ok(())
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// Tables are merged key by key; anything else is replaced.
fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(under)), Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Texts under a key that speaks of a secret are not shown, nor are the headers that sources are asked with, nor what stands
/// before the hosts of proxies.
fn mask(table: &mut Table) {
    const SECRET: [&str; 4] = ["secret", "password", "token", "credential"];
    for (key, value) in table.iter_mut() {
        match value {
            Value::Table(headers) if key == "headers" => {
                headers.iter_mut().for_each(|(_, value)| *value = Value::String(MASK.to_owned()));
            }
            Value::Table(inner) => mask(inner),
            Value::Array(items) => {
                for item in items {
                    match item {
                        Value::Table(inner) => mask(inner),
                        Value::String(text) if key == "urls" => *text = without_credentials(text),
                        _ => {}
                    }
                }
            }
            Value::String(text) if !text.is_empty() && SECRET.iter().any(|word| key.contains(word)) => {
                MASK.clone_into(text);
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pagewire_engine::account::{CreditAllowance, Plan};

    use super::*;

    fn of(text: &str) -> Result<Checked, ConfigError> {
        let mut layers = Layers::defaults()?;
        layers.put_text(text, "test.toml")?;
        layers.check()
    }

    #[test]
    fn the_documented_defaults_are_a_valid_configuration_that_leaves_no_setting_out() {
        let checked = of("").expect("the defaults");
        assert_eq!(checked.server.listen.to_string(), "127.0.0.1:7700");
        assert_eq!(checked.fetch.wire_bytes_max.0, 20 << 20);
        assert_eq!(checked.stream.resume_window, Duration::from_secs(900));
        assert_eq!(checked.plans["free"].credits, CreditAllowance::InAll(1000));
        assert_eq!(checked.plans["enterprise"], Plan::UNLIMITED);
        let defaults = Layers::defaults().expect("the defaults").merged;
        for (section, keys) in raw::SECTIONS {
            for key in *keys {
                assert!(defaults[*section].get(key).is_some(), "{section}.{key} is not documented");
            }
        }
        for (outer, inner, keys) in raw::NESTED {
            for key in *keys {
                assert!(
                    defaults[*outer][*inner].get(key).is_some(),
                    "{outer}.{inner}.{key} is not documented"
                );
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused_by_its_name_and_line() {
        let message = of("[server]\nlistn = 'x'\n").expect_err("a typo").to_string();
        assert!(message.contains("listn") && message.contains("test.toml"), "{message}");
        assert!(message.contains("line 2"), "{message}");
        assert!(of("[sever]\n").expect_err("a typo").to_string().contains("sever"));
        assert!(of("[plans.pro]\ncolour = 1\n").expect_err("a typo").to_string().contains("colour"));
    }

    #[test]
    fn every_value_out_of_range_is_named_with_what_is_allowed() {
        let message = of("[fetch]\nredirects_max = 51\n[server]\nlisten = 'here'\n[log]\nformat = 'xml'\n")
            .expect_err("three faults")
            .to_string();
        assert!(
            message.contains("fetch.redirects_max = 51: must be a whole number from 0 to 50"),
            "{message}"
        );
        assert!(message.contains("server.listen = \"here\": must be an address and a port"), "{message}");
        assert!(message.contains("log.format = \"xml\""), "{message}");
    }

    #[test]
    fn the_environment_overrides_the_file_and_flags_override_both() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("pagewire.toml");
        std::fs::write(&file, "[server]\nlisten = '127.0.0.1:1'\n[scheduler]\nfetches_max = 3\n")
            .expect("written");
        let environment = [("PAGEWIRE_SERVER__LISTEN".to_owned(), "127.0.0.1:2".to_owned())];
        let layers = Layers::defaults().and_then(|layers| layers.with_file(&file));
        let mut layers = layers.and_then(|layers| layers.with_environment(environment)).expect("layers");
        let without_flags = layers.clone().check().expect("valid");
        assert_eq!((without_flags.server.listen.port(), without_flags.scheduler.fetches_max), (2, 3));
        layers.set("server", "listen", "127.0.0.1:3");
        layers.allow_targets(&["127.0.0.0/8".parse().expect("a range")]);
        let checked = layers.check().expect("valid");
        assert_eq!(checked.server.listen.port(), 3);
        assert_eq!(checked.fetch.allow_targets.len(), 1);
    }

    #[test]
    fn a_value_of_the_wrong_kind_in_the_environment_is_named() {
        let environment = [("PAGEWIRE_SCHEDULER__FETCHES_MAX".to_owned(), "many".to_owned())];
        let message = Layers::defaults()
            .and_then(|layers| layers.with_environment(environment))
            .expect_err("not a number")
            .to_string();
        assert!(message.contains("fetches_max"), "{message}");
    }

    #[test]
    fn the_bucket_of_files_is_this_servers_alone_and_has_a_key() {
        let key = "key_id_env = 'ID'\nkey_env = 'KEY'\n";
        let at = |bucket: &str, store: &str| {
            of(&format!("[blobs]\nbucket = '{bucket}'\n[object_store.s3]\n{store}"))
        };
        let own = at("s3://pages", key).expect("a bucket and a key");
        assert_eq!(own.blobs, blobs::BlobPlace::S3("pages".to_owned()));
        assert_eq!(of("").expect("the defaults").blobs, blobs::BlobPlace::Directory);
        for (bucket, store, allowed) in [
            ("pages", key.to_owned(), "s3://pages"),
            ("s3://pages/files", key.to_owned(), "without a path"),
            ("s3://pages", String::new(), "has a key"),
            ("s3://pages", format!("{key}buckets = ['pa*']\n"), "no job may read"),
        ] {
            let message = at(bucket, &store).expect_err("refused").to_string();
            assert!(message.contains("blobs.bucket") && message.contains(allowed), "{message}");
        }
    }

    #[test]
    fn a_plan_with_credits_of_two_kinds_is_refused() {
        let message = of("[plans.free]\ncredits_per_day = 5\n").expect_err("two kinds").to_string();
        assert!(message.contains("plans.free.credits_total"), "{message}");
    }

    #[test]
    fn a_model_needs_an_endpoint_that_is_a_url_and_a_name() {
        assert!(of("").expect("the defaults").extract.llm.is_none());
        let checked = of("[extract.llm]\nendpoint = 'http://127.0.0.1:1/v1/'\nmodel = 'm'\n").expect("valid");
        let llm = checked.extract.llm.expect("a model");
        assert_eq!(llm.completions.as_str(), "http://127.0.0.1:1/v1/chat/completions");
        let faults = "[extract.llm]\nendpoint = 'ftp://x'\napi_key_env = 'PAGEWIRE_KEY'\nat_once = 0\n";
        let message = of(faults).expect_err("four faults").to_string();
        for key in ["endpoint", "model", "api_key_env", "at_once"] {
            assert!(message.contains(&format!("extract.llm.{key} = ")), "{message}");
        }
        let environment = [("PAGEWIRE_EXTRACT__LLM__MODEL".to_owned(), "m".to_owned())];
        assert!(Layers::defaults().and_then(|layers| layers.with_environment(environment)).is_ok());
    }

    #[test]
    fn what_is_shown_is_a_configuration_again_and_holds_no_secret() {
        let mut layers = Layers::defaults().expect("the defaults");
        toml::from_str::<Raw>(&layers.shown()).expect("readable");
        layers.set("server", "signing_secret", "hunter2");
        assert!(!layers.shown().contains("hunter2"));
        let source = "[[sources]]\nid = 'a'\nsource_type = 'rss'\nurl = 'https://a.example/'\n\
                      headers = { authorization = 'hunter2' }\n";
        layers.put_text(source, "test.toml").expect("a source");
        assert!(layers.shown().contains("a.example") && !layers.shown().contains("hunter2"));
    }

    #[test]
    fn the_sources_of_the_file_are_judged_like_those_of_requests() {
        let of_file = |rest: &str| {
            of(&format!("[live]\ninterval_min_s = 5\n[[sources]]\nurl = 'https://a.example/f'\n{rest}"))
        };
        let checked = of_file("source_type = 'rss'\ninterval_s = 5\nworkspace = 'acme'\ntags = ['x']\n")
            .expect("valid");
        let (workspace, source) = &checked.sources[0];
        assert_eq!(
            (workspace.as_str(), source.id.as_str(), source.interval_s),
            ("acme", "a.example-f", Some(5))
        );
        let hose = "source_type = 'firehose'\nprotocol = 'sse'\n[sources.map]\ntitle = '/a'\n[sources.filter]\n'/k' = [1, 'x']\n";
        assert_eq!(of_file(hose).expect("valid").sources[0].1.filter.len(), 1);
        for (rest, named) in [
            ("source_type = 'rss'\ninterval_s = 4\n", "interval_s"),
            ("source_type = 'rss'\ncolour = 1\n", "colour"),
            ("source_type = 'rss'\nworkspace = 'A'\n", "workspace"),
            (
                "source_type = 'rss'\n[[sources]]\nurl = 'https://a.example/f'\nsource_type = 'atom'\n",
                "sources[1]",
            ),
        ] {
            let message = of_file(rest).expect_err(named).to_string();
            assert!(message.contains("sources[") && message.contains(named), "{message}");
        }
        let message =
            of("[live]\nadaptive_min_s = 600\nadaptive_max_s = 60\n").expect_err("refused").to_string();
        assert!(message.contains("live.adaptive_max_s"), "{message}");
    }

    #[test]
    fn a_workspace_is_on_a_plan_that_exists() {
        let checked = of("[workspaces]\nacme = \"pro\"\n").expect("sound");
        assert_eq!(checked.workspaces[&"acme".parse().expect("a workspace")], "pro");
        let message = of("[workspaces]\nacme = \"gold\"\n").expect_err("no such plan").to_string();
        assert!(message.contains("workspaces.acme") && message.contains("enterprise, free"), "{message}");
        let message = of("[workspaces]\nACME = \"pro\"\n").expect_err("no workspace").to_string();
        assert!(message.contains("workspaces.ACME"), "{message}");
    }
}
