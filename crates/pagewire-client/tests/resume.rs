//! A client against a server that drops, refuses and restarts: each record once, in order, and an end to trying.

use std::net::SocketAddr;
use std::time::Duration;

use pagewire_client::{Client, ClientError, ClientOptions, RetryPolicy, StreamEvent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\npagewire-stream-id: str_1\r\nconnection: close\r\n\r\n: hello\n\n";
const END: &str = "event: end\ndata: {\"stream_id\":\"str_1\",\"job_id\":\"job_1\",\"done\":3,\"errored\":0,\"total\":3,\"credits_used\":3,\"elapsed_ms\":5,\"trace_id\":\"t\"}\n\n";

fn page(id: u32) -> String {
    format!("event: page\ndata: {{\"n\":{id}}}\nid: {id:04}\n\n")
}

/// Answers each connection with the next of the answers and closes it; gives the heads of the requests.
async fn server(answers: Vec<String>) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let served = tokio::spawn(async move {
        let mut requests = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
                let mut piece = [0; 4096];
                let read = socket.read(&mut piece).await.expect("a request");
                request.extend_from_slice(&piece[..read]);
            }
            requests.push(String::from_utf8_lossy(&request).to_ascii_lowercase());
            socket.write_all(answer.as_bytes()).await.expect("sent");
            socket.shutdown().await.expect("closed");
            // Until the client has closed too: a socket dropped with unread bytes is reset, and the answer with it.
            while socket.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
        }
        requests
    });
    (address, served)
}

fn client(address: SocketAddr) -> Client {
    let retry =
        RetryPolicy { attempts_max: 4, wait_first: Duration::from_millis(1), ..RetryPolicy::default() };
    let options = ClientOptions { retry, ..ClientOptions::default() };
    Client::with_options(&format!("http://{address}"), "pw_live_key", options).expect("a client")
}

fn refusal(status: &str, code: &str, headers: &str) -> String {
    let body = format!(
        "{{\"type\":\"/docs/errors/{code}\",\"title\":\"t\",\"status\":{},\"detail\":\"because\",\"code\":\"{code}\",\"retryable\":true}}",
        &status[..3]
    );
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
}

async fn ids(client: &Client) -> (Vec<String>, Option<ClientError>, bool) {
    let mut events = client.stream(&serde_json::json!({"urls": ["http://a/"]})).await.expect("a stream");
    let (mut ids, mut fault, mut ended) = (Vec::new(), None, false);
    while let Some(event) = events.next().await {
        match event {
            Ok(StreamEvent::Page { id, .. }) => ids.push(id),
            Ok(StreamEvent::End(_)) => ended = true,
            Ok(_) => {}
            Err(error) => fault = Some(error),
        }
    }
    (ids, fault, ended)
}

#[tokio::test]
async fn a_dropped_stream_goes_on_after_the_last_record_that_arrived_whole() {
    let cut_in_record_2 = format!("{HEAD}{}{}", page(1), &page(2)[..page(2).len() - 1]);
    let rest = format!("{HEAD}{}{}{END}", page(2), page(3));
    let (address, served) = server(vec![cut_in_record_2, rest]).await;

    let (ids, fault, ended) = ids(&client(address)).await;

    assert_eq!(ids, ["0001", "0002", "0003"]);
    assert!(ended && fault.is_none());
    let requests = served.await.expect("served");
    assert!(requests[0].starts_with("post /v1/stream http") && requests[0].contains("bearer pw_live_key"));
    assert!(requests[1].starts_with("post /v1/stream/str_1 "), "{}", requests[1]);
    assert!(requests[1].contains("last-event-id: 0001\r\n"), "{}", requests[1]);
}

#[tokio::test]
async fn a_server_that_restarts_is_asked_again_when_it_says() {
    let waiting = refusal("503 Service Unavailable", "draining", "retry-after: 0\r\n");
    let (address, served) =
        server(vec![waiting.clone(), format!("{HEAD}{}", page(1)), waiting, format!("{HEAD}{END}")]).await;

    let (ids, fault, ended) = ids(&client(address)).await;

    assert_eq!(ids, ["0001"]);
    assert!(ended && fault.is_none());
    assert_eq!(served.await.expect("served").len(), 4);
}

#[tokio::test]
async fn a_stream_that_is_gone_is_an_api_error_and_not_asked_for_again() {
    let gone = refusal("410 Gone", "stream_expired", "");
    let (address, served) = server(vec![format!("{HEAD}{}", page(1)), gone]).await;

    let (ids, fault, ended) = ids(&client(address)).await;

    assert_eq!(ids, ["0001"]);
    assert!(!ended);
    let Some(ClientError::Api(error)) = fault else { panic!("not an API error: {fault:?}") };
    assert_eq!((error.status, error.code()), (410, "stream_expired"));
    assert_eq!(served.await.expect("served").len(), 2);
}

#[tokio::test]
async fn a_stream_that_keeps_dropping_without_an_event_is_given_up() {
    let (address, served) = server(vec![HEAD.to_owned(); 4]).await;

    let (ids, fault, _) = ids(&client(address)).await;

    assert!(ids.is_empty());
    let Some(ClientError::Lost { attempts, .. }) = fault else { panic!("not lost: {fault:?}") };
    assert_eq!(attempts, 4);
    assert_eq!(served.await.expect("served").len(), 4);
}

#[tokio::test]
async fn a_scrape_is_not_sent_again_unless_the_server_refused_it() {
    let (address, served) = server(vec![
        refusal("429 Too Many Requests", "rate_limited", "retry-after: 0\r\n"),
        refusal("502 Bad Gateway", "connect_failed", ""),
    ])
    .await;

    let error = client(address).scrape(&serde_json::json!({"url": "http://a/"})).await.expect_err("refused");

    let ClientError::Api(error) = error else { panic!("not an API error: {error:?}") };
    assert_eq!((error.status, error.code()), (502, "connect_failed"));
    assert_eq!(served.await.expect("served").len(), 2);
}

#[test]
fn an_address_that_names_no_http_server_is_refused() {
    for address in ["", "localhost:7700", "ftp://h/", "http://", "http://h/?q"] {
        assert!(matches!(Client::new(address, "k"), Err(ClientError::BaseUrl(_))), "{address}");
    }
    assert!(matches!(Client::new("http://h", "a\nb"), Err(ClientError::Key)));
}
