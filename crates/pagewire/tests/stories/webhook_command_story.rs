//! Webhooks by the command line: made, tried, listed, and what became of their deliveries.

use pagewire_testkit::binary::Options;
use pagewire_testkit::receiver::{Answer, Receiver};
use serde_json::{Value, json};

use crate::shell::{Desk, Shell, lines, stderr, stdout, usage_error};
use crate::world::{EXE, World};

impl Desk {
    /// Its server gives a delivery up after two tries, at once.
    async fn of_webhooks() -> Self {
        let options = Options::new(EXE).config("[webhooks]\nretry_delays_s = [0]\n");
        let mut world = World::with(options).await;
        world.key = world.server.create_key(&["jobs:read", "jobs:write", "webhooks:read", "webhooks:write"]);
        Self { world, shell: Shell::open() }
    }

    /// What became of a webhook's deliveries, once they are in this state.
    async fn deliveries(&self, webhook: &str, status: &str, count: usize) -> Vec<Value> {
        let deadline = tokio::time::Instant::now() + pagewire_testkit::DEADLINE;
        loop {
            let listed = self.run(&["webhook", "deliveries", webhook, "--status", status, "--json"]).await;
            let found = lines(&stdout(&listed));
            if found.len() == count {
                return found;
            }
            assert!(tokio::time::Instant::now() < deadline, "{found:?}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test]
async fn a_webhook_is_made_tried_and_its_dead_deliveries_replayed() {
    let (desk, receiver) = (Desk::of_webhooks().await, Receiver::start().await);
    let url = receiver.url("/hook");
    let made = stdout(&desk.run(&["webhook", "create", &url, "--events", "job.completed"]).await);
    let (id, secret) = made.trim_end().split_once('\n').expect("two lines");
    assert!(id.starts_with("wh_") && secret.starts_with("whsec_") && !secret.contains('\n'), "{made}");

    let tried = stdout(&desk.run(&["webhook", "test", id]).await);
    assert!(tried.starts_with("dlv_") && tried.contains("was taken: 204"), "{tried}");
    let listed = stdout(&desk.run(&["webhook", "list"]).await);
    assert!(listed.contains(id) && listed.contains("job.completed") && !listed.contains(secret), "{listed}");

    receiver.answer([Answer::Status(500)]);
    let refused = desk.run(&["webhook", "test", id]).await;
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
    assert!(stderr(&refused).contains("500"), "{}", stderr(&refused));
    let site = desk.world.origin.url("/p/1");
    let job = stdout(&desk.run(&["job", "create", &site, "--format", "metadata", "--wait"]).await);
    // The test that failed is one of them, and the older.
    let dead = desk.deliveries(id, "dead", 2).await.remove(0);
    assert_eq!((&dead["event"], &dead["tries"]), (&json!("job.completed"), &json!(2)), "{dead}");
    let table = stdout(&desk.run(&["webhook", "deliveries", id]).await);
    assert!(table.contains("dead") && table.contains("500"), "{table}");
    assert_eq!(table.matches("webhook.test").count(), 2, "{table}");

    receiver.answer([Answer::Status(204)]);
    let delivery = dead["id"].as_str().expect("an id");
    let replayed = stdout(&desk.run(&["webhook", "replay", delivery]).await);
    assert_eq!(replayed, format!("{delivery} is due\n"));
    assert_eq!(desk.deliveries(id, "delivered", 2).await[0]["id"], json!(delivery));
    let last = receiver.received().pop().expect("it was sent");
    assert_eq!((last.id(), &last.json()["data"]["job_id"]), (delivery, &json!(job.trim_end())));
}

#[tokio::test]
async fn a_job_made_with_a_webhook_tells_the_secret_beside_its_id() {
    let (desk, receiver) = (Desk::of_webhooks().await, Receiver::start().await);
    let (site, url) = (desk.world.origin.url("/p/1"), receiver.url("/of-job"));
    let made = desk.run(&["job", "create", &site, "--format", "metadata", "--webhook", &url]).await;
    assert!(stdout(&made).starts_with("job_"));
    assert!(stderr(&made).contains("wh_") && stderr(&made).contains("whsec_"), "{}", stderr(&made));
    assert!(!receiver.wait_for(1).await.is_empty());
}

#[tokio::test]
async fn a_secret_comes_from_a_file_and_what_is_no_event_is_told() {
    let (desk, receiver) = (Desk::of_webhooks().await, Receiver::start().await);
    let url = receiver.url("/");
    desk.shell.write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let made =
        desk.run(&["webhook", "create", &url, "--secret-file", "secret", "--disabled", "--json"]).await;
    let webhook = lines(&stdout(&made)).remove(0);
    assert_eq!(
        (&webhook["secret"], &webhook["enabled"]),
        (&json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &json!(false))
    );
    let wrong = usage_error(&desk.run(&["webhook", "create", &url, "--events", "job.done"]).await);
    assert!(wrong.contains("job.completed"), "{wrong}");
    let unknown = desk.run(&["webhook", "test", "wh_0198f3c2a5b07d1e8a3b5c7d9e0f1a2b"]).await;
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("404"), "{}", stderr(&unknown));
}
