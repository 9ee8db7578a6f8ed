//! What a browser is started with, and why.

use std::path::Path;

/// The parts of a browser that are off: what speaks to its maker or to the machine's neighbours, what keeps for later
/// what goes away anyway, and what costs processes without keeping tenants apart.
///
/// Pages of different contexts never share a process, so that isolating sites within one page's context, which is that
/// page's alone, would only make more of them.
const FEATURES_OFF: &[&str] = &[
    "AcceptCHFrame",
    "AutofillServerCommunication",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "BackForwardCache",
    "CertificateTransparencyComponentUpdater",
    "DestroyProfileOnBrowserClose",
    "DialMediaRouteProvider",
    "GlobalMediaControls",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "ImprovedCookieControls",
    "InterestFeedContentSuggestions",
    "IsolateOrigins",
    "LazyFrameLoading",
    "MediaRouter",
    "OptimizationHints",
    "PaintHolding",
    "Prerender2",
    "RenderDocument",
    "SpareRendererForSitePerProcess",
    "Translate",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
    "site-per-process",
];

const FLAGS: &[&str] = &[
    "--headless",
    "--remote-debugging-pipe",
    // Nothing of its own on the network: no updates, no reports, no predictions, no time service.
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-extensions-with-background-pages",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-field-trial-config",
    "--disable-sync",
    "--dns-prefetch-disable",
    "--metrics-recording-only",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--no-service-autorun",
    "--password-store=basic",
    "--use-mock-keychain",
    // All that pages ask for goes through the proxy of their context; what has none, and what would go past it, nowhere.
    "--proxy-server=http://127.0.0.1:1",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    // No windows but those that are asked for over the pipe. The headless shell knows this; a full browser, by itself, refuses
    // those that are opened without a click.
    "--block-new-web-contents",
    "--no-startup-window",
    // Pages in the background are not slower, and nothing waits to be looked at.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-hang-monitor",
    "--disable-ipc-flooding-protection",
    "--disable-prompt-on-repost",
    "--disable-renderer-backgrounding",
    "--disable-search-engine-choice-screen",
    "--hide-scrollbars",
    "--mute-audio",
    // A machine without a screen: pictures are made by the processor.
    "--window-size=1280,720",
    "--disable-gpu",
    "--disable-gpu-compositing",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
    // Containers have 64 MiB there.
    "--disable-dev-shm-usage",
    "--disable-site-isolation-trials",
    "--in-process-gpu",
];

/// Bytes of the scripts' heap of one process, past which it ends itself, of what a page may take in all.
fn heap_megabytes(page_memory_bytes_max: u64) -> u64 {
    (page_memory_bytes_max >> 20).clamp(64, 4_096)
}

/// The arguments for a browser with this profile.
pub(super) fn arguments(
    profile: &Path,
    user_agent: &str,
    sandbox: bool,
    page_memory_bytes_max: u64,
) -> Vec<String> {
    let mut arguments: Vec<String> = FLAGS.iter().map(|flag| (*flag).to_owned()).collect();
    arguments.push(format!("--disable-features={}", FEATURES_OFF.join(",")));
    arguments.push(format!("--js-flags=--max-old-space-size={}", heap_megabytes(page_memory_bytes_max)));
    arguments.push(format!("--user-agent={user_agent}"));
    arguments.push(format!("--user-data-dir={}", profile.display()));
    if !sandbox {
        arguments.push("--no-sandbox".to_owned());
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_given_up_only_where_that_is_asked_for() {
        let kept = arguments(Path::new("/tmp/p"), "a", true, 1 << 30);
        let given_up = arguments(Path::new("/tmp/p"), "a", false, 1 << 30);
        assert!(!kept.iter().any(|flag| flag.contains("no-sandbox")));
        assert_eq!(given_up.last().map(String::as_str), Some("--no-sandbox"));
    }
}
