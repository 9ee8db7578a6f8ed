//! Sources by the command line: added, tried, listed, deleted; and whole lists of them in and out.

use std::fmt::Write as _;

use serde_json::json;

use crate::shell::{Desk, Shell, lines, stderr, stdout};
use crate::source_world::Sources;

impl Desk {
    async fn of_sources() -> Self {
        Self { world: Sources::start().await.world, shell: Shell::open() }
    }
}

#[tokio::test]
async fn a_source_is_tried_added_listed_and_deleted() {
    let desk = Desk::of_sources().await;
    let document = crate::source_world::rss(&[("2", "Second"), ("1", "First")]);
    desk.world.origin.set_document("/feed", "application/rss+xml", document);
    let url = desk.world.origin.url("/feed");
    let tried = stdout(&desk.run(&["source", "test", &url]).await);
    assert!(tried.contains("First") && tried.contains("Second") && tried.contains("2 events"), "{tried}");
    assert_eq!(stdout(&desk.run(&["source", "list", "--json"]).await), "", "a test keeps nothing");

    let id = stdout(&desk.run(&["source", "add", &url, "--tag", "news", "--name", "The feed"]).await);
    let id = id.trim_end();
    assert!(id.starts_with("127.0.0.1-") && id.ends_with("-feed"), "{id}");
    let listed = lines(&stdout(&desk.run(&["source", "list", "--tag", "news", "--json"]).await)).remove(0);
    assert_eq!(
        (&listed["id"], &listed["source_type"], &listed["name"]),
        (&json!(id), &json!("rss"), &json!("The feed"))
    );
    let table = stdout(&desk.run(&["source", "list"]).await);
    assert!(table.contains(id) && table.contains("status"), "{table}");

    let again = desk.run(&["source", "add", &url]).await;
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("already"), "{}", stderr(&again));
    stdout(&desk.run(&["source", "rm", id]).await);
    assert_eq!(stdout(&desk.run(&["source", "list", "--json"]).await), "");
    let site = "<head><link rel=alternate type=application/rss+xml href=/feed></head><p>Hello.</p>";
    desk.world.origin.set_page("/site", 200, "text/html", site);
    let found = desk.run(&["source", "add", &desk.world.origin.url("/site")]).await;
    assert_eq!(stdout(&found).trim_end(), id, "the feed of the site");
    assert!(stderr(&found).contains("leads to the feed"), "{}", stderr(&found));
    let elsewhere = pagewire_testkit::Origin::start().await;
    let page = elsewhere.url("/p/1");
    let no_feed = desk.run(&["source", "add", &page]).await;
    assert_eq!(no_feed.status.code(), Some(2));
    assert!(stderr(&no_feed).contains("--type html"), "{}", stderr(&no_feed));
    let failed = desk.run(&["source", "test", &desk.world.origin.url("/status/500")]).await;
    assert_eq!(failed.status.code(), Some(1));
}

#[tokio::test]
async fn a_list_of_ten_thousand_lines_with_thirty_bad_ones_is_imported_without_them() {
    let desk = Desk::of_sources().await;
    let mut list = String::from("<opml version=\"2.0\"><body>\n");
    for number in 0..10_000 {
        // Nobody answers there, and nobody is asked: a port that is closed refuses at once.
        let url = format!("http://127.{}.{}.1:1/f", 1 + number / 250, number % 250);
        let _ = match number {
            n if n % 333 == 5 && n < 9_995 => writeln!(list, "<outline text=\"broken xmlUrl=\"{url}\"/>"),
            _ => writeln!(list, "<outline type=\"rss\" text=\"Feed {number}\" xmlUrl=\"{url}\"/>"),
        };
    }
    list.push_str("</body></opml>\n");
    desk.shell.write("feeds.opml", &list);
    let imported = desk.run(&["source", "import", "feeds.opml", "--tag", "t"]).await;
    assert_eq!(stdout(&imported), "9970 imported, 0 there already, 30 refused\n");
    let told = stderr(&imported);
    assert_eq!(told.lines().count(), 30, "{told}");
    assert!(told.starts_with("feeds.opml:7: "), "{told}");
    let again = stdout(&desk.run(&["source", "import", "feeds.opml"]).await);
    assert_eq!(again, "0 imported, 9970 there already, 30 refused\n");
    let exported = stdout(&desk.run(&["source", "export"]).await);
    assert_eq!(exported.matches("<outline ").count(), 9_970);
    assert!(exported.contains("text=\"Feed 1\"") && exported.contains("category=\"t\""));
}
