//! The laws of sources.

use pagewire_types::{DeclaredIn, SourceLife, SourceStatus, WorkspaceId};

use super::{at, workspace};
use crate::state::Store;
use crate::state::keys::KeyMode;
use crate::state::sources::{SourceFilter, SourceInsertion, SourceOutcome, SourceReport, SourceRow};

const ALL: u32 = 1_000;

pub(super) async fn check(store: &dyn Store) {
    a_source_is_there_for_its_workspace_and_mode_alone(store).await;
    an_id_is_taken_once_and_a_workspace_has_so_many_and_no_more(store).await;
    sources_are_listed_page_by_page_and_by_what_they_are(store).await;
    what_a_poll_leaves_is_kept_until_the_life_is_over(store).await;
    a_source_that_watches_something_else_has_nothing_kept(store).await;
    those_of_the_config_file_are_found_and_all_are_read_in_pages(store).await;
}

fn new_source(workspace: &WorkspaceId, id: &str) -> SourceRow {
    SourceRow {
        workspace: workspace.clone(),
        mode: KeyMode::Live,
        id: id.parse().expect("a source id"),
        life: SourceLife::generate(),
        declared_in: DeclaredIn::Api,
        url: format!("https://a.example/{id}"),
        spec: r#"{"tags":["even"]}"#.to_owned(),
        headers: Some(vec![1, 2]),
        retired: None,
        report: report("pending"),
        created_at: at(0),
        updated_at: at(0),
    }
}

fn report(status: &str) -> SourceReport {
    SourceReport { health: format!(r#"{{"status":"{status}"}}"#), rhythm: None, next_poll_at: None }
}

fn outcome(source: &SourceRow, state: Option<&str>) -> SourceOutcome {
    SourceOutcome {
        life: source.life.clone(),
        report: SourceReport { rhythm: Some("{}".to_owned()), next_poll_at: Some(at(60)), ..report("ok") },
        state: state.map(str::to_owned),
        retired: None,
    }
}

async fn insert(store: &dyn Store, source: &SourceRow) -> SourceRow {
    let became = store.insert_sources(vec![source.clone()], ALL).await.expect("stored");
    assert_eq!(became, [SourceInsertion::Stored]);
    source.clone()
}

async fn read(store: &dyn Store, source: &SourceRow) -> Option<SourceRow> {
    store.source(source.workspace.clone(), source.mode, source.id.clone()).await.expect("read")
}

async fn listed(store: &dyn Store, workspace: &WorkspaceId, filter: SourceFilter) -> Vec<String> {
    let rows = store.sources(workspace.clone(), KeyMode::Live, filter).await.expect("read");
    rows.into_iter().map(|row| row.id.to_string()).collect()
}

async fn a_source_is_there_for_its_workspace_and_mode_alone(store: &dyn Store) {
    let (mine, other) = (workspace(store, "sources-mine").await, workspace(store, "sources-other").await);
    let source = insert(store, &new_source(&mine, "a")).await;
    let theirs = insert(store, &SourceRow { mode: KeyMode::Test, ..new_source(&mine, "a") }).await;
    insert(store, &new_source(&other, "a")).await;
    assert_eq!(read(store, &source).await, Some(source.clone()));
    assert_eq!(read(store, &theirs).await, Some(theirs.clone()));
    assert_eq!(read(store, &SourceRow { mode: KeyMode::Test, ..new_source(&other, "a") }).await, None);
    let known = vec![source.url.clone(), "https://b.example/".to_owned()];
    let known = store.known_source_urls(mine.clone(), KeyMode::Live, known).await.expect("read");
    assert_eq!(known, std::slice::from_ref(&source.url));
    assert!(store.delete_source(mine.clone(), KeyMode::Live, source.id.clone()).await.expect("asked"));
    assert!(!store.delete_source(mine, KeyMode::Live, source.id.clone()).await.expect("asked"));
    assert_eq!((read(store, &source).await, read(store, &theirs).await), (None, Some(theirs)));
}

async fn an_id_is_taken_once_and_a_workspace_has_so_many_and_no_more(store: &dyn Store) {
    let (mine, other) = (workspace(store, "sources-full").await, workspace(store, "sources-roomy").await);
    let sources = vec![
        new_source(&mine, "a"),
        new_source(&mine, "a"),
        new_source(&mine, "b"),
        new_source(&mine, "c"),
        new_source(&other, "c"),
    ];
    let first = sources[0].clone();
    let became = store.insert_sources(sources, 2).await.expect("stored");
    use SourceInsertion::{Full, Stored, Taken};
    assert_eq!(became, [Stored, Taken, Stored, Full, Stored]);
    assert_eq!(read(store, &first).await.map(|row| row.life), Some(first.life));
}

async fn sources_are_listed_page_by_page_and_by_what_they_are(store: &dyn Store) {
    let mine = workspace(store, "sources-listed").await;
    for (id, tags) in [("a", r#"["x"]"#), ("b.1", r#"["x","y"]"#), ("b.2", "[]"), ("c", r#"["y"]"#)] {
        let spec = format!(r#"{{"tags":{tags}}}"#);
        insert(store, &SourceRow { spec, ..new_source(&mine, id) }).await;
    }
    let all = SourceFilter { limit: ALL, ..SourceFilter::default() };
    assert_eq!(listed(store, &mine, all.clone()).await, ["a", "b.1", "b.2", "c"]);
    let after = |id: &str| Some(id.parse().expect("an id"));
    let page = SourceFilter { after: after("a"), limit: 2, ..all.clone() };
    assert_eq!(listed(store, &mine, page).await, ["b.1", "b.2"]);
    let tagged = SourceFilter { tag: Some("y".to_owned()), ..all.clone() };
    assert_eq!(listed(store, &mine, tagged).await, ["b.1", "c"]);
    let failing = SourceFilter { status: Some(SourceStatus::Failing), ..all.clone() };
    assert_eq!(listed(store, &mine, failing).await, Vec::<String>::new());
    let pending = SourceFilter { status: Some(SourceStatus::Pending), after: after("b.2"), ..all };
    assert_eq!(listed(store, &mine, pending).await, ["c"]);
}

async fn what_a_poll_leaves_is_kept_until_the_life_is_over(store: &dyn Store) {
    let mine = workspace(store, "sources-kept").await;
    let (source, gone) = (insert(store, &new_source(&mine, "a")).await, new_source(&mine, "b"));
    assert_eq!(store.source_state(source.life.clone()).await.expect("read"), None);
    let outcomes = vec![outcome(&source, Some("1")), outcome(&gone, Some("2"))];
    store.report_sources(outcomes).await.expect("noted");
    let noted = read(store, &source).await.expect("there");
    assert_eq!(noted.report, outcome(&source, None).report);
    assert_eq!((noted.spec, noted.updated_at), (source.spec.clone(), source.updated_at));
    assert_eq!(store.source_state(gone.life.clone()).await.expect("read"), None);
    let retired = SourceOutcome { retired: Some("410".to_owned()), ..outcome(&source, None) };
    store.report_sources(vec![retired]).await.expect("noted");
    store.report_sources(vec![outcome(&source, None)]).await.expect("noted");
    assert_eq!(store.source_state(source.life.clone()).await.expect("read"), Some("1".to_owned()));
    assert_eq!(read(store, &source).await.expect("there").retired.as_deref(), Some("410"));

    let id = source.id.clone();
    assert!(store.delete_source(mine, KeyMode::Live, id).await.expect("deleted"));
    store.report_sources(vec![outcome(&source, Some("3"))]).await.expect("asked");
    assert_eq!(store.source_state(source.life).await.expect("read"), None);
}

async fn a_source_that_watches_something_else_has_nothing_kept(store: &dyn Store) {
    let mine = workspace(store, "sources-changed").await;
    let source = insert(store, &new_source(&mine, "a")).await;
    store.report_sources(vec![outcome(&source, Some("1"))]).await.expect("noted");
    let renamed = SourceRow { spec: "{}".to_owned(), updated_at: at(5), ..source.clone() };
    assert!(store.put_source(renamed.clone()).await.expect("put"));
    let noted = SourceRow { report: outcome(&source, None).report, ..renamed };
    assert_eq!(read(store, &source).await, Some(noted), "how it is stays as its polls have found it");
    assert_eq!(store.source_state(source.life.clone()).await.expect("read"), Some("1".to_owned()));

    let elsewhere =
        SourceRow { life: SourceLife::generate(), url: "https://b.example/".to_owned(), ..source.clone() };
    assert!(store.put_source(elsewhere.clone()).await.expect("put"));
    assert_eq!(read(store, &source).await, Some(elsewhere.clone()));
    store.report_sources(vec![outcome(&source, Some("late"))]).await.expect("asked");
    for life in [source.life.clone(), elsewhere.life] {
        assert_eq!(store.source_state(life).await.expect("read"), None);
    }
    assert!(!store.put_source(new_source(&mine, "nobody")).await.expect("asked"));
}

async fn those_of_the_config_file_are_found_and_all_are_read_in_pages(store: &dyn Store) {
    let mine = workspace(store, "sources-config").await;
    let declared = SourceRow { declared_in: DeclaredIn::Config, ..new_source(&mine, "a") };
    insert(store, &declared).await;
    insert(store, &new_source(&mine, "b")).await;
    let found = store.sources_in_config().await.expect("read");
    assert_eq!(found, std::slice::from_ref(&declared));
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.all_sources(after.clone(), 2).await.expect("read");
        let Some(last) = page.last() else { break };
        after = Some(last.life.clone());
        seen.extend(page.into_iter().map(|row| row.life));
    }
    assert!(seen.is_sorted() && seen.contains(&declared.life));
    assert!(seen.windows(2).all(|pair| pair[0] != pair[1]));
}
