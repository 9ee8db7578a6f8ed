//! What a page can be shown without: kinds of resources, and hosts that are known for advertising and tracking.

use pagewire_types::render::Blocked;

/// Domains whose hosts serve advertisements or count visitors, and nothing that a page is read for. Sorted.
const ADS: &[&str] = &[
    "2mdn.net",
    "33across.com",
    "adcolony.com",
    "adform.net",
    "adnxs.com",
    "adroll.com",
    "adsafeprotected.com",
    "adsrvr.org",
    "adsymptotic.com",
    "amazon-adsystem.com",
    "amplitude.com",
    "applovin.com",
    "bat.bing.com",
    "bidswitch.net",
    "bluekai.com",
    "branch.io",
    "casalemedia.com",
    "chartbeat.com",
    "chartbeat.net",
    "clarity.ms",
    "contextweb.com",
    "criteo.com",
    "criteo.net",
    "crwdcntrl.net",
    "demdex.net",
    "doubleclick.net",
    "doubleverify.com",
    "everesttech.net",
    "exelator.com",
    "facebook.net",
    "fullstory.com",
    "google-analytics.com",
    "googleadservices.com",
    "googlesyndication.com",
    "googletagmanager.com",
    "googletagservices.com",
    "heapanalytics.com",
    "hotjar.com",
    "imrworldwide.com",
    "indexww.com",
    "krxd.net",
    "liadm.com",
    "lijit.com",
    "mathtag.com",
    "media.net",
    "mixpanel.com",
    "moatads.com",
    "mookie1.com",
    "newrelic.com",
    "nr-data.net",
    "omtrdc.net",
    "openx.net",
    "outbrain.com",
    "pubmatic.com",
    "quantserve.com",
    "rlcdn.com",
    "rubiconproject.com",
    "scorecardresearch.com",
    "segment.com",
    "segment.io",
    "sharethrough.com",
    "smartadserver.com",
    "taboola.com",
    "tapad.com",
    "teads.tv",
    "turn.com",
    "yieldmo.com",
];

/// Whether a host is one of those, or below one.
pub(super) fn is_of_ads(host: &str) -> bool {
    let mut name = host.trim_end_matches('.');
    loop {
        if ADS.binary_search(&name).is_ok() {
            return true;
        }
        match name.split_once('.') {
            Some((_, parent)) => name = parent,
            None => return false,
        }
    }
}

/// The kinds of resources that are left out, as the browser calls them.
pub(super) fn kinds(blocked: Blocked) -> impl Iterator<Item = &'static str> {
    let kinds = [("Image", blocked.images), ("Font", blocked.fonts), ("Media", blocked.media)];
    kinds.into_iter().filter_map(|(kind, is_blocked)| is_blocked.then_some(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_holds_for_what_is_below_its_names() {
        assert!(ADS.is_sorted());
        assert!(is_of_ads("doubleclick.net") && is_of_ads("securepubads.g.doubleclick.net."));
        assert!(!is_of_ads("notdoubleclick.net") && !is_of_ads("example.com") && !is_of_ads(""));
    }
}
