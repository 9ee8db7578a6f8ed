//! The object stores that jobs may read their lists from, and the one that has the blobs of this server, with the keys that
//! the configuration only names.

use std::io;
use std::path::PathBuf;

use pagewire_engine::blob_transport::GuardedTransport;
use pagewire_engine::job::object_input::{GcsInputs, Names, ObjectInputs, S3Inputs, Secret};
use pagewire_fetch::Client;
use pagewire_store::blob::{CloudOptions, GcsLocation, PlainHttp, S3Credentials, S3Key, S3Location};
use pagewire_store::{BlobError, Blobs};

use crate::config::Checked;
use crate::config::blobs::BlobPlace;
use crate::config::object_store::{KeyVariables, ObjectStore};

/// Why they cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ObjectStoreError {
    #[error("the variable {0}, which [object_store.s3] names, is not set in the environment")]
    Variable(String),
    #[error("the key of a service account cannot be read from {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("the place of uploads and files cannot be used")]
    Blobs(#[from] BlobError),
}

/// What the configuration allows.
pub(crate) fn open(config: &ObjectStore, client: &Client) -> Result<ObjectInputs, ObjectStoreError> {
    let (s3, gcs) = (&config.s3, &config.gcs);
    Ok(ObjectInputs {
        s3: S3Inputs {
            buckets: Names(s3.buckets.clone()),
            roles: Names(s3.roles.clone()),
            region: s3.region.clone(),
            endpoint: s3.endpoint.clone(),
            sts_endpoint: s3.sts_endpoint.clone(),
            key: s3.key.as_ref().map(key).transpose()?,
        },
        gcs: GcsInputs {
            buckets: Names(gcs.buckets.clone()),
            service_account_key: gcs.service_account_file.as_ref().map(read).transpose()?,
            endpoint: gcs.endpoint.clone(),
        },
        transport: GuardedTransport::new(client.clone()),
    })
}

/// Where uploads and the files of jobs are kept.
pub(crate) fn blobs(config: &Checked, client: &Client) -> Result<Blobs, ObjectStoreError> {
    let (s3, gcs) = (&config.object_store.s3, &config.object_store.gcs);
    let options = |endpoint: &Option<String>| {
        // Without TLS only where the operator says so by the address.
        let plain = endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        CloudOptions {
            transport: GuardedTransport::new(client.clone()),
            plain_http: if plain { PlainHttp::Allow } else { PlainHttp::Refuse },
        }
    };
    Ok(match &config.blobs {
        BlobPlace::Directory => Blobs::local(config.server.data_dir.join("blobs"))?,
        BlobPlace::S3(bucket) => {
            let credentials = s3.key.as_ref().map(key).transpose()?;
            let location = S3Location {
                bucket: bucket.clone(),
                region: s3.region.clone(),
                endpoint: s3.endpoint.clone(),
                credentials: credentials.map_or(S3Credentials::Anonymous, S3Credentials::Key),
            };
            Blobs::s3(&location, &options(&s3.endpoint))?
        }
        BlobPlace::Gcs(bucket) => {
            let account = gcs.service_account_file.as_ref().map(read).transpose()?;
            let location = GcsLocation {
                bucket: bucket.clone(),
                service_account_key: account.map(|account| account.0),
                endpoint: gcs.endpoint.clone(),
            };
            Blobs::gcs(&location, &options(&gcs.endpoint))?
        }
    })
}

fn key(variables: &KeyVariables) -> Result<S3Key, ObjectStoreError> {
    Ok(S3Key {
        id: variable(&variables.id)?,
        secret: variable(&variables.key)?,
        session_token: variables.session.as_deref().map(variable).transpose()?,
    })
}

fn variable(name: &str) -> Result<String, ObjectStoreError> {
    let value = std::env::var(name).ok().map(|value| value.trim().to_owned());
    value.filter(|value| !value.is_empty()).ok_or_else(|| ObjectStoreError::Variable(name.to_owned()))
}

fn read(path: &PathBuf) -> Result<Secret, ObjectStoreError> {
    let fault = |source| ObjectStoreError::File { path: path.clone(), source };
    std::fs::read_to_string(path).map(Secret).map_err(fault)
}
