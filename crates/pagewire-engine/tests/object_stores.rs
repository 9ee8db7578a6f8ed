//! Buckets through the guarded client, against a server of PyPI that speaks S3 and STS. `scripts/test-slow` installs it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use pagewire_engine::blob_transport::GuardedTransport;
use pagewire_fetch::{Client, FetchConfig};
use pagewire_store::blob::{
    BlobError, BlobHeaders, BlobKey, BlobTransport, Blobs, CloudOptions, PlainHttp, S3Credentials, S3Key,
    S3Location, TransportBody, TransportError, conformance,
};

struct Server {
    child: Child,
    endpoint: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts the server on a port of its choice, with two buckets and a role.
fn server() -> Server {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("two deep").into();
    let python = root.join("bench/.work/readers/bin/python");
    assert!(python.exists(), "{} is made by scripts/install-slow-test-deps", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/s3_server.py");
    let mut child = Command::new(python).arg(script).stdout(Stdio::piped()).spawn().expect("python runs");
    let mut endpoint = String::new();
    let stdout = child.stdout.take().expect("its output");
    BufReader::new(stdout).read_line(&mut endpoint).expect("its address");
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint}");
    Server { child, endpoint: endpoint.trim().to_owned() }
}

fn loopback_client() -> Client {
    let config = FetchConfig { allow: vec!["127.0.0.0/8".parse().expect("a net")], ..FetchConfig::default() };
    Client::new(config).expect("a client")
}

fn options() -> CloudOptions {
    CloudOptions { transport: GuardedTransport::new(loopback_client()), plain_http: PlainHttp::Allow }
}

fn key() -> S3Key {
    S3Key { id: "test".into(), secret: "test".into(), session_token: None }
}

fn location(server: &Server, bucket: &str, credentials: S3Credentials) -> S3Location {
    S3Location {
        bucket: bucket.into(),
        region: "us-east-1".into(),
        endpoint: Some(server.endpoint.clone()),
        credentials,
    }
}

#[tokio::test]
async fn slow_a_bucket_keeps_the_laws_and_is_reached_by_roles_and_links() {
    let server = server();
    let own = Blobs::s3(&location(&server, "own", S3Credentials::Key(key())), &options()).expect("a bucket");
    conformance::holds(&own).await;

    let at = "exports/a".parse().expect("a key");
    let mut writer = own.write(
        &at,
        BlobHeaders {
            content_type: Some("text/csv"),
            content_disposition: Some("attachment; filename=\"a.csv\"".into()),
        },
    );
    writer.write(Bytes::from_static(b"url\r\n")).await.expect("written");
    writer.finish().await.expect("finished");
    let link = own.presigned(&at, std::time::Duration::from_secs(60)).await.expect("signed").expect("a link");
    let url = pagewire_types::TargetUrl::parse(&link).expect("a URL");
    let request = pagewire_fetch::Request::get(url, std::time::Duration::from_secs(5));
    let answer = loopback_client().fetch(&request).await.expect("fetched");
    assert_eq!(answer.body, "url\r\n");
    assert_eq!(answer.headers["content-disposition"], "attachment; filename=\"a.csv\"");

    let role = S3Credentials::Role {
        key: key(),
        role_arn: "arn:aws:iam::123456789012:role/reader".into(),
        external_id: "workspace-default".into(),
        sts_endpoint: Some(server.endpoint.clone()),
    };
    let foreign = Blobs::s3(&location(&server, "foreign", role), &options()).expect("a bucket");
    let list = foreign.read_foreign("lists/May 2026/urls+more.ndjson").await.expect("read");
    assert_eq!(list.bytes(100).await.expect("read"), "\"http://a/\"\n");
    assert!(matches!(foreign.read_foreign("lists/none").await, Err(BlobError::Missing(_))));

    let error = foreign.read_foreign("lists/../a").await.expect_err("no name");
    assert!(matches!(error, BlobError::Failed(_)), "{error:?}");

    let gone = S3Location { bucket: "nobodys".into(), ..location(&server, "x", S3Credentials::Key(key())) };
    let gone = Blobs::s3(&gone, &options()).expect("a bucket");
    assert!(gone.read_foreign("a").await.is_err());
}

/// Replaces an object once its first part has come.
#[derive(Debug)]
struct Meddler {
    inner: Arc<GuardedTransport>,
    at: BlobKey,
    owner: Blobs,
    parts: AtomicU32,
}

impl BlobTransport for Meddler {
    fn exchange(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
        let is_first =
            request.method() == http::Method::GET && self.parts.fetch_add(1, Ordering::SeqCst) == 0;
        let (answer, owner, at) = (self.inner.exchange(request), self.owner.clone(), self.at.clone());
        Box::pin(async move {
            let (head, body) = answer.await?.into_parts();
            let body: Vec<Bytes> = body.try_collect().await?;
            if is_first {
                owner.put(&at, Bytes::from(vec![b'y'; 9 << 20])).await.expect("replaced");
            }
            Ok(http::Response::from_parts(head, stream::iter(body.into_iter().map(Ok)).boxed()))
        })
    }
}

#[tokio::test]
async fn slow_an_object_that_its_owner_replaces_while_it_is_read_is_not_read_on() {
    let server = server();
    let at: BlobKey = "lists/large".parse().expect("a key");
    let foreign = location(&server, "foreign", S3Credentials::Key(key()));
    let owner = Blobs::s3(&foreign, &options()).expect("a bucket");
    owner.put(&at, Bytes::from(vec![b'x'; 9 << 20])).await.expect("put");
    let inner = GuardedTransport::new(loopback_client());
    let meddler = Meddler { inner, at, owner: owner.clone(), parts: AtomicU32::new(0) };
    let options = CloudOptions { transport: Arc::new(meddler), plain_http: PlainHttp::Allow };
    let reader = Blobs::s3(&foreign, &options).expect("a bucket").read_foreign("lists/large").await;
    let error = reader.expect("there").bytes(1 << 30).await.expect_err("changed");
    assert!(matches!(error, BlobError::Changed(_)), "{error:?}");
    let anew = owner.read_foreign("lists/large").await.expect("there").bytes(1 << 30).await.expect("read");
    assert_eq!(anew, vec![b'y'; 9 << 20], "it is one content or the other");
}

#[tokio::test]
async fn a_bucket_at_a_private_address_is_refused_by_the_guard() {
    let client = Client::new(FetchConfig::default()).expect("a client");
    let options = CloudOptions { transport: GuardedTransport::new(client), plain_http: PlainHttp::Allow };
    let location = S3Location {
        bucket: "any".into(),
        region: "us-east-1".into(),
        endpoint: Some("http://169.254.169.254".into()),
        credentials: S3Credentials::Anonymous,
    };
    let blobs = Blobs::s3(&location, &options).expect("a bucket");
    let error = blobs.read_foreign("latest/meta-data").await.expect_err("refused");
    let mut text = String::new();
    let mut next: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = next {
        text.push_str(&format!("{error}; "));
        next = error.source();
    }
    assert!(text.contains("not an allowed target"), "{text}");
}
