//! What a URL's attempts want of proxies: which kind, who may not have what, and what it costs. Which proxy of that kind
//! is the pools' to decide.

use std::sync::Arc;

use pagewire_fetch::ProxyPools;
use pagewire_fetch::proxy::Wish;
use pagewire_types::{FieldError, Problem, ProblemCode, ProxyType, ScrapeOptions, ScrapeParams, UrlEntry};

/// What a page costs on top, by the kind of proxy that it came through.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProxyCredits {
    /// `datacenter`
    pub datacenter: u32,
    /// `residential`
    pub residential: u32,
    /// `mobile`
    pub mobile: u32,
}

impl ProxyCredits {
    /// What a page through that kind costs on top.
    pub(crate) fn of(&self, kind: ProxyType) -> u32 {
        match kind {
            ProxyType::None => 0,
            ProxyType::Datacenter => self.datacenter,
            ProxyType::Residential => self.residential,
            ProxyType::Mobile => self.mobile,
        }
    }
}

/// The operator's proxies, and what they cost.
#[derive(Debug, Clone)]
pub(crate) struct Proxies {
    pub(crate) pools: Arc<ProxyPools>,
    pub(crate) credits: ProxyCredits,
}

/// No proxy of the kind and country is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit;

impl Proxies {
    /// The kind that an attempt goes through. Where attempts escalate, each goes through the next kind that there is.
    pub(crate) fn kind(&self, options: &ScrapeOptions, attempts_before: u32) -> Result<ProxyType, Unfit> {
        let country = options.country.as_deref();
        let first = self.first_kind(options.proxy_type, country)?;
        if !options.retry.escalate {
            return Ok(first);
        }
        let from_first = ProxyType::ALL.into_iter().skip_while(|kind| *kind != first).skip(1);
        let stronger = from_first.filter(|kind| self.pools.fits(*kind, country));
        Ok(stronger.take(attempts_before as usize).last().unwrap_or(first))
    }

    /// A country alone can be had through any kind.
    fn first_kind(&self, kind: Option<ProxyType>, country: Option<&str>) -> Result<ProxyType, Unfit> {
        match (kind, country) {
            (None | Some(ProxyType::None), None) => Ok(ProxyType::None),
            (Some(ProxyType::None), Some(_)) => Err(Unfit),
            (Some(kind), country) => self.pools.fits(kind, country).then_some(kind).ok_or(Unfit),
            (None, country) => {
                let mut kinds = ProxyType::ALL.into_iter().skip(1);
                kinds.find(|kind| self.pools.fits(*kind, country)).ok_or(Unfit)
            }
        }
    }

    /// Whether an attempt would get its proxy without a wait.
    pub(crate) fn has_room(&self, wish: &Wish<'_>) -> bool {
        wish.kind == ProxyType::None || self.pools.has_room(wish)
    }

    /// Refuses requests for proxies that are not there, before anything is fetched.
    pub(crate) fn check(&self, params: &ScrapeParams, entries: &[UrlEntry]) -> Result<(), Box<Problem>> {
        let mut faults: Vec<FieldError> = self.fault(params, None, "").into_iter().collect();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(overrides) = &entry.overrides
                && (overrides.proxy_type.is_some() || overrides.country.is_some())
            {
                faults.extend(self.fault(overrides, Some(params), &format!("/urls/{index}")));
                if faults.len() >= FAULTS_MAX {
                    break;
                }
            }
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Box::new(Problem::invalid(ProblemCode::NoProxyAvailable, faults)))
    }

    fn fault(&self, params: &ScrapeParams, below: Option<&ScrapeParams>, at: &str) -> Option<FieldError> {
        let kind = params.proxy_type.or(below.and_then(|below| below.proxy_type));
        let country = params.country.as_deref().or(below.and_then(|below| below.country.as_deref()));
        self.first_kind(kind, country).err()?;
        let field = if params.proxy_type.is_some() { "proxy_type" } else { "country" };
        Some(FieldError::new(format!("{at}/{field}"), sentence(kind, country)))
    }
}

/// Faults that are told of one request.
const FAULTS_MAX: usize = 100;

/// What is told of a proxy that is not there.
pub(crate) fn sentence(kind: Option<ProxyType>, country: Option<&str>) -> String {
    match (kind, country) {
        (Some(ProxyType::None), Some(country)) => {
            format!(
                "`proxy_type` \"none\" is in no country: leave it out, or leave out `country` \"{country}\""
            )
        }
        (Some(kind), Some(country)) => {
            format!("this server has no proxy of type `{}` in `{country}`", kind.as_str())
        }
        (Some(kind), None) => format!("this server has no proxy of type `{}`", kind.as_str()),
        (None, country) => format!("this server has no proxy in `{}`", country.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use pagewire_fetch::PoolSpec;
    use pagewire_fetch::proxy::{NameLookup, Rotation};
    use pagewire_types::{Retry, RobotsRule};

    use super::*;

    fn proxies(kinds: &[(ProxyType, Option<&str>)]) -> Proxies {
        let spec = |(kind, country): &(ProxyType, Option<&str>)| PoolSpec {
            name: "a".to_owned(),
            kind: *kind,
            country: country.map(str::to_owned),
            urls: vec!["http://192.0.2.1:3128".parse().expect("a URL")],
            weight: 1,
            concurrency: 1,
            rotation: Rotation::RoundRobin,
            names: NameLookup::Auto,
        };
        let pools = ProxyPools::new(kinds.iter().map(spec).collect());
        Proxies { pools, credits: ProxyCredits::default() }
    }

    fn options(kind: Option<ProxyType>, country: Option<&str>, escalate: bool) -> ScrapeOptions {
        let params = ScrapeParams {
            proxy_type: kind,
            country: country.map(str::to_owned),
            retry: Some(Retry { escalate, ..Retry::default() }),
            ..ScrapeParams::default()
        };
        params.resolve(RobotsRule::Ignore)
    }

    #[test]
    fn each_attempt_goes_through_the_next_kind_that_there_is() {
        use ProxyType::{Datacenter, Mobile, None as Direct, Residential};
        let all = proxies(&[(Datacenter, None), (Residential, Some("se")), (Mobile, Some("se"))]);
        let kinds = |proxies: &Proxies, options: &ScrapeOptions| {
            [0, 1, 2, 3, 4].map(|attempts| proxies.kind(options, attempts).expect("a kind"))
        };
        assert_eq!(
            kinds(&all, &options(None, None, true)),
            [Direct, Datacenter, Residential, Mobile, Mobile]
        );
        assert_eq!(kinds(&all, &options(Some(Residential), None, true))[..3], [Residential, Mobile, Mobile]);
        assert_eq!(kinds(&all, &options(None, None, false)), [Direct; 5]);
        assert_eq!(kinds(&all, &options(None, Some("se"), true))[..3], [Residential, Mobile, Mobile]);
        assert_eq!(kinds(&proxies(&[]), &options(None, None, true)), [Direct; 5]);
    }

    #[test]
    fn what_fits_nothing_is_refused_at_its_place() {
        let some = proxies(&[(ProxyType::Datacenter, Some("se"))]);
        let params = |kind, country: Option<&str>| ScrapeParams {
            proxy_type: kind,
            country: country.map(str::to_owned),
            ..ScrapeParams::default()
        };
        for (kind, country, pointer) in [
            (Some(ProxyType::Mobile), None, Some("/proxy_type")),
            (Some(ProxyType::Datacenter), Some("no"), Some("/proxy_type")),
            (None, Some("no"), Some("/country")),
            (Some(ProxyType::None), Some("se"), Some("/proxy_type")),
            (Some(ProxyType::Datacenter), None, None),
            (None, Some("se"), None),
            (Some(ProxyType::None), None, None),
        ] {
            let refused = some.check(&params(kind, country), &[]).err();
            let told = refused.as_ref().map(|problem| problem.errors[0].pointer.as_str());
            assert_eq!(told, pointer, "{kind:?} {country:?}");
        }
    }
}
