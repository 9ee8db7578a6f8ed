//! `[object_store]`: from where jobs may read their lists, and as whom. Nothing by default.

use std::path::PathBuf;

use pagewire_types::TargetUrl;

use super::judge::Judge;
use super::raw;

/// `[object_store]`
#[derive(Debug, Clone)]
pub(crate) struct ObjectStore {
    /// `[object_store.s3]`
    pub(crate) s3: S3,
    /// `[object_store.gcs]`
    pub(crate) gcs: Gcs,
}

/// `[object_store.s3]`
#[derive(Debug, Clone)]
pub(crate) struct S3 {
    /// Buckets that may be read.
    pub(crate) buckets: Vec<String>,
    /// Roles that may be assumed.
    pub(crate) roles: Vec<String>,
    /// The region of the buckets.
    pub(crate) region: String,
    /// Where they are, if not at AWS.
    pub(crate) endpoint: Option<String>,
    /// The token service, if not that of the region.
    pub(crate) sts_endpoint: Option<String>,
    /// The variables of the environment that hold the key.
    pub(crate) key: Option<KeyVariables>,
}

/// The variables of the environment that hold an access key.
#[derive(Debug, Clone)]
pub(crate) struct KeyVariables {
    /// Its id.
    pub(crate) id: String,
    /// The key itself.
    pub(crate) key: String,
    /// The token of its session, if it is of one.
    pub(crate) session: Option<String>,
}

/// `[object_store.gcs]`
#[derive(Debug, Clone)]
pub(crate) struct Gcs {
    /// Buckets that may be read.
    pub(crate) buckets: Vec<String>,
    /// Where they are, if not at Google.
    pub(crate) endpoint: Option<String>,
    /// The file with the key of a service account.
    pub(crate) service_account_file: Option<PathBuf>,
}

impl Judge {
    pub(super) fn object_store(&mut self, raw: &raw::ObjectStore) -> ObjectStore {
        ObjectStore { s3: self.s3(&raw.s3), gcs: self.gcs(&raw.gcs) }
    }

    fn s3(&mut self, raw: &raw::S3) -> S3 {
        let roles = raw.roles.clone().unwrap_or_default();
        for role in roles.iter().filter(|role| !role.starts_with("arn:")) {
            let allowed =
                "ARNs of roles, or what they begin with and a `*`: \"arn:aws:iam::123456789012:role/*\"";
            self.fault("object_store.s3.roles", format!("{role:?}"), allowed);
        }
        let variable = |judge: &mut Self, name: &str, value: &Option<String>| {
            let value = value.clone().filter(|value| !value.is_empty())?;
            // What begins so is a setting, and a setting of no name that is known is refused.
            if value.starts_with("PAGEWIRE_") || value.contains('=') {
                let allowed = "the name of a variable that does not begin with PAGEWIRE_";
                judge.fault(&format!("object_store.s3.{name}"), &value, allowed);
            }
            Some(value)
        };
        let id = variable(self, "key_id_env", &raw.key_id_env);
        let key = variable(self, "key_env", &raw.key_env);
        let session = variable(self, "session_env", &raw.session_env);
        let key = match (id, key) {
            (Some(id), Some(key)) => Some(KeyVariables { id, key, session }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                self.fault(
                    "object_store.s3.key_env",
                    "(one of two)",
                    "given together with `key_id_env`, or neither",
                );
                None
            }
        };
        if key.is_none() && !roles.is_empty() {
            self.fault(
                "object_store.s3.roles",
                format!("{roles:?}"),
                "empty where there is no key to assume them with",
            );
        }
        let region = raw.region.clone().unwrap_or_default();
        let plain = region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if region.is_empty() || !plain {
            self.fault("object_store.s3.region", format!("{region:?}"), "a region such as \"eu-north-1\"");
        }
        S3 {
            buckets: raw.buckets.clone().unwrap_or_default(),
            roles,
            region,
            endpoint: self.base("object_store.s3.endpoint", raw.endpoint.as_deref()),
            sts_endpoint: self.base("object_store.s3.sts_endpoint", raw.sts_endpoint.as_deref()),
            key,
        }
    }

    fn gcs(&mut self, raw: &raw::Gcs) -> Gcs {
        let file = raw.service_account_file.as_deref().filter(|path| !path.is_empty());
        Gcs {
            buckets: raw.buckets.clone().unwrap_or_default(),
            endpoint: self.base("object_store.gcs.endpoint", raw.endpoint.as_deref()),
            service_account_file: file.map(PathBuf::from),
        }
    }

    fn base(&mut self, key: &str, text: Option<&str>) -> Option<String> {
        let text = text.unwrap_or_default().trim_end_matches('/');
        if text.is_empty() {
            return None;
        }
        if TargetUrl::parse(text).is_err() {
            self.fault(key, format!("{text:?}"), "empty, or a URL such as \"https://s3.example.com\"");
        }
        Some(text.to_owned())
    }
}
