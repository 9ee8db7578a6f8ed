//! `[[proxies]]`: what targets may be reached through.
//!
//! No fault repeats a URL: it may hold a password.

use pagewire_fetch::proxy::{NameLookup, Rotation};
use pagewire_fetch::{PoolSpec, ProxyUrl};
use pagewire_types::ProxyType;

use super::judge::Judge;
use super::raw;

/// Proxies in all.
const PROXIES_MAX: usize = 10_000;
/// What is shown of credentials.
const MASK: &str = "********";

/// One of `[[proxies]]`.
#[derive(Debug, Clone)]
pub(crate) struct ProxyPool {
    /// What it is.
    pub(crate) spec: PoolSpec,
    /// The variable of the environment that holds `name:password` for those of its URLs that have none.
    pub(crate) credentials_env: Option<String>,
}

impl Judge {
    pub(super) fn proxies(&mut self, raw: &[raw::Proxies]) -> Vec<ProxyPool> {
        let count: usize = raw.iter().map(|pool| pool.urls.len()).sum();
        if count > PROXIES_MAX {
            self.fault("proxies", format!("{count} URLs"), format!("at most {PROXIES_MAX} in all"));
            return Vec::new();
        }
        raw.iter()
            .enumerate()
            .map(|(place, pool)| self.proxy_pool(&format!("proxies[{place}]"), pool))
            .collect()
    }

    fn proxy_pool(&mut self, key: &str, raw: &raw::Proxies) -> ProxyPool {
        let at = |field: &str| format!("{key}.{field}");
        let kinds = ProxyType::ALL.map(|kind| (kind.as_str(), kind));
        let [_, kinds @ ..] = kinds;
        let kind = self.choice(&at("type"), raw.kind.as_deref(), &kinds);
        let country = raw.country.clone().filter(|country| !country.is_empty());
        if country
            .as_ref()
            .is_some_and(|text| text.len() != 2 || !text.bytes().all(|b| b.is_ascii_lowercase()))
        {
            let found = format!("{:?}", country.as_deref().unwrap_or_default());
            self.fault(&at("country"), found, "an ISO 3166-1 alpha-2 code in lower case, or absent");
        }
        if raw.urls.is_empty() {
            self.fault(&at("urls"), "(nothing)", "a list of one URL or more");
        }
        let name = raw.name.clone().unwrap_or_else(|| key.to_owned());
        if name.is_empty() || name.len() > 64 || name.contains(char::is_control) {
            self.fault(&at("name"), format!("{name:?}"), "1 to 64 characters");
        }
        let credentials_env = raw.credentials_env.clone().filter(|name| !name.is_empty());
        if let Some(name) =
            credentials_env.as_ref().filter(|name| name.starts_with("PAGEWIRE_") || name.contains('='))
        {
            let allowed = "the name of a variable that does not begin with PAGEWIRE_";
            self.fault(&at("credentials_env"), format!("{name:?}"), allowed);
        }
        let rotation = raw.rotation.as_deref().unwrap_or("round_robin");
        let dns = raw.dns.as_deref().unwrap_or("auto");
        let rotations = [("round_robin", Rotation::RoundRobin), ("host", Rotation::Host)];
        let lookups = [("auto", NameLookup::Auto), ("proxy", NameLookup::Proxy), ("here", NameLookup::Here)];
        let spec = PoolSpec {
            name,
            kind,
            country,
            urls: self.proxy_urls(&at("urls"), &raw.urls),
            weight: self.whole(&at("weight"), raw.weight.or(Some(1)), 1, 1_000),
            concurrency: self.whole(&at("concurrency"), raw.concurrency.or(Some(32)), 1, 10_000),
            rotation: self.choice(&at("rotation"), Some(rotation), &rotations),
            names: self.choice(&at("dns"), Some(dns), &lookups),
        };
        ProxyPool { spec, credentials_env }
    }

    fn proxy_urls(&mut self, key: &str, texts: &[String]) -> Vec<ProxyUrl> {
        let mut urls = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            match text.parse() {
                Ok(url) => urls.push(url),
                Err(error) => {
                    let allowed = format!("such as \"http://name:password@192.0.2.1:3128\"; {error}");
                    self.fault(&format!("{key}[{place}]"), MASK, allowed);
                }
            }
        }
        urls
    }

    fn choice<T: Copy>(&mut self, key: &str, value: Option<&str>, choices: &[(&str, T)]) -> T {
        let found = choices.iter().find(|(name, _)| Some(*name) == value);
        if found.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            self.fault(key, format!("{:?}", value.unwrap_or_default()), names.join(" or "));
        }
        found.unwrap_or(&choices[0]).1
    }
}

/// A text in which no URL has credentials any more.
pub(super) fn without_credentials(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let authority = after.find(['/', '"', '\'', ' ', '\n']).map_or(after, |end| &after[..end]);
        rest = match authority.rfind('@') {
            Some(end) => {
                shown.push_str(MASK);
                &after[end..]
            }
            None => after,
        };
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::super::{Checked, ConfigError, Layers};
    use super::*;

    fn of(text: &str) -> Result<Checked, ConfigError> {
        let mut layers = Layers::defaults()?;
        layers.put_text(text, "test.toml")?;
        layers.check()
    }

    #[test]
    fn pools_are_read_with_their_defaults() {
        let text = "[[proxies]]\ntype = 'datacenter'\nurls = ['http://a.example:3128', 'socks5h://u:p@b.example']\n\
                    [[proxies]]\nname = 'se'\ntype = 'mobile'\ncountry = 'se'\nurls = ['https://c.example']\n\
                    weight = 3\nconcurrency = 2\nrotation = 'host'\ndns = 'here'\ncredentials_env = 'SE'\n";
        let pools = of(text).expect("valid").proxies;
        let [first, second] = pools.as_slice() else { panic!("two pools") };
        assert_eq!((first.spec.urls.len(), first.spec.weight, first.spec.concurrency), (2, 1, 32));
        assert_eq!((first.spec.rotation, first.spec.names), (Rotation::RoundRobin, NameLookup::Auto));
        assert_eq!((second.spec.kind, second.spec.country.as_deref()), (ProxyType::Mobile, Some("se")));
        assert_eq!((second.spec.rotation, second.spec.names), (Rotation::Host, NameLookup::Here));
        assert_eq!(second.credentials_env.as_deref(), Some("SE"));
        assert!(of("").expect("the defaults").proxies.is_empty());
    }

    #[test]
    fn every_fault_of_a_pool_is_named_and_none_repeats_a_url() {
        let text = "[[proxies]]\ntype = 'none'\ncountry = 'SE'\nurls = ['http://hunter:hunter2@a.example/x', 'ftp://x']\n\
                    weight = 0\nconcurrency = 0\nrotation = 'x'\ndns = 'y'\ncredentials_env = 'PAGEWIRE_X'\n";
        let message = of(text).expect_err("refused").to_string();
        for named in [
            "type",
            "country",
            "urls[0]",
            "urls[1]",
            "weight",
            "concurrency",
            "rotation",
            "dns",
            "credentials_env",
        ] {
            assert!(message.contains(&format!("proxies[0].{named} = ")), "{named}: {message}");
        }
        assert!(!message.contains("hunter"), "{message}");
        assert!(
            of("[[proxies]]\ntype = 'mobile'\n").expect_err("no URL").to_string().contains("proxies[0].urls")
        );
    }

    #[test]
    fn what_cannot_be_read_and_what_is_shown_hold_no_credentials() {
        for text in [
            "[[proxies]]\nurls = 'http://hunter:hunter2@a.example'\n",
            "[[proxies]]\nurls = ['http://hunter:hunter2@a.example'\ntype = 1",
            "[[proxies]]\nuris = ['http://hunter:hunter2@a.example']\n",
        ] {
            let message = of(text).expect_err("refused").to_string();
            assert!(!message.contains("hunter"), "{message}");
        }
        let mut layers = Layers::defaults().expect("the defaults");
        let text =
            "[[proxies]]\ntype = 'mobile'\nurls = ['http://hunter:hunter2@a.example', 'http://b.example']\n";
        layers.put_text(text, "test.toml").expect("a pool");
        let shown = layers.shown();
        assert!(
            !shown.contains("hunter") && shown.contains("a.example") && shown.contains("http://b.example"),
            "{shown}"
        );
        let urls = "see http://x/a@b and 'https://u:p@ss@h/' or s://v@w";
        assert_eq!(without_credentials(urls), "see http://x/a@b and 'https://********@h/' or s://********@w");
    }
}
