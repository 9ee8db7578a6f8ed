//! Webhooks: whoever wants to know is told, signed, until he has taken it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pagewire_testkit::DEADLINE;
use pagewire_testkit::binary::Options;
use pagewire_testkit::http::{self, Response};
use pagewire_testkit::receiver::{Answer, Received, Receiver};
use pagewire_testkit::wait::eventually;
use serde_json::{Value, json};

use crate::world::{Dice, EXE, World, problem};

const SCOPES: [&str; 4] = ["jobs:read", "jobs:write", "webhooks:read", "webhooks:write"];
/// Tries come at once, three of them.
const IMPATIENT: &str = "[webhooks]\nretry_delays_s = [0, 0]\n";
/// As large as waits may be, so that nothing is tried a second time within a test.
const PATIENT: &str = "[webhooks]\nretry_delays_s = [600, 600]\nattempt_timeout_s = 60\n";

impl World {
    /// With a key that may have webhooks and jobs.
    async fn of_webhooks(config: &str) -> Self {
        let mut world = Self::with_config(config).await;
        world.key = world.server.create_key(&SCOPES);
        world
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Response {
        let bearer = format!("Bearer {}", self.key);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        http::request(self.server.address(), method, path, &headers, body.to_string().as_bytes()).await
    }

    /// Makes a webhook that hears of the ends of jobs.
    async fn webhook(&self, url: &str) -> Value {
        let body = json!({"url": url, "events": ["job.completed"]});
        let made = self.post("/v1/webhooks", &body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let webhook = made.json();
        let place = format!("/v1/webhooks/{}", text(&webhook["id"]));
        assert_eq!(made.header("location"), Some(place.as_str()));
        webhook
    }

    /// Takes a job of one page.
    async fn work_off_one(&self, webhook: Option<Value>) -> Value {
        let mut body = json!({"urls": self.origin.product_urls(1), "defaults": {"formats": [], "extract": {"name": "string"}}});
        if let Some(webhook) = webhook {
            body["webhook"] = webhook;
        }
        let taken = self.post("/v1/jobs", &body).await;
        assert_eq!(taken.status, 202, "{}", taken.text());
        taken.json()
    }

    async fn deliveries(&self, webhook: &Value, query: &str) -> Vec<Value> {
        let path = format!("/v1/webhooks/{}/deliveries{query}", text(&webhook["id"]));
        let page = self.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        page.json()["deliveries"].as_array().expect("deliveries").clone()
    }

    /// The one delivery of an event to a webhook once it stands so.
    async fn delivery(&self, webhook: &Value, status: &str) -> Value {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let mut found = self.deliveries(webhook, "").await;
            found.retain(|delivery| delivery["event"] != "webhook.test");
            if let [one] = found.as_slice()
                && one["status"] == status
            {
                return one.clone();
            }
            assert!(tokio::time::Instant::now() < deadline, "not {status}: {found:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// The signature that a secret makes over a delivery.
pub(crate) fn signed(delivery: &Received, secret: &str) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
    let head = format!("{}.{}.", delivery.id(), delivery.header("webhook-timestamp"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, &[head.as_bytes(), &delivery.body].concat());
    format!("v1,{}", STANDARD.encode(tag))
}

#[tokio::test]
async fn the_end_of_a_job_is_told_and_signed_and_the_secret_is_told_once() {
    let (world, receiver) = (World::of_webhooks(PATIENT).await, Receiver::start().await);
    let webhook = world.webhook(&receiver.url("/hook?a=b")).await;
    let secret = text(&webhook["secret"]).to_owned();
    let job = world.work_off_one(None).await;
    let delivery = receiver.wait_for(1).await.remove(0);
    assert_eq!(delivery.path, "/hook?a=b");
    assert_eq!(delivery.header("content-type"), "application/json");
    assert_eq!(delivery.header("webhook-signature"), signed(&delivery, &secret));
    let said = delivery.json();
    assert_eq!(said["type"], "job.completed");
    let (data, id) = (&said["data"], text(&job["id"]));
    assert_eq!((&data["job_id"], &data["status"]), (&job["id"], &json!("completed")));
    assert_eq!(
        (&data["urls_total"], &data["urls_done"], &data["urls_errored"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(data["results_url"], format!("/v1/jobs/{id}/results"));

    let logged = world.delivery(&webhook, "delivered").await;
    assert_eq!((&logged["id"], &logged["event"]), (&json!(delivery.id()), &json!("job.completed")));
    assert_eq!((&logged["tries"], &logged["attempts"][0]["http_status"]), (&json!(1), &json!(204)));
    let known = format!("{}{}", world.get("/v1/webhooks").await.text(), logged);
    let key = secret.trim_start_matches("whsec_");
    assert!(known.contains(text(&webhook["id"])) && !known.contains(key), "{known}");
    assert!(!world.server.log().contains(key));
    for file in std::fs::read_dir(world.server.data_dir()).expect("the data").flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        let found = bytes.windows(key.len()).any(|part| part == key.as_bytes());
        assert!(!found, "the secret stands in {}", file.path().display());
    }
}

#[tokio::test]
async fn a_receiver_that_fails_is_told_again_under_the_same_id() {
    let (world, receiver) = (World::of_webhooks(IMPATIENT).await, Receiver::start().await);
    receiver.answer([Answer::Status(500), Answer::Status(200)]);
    let webhook = world.webhook(&receiver.url("/")).await;
    world.work_off_one(None).await;
    let told = receiver.wait_for(2).await;
    assert_eq!((told[0].id(), &told[0].body), (told[1].id(), &told[1].body));
    assert_eq!(told[1].header("webhook-signature"), signed(&told[1], text(&webhook["secret"])));
    let logged = world.delivery(&webhook, "delivered").await;
    let statuses: Vec<&Value> =
        logged["attempts"].as_array().expect("tries").iter().map(|one| &one["http_status"]).collect();
    assert_eq!(statuses, [&json!(500), &json!(200)]);
    assert_eq!(logged["attempts"][0]["answer"], "status 500");
}

#[tokio::test]
async fn what_was_given_up_is_replayed() {
    let (world, receiver) = (World::of_webhooks(IMPATIENT).await, Receiver::start().await);
    receiver.answer([Answer::With(302, format!("location: {}", receiver.url("/elsewhere")), String::new())]);
    let webhook = world.webhook(&receiver.url("/")).await;
    world.work_off_one(None).await;
    let dead = world.delivery(&webhook, "dead").await;
    assert_eq!((&dead["tries"], &dead["next_try_at"]), (&json!(3), &Value::Null));
    let told = receiver.wait_for(3).await;
    assert!(told.iter().all(|one| one.path == "/" && one.id() == told[0].id()), "no redirect is followed");
    assert_eq!(world.deliveries(&webhook, "?status=delivered").await, Vec::<Value>::new());
    assert_eq!(world.deliveries(&webhook, "?status=dead").await.len(), 1);

    receiver.answer([Answer::Status(200)]);
    let replay = format!("/v1/deliveries/{}/replay", text(&dead["id"]));
    let replayed = world.post(&replay, &json!({})).await;
    assert_eq!((replayed.status, &replayed.json()["status"]), (202, &json!("pending")));
    assert_eq!(receiver.wait_for(4).await[3].id(), told[0].id());
    let delivered = world.delivery(&webhook, "delivered").await;
    assert_eq!(delivered["attempts"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn what_was_sent_and_not_noted_before_a_crash_is_sent_again_under_the_same_id() {
    let (mut world, receiver) = (World::of_webhooks(PATIENT).await, Receiver::start().await);
    receiver.answer([Answer::Silence, Answer::Status(200)]);
    let webhook = world.webhook(&receiver.url("/")).await;
    world.work_off_one(None).await;
    receiver.wait_for(1).await;
    world.server.kill_9();
    world.server.restart().await;
    let told = receiver.wait_for(2).await;
    assert_eq!((told[0].id(), &told[0].body), (told[1].id(), &told[1].body));
    let logged = world.delivery(&webhook, "delivered").await;
    assert_eq!((&logged["tries"], logged["attempts"].as_array().map(Vec::len)), (&json!(1), Some(1)));
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_nobody_else() {
    let config = format!("{PATIENT}at_once = 4\n");
    let (world, prompt) = (World::of_webhooks(&config).await, Receiver::start().await);
    let hook = world.webhook(&prompt.url("/")).await;
    world.work_off_one(None).await;
    prompt.wait_for(1).await;
    world.delivery(&hook, "delivered").await;
    // Each is another endpoint, and more of them than there are places.
    let mut hanging = Vec::new();
    for _ in 0..8 {
        let receiver = Receiver::start().await;
        receiver.answer([Answer::Silence]);
        world.webhook(&receiver.url("/")).await;
        hanging.push(receiver);
    }
    for count in 2..=6 {
        world.work_off_one(None).await;
        prompt.wait_for(count).await;
    }
    let asked: usize = hanging.iter().map(|receiver| receiver.received().len()).sum();
    assert_eq!(asked, 2, "those that hang have half of the places and no more");
}

#[tokio::test]
async fn a_job_has_a_webhook_of_its_own_with_a_secret_of_its_own() {
    let (world, receiver) = (World::of_webhooks(PATIENT).await, Receiver::start().await);
    let (own, given) = (receiver.url("/own"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let body = json!({"urls": world.origin.product_urls(1), "defaults": {"formats": ["metadata"]},
        "webhook": {"url": own, "events": ["job.completed"], "metadata": {"order": 7}}});
    let bearer = format!("Bearer {}", world.key);
    let headers =
        [("authorization", bearer.as_str()), ("content-type", "application/json"), ("idempotency-key", "k")];
    let send = || async {
        http::request(world.server.address(), "POST", "/v1/jobs", &headers, body.to_string().as_bytes()).await
    };
    let (first, repeated) = (send().await, send().await);
    assert_eq!((first.status, first.text()), (202, repeated.text()), "a repeated request is told the same");
    let webhook = first.json()["webhook"].clone();
    assert_eq!((&webhook["url"], &webhook["events"]), (&json!(own), &json!(["job.completed"])));
    let delivery = receiver.wait_for(1).await.remove(0);
    assert_eq!(delivery.header("webhook-signature"), signed(&delivery, text(&webhook["secret"])));
    assert_eq!(delivery.json()["data"]["metadata"], json!({"order": 7}));
    assert_eq!(delivery.json()["data"]["job_id"], first.json()["id"]);
    world.delivery(&webhook, "delivered").await;
    assert_eq!(
        world.get("/v1/webhooks").await.json()["webhooks"],
        json!([]),
        "it is no webhook of the workspace"
    );

    let job = world.work_off_one(Some(json!({"url": receiver.url("/all"), "secret": given}))).await;
    let told = receiver.wait_for(3).await;
    let kinds: Vec<Value> = told[1..].iter().map(|one| one.json()["type"].clone()).collect();
    assert!(kinds.contains(&json!("job.started")) && kinds.contains(&json!("job.completed")), "{kinds:?}");
    for one in &told[1..] {
        assert_eq!((one.path.as_str(), &one.json()["data"]["job_id"]), ("/all", &job["id"]));
        assert_eq!(one.header("webhook-signature"), signed(one, given));
    }
}

#[tokio::test]
async fn a_secret_that_is_rotated_signs_beside_the_new_one() {
    let (world, receiver) = (World::of_webhooks(PATIENT).await, Receiver::start().await);
    let old = world.webhook(&receiver.url("/")).await;
    let path = format!("/v1/webhooks/{}", text(&old["id"]));
    let new = world.ask("PATCH", &path, &json!({"rotate_secret": true})).await.json();
    assert_ne!(old["secret"], new["secret"]);
    let tested = world.post(&format!("{path}/test"), &json!({})).await.json();
    assert_eq!((&tested["delivered"], &tested["http_status"]), (&json!(true), &json!(204)));
    let test = receiver.wait_for(1).await.remove(0);
    assert_eq!((test.id(), &test.json()["type"]), (text(&tested["id"]), &json!("webhook.test")));
    let both = format!("{} {}", signed(&test, text(&new["secret"])), signed(&test, text(&old["secret"])));
    assert_eq!(test.header("webhook-signature"), both);
}

#[tokio::test]
async fn a_receiver_that_says_it_is_gone_is_told_no_more() {
    let (world, receiver) = (World::of_webhooks(IMPATIENT).await, Receiver::start().await);
    receiver.answer([Answer::Status(410)]);
    let webhook = world.webhook(&receiver.url("/")).await;
    world.work_off_one(None).await;
    let dead = world.delivery(&webhook, "dead").await;
    assert_eq!(dead["tries"], 1);
    let path = format!("/v1/webhooks/{}", text(&webhook["id"]));
    let disabled = world.get(&path).await.json();
    assert_eq!(disabled["enabled"], false);
    assert!(text(&disabled["disabled_reason"]).contains("410"));
    let replay = format!("/v1/deliveries/{}/replay", text(&dead["id"]));
    problem(&world.post(&replay, &json!({})).await, 422, "validation_failed");
    let tested = world.post(&format!("{path}/test"), &json!({})).await.json();
    assert_eq!((&tested["delivered"], &tested["http_status"]), (&json!(false), &json!(410)));
    world.ask("PATCH", &path, &json!({"enabled": true})).await;
    receiver.answer([Answer::Status(200)]);
    assert_eq!(world.post(&replay, &json!({})).await.status, 202);
    world.delivery(&webhook, "delivered").await;
}

#[tokio::test]
async fn a_private_address_is_no_receiver() {
    let server = Options::new(EXE).guarded().start().await;
    let key = server.create_key(&SCOPES);
    let post = async |path: &str, body: Value| http::post_json(server.address(), path, &key, &body).await;
    for url in [
        "http://127.0.0.1/",
        "http://localhost:80/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/",
        "http://0x7f.1/",
    ] {
        let refused = problem(&post("/v1/webhooks", json!({"url": url})).await, 422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], "/url", "{url}");
        let job = json!({"urls": ["http://a.example/"], "webhook": url});
        let refused = problem(&post("/v1/jobs", job).await, 422, "validation_failed");
        assert_eq!(refused["errors"][0]["pointer"], "/webhook/url", "{url}");
    }
}

#[tokio::test]
async fn the_sandbox_tells_its_own_webhooks_and_opens_no_socket() {
    let (mut world, receiver) = (World::of_webhooks(IMPATIENT).await, Receiver::start().await);
    world.webhook(&receiver.url("/live")).await;
    world.key = world.server.create_key_with(&SCOPES, &["--sandbox"]);
    assert_eq!(world.get("/v1/webhooks").await.json()["webhooks"], json!([]));
    let taken = world.webhook("https://app.example/hook").await;
    let refused = world.webhook("https://app.example/status/500").await;
    world.work_off_one(None).await;
    assert_eq!(world.delivery(&taken, "delivered").await["attempts"][0]["http_status"], 200);
    assert_eq!(world.delivery(&refused, "dead").await["attempts"][0]["http_status"], 500);
    assert_eq!(receiver.received(), [], "a live webhook hears nothing of the sandbox");
}

#[tokio::test]
async fn a_receiver_that_hangs_does_not_hold_a_server_that_stops() {
    let (mut world, receiver) = (World::of_webhooks(PATIENT).await, Receiver::start().await);
    receiver.answer([Answer::Silence]);
    world.webhook(&receiver.url("/")).await;
    world.work_off_one(None).await;
    receiver.wait_for(1).await;
    let ended = world.server.terminate(Duration::from_secs(30)).await;
    assert!(ended.success(), "{}", world.server.log());
}

/// The blocks of docs/webhooks.md that verify a delivery, by their language.
fn verifiers() -> Vec<(String, String)> {
    let document = std::fs::read_to_string(root().join("docs/webhooks.md")).expect("the document");
    let blocks = document.split("<!-- verify -->\n```").skip(1);
    blocks
        .map(|block| {
            let (language, rest) = block.split_once('\n').expect("a language");
            (language.to_owned(), rest.split("```").next().expect("a block").to_owned())
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two deep").to_path_buf()
}

/// Whether what the documentation says of a language takes a delivery: it is run as it stands, with the official library.
fn takes(language: &str, block: &str, delivery: &Received, secret: &str) -> bool {
    let home = root().join("bench/.work/verifiers");
    assert!(home.exists(), "{} is made by scripts/install-slow-test-deps", home.display());
    let headers: Value = delivery.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let given =
        json!({"secret": secret, "headers": headers, "body": String::from_utf8_lossy(&delivery.body)});
    let (program, script) = match language {
        "python" => {
            let run = "import json, sys\ngiven = json.load(sys.stdin)\n\
                       print(receive(given['secret'], given['headers'], given['body'].encode())['type'])\n";
            (home.join("venv/bin/python"), format!("{block}\n{run}"))
        }
        "js" => {
            let run = "import { readFileSync } from 'node:fs';\nconst given = JSON.parse(readFileSync(0));\n\
                       console.log(receive(given.secret, given.headers, given.body).type);\n";
            (PathBuf::from("node"), format!("{block}\n{run}"))
        }
        other => panic!("a verifier in {other}"),
    };
    let file =
        tempfile::Builder::new().suffix(if language == "js" { ".mjs" } else { ".py" }).tempfile_in(&home);
    let file = file.expect("a file");
    std::fs::write(file.path(), script).expect("written");
    let mut child = Command::new(program)
        .arg(file.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    child.stdin.take().expect("a pipe").write_all(given.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let faults = String::from_utf8_lossy(&output.stderr);
    // Whatever else goes wrong must not pass for a refusal.
    assert!(output.status.success() || faults.contains("WebhookVerificationError"), "{language}: {faults}");
    output.status.success() && output.stdout == b"webhook.test\n"
}

#[tokio::test]
async fn slow_the_official_libraries_take_what_is_sent_and_nothing_else() {
    let (world, receiver) = (World::of_webhooks(PATIENT).await, Receiver::start().await);
    let first = world.webhook(&receiver.url("/")).await;
    let path = format!("/v1/webhooks/{}", text(&first["id"]));
    world.post(&format!("{path}/test"), &json!({})).await;
    let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    world.ask("PATCH", &path, &json!({"rotate_secret": true, "secret": given})).await;
    world.post(&format!("{path}/test"), &json!({})).await;
    let told = receiver.wait_for(2).await;
    let (before, rotated) = (&told[0], &told[1]);
    let changed = Received { body: [rotated.body.as_slice(), b" "].concat(), ..rotated.clone() };
    let renamed = |name: &str, value: &str| {
        let mut one = rotated.clone();
        one.headers
            .iter_mut()
            .filter(|(have, _)| have == name)
            .for_each(|(_, have)| *have = value.to_owned());
        one
    };
    let (id, late) = (renamed("webhook-id", before.id()), renamed("webhook-timestamp", "1614265330"));
    let verifiers = verifiers();
    assert_eq!(verifiers.iter().map(|(language, _)| language.as_str()).collect::<Vec<_>>(), ["python", "js"]);
    for (language, block) in &verifiers {
        let takes = |delivery: &Received, secret: &str| takes(language, block, delivery, secret);
        assert!(takes(before, text(&first["secret"])), "{language}");
        assert!(
            takes(rotated, text(&first["secret"])) && takes(rotated, given),
            "{language}: both secrets sign"
        );
        assert!(!takes(before, given), "{language}: another secret");
        for other in [&changed, &id, &late] {
            assert!(!takes(other, given), "{language}: {other:?}");
        }
    }
}

#[tokio::test]
async fn slow_kills_while_deliveries_go_out_lose_none_and_rename_none() {
    let (mut world, receiver) = (
        World::of_webhooks("[webhooks]\nretry_delays_s = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]\n").await,
        Receiver::start().await,
    );
    let seed = std::env::var("PAGEWIRE_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260);
    let mut dice = Dice::of(seed);
    world.webhook(&receiver.url("/")).await;
    let mut jobs = BTreeSet::new();
    for _ in 0..15 {
        receiver.answer([Answer::Status(500), Answer::Silence, Answer::Status(204)]);
        for _ in 0..4 {
            jobs.insert(text(&world.work_off_one(None).await["id"]).to_owned());
        }
        tokio::time::sleep(Duration::from_millis(dice.below(150))).await;
        world.server.kill_9();
        world.server.restart().await;
    }
    receiver.answer([Answer::Status(204)]);
    let told = |receiver: &Receiver| {
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for one in receiver.received() {
            let job = text(&one.json()["data"]["job_id"]).to_owned();
            ids.entry(job).or_default().insert(one.id().to_owned());
        }
        ids
    };
    eventually("every job's end is told", DEADLINE, || told(&receiver).len() == jobs.len()).await;
    let told = told(&receiver);
    assert_eq!(told.keys().cloned().collect::<BTreeSet<_>>(), jobs, "seed {seed}");
    assert!(told.values().all(|ids| ids.len() == 1), "seed {seed}: {told:?}");
    let ids: BTreeSet<&String> = told.values().flatten().collect();
    assert_eq!(ids.len(), jobs.len(), "seed {seed}: no two events share an id");
}
