//! Somebody else's role, assumed for an hour at a time: `AssumeRole` of the AWS token service, which the library lacks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use object_store::CredentialProvider;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpRequest, HttpRequestBody};
use tokio::sync::Mutex;

use super::error::BlobError;
use super::transport::BlobTransport;

/// A credential is replaced this long before it ends, so that no request bears one that ends on its way.
const RENEW_BEFORE: Duration = Duration::from_secs(5 * 60);
/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Gives the credentials of a role.
#[derive(Debug)]
pub(super) struct AssumedRole {
    transport: Arc<dyn BlobTransport>,
    own: AwsCredential,
    endpoint: String,
    region: String,
    role_arn: String,
    external_id: String,
    /// What was given last, and when it ends. Whoever finds it ended asks; the others wait for him.
    given: Mutex<Option<(Arc<AwsCredential>, Timestamp)>>,
}

impl AssumedRole {
    pub(super) fn new(
        transport: Arc<dyn BlobTransport>,
        own: AwsCredential,
        endpoint: String,
        region: String,
        role_arn: String,
        external_id: String,
    ) -> Self {
        Self { transport, own, endpoint, region, role_arn, external_id, given: Mutex::new(None) }
    }

    async fn assume(&self) -> Result<(Arc<AwsCredential>, Timestamp), BlobError> {
        let form = [
            ("Action", "AssumeRole"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.role_arn),
            ("RoleSessionName", "pagewire"),
            ("ExternalId", &self.external_id),
            ("DurationSeconds", "3600"),
        ]
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .join("&");
        let body = Bytes::from(form);
        let request = http::Request::post(format!("{}/", self.endpoint.trim_end_matches('/')))
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(HttpRequestBody::from(body.clone()));
        let mut request: HttpRequest = request.map_err(|error| BlobError::Failed(error.into()))?;
        AwsAuthorizer::new(&self.own, "sts", &self.region).try_authorize(&mut request, None)?;

        let answer = self.transport.exchange(request.map(|_| body)).await;
        let (head, mut chunks) = answer.map_err(|error| BlobError::Failed(error.into()))?.into_parts();
        let mut text = Vec::new();
        while let Some(chunk) = chunks.next().await {
            text.extend_from_slice(&chunk.map_err(|error| BlobError::Failed(error.into()))?);
            if text.len() > ANSWER_BYTES_MAX {
                return Err(BlobError::Failed("the token service answers too much".into()));
            }
        }
        let text = String::from_utf8_lossy(&text);
        if head.status.is_success() {
            read(&text).ok_or_else(|| BlobError::Failed("the token service's answer cannot be read".into()))
        } else {
            let code = element(&text, "Code").unwrap_or("no reason");
            let why = format!("the role cannot be assumed: {} ({code})", head.status).into();
            Err(if head.status.is_client_error() { BlobError::Denied(why) } else { BlobError::Failed(why) })
        }
    }
}

#[async_trait::async_trait]
impl CredentialProvider for AssumedRole {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let mut given = self.given.lock().await;
        if let Some((credential, ends)) = given.as_ref()
            && Timestamp::now() + RENEW_BEFORE < *ends
        {
            return Ok(credential.clone());
        }
        let (credential, ends) = self.assume().await.map_err(|error| match error {
            denied @ BlobError::Denied(_) => {
                object_store::Error::Unauthenticated { path: self.role_arn.clone(), source: denied.into() }
            }
            other => object_store::Error::Generic { store: "STS", source: other.into() },
        })?;
        *given = Some((credential.clone(), ends));
        Ok(credential)
    }
}

fn read(text: &str) -> Option<(Arc<AwsCredential>, Timestamp)> {
    let credential = AwsCredential {
        key_id: element(text, "AccessKeyId")?.to_owned(),
        secret_key: element(text, "SecretAccessKey")?.to_owned(),
        token: Some(element(text, "SessionToken")?.to_owned()),
    };
    Some((Arc::new(credential), element(text, "Expiration")?.parse().ok()?))
}

/// The text of the first element of that name. These hold neither elements nor anything that XML escapes.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    Some(inner.trim())
}

/// Percent-encodes all but the unreserved characters (RFC 3986, section 2.3).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    super::signed::escape_into(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_read_from_the_answer() {
        let text = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>
            <SessionToken>t/+=</SessionToken><SecretAccessKey>s</SecretAccessKey><Expiration>2026-11-21T10:00:00Z</Expiration>
            <AccessKeyId>ASIA</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>";
        let (credential, ends) = read(text).expect("a credential");
        assert_eq!((credential.key_id.as_str(), credential.token.as_deref()), ("ASIA", Some("t/+=")));
        assert_eq!(ends.to_string(), "2026-11-21T10:00:00Z");
        assert!(read("<AccessKeyId>a</AccessKeyId>").is_none());
        assert_eq!(escaped("arn:aws:iam::1:role/a b"), "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b");
    }
}
