//! HTTPS: certificates, and HTTP/2 where the origin offers it.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::SinkExt as _;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use pagewire_fetch::{Client, FailureKind, FetchConfig};
use pagewire_types::TargetErrorCode;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use tokio::{io::AsyncWriteExt, net::TcpListener, task::JoinSet};
use tokio_tungstenite::tungstenite::Message;

use crate::origin::{Origin, client, config, get, get_within, url};

/// A name at which the origin speaks no HTTP behind its handshake.
const GARBAGE: &str = "garbage.localhost";

/// A name at which it is a WebSocket, which says what TLS has agreed on.
pub(crate) const SOCKET: &str = "socket.localhost";

/// An HTTPS origin for 127.0.0.1 and `site.localhost`, its certificate, and the connections that it took.
pub(crate) struct Secure {
    pub(crate) address: SocketAddr,
    certificate: CertificateDer<'static>,
    connections: Arc<AtomicUsize>,
}

impl Secure {
    /// Answers `/big` with a megabyte, all else with the HTTP version spoken.
    pub(crate) async fn start(protocols: &[&[u8]]) -> Self {
        let names =
            ["127.0.0.1".to_owned(), "site.localhost".to_owned(), GARBAGE.to_owned(), SOCKET.to_owned()];
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(names).expect("a certificate");
        let certificate = cert.der().clone();
        let mut tls = server_config(&certificate, signing_key.serialize_der());
        tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
            while let Ok((tcp, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(tcp).await else { return };
                    if stream.get_ref().1.server_name() == Some(GARBAGE) {
                        let _ = stream.write_all(&[0xff; 4096]).await;
                        let _ = stream.shutdown().await;
                        return;
                    }
                    if stream.get_ref().1.server_name() == Some(SOCKET) {
                        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
                        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
                        let _ = socket.send(Message::binary(agreed.unwrap_or_default())).await;
                        return;
                    }
                    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let (io, service) = (TokioIo::new(stream), service_fn(answer));
                    let _ = if is_h2 {
                        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(io, service)
                            .await
                    } else {
                        hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
                    };
                });
            }
        });
        Self { address, certificate, connections }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(crate) fn client(&self) -> Client {
        let config = FetchConfig { extra_roots: vec![self.certificate.clone()], ..config() };
        Client::new(config).expect("a client")
    }
}

/// A server's TLS with that certificate.
pub(crate) fn server_config(certificate: &CertificateDer<'static>, key: Vec<u8>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivatePkcs8KeyDer::from(key).into())
        .expect("a server")
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/stalls" {
        std::future::pending::<()>().await;
    }
    let body = match request.uri().path() {
        "/big" => vec![b'x'; 1 << 20],
        "/huge" => vec![b'x'; 24 << 20],
        _ => format!("{:?}", request.version()).into_bytes(),
    };
    Ok(Response::new(Full::new(body.into())))
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_offered_and_its_connection_is_shared() {
    let origin = Secure::start(&[b"h2", b"http/1.1"]).await;
    let client = origin.client();
    let target = url(&format!("https://{}/", origin.address));
    assert_eq!(get(&client, target.clone()).await.expect("a page").body, "HTTP/2.0");
    let big = target.join("/big").expect("a URL");
    let (one, two, three) =
        tokio::join!(get(&client, big.clone()), get(&client, target.clone()), get(&client, big.clone()));
    assert_eq!(one.expect("a page").body.len(), 1 << 20);
    assert_eq!(two.expect("a page").body, "HTTP/2.0");
    assert_eq!(three.expect("a page").wire_bytes, 1 << 20);
    assert_eq!(origin.connections.load(Ordering::SeqCst), 1);
    let huge = get(&client, target.join("/huge").expect("a URL")).await.expect_err("over the cap");
    assert_eq!(huge.code(), TargetErrorCode::BodyTooLarge);
}

/// So many requests at the same moment, each of which must have its page; the connections that they took.
async fn connections_of_a_burst(origin: &Secure, client: &Client, requests: usize) -> usize {
    let before = origin.connections.load(Ordering::SeqCst);
    let target = url(&format!("https://{}/", origin.address));
    let mut pages = JoinSet::new();
    for _ in 0..requests {
        let (client, target) = (client.clone(), target.clone());
        pages.spawn(async move { get(&client, target).await });
    }
    for page in pages.join_all().await {
        assert_eq!(page.expect("a page").status, 200);
    }
    origin.connections.load(Ordering::SeqCst) - before
}

#[tokio::test]
async fn a_hundred_first_requests_at_once_share_one_http2_connection() {
    let origin = Secure::start(&[b"h2", b"http/1.1"]).await;
    let client = origin.client();
    assert_eq!(connections_of_a_burst(&origin, &client, 100).await, 1);
    assert_eq!(connections_of_a_burst(&origin, &client, 100).await, 0);
}

#[tokio::test]
async fn first_requests_to_what_speaks_http1_each_get_a_connection_and_none_waits_in_line() {
    let origin = Secure::start(&[b"http/1.1"]).await;
    let client = origin.client();
    assert!((2..=20).contains(&connections_of_a_burst(&origin, &client, 20).await));
}

#[tokio::test]
async fn a_first_contact_that_hangs_holds_the_others_up_for_a_moment_only() {
    let hangs = Origin::raw(|tcp, _| async move {
        std::future::pending::<()>().await;
        drop(tcp);
    })
    .await;
    let client = client();
    let target = url(&format!("https://{}/", hangs.address));
    let begun = Instant::now();
    let mut fetches = JoinSet::new();
    for _ in 0..5 {
        let (client, target) = (client.clone(), target.clone());
        fetches.spawn(async move { get_within(&client, target, 3_000).await });
    }
    while hangs.connections() < 5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(begun.elapsed() < Duration::from_millis(2_500), "{:?}", begun.elapsed());
    for fetch in fetches.join_all().await {
        assert_eq!(fetch.expect_err("nobody answers").code(), TargetErrorCode::Timeout);
    }
}

#[tokio::test]
async fn a_first_contact_that_is_given_up_sets_the_others_free_at_once() {
    let hangs = Origin::raw(|tcp, _| async move {
        std::future::pending::<()>().await;
        drop(tcp);
    })
    .await;
    let client = client();
    let target = url(&format!("https://{}/", hangs.address));
    let (leads, follows) =
        tokio::join!(get_within(&client, target.clone(), 100), get_within(&client, target.clone(), 400));
    assert!(leads.is_err() && follows.is_err());
    assert_eq!(
        hangs.connections(),
        2,
        "the second connects when the first is given up, not when its wait is over"
    );
}

#[tokio::test]
async fn http1_is_spoken_where_nothing_else_is_offered() {
    for protocols in [&[&b"http/1.1"[..]][..], &[]] {
        let origin = Secure::start(protocols).await;
        let client = origin.client();
        let target = url(&format!("https://site.localhost:{}/", origin.address.port()));
        for _ in 0..2 {
            assert_eq!(get(&client, target.clone()).await.expect("a page").body, "HTTP/1.1");
        }
        assert_eq!(origin.connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_or_not_the_hosts_is_tls_failed() {
    let origin = Secure::start(&[b"h2"]).await;
    let stranger = Client::new(config()).expect("a client");
    let target = url(&format!("https://{}/", origin.address));
    let error = get(&stranger, target).await.expect_err("not trusted");
    assert_eq!(error.code(), TargetErrorCode::TlsFailed);
    assert_eq!(error.kind(), FailureKind::Permanent);
    let other = url(&format!("https://other.localhost:{}/", origin.address.port()));
    let error = get(&origin.client(), other).await.expect_err("another name");
    assert_eq!(error.code(), TargetErrorCode::TlsFailed);
}

#[tokio::test]
async fn roots_are_read_from_the_operators_pem_file() {
    let origin = Secure::start(&[b"h2"]).await;
    let missing = FetchConfig { extra_roots_pem: Some("/nowhere/roots.pem".into()), ..config() };
    let error = Client::new(missing).expect_err("no such file");
    assert!(error.to_string().contains("/nowhere/roots.pem"));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("roots.pem");
    std::fs::write(&path, pem(&origin.certificate)).expect("written");
    let client = Client::new(FetchConfig { extra_roots_pem: Some(path), ..config() }).expect("a client");
    let target = url(&format!("https://{}/", origin.address));
    assert_eq!(get(&client, target).await.expect("a page").body, "HTTP/2.0");
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate))
}

#[tokio::test]
async fn an_http2_answer_that_never_comes_ends_at_its_timeout_and_holds_up_no_other() {
    let origin = Secure::start(&[b"h2"]).await;
    let client = origin.client();
    let target = url(&format!("https://{}/stalls", origin.address));
    let (stalls, other) = tokio::join!(
        get_within(&client, target.clone(), 300),
        get(&client, target.join("/").expect("a URL"))
    );
    assert_eq!(stalls.expect_err("it stalls").code(), TargetErrorCode::Timeout);
    assert_eq!(other.expect("a page").body, "HTTP/2.0");
}

#[tokio::test]
async fn garbage_behind_the_handshake_is_connect_failed() {
    for protocol in [&b"h2"[..], b"http/1.1"] {
        let origin = Secure::start(&[protocol]).await;
        let target = url(&format!("https://{GARBAGE}:{}/", origin.address.port()));
        let error = get(&origin.client(), target).await.expect_err("no HTTP there");
        assert_eq!(error.code(), TargetErrorCode::ConnectFailed, "{error}");
    }
}
