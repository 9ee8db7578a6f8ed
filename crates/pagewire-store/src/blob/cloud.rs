//! Buckets of S3 and GCS, and how this server is let into them. Nothing is taken from the environment.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::signer::Signer;
use object_store::{ClientOptions, CredentialProvider, StaticCredentialProvider};

use super::error::BlobError;
use super::sts::AssumedRole;
use super::transport::{BlobTransport, Connector};

/// What all buckets have in common.
#[derive(Debug, Clone)]
pub struct CloudOptions {
    /// What sends the requests.
    pub transport: Arc<dyn BlobTransport>,
    /// Whether requests may go without TLS, for servers beside this one.
    pub plain_http: PlainHttp,
}

/// Whether requests may go without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// They may not.
    Refuse,
    /// They may.
    Allow,
}

/// A bucket of S3.
#[derive(Debug, Clone)]
pub struct S3Location {
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// Where it is, if not at AWS: a server that speaks like S3.
    pub endpoint: Option<String>,
    /// Who asks.
    pub credentials: S3Credentials,
}

/// Who asks S3.
#[derive(Clone)]
pub enum S3Credentials {
    /// Nobody: what is public.
    Anonymous,
    /// The operator's own key.
    Key(S3Key),
    /// A role that the operator's key may assume, of somebody who trusts it.
    Role {
        /// The operator's key.
        key: S3Key,
        /// `arn:aws:iam::…:role/…`
        role_arn: String,
        /// What the role's owner has been told to expect, so that nobody else can name his role here.
        external_id: String,
        /// The token service, if not that of the region.
        sts_endpoint: Option<String>,
    },
}

/// An access key.
#[derive(Clone)]
pub struct S3Key {
    /// Its id.
    pub id: String,
    /// The secret.
    pub secret: String,
    /// The token of a session, if it is of one.
    pub session_token: Option<String>,
}

// Secrets are in no log.
impl std::fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Anonymous => f.write_str("Anonymous"),
            Self::Key(key) => key.fmt(f),
            Self::Role { role_arn, .. } => {
                f.debug_struct("Role").field("role_arn", role_arn).finish_non_exhaustive()
            }
        }
    }
}

impl std::fmt::Debug for S3Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Key").field("id", &self.id).finish_non_exhaustive()
    }
}

impl S3Key {
    pub(super) fn credential(&self) -> AwsCredential {
        AwsCredential {
            key_id: self.id.clone(),
            secret_key: self.secret.clone(),
            token: self.session_token.clone(),
        }
    }
}

/// A bucket of Google Cloud Storage.
#[derive(Clone)]
pub struct GcsLocation {
    /// Its name.
    pub bucket: String,
    /// The JSON of a service account's key; absent for what is public.
    pub service_account_key: Option<String>,
    /// Where it is, if not at Google.
    pub endpoint: Option<String>,
}

impl std::fmt::Debug for GcsLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GcsLocation").field("bucket", &self.bucket).finish_non_exhaustive()
    }
}

type Bucket = (Arc<dyn ObjectStore>, Arc<dyn Signer>);

pub(super) fn s3(location: &S3Location, options: &CloudOptions) -> Result<Bucket, BlobError> {
    let builder = AmazonS3Builder::new()
        .with_bucket_name(&location.bucket)
        .with_region(&location.region)
        .with_http_connector(Connector(options.transport.clone()))
        .with_client_options(client(options));
    let builder = match &location.endpoint {
        Some(endpoint) => builder.with_endpoint(endpoint),
        None => builder.with_virtual_hosted_style_request(!location.bucket.contains('.')),
    };
    type Provider = Arc<dyn CredentialProvider<Credential = AwsCredential>>;
    let builder = match &location.credentials {
        S3Credentials::Anonymous => builder.with_skip_signature(true),
        S3Credentials::Key(key) => {
            builder.with_credentials(Arc::new(StaticCredentialProvider::new(key.credential())) as Provider)
        }
        S3Credentials::Role { key, role_arn, external_id, sts_endpoint } => {
            let endpoint = sts_endpoint
                .clone()
                .unwrap_or_else(|| format!("https://sts.{}.amazonaws.com", location.region));
            let role = AssumedRole::new(
                options.transport.clone(),
                key.credential(),
                endpoint,
                location.region.clone(),
                role_arn.clone(),
                external_id.clone(),
            );
            builder.with_credentials(Arc::new(role) as Provider)
        }
    };
    let store = Arc::new(builder.build()?);
    Ok((store.clone(), store))
}

pub(super) fn gcs(location: &GcsLocation, options: &CloudOptions) -> Result<Bucket, BlobError> {
    let builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&location.bucket)
        .with_http_connector(Connector(options.transport.clone()))
        .with_client_options(client(options));
    let builder = match &location.service_account_key {
        // The account signs its own tokens (AIP-4111): no token service is asked.
        Some(key) => builder.with_service_account_key(key),
        // Without any credentials, even of nobody, it would look for those of whoever runs this process.
        None => builder.with_skip_signature(true).with_credentials(Arc::new(StaticCredentialProvider::new(
            GcpCredential { bearer: String::new() },
        )) as _),
    };
    let builder = match &location.endpoint {
        Some(endpoint) => builder.with_config(GoogleConfigKey::BaseUrl, endpoint),
        None => builder,
    };
    let store = Arc::new(builder.build()?);
    Ok((store.clone(), store))
}

fn client(options: &CloudOptions) -> ClientOptions {
    ClientOptions::new().with_allow_http(options.plain_http == PlainHttp::Allow)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_lc_rs::digest::{SHA256, digest};
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use futures_util::future::BoxFuture;

    use super::*;
    use crate::blob::{Blobs, TransportBody, TransportError};

    /// Nothing is sent to sign a link.
    #[derive(Debug)]
    struct Nowhere;

    impl BlobTransport for Nowhere {
        fn exchange(
            &self,
            request: http::Request<Bytes>,
        ) -> BoxFuture<'static, Result<http::Response<TransportBody>, TransportError>> {
            panic!("{} was asked for", request.uri())
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn from_hex(text: &str) -> Vec<u8> {
        let pair = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits");
        (0..text.len()).step_by(2).map(pair).collect()
    }

    /// Held against the words of "V4 signing process" of Google's documentation.
    #[tokio::test]
    async fn a_link_of_gcs_bears_the_signature_of_the_service_account() {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = key.as_der().expect("PKCS #8");
        let account = format!(
            r#"{{"private_key": "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
                "private_key_id": "7", "client_email": "writer@project.iam.gserviceaccount.com"}}"#,
            STANDARD.encode(&*der)
        );
        let location =
            GcsLocation { bucket: "own".into(), service_account_key: Some(account), endpoint: None };
        let options = CloudOptions { transport: Arc::new(Nowhere), plain_http: PlainHttp::Refuse };
        let blobs = Blobs::gcs(&location, &options).expect("a bucket");
        let at = "results/1/part-00001.ndjson".parse().expect("a key");
        let link = blobs.presigned(&at, Duration::from_secs(3_600)).await.expect("signed").expect("its own");

        let (path, query) = link.split_once('?').expect("a query");
        assert_eq!(path, "https://storage.googleapis.com/own/results/1/part-00001.ndjson");
        let (mut given, signature): (Vec<&str>, Vec<&str>) =
            query.split('&').partition(|pair| !pair.starts_with("X-Goog-Signature="));
        given.sort_unstable();
        let value = |name: &str| {
            let pair = given.iter().find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            pair.unwrap_or_else(|| panic!("no {name} in {query}")).to_owned()
        };
        assert_eq!(value("X-Goog-Algorithm"), "GOOG4-RSA-SHA256");
        assert_eq!(
            (value("X-Goog-Expires").as_str(), value("X-Goog-SignedHeaders").as_str()),
            ("3600", "host")
        );
        let date = value("X-Goog-Date");
        let scope = format!("{}/auto/storage/goog4_request", &date[..8]);
        let credential = format!("writer@project.iam.gserviceaccount.com/{scope}");
        assert_eq!(value("X-Goog-Credential").replace("%40", "@").replace("%2F", "/"), credential);

        let canonical = format!(
            "GET\n/own/results/1/part-00001.ndjson\n{}\nhost:storage.googleapis.com\n\nhost\nUNSIGNED-PAYLOAD",
            given.join("&")
        );
        let signed = format!(
            "GOOG4-RSA-SHA256\n{date}\n{scope}\n{}",
            hex(digest(&SHA256, canonical.as_bytes()).as_ref())
        );
        let signature = from_hex(signature[0].strip_prefix("X-Goog-Signature=").expect("a signature"));
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
        assert!(public.verify(signed.as_bytes(), &signature).is_ok());
        assert!(public.verify(format!("{signed}0").as_bytes(), &signature).is_err());
    }
}
