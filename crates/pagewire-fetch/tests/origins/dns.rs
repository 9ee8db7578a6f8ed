//! Names: what a resolver answers is judged before anything connects, whatever it answered before.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use pagewire_fetch::{Client, FetchConfig, FetchError, Response};
use pagewire_types::TargetErrorCode;
use tokio::{net::UdpSocket, task::JoinSet};

use crate::origin::{Origin, config, get, page, url};

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// A DNS server that answers the n-th question for an IPv4 address by `answer(n)`, with a lifetime of zero; none means
/// that the name does not exist.
struct NameServer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl NameServer {
    async fn start(answer: impl Fn(usize) -> Option<Vec<Ipv4Addr>> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut query = [0; 1500];
            while let Ok((length, peer)) = socket.recv_from(&mut query).await {
                let question = question(&query[..length]);
                let is_a = question[question.len() - 4..question.len() - 2] == [0, 1];
                let addresses =
                    if is_a { answer(counted.fetch_add(1, Ordering::SeqCst)) } else { Some(Vec::new()) };
                let reply = reply(&query[..2], question, addresses.as_deref());
                socket.send_to(&reply, peer).await.expect("sent");
            }
        });
        Self { address, asked }
    }

    fn client(&self) -> Client {
        let config = FetchConfig { dns_servers: vec![self.address], ..config() };
        Client::new(config).expect("a client")
    }
}

/// The question section of a query: a name, its type and its class.
fn question(query: &[u8]) -> &[u8] {
    let name = query[12..].iter().position(|byte| *byte == 0).expect("a name") + 1;
    &query[12..12 + name + 4]
}

fn reply(id: &[u8], question: &[u8], addresses: Option<&[Ipv4Addr]>) -> Vec<u8> {
    let code = if addresses.is_some() { 0x80 } else { 0x83 };
    let addresses = addresses.unwrap_or_default();
    let count = u8::try_from(addresses.len()).expect("few");
    let mut reply = [id, &[0x81, code, 0, 1, 0, count, 0, 0, 0, 0], question].concat();
    for address in addresses {
        reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        reply.extend_from_slice(&address.octets());
    }
    reply
}

/// An origin that closes after each answer, so that each fetch looks its name up.
async fn origin() -> Origin {
    Origin::http(|_| page("connection: close\r\n", b"page")).await
}

async fn fetch(client: &Client, origin: &Origin, name: &str) -> Result<Response, FetchError> {
    get(client, url(&format!("http://{name}:{}/", origin.address.port()))).await
}

#[tokio::test]
async fn a_name_leads_to_its_address() {
    let (dns, origin) = (NameServer::start(|_| Some(vec![LOOPBACK])).await, origin().await);
    let response = fetch(&dns.client(), &origin, "site.test").await.expect("a page");
    assert_eq!(response.body, "page");
}

#[tokio::test]
async fn one_private_address_in_an_answer_blocks_the_name() {
    let (dns, origin) = (NameServer::start(|_| Some(vec![LOOPBACK, PRIVATE])).await, origin().await);
    let error = fetch(&dns.client(), &origin, "mixed.test").await.expect_err("blocked");
    assert_eq!(error.code(), TargetErrorCode::BlockedTarget);
    assert!(!error.to_string().contains("10.0.0.1"), "{error}");
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn a_name_that_is_bound_anew_is_judged_anew() {
    let dns = NameServer::start(|nth| Some(vec![if nth == 0 { LOOPBACK } else { PRIVATE }])).await;
    let (client, origin) = (dns.client(), origin().await);
    fetch(&client, &origin, "rebinds.test").await.expect("a page");
    let error = fetch(&client, &origin, "rebinds.test").await.expect_err("blocked");
    assert_eq!(error.code(), TargetErrorCode::BlockedTarget);
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_metadata_name_needs_a_lifted_address() {
    let (dns, origin) = (NameServer::start(|_| Some(vec![LOOPBACK])).await, origin().await);
    fetch(&dns.client(), &origin, "metadata.google.internal").await.expect("lifted by the operator");
    let dns = NameServer::start(|_| Some(vec![Ipv4Addr::new(8, 8, 8, 8)])).await;
    let error = fetch(&dns.client(), &origin, "metadata.google.internal").await.expect_err("blocked");
    assert_eq!(error.code(), TargetErrorCode::BlockedTarget);
}

#[tokio::test]
async fn a_name_without_an_address_is_dns_failed() {
    let origin = origin().await;
    for answer in [None, Some(Vec::new())] {
        let dns = NameServer::start(move |_| answer.clone()).await;
        let error = fetch(&dns.client(), &origin, "nothing.test").await.expect_err("no address");
        assert_eq!(error.code(), TargetErrorCode::DnsFailed, "{error}");
    }
}

#[tokio::test]
async fn a_resolver_that_is_silent_is_dns_failed() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
    let config = FetchConfig {
        dns_servers: vec![silent.local_addr().expect("an address")],
        dns_timeout: Duration::from_millis(200),
        ..config()
    };
    let client = Client::new(config).expect("a client");
    let error = fetch(&client, &origin().await, "silent.test").await.expect_err("no answer");
    assert_eq!(error.code(), TargetErrorCode::DnsFailed);
}

#[tokio::test]
async fn equal_lookups_at_the_same_time_are_one() {
    let (dns, origin) = (NameServer::start(|_| Some(vec![LOOPBACK])).await, origin().await);
    let client = dns.client();
    let mut fetches = JoinSet::new();
    for _ in 0..10 {
        let (client, target) = (client.clone(), url(&format!("http://same.test:{}/", origin.address.port())));
        fetches.spawn(async move { get(&client, target).await.expect("a page").body });
    }
    assert_eq!(fetches.join_all().await.len(), 10);
    assert_eq!(dns.asked.load(Ordering::SeqCst), 1);
}
