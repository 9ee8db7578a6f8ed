//! Buckets of S3 and GCS, and how this server is let into them. Nothing is taken from the environment.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
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
        Some(key) => builder.with_service_account_key(key),
        None => builder.with_skip_signature(true),
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
