//! The house's rules that a machine can hold: which crate may import which, what every module says of itself, that every
//! invariant is held by tests that exist, and that nothing is left half done.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Our crates and those of ours that each may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("pagewire-types", &[]),
    ("pagewire-journal", &["pagewire-types"]),
    ("pagewire-store", &["pagewire-types"]),
    ("pagewire-fetch", &["pagewire-types"]),
    ("pagewire-extract", &["pagewire-types"]),
    ("pagewire-client", &["pagewire-types"]),
    (
        "pagewire-engine",
        &["pagewire-fetch", "pagewire-extract", "pagewire-store", "pagewire-journal", "pagewire-types"],
    ),
    ("pagewire-server", &["pagewire-engine", "pagewire-journal", "pagewire-types"]),
    ("pagewire-cluster", &["pagewire-store", "pagewire-journal", "pagewire-types"]),
    ("pagewire-testkit", &[]),
];

/// Foreign crates and those of ours that alone may import them.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("axum", &["pagewire-server"]),
    ("sqlx", &["pagewire-journal", "pagewire-store", "pagewire-cluster"]),
    ("hickory-resolver", &["pagewire-fetch"]),
    ("rustls", &["pagewire-fetch", "pagewire-client", "pagewire"]),
];

/// What each crate may not import, and why is in the design.
const NEVER: &[(&str, &[&str])] = &[("pagewire-extract", &["tokio", "jiff", "hyper"])];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies two deep").to_path_buf()
}

/// The crates of the workspace, as cargo describes them.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    serde_json::from_value(metadata["packages"].take()).expect("packages")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Of each crate of the workspace, the names of what it imports outside its tests.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    packages()
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
            (text(&package["name"]), normal.map(|dependency| text(&dependency["name"])).collect())
        })
        .collect()
}

#[test]
fn our_crates_import_only_what_the_design_allows() {
    for (name, imported) in imports() {
        if let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == name) {
            let ours = imported.iter().filter(|import| import.starts_with("pagewire"));
            let beyond: Vec<&String> = ours.filter(|import| !allowed.contains(&import.as_str())).collect();
            assert!(beyond.is_empty(), "{name} imports {beyond:?}");
        } else {
            // The binary composes all; the bench measures from outside.
            assert!(
                name == "pagewire" || !name.starts_with("pagewire-") || name.contains("bench"),
                "{name} has no rule"
            );
        }
    }
}

#[test]
fn foreign_crates_stay_in_their_rooms() {
    for (name, imported) in
        imports().iter().filter(|(name, _)| MAY_IMPORT.iter().any(|(known, _)| known == name))
    {
        for (foreign, rooms) in ONLY_IN {
            assert!(
                !imported.contains(*foreign) || rooms.contains(&name.as_str()),
                "{name} imports {foreign}"
            );
        }
        for (_, banned) in NEVER.iter().filter(|(room, _)| room == name) {
            let found: Vec<_> = banned.iter().filter(|foreign| imported.contains(**foreign)).collect();
            assert!(found.is_empty(), "{name} imports {found:?}");
        }
    }
}

/// Whether a source names a crate, as a word of its own.
fn names_crate(source: &str, name: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    source
        .match_indices(name)
        .any(|(at, _)| !source[..at].ends_with(is_word) && !source[at + name.len()..].starts_with(is_word))
}

#[test]
fn no_crate_imports_what_it_does_not_use() {
    let mut unused = Vec::new();
    for package in packages() {
        let folder = PathBuf::from(text(&package["manifest_path"]));
        let folder = folder.parent().expect("a manifest lies in a folder");
        let mut files = Vec::new();
        rust_files(folder, &mut files);
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let name = text(&dependency["name"]);
            let may_use =
                |file: &&PathBuf| !dependency["kind"].is_null() || file.starts_with(folder.join("src"));
            let used = files.iter().filter(may_use).any(|file| {
                names_crate(&fs::read_to_string(file).expect("a source"), &name.replace('-', "_"))
            });
            if !used {
                unused.push(format!("{} imports {name}", text(&package["name"])));
            }
        }
    }
    assert!(unused.is_empty(), "{unused:#?}");
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                rust_files(&path, into);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Unit tests in a file of their own belong to the module above them, which has said what it is for.
#[test]
fn every_module_says_what_it_is_for() {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    assert!(files.len() > 50, "the sources were found");
    let silent: Vec<String> = files
        .iter()
        .filter(|file| file.file_name().is_some_and(|name| name != "tests.rs"))
        .filter(|file| !fs::read_to_string(file).expect("a source").starts_with("//!"))
        .map(|file| file.strip_prefix(root()).expect("below the root").display().to_string())
        .collect();
    assert!(silent.is_empty(), "no `//!` on the first line of: {silent:#?}");
}

#[test]
fn nothing_is_left_to_do_in_the_sources() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    for file in files {
        let text = fs::read_to_string(&file).expect("a source");
        let found: Vec<_> = marks.iter().filter(|mark| text.contains(**mark)).collect();
        assert!(found.is_empty(), "{found:?} in {}", file.display());
    }
}

#[test]
fn every_invariant_is_held_by_tests_that_exist() {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    let sources: Vec<String> = files.iter().map(|file| fs::read_to_string(file).expect("a source")).collect();
    let document = fs::read_to_string(root().join("docs/invariants.md")).expect("the invariants");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 20, "the table was found");
    let mut ids = BTreeSet::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [id, _, tests] = cells.as_slice() else { panic!("not three cells: {row}") };
        assert!(ids.insert(id.to_owned()), "{id} stands there twice");
        let tests: Vec<&str> = tests.split(", ").map(|test| test.trim_matches('`')).collect();
        for test in tests {
            let head = format!("fn {test}(");
            assert!(
                sources.iter().any(|source| source.contains(&head)),
                "{id} names {test}, which is no test"
            );
        }
    }
}
