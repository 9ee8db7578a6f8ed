//! A browser reaches what the guard lets through and nothing else, whichever way a page tries.

use std::net::UdpSocket;

use pagewire_testkit::{Origin, binary::Options};
use serde_json::{Value, json};

use crate::render_story::{rendered, with_browser};
use crate::world::{EXE, World, problem};

/// A server that may fetch from 127.0.0.1 alone, and a canary at another address of this machine.
async fn guarded() -> (World, Origin) {
    let config = format!("[fetch]\nallow_targets = [\"127.0.0.1/32\"]\n{}", with_browser(""));
    let world = World::with(Options::new(EXE).config(&config).guarded()).await;
    (world, Origin::start_on("127.0.0.2").await)
}

#[tokio::test]
async fn a_page_that_goes_where_it_may_not_is_blocked_however_it_goes() {
    let (world, canary) = guarded().await;
    let to = canary.url("/secret");
    let ways = [
        ("script", format!("<script>location.href = '{to}'</script>")),
        ("refresh", format!("<meta http-equiv=refresh content='0;url={to}'>")),
        ("form", format!("<form id=f action='{to}' method=post></form><script>f.submit()</script>")),
        ("metadata", "<script>location = 'http://169.254.169.254/latest/meta-data/'</script>".to_owned()),
        ("tls", "<script>location = 'https://169.254.169.254/'</script>".to_owned()),
        ("decimal", "<script>location = 'http://2852039166/'</script>".to_owned()),
    ];
    for (name, html) in ways {
        world.origin.set_page("/page", 200, "text/html", html);
        let body = json!({"url": world.origin.url("/page"), "retry": {"max": 0}, "wait_for": 800});
        let answer = rendered(&world, body).await;
        assert_eq!(answer.problem_code(), "blocked_target", "{name}: {}", answer.text());
    }
    let redirect = format!("/redirect-to?url={to}");
    let answer = rendered(&world, json!({"url": world.origin.url(&redirect), "retry": {"max": 0}})).await;
    problem(&answer, 502, "blocked_target");
    assert_eq!((canary.hits(), canary.connections()), (0, 0));
}

#[tokio::test]
async fn what_a_page_asks_for_beside_itself_passes_the_guard_too() {
    let (world, canary) = guarded().await;
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    udp.set_nonblocking(true).expect("non-blocking");
    let (to, host) = (canary.url(""), canary.address());
    let stun = udp.local_addr().expect("an address");
    let page = format!(
        r#"<p>the page</p><img src="{to}/img"><iframe src="{to}/frame"></iframe><script src="{to}/script"></script>
        <link rel=stylesheet href="{to}/style"><link rel=prefetch href="{to}/prefetch"><link rel=preconnect href="{to}">
        <object data="{to}/object"></object><video src="{to}/video"></video>
        <script>
          fetch("{to}/fetch", {{ mode: "no-cors" }}).catch(() => {{}});
          fetch("http://169.254.169.254/latest", {{ mode: "no-cors" }}).catch(() => {{}});
          new WebSocket("ws://{host}/socket");
          new EventSource("{to}/events");
          navigator.sendBeacon("{to}/beacon", "a");
          new Worker(URL.createObjectURL(new Blob(["fetch('{to}/worker', {{ mode: 'no-cors' }})"])));
          navigator.serviceWorker && navigator.serviceWorker.register("/sw.js").catch(() => {{}});
          try {{
            const peer = new RTCPeerConnection({{ iceServers: [{{ urls: "stun:{stun}" }}] }});
            peer.createDataChannel("a"); peer.createOffer().then((offer) => peer.setLocalDescription(offer));
          }} catch (error) {{}}
          try {{ new WebTransport("https://{stun}/"); }} catch (error) {{}}
        </script>"#
    );
    world.origin.set_page(
        "/sw.js",
        200,
        "text/javascript",
        format!("fetch('{to}/service', {{ mode: 'no-cors' }})"),
    );
    world.origin.set_page("/page", 200, "text/html", page);
    let answer = rendered(
        &world,
        json!({"url": world.origin.url("/page"), "formats": ["text"], "wait_for": 2_000, "retry": {"max": 0}}),
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let page = answer.json();
    assert!(page["data"]["text"].as_str().is_some_and(|text| text.starts_with("the page")), "{page}");
    let codes: Vec<&Value> =
        page["meta"]["warnings"].as_array().expect("warnings").iter().map(|w| &w["code"]).collect();
    assert_eq!(codes, ["requests_refused"]);
    assert_eq!((canary.hits(), canary.connections()), (0, 0));
    let mut datagram = [0; 64];
    assert!(udp.recv_from(&mut datagram).is_err(), "nothing goes past the proxy");
}

#[tokio::test]
async fn files_of_this_machine_and_pages_of_the_browser_are_out_of_reach() {
    let (world, _canary) = guarded().await;
    for to in ["file:///etc/passwd", "chrome://version", "view-source:file:///etc/passwd"] {
        let html = format!(
            "<p>the page</p><iframe src='{to}'></iframe><script>try {{ location = '{to}' }} catch (e) {{}}; window.open('{to}')</script>"
        );
        world.origin.set_page("/page", 200, "text/html", html);
        let body = json!({"url": world.origin.url("/page"), "formats": ["raw_html"], "wait_for": 300, "retry": {"max": 0}});
        let answer = rendered(&world, body).await;
        assert_eq!(answer.status, 200, "{to}: {}", answer.text());
        assert!(!answer.text().contains("root:x:0"), "{to}");
    }
}

#[tokio::test]
async fn windows_and_downloads_are_refused() {
    let (world, _canary) = guarded().await;
    let popup = world.origin.url("/popup");
    let page = format!(
        "<p>the page</p><a id=a target=_blank href='{popup}'>a</a><a id=d download href=/file>d</a>
         <script>window.open('{popup}'); for (let i = 0; i < 5; i++) a.click(); d.click();</script>"
    );
    world.origin.set_page("/page", 200, "text/html", page);
    let body =
        json!({"url": world.origin.url("/page"), "formats": ["text"], "wait_for": 700, "retry": {"max": 0}});
    let answer = rendered(&world, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(world.origin.last_request("/popup").is_none(), "no window is opened");
    // Nor by a click, which browsers take for a wish.
    let page = format!(
        "<p>the page</p><a id=a target=_blank href='{popup}'>a</a><button id=b onclick='window.open(\"{popup}\")'>b</button>"
    );
    world.origin.set_page("/page", 200, "text/html", page);
    let clicks = ["#a", "#b"].map(|selector| json!({"type": "click", "selector": selector}));
    let body = json!({"url": world.origin.url("/page"), "formats": ["text"], "actions": clicks, "retry": {"max": 0}});
    let answer = rendered(&world, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(world.origin.last_request("/popup").is_none(), "no window is opened");
    world.origin.set_page("/file", 200, "application/octet-stream", "bytes");
    let answer = rendered(&world, json!({"url": world.origin.url("/file"), "retry": {"max": 0}})).await;
    problem(&answer, 502, "unsupported_content");
}
