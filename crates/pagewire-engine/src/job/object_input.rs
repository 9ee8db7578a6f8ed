//! Lists in other people's object stores: what the operator lets jobs read, as whom, and how it is opened.
//!
//! Nothing is read that the operator has not named: a bucket, which is read with the operator's own key or nobody's, or a
//! role, which its owner lets this server assume for one workspace by its external id.

use std::sync::Arc;

use pagewire_store::blob::{
    BlobTransport, CloudOptions, ForeignReader, GcsLocation, PlainHttp, S3Credentials, S3Key, S3Location,
    check_foreign_name,
};
use pagewire_store::{BlobError, Blobs, KeyMode};
use pagewire_types::{FieldError, JobInput, WorkspaceId};
use serde::{Deserialize, Serialize};

/// Where a job's list is, as it is stored with the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "store", rename_all = "lowercase")]
pub(crate) enum ObjectInput {
    /// In S3.
    S3 {
        /// `s3://bucket/key`
        uri: String,
        /// The role to assume.
        role_arn: Option<String>,
    },
    /// In Google Cloud Storage.
    Gcs {
        /// `gs://bucket/key`
        uri: String,
    },
}

/// What the operator lets jobs read.
#[derive(Debug, Clone)]
pub struct ObjectInputs {
    /// In S3.
    pub s3: S3Inputs,
    /// In Google Cloud Storage.
    pub gcs: GcsInputs,
    /// What sends the requests.
    pub transport: Arc<dyn BlobTransport>,
}

/// What may be read in S3.
#[derive(Debug, Clone, Default)]
pub struct S3Inputs {
    /// Buckets that are read with the operator's key, or nobody's.
    pub buckets: Names,
    /// Roles that may be assumed; what they may read, their owners decide.
    pub roles: Names,
    /// The region of the buckets.
    pub region: String,
    /// Where they are, if not at AWS.
    pub endpoint: Option<String>,
    /// The token service, if not that of the region.
    pub sts_endpoint: Option<String>,
    /// The operator's key.
    pub key: Option<S3Key>,
}

/// What may be read in Google Cloud Storage.
#[derive(Debug, Clone, Default)]
pub struct GcsInputs {
    /// The buckets.
    pub buckets: Names,
    /// The JSON of a service account's key; absent for what is public.
    pub service_account_key: Option<Secret>,
    /// Where they are, if not at Google.
    pub endpoint: Option<String>,
}

/// A text that prints as nothing.
#[derive(Clone)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Names, of which one that ends in `*` stands for all that begin so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

impl Names {
    fn have(&self, name: &str) -> bool {
        self.0.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => name == allowed,
        })
    }
}

impl ObjectInput {
    /// The object that an input names, if it names one.
    pub(super) fn of(input: &JobInput) -> Option<Self> {
        match input {
            JobInput::S3 { uri, role_arn } => Some(Self::S3 { uri: uri.clone(), role_arn: role_arn.clone() }),
            JobInput::Gcs { uri } => Some(Self::Gcs { uri: uri.clone() }),
            JobInput::Urls { .. } | JobInput::Upload(_) => None,
        }
    }

    /// `s3://bucket/key`
    pub(super) fn uri(&self) -> &str {
        match self {
            Self::S3 { uri, .. } | Self::Gcs { uri } => uri,
        }
    }

    /// Bucket and key; the form of a URI was judged when the request was read.
    fn place(&self) -> (&str, &str) {
        let rest = self.uri().split_once("://").map_or("", |(_, rest)| rest);
        rest.split_once('/').unwrap_or((rest, ""))
    }

    fn pointer(&self) -> &'static str {
        match self {
            Self::S3 { .. } => "/input/s3_uri",
            Self::Gcs { .. } => "/input/gcs_uri",
        }
    }
}

impl ObjectInputs {
    /// Nothing may be read.
    #[must_use]
    pub fn none(transport: Arc<dyn BlobTransport>) -> Self {
        Self { s3: S3Inputs::default(), gcs: GcsInputs::default(), transport }
    }

    /// Whether the operator lets that be read.
    pub(super) fn check(&self, mode: KeyMode, input: &ObjectInput) -> Result<(), FieldError> {
        let fault = |detail: String| Err(FieldError::new(input.pointer(), detail));
        if mode == KeyMode::Test {
            return fault("a sandbox key reaches no object store; send an upload".to_owned());
        }
        let (bucket, name) = input.place();
        if !is_bucket(bucket) {
            return fault("has no name of a bucket".to_owned());
        }
        if check_foreign_name(name).is_err() {
            return fault(
                "has a name that cannot be asked for: empty parts, `.` and `..` are in none".to_owned(),
            );
        }
        match input {
            ObjectInput::S3 { role_arn: Some(role), .. } => {
                if self.s3.key.is_none() || !self.s3.roles.have(role) {
                    let detail = "this server may not assume that role; its operator allows roles by `roles` in [object_store.s3]";
                    return Err(FieldError::new("/input/role_arn", detail));
                }
                Ok(())
            }
            ObjectInput::S3 { role_arn: None, .. } if !self.s3.buckets.have(bucket) => fault(
                "this server may not read from that bucket; its operator allows buckets by `buckets` in [object_store.s3]; or send an upload"
                    .to_owned(),
            ),
            ObjectInput::Gcs { .. } if !self.gcs.buckets.have(bucket) => fault(
                "this server may not read from that bucket; its operator allows buckets by `buckets` in [object_store.gcs]; or send an upload"
                    .to_owned(),
            ),
            ObjectInput::S3 { role_arn: None, .. } | ObjectInput::Gcs { .. } => Ok(()),
        }
    }

    /// Begins to read it, for that workspace.
    pub(super) async fn open(
        &self,
        input: &ObjectInput,
        workspace: &WorkspaceId,
    ) -> Result<ForeignReader, BlobError> {
        let (_, name) = input.place();
        self.bucket(input, workspace)?.read_foreign(name).await
    }

    fn bucket(&self, input: &ObjectInput, workspace: &WorkspaceId) -> Result<Blobs, BlobError> {
        let bucket = input.place().0.to_owned();
        match input {
            ObjectInput::S3 { role_arn, .. } => {
                let endpoint = self.s3.endpoint.clone();
                let options = self.options(endpoint.as_deref());
                let credentials = self.s3.credentials(role_arn.as_deref(), workspace);
                Blobs::s3(
                    &S3Location { bucket, region: self.s3.region.clone(), endpoint, credentials },
                    &options,
                )
            }
            ObjectInput::Gcs { .. } => {
                let endpoint = self.gcs.endpoint.clone();
                let options = self.options(endpoint.as_deref());
                let service_account_key = self.gcs.service_account_key.as_ref().map(|key| key.0.clone());
                Blobs::gcs(&GcsLocation { bucket, service_account_key, endpoint }, &options)
            }
        }
    }

    /// Without TLS only where the operator says so by the address.
    fn options(&self, endpoint: Option<&str>) -> CloudOptions {
        let plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
        CloudOptions {
            transport: self.transport.clone(),
            plain_http: if plain { PlainHttp::Allow } else { PlainHttp::Refuse },
        }
    }
}

impl S3Inputs {
    fn credentials(&self, role_arn: Option<&str>, workspace: &WorkspaceId) -> S3Credentials {
        match (&self.key, role_arn) {
            (Some(key), Some(role)) => S3Credentials::Role {
                key: key.clone(),
                role_arn: role.to_owned(),
                external_id: format!("pagewire:{workspace}"),
                sts_endpoint: self.sts_endpoint.clone(),
            },
            (Some(key), None) => S3Credentials::Key(key.clone()),
            (None, _) => S3Credentials::Anonymous,
        }
    }
}

/// What S3 and GCS call buckets. It becomes part of a host's name.
fn is_bucket(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=222).contains(&name.len())
        && name.bytes().all(inner)
        && edge(name.bytes().next())
        && edge(name.bytes().next_back())
        && !name.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_star_stands_for_all_that_begin_so() {
        let names = Names(vec!["lists".into(), "acme-*".into()]);
        assert!(names.have("lists") && names.have("acme-") && names.have("acme-eu"));
        assert!(!names.have("lists2") && !names.have("acme") && !Names::default().have("lists"));
        assert!(Names(vec!["*".into()]).have("anything"));
    }

    #[test]
    fn what_is_no_bucket_never_becomes_part_of_a_host() {
        for name in ["lists", "a.b-c_d", "123"] {
            assert!(is_bucket(name), "{name}");
        }
        for name in
            ["", "ab", "Lists", "a@b.example", "evil.example#", "a..b", "-ab", "ab.", "a b c", "a:80", "a%2f"]
        {
            assert!(!is_bucket(name), "{name}");
        }
    }

    #[test]
    fn an_input_is_read_back_as_it_was_stored() {
        for input in [
            ObjectInput::S3 { uri: "s3://b/k".into(), role_arn: Some("arn:aws:iam::1:role/r".into()) },
            ObjectInput::Gcs { uri: "gs://b/k/l".into() },
        ] {
            let text = serde_json::to_string(&input).expect("JSON");
            assert_eq!(serde_json::from_str::<ObjectInput>(&text).expect("an input"), input);
        }
        assert_eq!(ObjectInput::Gcs { uri: "gs://b/k/l".into() }.place(), ("b", "k/l"));
    }
}
