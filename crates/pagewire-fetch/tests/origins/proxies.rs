//! Targets through proxies: HTTP and SOCKS5, with and without TLS on either side, those that work and those that do not.

use std::{
    net::{SocketAddr, TcpListener as Port},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderValue, header};
use pagewire_fetch::{
    Client, Cookies, FetchConfig, FetchError, Heard, Request, Response, RobotsVerdict, Route,
    proxy::{Blame, NameLookup, Proxy, ProxyFault},
};
use pagewire_testkit::proxy::{Conduct, ProxyServer};
use pagewire_types::{TargetErrorCode, TargetUrl};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use crate::{
    origin::{Origin, client, config, page, read_head, url},
    tls::{SOCKET, Secure, server_config},
    websocket::{agreed, request},
};

/// A route through the proxy at that URL.
fn route(proxy: &str, names: NameLookup) -> Route {
    Route::through(Arc::new(Proxy::new(proxy.parse().expect("a proxy"), names)))
}

async fn through(client: &Client, proxy: &str, target: TargetUrl) -> Result<Response, FetchError> {
    let request = Request::get(target, Duration::from_secs(20));
    client.by(route(proxy, NameLookup::Auto)).fetch(&request).await
}

/// A proxy's URL with credentials.
fn with(credentials: &str, url: &str) -> String {
    url.replacen("://", &format!("://{credentials}@"), 1)
}

/// A free port of 127.0.0.1.
fn free_port() -> SocketAddr {
    Port::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address")
}

/// A proxy of Debian's, which ends with the test.
struct Daemon {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Daemon {
    async fn start(command: impl FnOnce(SocketAddr, &std::path::Path) -> Command) -> Self {
        let (address, folder) = (free_port(), tempfile::tempdir().expect("a folder"));
        let mut command = command(address, folder.path());
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = quiet.spawn().expect("the program is installed: scripts/install-test-deps");
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).await.is_err() {
            assert!(Instant::now() < deadline, "the proxy does not come up");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { child, address, _folder: folder }
    }

    async fn tinyproxy() -> Self {
        Self::start(|address, folder| {
            let file = folder.join("tinyproxy.conf");
            let text = format!(
                "Port {}\nListen 127.0.0.1\nTimeout 60\nMaxClients 200\nBasicAuth user secret\n",
                address.port()
            );
            std::fs::write(&file, text).expect("written");
            let mut command = Command::new("tinyproxy");
            command.arg("-d").arg("-c").arg(file);
            command
        })
        .await
    }

    async fn microsocks() -> Self {
        Self::start(|address, _| {
            let mut command = Command::new("microsocks");
            let port = address.port().to_string();
            command.args(["-i", "127.0.0.1", "-p", &port, "-u", "user", "-P", "secret"]);
            command
        })
        .await
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_plain_request_names_its_whole_url_and_the_origin_sees_a_plain_one() {
    let proxy = ProxyServer::start(Conduct::Works).await;
    let origin = Origin::http(|head| page("", head.as_bytes())).await;
    let answer = through(&client(), &with("us%40er:pa%3Ass", &proxy.url()), origin.url("/a?b#c")).await;
    let seen = String::from_utf8(answer.expect("a page").body.to_vec()).expect("text");
    assert!(seen.starts_with("GET /a?b HTTP/1.1"), "{seen}");
    let head = &proxy.heads()[0];
    assert!(head.starts_with(&format!("GET http://{}/a?b HTTP/1.1\r\n", origin.address)), "{head}");
    assert!(head.contains("proxy-authorization: Basic dXNAZXI6cGE6c3M=\r\n"), "{head}");
}

#[tokio::test]
async fn tls_and_http2_are_spoken_through_a_tunnel_and_each_proxy_has_its_own_connection() {
    let origin = Secure::start(&[b"h2", b"http/1.1"]).await;
    let (client, target) = (origin.client(), url(&format!("https://{}/", origin.address)));
    let proxies = [ProxyServer::start(Conduct::Works).await, ProxyServer::start(Conduct::Works).await];
    let routes =
        [0, 1].map(|n| Arc::new(Proxy::new(proxies[n].url().parse().expect("a proxy"), NameLookup::Auto)));
    for _ in 0..3 {
        for proxy in &routes {
            let client = client.by(Route::through(proxy.clone()));
            let answer = client.fetch(&Request::get(target.clone(), Duration::from_secs(20))).await;
            assert_eq!(answer.expect("a page").body, "HTTP/2.0");
        }
    }
    assert_eq!(
        client.fetch(&Request::get(target, Duration::from_secs(20))).await.expect("a page").body,
        "HTTP/2.0"
    );
    assert_eq!(origin.connections(), 3, "one by each proxy, and a straight one");
    for proxy in &proxies {
        assert_eq!(proxy.connections(), 1);
        assert!(proxy.heads()[0].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", origin.address)));
    }
}

#[tokio::test]
async fn a_proxy_may_be_behind_tls_itself() {
    let (behind, origin) = (ProxyServer::start(Conduct::Works).await, Secure::start(&[b"h2"]).await);
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let tls = server_config(&certificate, made.signing_key.serialize_der());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let front = format!("https://{}", listener.local_addr().expect("an address"));
    let to = behind.address();
    tokio::spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        while let Ok((tcp, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                let Ok(mut behind) = TcpStream::connect(to).await else { return };
                let _ = copy_bidirectional(&mut stream, &mut behind).await;
            });
        }
    });
    let roots = vec![origin.certificate(), certificate];
    let client = Client::new(FetchConfig { extra_roots: roots, ..config() }).expect("a client");
    let answer = through(&client, &front, url(&format!("https://{}/big", origin.address))).await;
    assert_eq!(answer.expect("a page").body.len(), 1 << 20, "TLS within TLS");
    let plain = Origin::http(|_| page("", b"plain")).await;
    assert_eq!(through(&client, &front, plain.url("/")).await.expect("a page").body, "plain");
    let stranger = origin.client();
    let refused = through(&stranger, &front, plain.url("/")).await.expect_err("a certificate nobody knows");
    assert!(
        matches!(refused, FetchError::Proxy { fault: ProxyFault::Tls, blame: Blame::Proxy }),
        "{refused}"
    );
}

#[tokio::test]
async fn tinyproxy_and_microsocks_lead_to_targets_and_take_no_other_credentials() {
    let (tiny, socks) = (Daemon::tinyproxy().await, Daemon::microsocks().await);
    let (origin, secure) = (Origin::http(|_| page("", b"plain")).await, Secure::start(&[b"h2"]).await);
    let client = secure.client();
    for proxy in [tiny.url("http"), socks.url("socks5"), socks.url("socks5h")] {
        let good = with("user:secret", &proxy);
        let plain =
            through(&client, &good, origin.url("/")).await.unwrap_or_else(|error| panic!("{proxy}: {error}"));
        assert_eq!(plain.body, "plain", "{proxy}");
        // Debian's configuration of tinyproxy lets tunnels go anywhere, where no ports are named.
        let tls = through(&client, &good, url(&format!("https://{}/", secure.address))).await;
        assert_eq!(tls.unwrap_or_else(|error| panic!("{proxy}: {error}")).body, "HTTP/2.0", "{proxy}");
        for bad in [proxy.clone(), with("user:wrong", &proxy)] {
            for target in [origin.url("/"), url(&format!("https://{}/", secure.address))] {
                let refused = through(&client, &bad, target).await.expect_err("other credentials");
                assert_eq!(refused.code(), TargetErrorCode::ProxyFailed, "{bad}: {refused}");
                assert!(!refused.to_string().contains("wrong") && !format!("{refused:?}").contains("wrong"));
            }
        }
    }
    let dead = free_port();
    let unreached =
        through(&client, &with("user:secret", &socks.url("socks5")), url(&format!("http://{dead}/"))).await;
    let unreached = unreached.expect_err("nobody is there");
    assert!(
        matches!(
            unreached,
            FetchError::Proxy { fault: ProxyFault::TargetUnreached(_), blame: Blame::Either }
        ),
        "{unreached}"
    );
}

#[tokio::test]
async fn whatever_a_proxy_does_wrong_is_proxy_failed_and_told_without_its_address() {
    let (origin, secure) = (Origin::http(|_| page("", b"plain")).await, Secure::start(&[b"h2"]).await);
    let config = FetchConfig {
        extra_roots: vec![secure.certificate()],
        connect_timeout: Duration::from_millis(400),
        ..config()
    };
    let client = Client::new(config).expect("a client");
    let tunnelled = url(&format!("https://{}/", secure.address));
    for (conduct, fault) in [
        (Conduct::Hangs, ProxyFault::Silent),
        (Conduct::Demands, ProxyFault::Credentials),
        (Conduct::Resets, ProxyFault::Closed),
        (Conduct::Html, ProxyFault::Protocol),
        (Conduct::Rubbish, ProxyFault::Protocol),
        (Conduct::EndlessHead, ProxyFault::HeadTooLarge),
        (Conduct::Unreachable, ProxyFault::TargetUnreached(502)),
    ] {
        let proxy = ProxyServer::start(conduct).await;
        let failed = through(&client, &with("name:hunter2", &proxy.url()), tunnelled.clone()).await;
        let failed = failed.expect_err("it does not work");
        let FetchError::Proxy { fault: told, .. } = &failed else { panic!("{conduct:?}: {failed}") };
        assert_eq!(*told, fault, "{conduct:?}");
        assert_eq!(failed.code(), TargetErrorCode::ProxyFailed);
        let said = format!("{failed} {failed:?}");
        assert!(!said.contains("hunter2") && !said.contains(&proxy.address().port().to_string()), "{said}");
    }
    for (conduct, fault) in [
        (Conduct::Demands, ProxyFault::Credentials),
        (Conduct::Resets, ProxyFault::Closed),
        (Conduct::Rubbish, ProxyFault::Protocol),
        (Conduct::EndlessHead, ProxyFault::HeadTooLarge),
    ] {
        let proxy = ProxyServer::start(conduct).await;
        let failed = through(&client, &proxy.url(), origin.url("/")).await.expect_err("it does not work");
        let FetchError::Proxy { fault: told, .. } = &failed else { panic!("{conduct:?}: {failed}") };
        assert_eq!(*told, fault, "plain, {conduct:?}");
    }
    let nobody = format!("http://{}", free_port());
    let failed = through(&client, &nobody, origin.url("/")).await.expect_err("nobody is there");
    assert!(
        matches!(failed, FetchError::Proxy { fault: ProxyFault::Unreachable, blame: Blame::Proxy }),
        "{failed}"
    );
    assert_eq!((origin.connections(), secure.connections()), (0, 0));
}

/// A proxy that answers what it hears, step by step, and closes when it has nothing more to say, or never.
async fn scripted(steps: &'static [&'static [u8]], then_hangs: bool) -> Origin {
    Origin::raw(move |mut tcp, _| async move {
        for step in steps {
            let mut heard = [0; 2_048];
            if tcp.read(&mut heard).await.is_err() || tcp.write_all(step).await.is_err() {
                return;
            }
        }
        if then_hangs {
            std::future::pending::<()>().await;
        }
        if steps.is_empty() {
            let _ = tcp.read(&mut [0; 2_048]).await;
        }
    })
    .await
}

#[tokio::test]
async fn whatever_a_socks_proxy_does_wrong_is_told_as_that_in_bounded_time() {
    const OPEN: &[u8] = &[5, 0];
    const DONE: &[u8] = &[5, 0, 0, 1, 127, 0, 0, 1, 0, 80];
    let config = FetchConfig { connect_timeout: Duration::from_millis(400), ..config() };
    let client = Client::new(config).expect("a client");
    let target = url("https://127.0.0.1:4430/");
    let cases: &[(&'static [&'static [u8]], bool, &str, ProxyFault)] = &[
        (&[], true, "", ProxyFault::Silent),
        (&[], false, "", ProxyFault::Closed),
        (&[b"HTTP/1.1 400 Bad Request\r\n\r\n"], false, "", ProxyFault::Protocol),
        (&[b"<html>"], true, "", ProxyFault::Protocol),
        (&[&[5, 255]], true, "", ProxyFault::Credentials),
        (&[&[5, 2]], true, "", ProxyFault::Credentials),
        (&[&[5, 2], &[1, 1]], true, "name:hunter2", ProxyFault::Credentials),
        (&[&[5, 2], &[9, 9]], true, "name:hunter2", ProxyFault::Protocol),
        (&[&[5, 77]], true, "", ProxyFault::Protocol),
        (&[OPEN, &[5, 1, 0, 1]], true, "", ProxyFault::TargetUnreached(1)),
        (&[OPEN, &[5, 2, 0, 1, 0, 0, 0, 0, 0, 0]], true, "", ProxyFault::Refused(2)),
        (&[OPEN, &[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]], true, "", ProxyFault::TargetUnreached(5)),
        (&[OPEN, &[5, 200, 0, 1, 0, 0, 0, 0, 0, 0]], true, "", ProxyFault::Protocol),
        (&[OPEN, &[5, 0, 0, 99, 0, 0, 0, 0, 0, 0]], true, "", ProxyFault::Protocol),
        (&[OPEN, &[5, 0, 0, 3, 255, b'x']], true, "", ProxyFault::Silent),
        (&[OPEN, &[5, 0]], false, "", ProxyFault::Closed),
        // It says that the target is reached, and lies.
        (&[OPEN, DONE], false, "", ProxyFault::Closed),
        (&[OPEN, DONE, b"<html>Please accept the terms."], true, "", ProxyFault::Protocol),
        (&[OPEN, DONE], true, "", ProxyFault::Silent),
    ];
    for (steps, then_hangs, credentials, fault) in cases {
        let proxy = scripted(steps, *then_hangs).await;
        let bare = format!("socks5://{}", proxy.address);
        let proxy_url = if credentials.is_empty() { bare } else { with(credentials, &bare) };
        let begun = Instant::now();
        let failed = through(&client, &proxy_url, target.clone()).await.expect_err("it does not work");
        assert!(begun.elapsed() < Duration::from_secs(5), "{steps:?}: {:?}", begun.elapsed());
        let FetchError::Proxy { fault: told, .. } = &failed else { panic!("{steps:?}: {failed}") };
        assert_eq!(told, fault, "{steps:?} {then_hangs}: {failed}");
        assert!(!format!("{failed} {failed:?}").contains("hunter2"), "{failed:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_says_the_tunnel_is_there_and_lies_is_found_out() {
    const TUNNEL: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
    let config = FetchConfig { connect_timeout: Duration::from_millis(400), ..config() };
    let client = Client::new(config).expect("a client");
    let cases: &[(&'static [&'static [u8]], bool, ProxyFault)] = &[
        (&[TUNNEL], false, ProxyFault::Closed),
        (&[TUNNEL, b"HTTP/1.1 400 Bad Request\r\n\r\n"], true, ProxyFault::Protocol),
        (&[TUNNEL], true, ProxyFault::Silent),
    ];
    for (steps, then_hangs, fault) in cases {
        let proxy = scripted(steps, *then_hangs).await;
        let begun = Instant::now();
        let target = url("https://127.0.0.1:4430/");
        let failed = through(&client, &format!("http://{}", proxy.address), target).await;
        let failed = failed.expect_err("nothing is behind it");
        assert!(begun.elapsed() < Duration::from_secs(5), "{steps:?}: {:?}", begun.elapsed());
        let FetchError::Proxy { fault: told, .. } = &failed else { panic!("{steps:?}: {failed}") };
        assert_eq!(told, fault, "{steps:?} {then_hangs}: {failed}");
    }
    // One that reads along has another certificate than the site.
    let (real, false_one) = (Secure::start(&[b"http/1.1"]).await, Secure::start(&[b"http/1.1"]).await);
    let to = false_one.address;
    let liar = Origin::raw(move |mut tcp, _| async move {
        if read_head(&mut tcp).await.is_none() || tcp.write_all(TUNNEL).await.is_err() {
            return;
        }
        let Ok(mut behind) = TcpStream::connect(to).await else { return };
        let _ = copy_bidirectional(&mut tcp, &mut behind).await;
    })
    .await;
    let target = url(&format!("https://{}/", real.address));
    let refused = through(&real.client(), &format!("http://{}", liar.address), target).await;
    let refused = refused.expect_err("a certificate that is not the site's");
    assert_eq!(refused.code(), TargetErrorCode::TlsFailed, "{refused}");
}

#[tokio::test]
async fn what_a_proxy_says_of_robots_in_a_sites_name_holds_for_nobody_without_a_proxy() {
    let liar = ProxyServer::start(Conduct::Html).await;
    let origin = Origin::http(|_| page("", b"User-agent: *\nDisallow: /private\n")).await;
    let client = client();
    let by_proxy = client.by(route(&liar.url(), NameLookup::Auto));
    let target = origin.url("/private");
    let told = by_proxy.robots().allowed(&by_proxy, &target).await;
    assert!(matches!(told, RobotsVerdict::Allowed { .. }), "plain HTTP cannot tell: {told:?}");
    let own = client.robots().allowed(&client, &target).await;
    assert!(matches!(own, RobotsVerdict::Disallowed { .. }), "{own:?}");
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn an_attempt_that_is_over_while_its_proxy_is_silent_is_the_proxys_failure() {
    let proxy = ProxyServer::start(Conduct::Hangs).await;
    let request = Request::get(url("https://192.0.2.7/"), Duration::from_millis(300));
    let config = FetchConfig { allow: vec!["192.0.2.0/24".parse().expect("a network")], ..config() };
    let client = Client::new(config).expect("a client").by(route(&proxy.url(), NameLookup::Auto));
    let late = client.fetch(&request).await.expect_err("too late");
    assert!(matches!(late, FetchError::Proxy { fault: ProxyFault::Silent, blame: Blame::Either }), "{late}");
}

#[tokio::test]
async fn names_are_the_proxys_to_look_up_and_refused_addresses_are_refused_before_it_is_asked() {
    let proxy = ProxyServer::start(Conduct::Unreachable).await;
    let guarded = Client::new(FetchConfig::default()).expect("a client");
    let get = |target: &str| Request::get(url(target), Duration::from_secs(20));
    let by_proxy = guarded.by(route(&proxy.url(), NameLookup::Proxy));
    for target in [
        "http://127.0.0.1/",
        "https://169.254.169.254/latest",
        "http://[::1]/",
        "https://2130706433/",
        "http://localhost/",
        "https://metadata.google.internal/",
        "http://10.0.0.1/",
    ] {
        let refused = by_proxy.fetch(&get(target)).await.expect_err(target);
        assert_eq!(refused.code(), TargetErrorCode::BlockedTarget, "{target}: {refused}");
    }
    assert_eq!(proxy.connections(), 0);
    let told = by_proxy.fetch(&get("https://nobody-has-this-name.example/")).await.expect_err("no such site");
    assert!(matches!(told, FetchError::Proxy { fault: ProxyFault::TargetUnreached(502), .. }), "{told}");
    assert!(proxy.heads()[0].starts_with("CONNECT nobody-has-this-name.example:443 HTTP/1.1\r\n"));
    // What is lifted is looked up here, and it is the address that the proxy is told.
    let lifted = client().by(route(&proxy.url(), NameLookup::Proxy));
    lifted.fetch(&get("https://site.localhost:4430/")).await.expect_err("it reaches nothing");
    assert!(proxy.heads()[1].starts_with("CONNECT 127.0.0.1:4430 HTTP/1.1\r\n"), "{}", proxy.heads()[1]);
}

#[tokio::test]
async fn a_redirect_to_a_refused_address_is_refused_through_a_proxy_too() {
    let proxy = ProxyServer::start(Conduct::Works).await;
    let origin = Origin::http(|_| {
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n".to_vec()
    })
    .await;
    let refused = through(&client(), &proxy.url(), origin.url("/")).await.expect_err("refused");
    assert_eq!(refused.code(), TargetErrorCode::BlockedTarget, "{refused}");
    assert_eq!(proxy.heads().len(), 1);
}

#[tokio::test]
async fn a_websocket_goes_through_a_tunnel() {
    let (proxy, origin) =
        (ProxyServer::start(Conduct::Works).await, Secure::start(&[b"h2", b"http/1.1"]).await);
    let client = origin.client().by(route(&proxy.url(), NameLookup::Auto));
    let target = format!("https://{SOCKET}:{}/", origin.address.port());
    let mut socket = agreed(&client, &request(&target)).await;
    assert_eq!(socket.next().await.expect("a message"), Heard::Message("http/1.1".into()));
    assert!(proxy.heads()[0].starts_with("CONNECT 127.0.0.1:"), "{}", proxy.heads()[0]);
}

/// Keeps the last cookie that it was given.
#[derive(Default)]
struct Last(std::sync::Mutex<Option<HeaderValue>>);

impl Cookies for Last {
    fn header(&self, _: &TargetUrl) -> Option<HeaderValue> {
        self.0.lock().expect("not poisoned").clone()
    }

    fn keep(&self, _: &TargetUrl, headers: &HeaderMap) {
        if let Some(value) = headers.get(header::SET_COOKIE) {
            *self.0.lock().expect("not poisoned") = Some(value.clone());
        }
    }
}

#[tokio::test]
async fn cookies_are_kept_of_each_redirect_and_go_with_the_requests_own() {
    let origin = Origin::http(|head| {
        if head.starts_with("GET /in") {
            b"HTTP/1.1 302 Found\r\nlocation: /out\r\nset-cookie: a=1\r\ncontent-length: 0\r\n\r\n".to_vec()
        } else {
            page("", head.as_bytes())
        }
    })
    .await;
    let client = client().with_cookies(Arc::new(Last::default()));
    let mut request = Request::get(origin.url("/in"), Duration::from_secs(20));
    request.headers.insert(header::COOKIE, HeaderValue::from_static("own=2"));
    let answer = client.fetch(&request).await.expect("a page");
    let seen = String::from_utf8(answer.body.to_vec()).expect("text");
    assert!(seen.contains("cookie: own=2; a=1\r\n"), "{seen}");
}
