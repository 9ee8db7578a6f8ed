//! URLs and redirects against the target guard as it ships: whatever the spelling, a URL that passes names no address that
//! the standard library knows to be other than public, and means the same when it is read again.
//!
//! The input is a URL and, after the first line break, a reference that is resolved against it as a redirect would be.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use pagewire_fetch::Guard;
use pagewire_types::target_url::TargetUrl;

fuzz_target!(|text: &str| {
    let (first, reference) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(url) = TargetUrl::parse(first) else { return };
    check(&url);
    if let Ok(next) = url.join(reference) {
        check(&next);
    }
});

fn check(url: &TargetUrl) {
    assert!(matches!(url.as_url().scheme(), "http" | "https"));
    assert!(url.as_url().username().is_empty() && url.as_url().password().is_none());
    let again = TargetUrl::parse(url.as_str()).expect("a target is still one when it is read again");
    assert_eq!(&again, url);

    if Guard::new(&[]).check_literal(url).is_err() {
        return;
    }
    // The oracle reads the host as text, as a resolver that is handed it would.
    let host = url.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    assert!(host != "localhost" && !host.ends_with(".localhost"), "{url:?}");
    if let Ok(ip) = host.parse::<IpAddr>() {
        assert!(!is_plainly_internal(ip), "{url:?} passes");
    }
}

/// By the standard library alone: a second opinion, coarser than the guard.
fn is_plainly_internal(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.is_private()
                || ip.is_link_local()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_broadcast()
                || ip.is_documentation()
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_multicast()
                || ip.is_unique_local()
                || ip.is_unicast_link_local()
                || ip.to_ipv4().is_some()
        }
    }
}
