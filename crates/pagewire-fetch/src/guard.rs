//! The target guard: which addresses may be connected to.
//!
//! The address that is judged is the one that is connected to, never a name: names are resolved first, and a name with
//! one refused address is refused with all of them, so that an answer that changes between two lookups gains nothing.
//! Nobody can lift the guard by a request; an operator can, by ranges in the configuration.
//!
//! IPv4 is a list of what is refused (IANA special-purpose registry, multicast, and a cloud's metadata service at a
//! public address). IPv6 is a list of what is taken: `2000::/3` less the blocks in it that are reserved or that wrap
//! another address. All forms that wrap an IPv4 address are refused; a v4-mapped one is judged as its IPv4 address
//! where the operator has lifted that.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use pagewire_types::TargetUrl;
use url::Host;

/// The guard's refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// An address that is not public.
    #[error("the address is not a public one")]
    Address,
    /// A name that means this host, or a cloud's metadata service.
    #[error("the name stands for a service that is not public")]
    Name,
}

/// What a host needs to be connected to, known from its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameClass {
    /// A name to look up.
    Public,
    /// `localhost` and below: loopback by definition (RFC 6761, section 6.3), never asked of DNS.
    Loopback,
    /// A name that is refused unless all its addresses are lifted.
    Metadata,
}

/// Decides which addresses may be connected to. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allow: Arc<[IpNet]>,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// IANA IPv4 special-purpose address registry, with multicast and what clouds use.
const V4_REFUSED: [Ipv4Net; 19] = [
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // shared address space (carrier NAT; a cloud's metadata service)
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // Azure's platform service, at a public address
    v4(169, 254, 0, 0, 16),   // link-local, metadata services
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // IETF protocol assignments
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 31, 196, 0, 24),  // AS112
    v4(192, 52, 193, 0, 24),  // AMT
    v4(192, 88, 99, 0, 24),   // 6to4 relays
    v4(192, 168, 0, 0, 16),   // private
    v4(192, 175, 48, 0, 24),  // AS112 direct delegation
    v4(198, 18, 0, 0, 15),    // benchmarking
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, limited broadcast
];

/// Global unicast: all that IANA has given out.
const V6_TAKEN: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Within global unicast, what is not public.
const V6_REFUSED: [Ipv6Net; 5] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // IETF protocol assignments, Teredo among them
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), // 6to4, wraps an IPv4 address
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), // AS112 direct delegation
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is really spoken to.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);

impl Guard {
    /// A guard with the operator's lifted ranges.
    #[must_use]
    pub fn new(allow: &[IpNet]) -> Self {
        Self { allow: allow.into() }
    }

    /// Whether an address may be connected to.
    pub fn check(&self, ip: IpAddr) -> Result<(), Blocked> {
        if is_public(ip) || self.is_lifted(ip) { Ok(()) } else { Err(Blocked::Address) }
    }

    /// Whether the operator has lifted an address, public or not.
    #[must_use]
    pub fn is_lifted(&self, ip: IpAddr) -> bool {
        // A v4-mapped address reaches its IPv4 address: a lifted `::/0` must not reach 127.0.0.1 through it.
        let judged = ip.to_canonical();
        self.allow.iter().any(|net| net.contains(&judged)) && self.wrapped_is_taken(judged)
    }

    /// Behind a lifted NAT64 prefix the wrapped address must be taken as well.
    fn wrapped_is_taken(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V6(ip) if NAT64.contains(&ip) => {
                let [.., a, b, c, d] = ip.octets();
                self.check(Ipv4Addr::new(a, b, c, d).into()).is_ok()
            }
            IpAddr::V6(_) | IpAddr::V4(_) => true,
        }
    }

    /// Refuses early, without any lookup, what the URL alone gives away.
    pub fn check_literal(&self, url: &TargetUrl) -> Result<(), Blocked> {
        match url.as_url().host() {
            Some(Host::Ipv4(ip)) => self.check(ip.into()),
            Some(Host::Ipv6(ip)) => self.check(ip.into()),
            Some(Host::Domain(name)) => match NameClass::of(name) {
                NameClass::Loopback if self.loopback().is_empty() => Err(Blocked::Name),
                NameClass::Metadata if self.allow.is_empty() => Err(Blocked::Name),
                NameClass::Public | NameClass::Loopback | NameClass::Metadata => Ok(()),
            },
            None => Err(Blocked::Name),
        }
    }

    /// The loopback addresses that are lifted: what `localhost` stands for.
    pub(crate) fn loopback(&self) -> Vec<IpAddr> {
        [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)]
            .into_iter()
            .filter(|ip| self.is_lifted(*ip))
            .collect()
    }

    /// Judges all the addresses of a name: one that is refused refuses them all.
    pub(crate) fn check_answers(&self, class: NameClass, addresses: &[IpAddr]) -> Result<(), Blocked> {
        match class {
            NameClass::Public | NameClass::Loopback => addresses.iter().try_for_each(|ip| self.check(*ip)),
            NameClass::Metadata if addresses.iter().all(|ip| self.is_lifted(*ip)) => Ok(()),
            NameClass::Metadata => Err(Blocked::Name),
        }
    }
}

impl NameClass {
    /// The class of a name as the URL parser normalised it; the root's dot changes nothing.
    pub(crate) fn of(name: &str) -> Self {
        let name = name.trim_end_matches('.');
        if name == "localhost" || name.ends_with(".localhost") {
            Self::Loopback
        } else if name == "metadata.google.internal" {
            Self::Metadata
        } else {
            Self::Public
        }
    }
}

/// Whether an address is one of the public internet.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !V4_REFUSED.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => V6_TAKEN.contains(&ip) && !V6_REFUSED.iter().any(|net| net.contains(&ip)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> TargetUrl {
        TargetUrl::parse(text).expect(text)
    }

    #[test]
    fn special_addresses_are_refused_and_public_ones_are_taken() {
        let guard = Guard::default();
        for refused in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::1.1.1.1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "5f00::1",
        ] {
            assert_eq!(guard.check(refused.parse().expect(refused)), Err(Blocked::Address), "{refused}");
        }
        for taken in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "172.32.0.1",
            "168.63.129.17",
            "2606:4700::1111",
            "2a00:1450::1",
        ] {
            assert_eq!(guard.check(taken.parse().expect(taken)), Ok(()), "{taken}");
        }
    }

    #[test]
    fn a_lifted_range_is_taken_and_a_mapped_address_is_judged_as_its_ipv4() {
        let guard = Guard::new(&["127.0.0.0/8".parse().expect("net")]);
        assert_eq!(guard.check("127.0.0.1".parse().expect("ip")), Ok(()));
        assert_eq!(guard.check("::ffff:127.0.0.1".parse().expect("ip")), Ok(()));
        assert_eq!(guard.check("::1".parse().expect("ip")), Err(Blocked::Address));
        let all_v6 = Guard::new(&["::/0".parse().expect("net")]);
        assert_eq!(all_v6.check("::ffff:127.0.0.1".parse().expect("ip")), Err(Blocked::Address));
        assert_eq!(all_v6.check("64:ff9b::127.0.0.1".parse().expect("ip")), Err(Blocked::Address));
        assert_eq!(all_v6.check("64:ff9b::8.8.8.8".parse().expect("ip")), Ok(()));
    }

    #[test]
    fn names_of_this_host_and_of_metadata_services_are_refused_without_a_lookup() {
        let guard = Guard::default();
        for name in ["localhost", "LOCALHOST", "localhost.", "a.b.localhost", "metadata.google.internal"] {
            assert_eq!(guard.check_literal(&url(&format!("http://{name}/"))), Err(Blocked::Name), "{name}");
        }
        assert_eq!(guard.check_literal(&url("http://localhost.example.com/")), Ok(()));
        let lifted = Guard::new(&["127.0.0.0/8".parse().expect("net")]);
        assert_eq!(lifted.check_literal(&url("http://localhost/")), Ok(()));
        assert_eq!(lifted.loopback(), [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    }

    #[test]
    fn one_refused_address_refuses_the_whole_answer() {
        let guard = Guard::default();
        let mixed = ["8.8.8.8".parse().expect("ip"), "10.0.0.1".parse().expect("ip")];
        assert_eq!(guard.check_answers(NameClass::Public, &mixed), Err(Blocked::Address));
        assert_eq!(guard.check_answers(NameClass::Metadata, &mixed[..1]), Err(Blocked::Name));
    }

    fn refused_v4() -> impl Strategy<Value = Ipv4Addr> {
        (0..V4_REFUSED.len(), any::<u32>()).prop_map(|(index, bits)| {
            let net = V4_REFUSED[index];
            Ipv4Addr::from(u32::from(net.network()) | (bits & u32::from(net.hostmask())))
        })
    }

    proptest! {
        #[test]
        fn a_refused_ipv4_address_is_refused_in_every_form_and_spelling(ip in refused_v4()) {
            let guard = Guard::default();
            let [a, b, c, d] = ip.octets();
            let (hi, lo) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let wrapped = [
                ip.to_ipv6_mapped(),
                ip.to_ipv6_compatible(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, hi, lo),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, hi, lo),
                Ipv6Addr::new(0x2002, hi, lo, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, hi, lo, 0, 0, !hi, !lo),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, hi, lo),
            ];
            prop_assert!(guard.check(ip.into()).is_err());
            for form in wrapped {
                prop_assert!(guard.check(form.into()).is_err(), "{form}");
                prop_assert!(guard.check_literal(&url(&format!("http://[{form}]/"))).is_err(), "{form}");
            }
            let bits = u32::from(ip);
            for spelling in [
                format!("{ip}"), format!("{bits}"), format!("0x{bits:x}"), format!("0{bits:o}"),
                format!("{a}.{}", bits & 0xff_ffff), format!("0x{a:x}.0{b:o}.{}", bits & 0xffff), format!("{ip}."),
            ] {
                prop_assert!(guard.check_literal(&url(&format!("http://{spelling}/"))).is_err(), "{spelling}");
            }
        }

        #[test]
        fn a_public_ipv4_address_is_taken_as_such_only(bits in any::<u32>()) {
            let ip = Ipv4Addr::from(bits);
            let guard = Guard::default();
            prop_assume!(!V4_REFUSED.iter().any(|net| net.contains(&ip)));
            prop_assert!(guard.check(ip.into()).is_ok());
            prop_assert!(guard.check(ip.to_ipv6_mapped().into()).is_err());
        }

        #[test]
        fn no_ipv6_address_outside_global_unicast_is_taken(bits in any::<u128>()) {
            let ip = Ipv6Addr::from(bits);
            let taken = Guard::default().check(ip.into()).is_ok();
            prop_assert!(!taken || ip.segments()[0] >> 13 == 1);
        }
    }
}
