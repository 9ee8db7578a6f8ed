//! Lists in Google Cloud Storage that only a service account may read: it signs its own tokens, which the store verifies.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use pagewire_testkit::BucketServer;
use pagewire_testkit::binary::Options;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::job_world::lines;
use crate::world::{EXE, World};

const EMAIL: &str = "reader@project.iam.gserviceaccount.com";
const KEY_ID: &str = "key-7";

/// An account, and the file that its owner has of it.
struct ServiceAccount {
    key: KeyPair,
    directory: TempDir,
}

impl ServiceAccount {
    fn new() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = key.as_der().expect("PKCS #8");
        let private_key =
            format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*der));
        let directory = tempfile::tempdir().expect("a directory");
        let account = json!({
            "type": "service_account", "project_id": "project", "private_key_id": KEY_ID, "private_key": private_key,
            "client_email": EMAIL, "token_uri": "https://oauth2.googleapis.com/token",
        });
        std::fs::write(directory.path().join("account.json"), account.to_string()).expect("a file");
        Self { key, directory }
    }

    fn config(&self, bucket: &BucketServer) -> String {
        format!(
            "[object_store.gcs]\nbuckets = [\"lists\"]\nendpoint = \"{}\"\nservice_account_file = \"{}\"\n",
            bucket.endpoint(),
            self.directory.path().join("account.json").display()
        )
    }

    /// Who may read as this account: whoever bears a token of its own signature, for reading objects, that is good now.
    fn doorkeeper(&self) -> impl Fn(Option<&str>) -> bool + Send + Sync + 'static {
        let public =
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key.public_key().as_ref().to_vec());
        move |authorization| {
            let Some(token) = authorization.and_then(|header| header.strip_prefix("Bearer ")) else {
                return false;
            };
            let Some((signed, signature)) = token.rsplit_once('.') else { return false };
            let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
            public.verify(signed.as_bytes(), &signature).is_ok() && is_good_now(signed)
        }
    }
}

/// RFC 7519, and what Google asks of such a token (AIP-4111).
fn is_good_now(signed: &str) -> bool {
    let part = |text: &str| -> Value {
        let json = URL_SAFE_NO_PAD.decode(text).expect("base64url");
        serde_json::from_slice(&json).expect("JSON")
    };
    let (head, claims) = signed.split_once('.').expect("two parts");
    let (head, claims) = (part(head), part(claims));
    let now = Timestamp::now().as_second();
    let second = |name: &str| claims[name].as_i64().expect("a time");
    let (issued, expires) = (second("iat"), second("exp"));
    head == json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID})
        && claims["iss"] == EMAIL
        && claims["sub"] == EMAIL
        && claims["scope"].as_str().is_some_and(|scope| scope.starts_with("https://www.googleapis.com/auth/"))
        && (now - 60..=now).contains(&issued)
        && (now..=issued + 3_600).contains(&expires)
}

async fn job_of_list(world: &World) -> Value {
    let body = json!({"input": {"gcs_uri": "gs://lists/a.ndjson"}, "defaults": {"formats": ["metadata"], "robots": "ignore"}});
    let id = world.submit(&body).await;
    world.ended(&id).await
}

#[tokio::test]
async fn a_list_is_read_by_the_token_that_the_account_signs_and_by_no_other() {
    let (account, stranger, bucket) =
        (ServiceAccount::new(), ServiceAccount::new(), BucketServer::start().await);
    bucket.let_in(account.doorkeeper());
    let mut world = World::with_config(&account.config(&bucket)).await;
    world.key = world.server.create_key(&["jobs:read", "jobs:write"]);
    let urls = world.origin.product_urls(3);
    let list: String = urls.iter().map(|url| format!("{}\n", json!(url))).collect();
    bucket.put("lists", "a.ndjson", list.clone());
    let job = job_of_list(&world).await;
    assert_eq!((&job["status"], &job["error"]), (&json!("completed"), &Value::Null), "{job}");
    assert_eq!(lines(&world.follow(&job["download_url"], "GET", &[]).await).len(), 3);
    assert!(
        bucket.requests().iter().all(|request| request.ends_with("/lists/a.ndjson")),
        "no token service is asked: {:?}",
        bucket.requests()
    );
    let key = std::fs::read_to_string(account.directory.path().join("account.json")).expect("a file");
    let key: Value = serde_json::from_str(&key).expect("JSON");
    let line = key["private_key"].as_str().and_then(|key| key.lines().nth(1)).expect("a key");
    assert!(!world.server.log().contains(&line[..64]), "the key is in no log");

    for config in [stranger.config(&bucket), config_of_nobody(&bucket)] {
        let mut world = World::with_config(&config).await;
        world.key = world.server.create_key(&["jobs:read", "jobs:write"]);
        let job = job_of_list(&world).await;
        assert_eq!(job["status"], "failed", "{job}");
        let error = job["error"].as_str().expect("an error");
        assert!(error.contains("does not let this server read"), "{error}");
    }
}

fn config_of_nobody(bucket: &BucketServer) -> String {
    format!("[object_store.gcs]\nbuckets = [\"lists\"]\nendpoint = \"{}\"\n", bucket.endpoint())
}

#[tokio::test]
async fn what_anybody_may_read_is_read_as_nobody_whoever_runs_the_server() {
    let bucket = BucketServer::start().await;
    bucket.let_in(|authorization| authorization.is_none());
    let home = tempfile::tempdir().expect("a directory");
    let there = home.path().join(".config/gcloud");
    std::fs::create_dir_all(&there).expect("a directory");
    std::fs::write(there.join("application_default_credentials.json"), "of somebody").expect("a file");
    let home = home.path().display().to_string();
    let options = Options::new(EXE).config(&config_of_nobody(&bucket)).environment("HOME", &home);
    let mut world = World::with(options).await;
    world.key = world.server.create_key(&["jobs:read", "jobs:write"]);
    bucket.put("lists", "a.ndjson", format!("{}\n", json!(world.origin.url("/p/1"))));
    let job = job_of_list(&world).await;
    assert_eq!((&job["status"], &job["error"]), (&json!("completed"), &Value::Null), "{job}");
}
