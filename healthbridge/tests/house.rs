//! How the house is built, read from its sources: no arrow upwards, no file that nobody can read at once.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The longest file; one that is longer says why in its first lines, by the word `Long:`.
const LONGEST: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every Rust file of our own below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("readable")
}

/// Whether a source names this module of its crate, by its whole path or in a list of imports.
fn imports(text: &str, module: &str) -> bool {
    let lists = text.split("use crate::{").skip(1).filter_map(|rest| rest.split_once("};")).map(|(list, _)| list);
    let is_it = |word: &str| word == module;
    text.contains(&format!("crate::{module}"))
        || lists.flat_map(|list| list.split(|char: char| !char.is_alphanumeric() && char != '_')).any(is_it)
}

fn subgraphs() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("subgraphs")).expect("subgraphs");
    folders.map(|entry| entry.expect("an entry").path()).filter(|path| path.join("Cargo.toml").exists()).collect()
}

#[test]
fn no_floor_below_graphql_knows_graphql() {
    for subgraph in subgraphs() {
        let source = subgraph.join("src");
        let below: Vec<_> =
            sources(&source).into_iter().filter(|file| !file.starts_with(source.join("graphql"))).collect();
        assert!(below.len() > 5, "{} has floors below graphql", subgraph.display());
        for file in below {
            let text = read(&file);
            for word in ["async_graphql", "healthbridge_graphql"] {
                assert!(!text.contains(word), "{} names {word}", file.display());
            }
        }
    }
}

#[test]
fn no_floor_knows_the_one_above_it() {
    let above = [
        ("domain", &["store", "service", "graphql"][..]),
        ("store", &["service", "graphql"]),
        ("service", &["graphql"]),
    ];
    for subgraph in subgraphs() {
        for (floor, above) in above {
            for file in sources(&subgraph.join("src").join(floor)) {
                let text = read(&file);
                for upper in above {
                    assert!(!imports(&text, upper), "{} names {upper}", file.display());
                }
            }
        }
    }
}

#[test]
fn a_subgraph_depends_on_no_other_and_not_on_the_router() {
    let names: Vec<String> = subgraphs()
        .iter()
        .map(|path| format!("healthbridge-{}", path.file_name().and_then(|name| name.to_str()).expect("a name")))
        .chain(["healthbridge-router".to_owned()])
        .collect();
    for subgraph in subgraphs() {
        let own = format!("healthbridge-{}", subgraph.file_name().and_then(|name| name.to_str()).expect("a name"));
        let manifest = read(&subgraph.join("Cargo.toml"));
        for other in names.iter().filter(|name| **name != own) {
            assert!(!manifest.contains(&format!("{other}.workspace")), "{own} depends on {other}");
        }
    }
}

#[test]
fn a_long_file_says_why_it_is_long() {
    for folder in ["crates", "subgraphs", "router", "healthbridge", "bench"] {
        for file in sources(&root().join(folder)) {
            let text = read(&file);
            let is_explained = text.lines().take(20).any(|line| line.contains("Long:"));
            let lines = text.lines().count();
            assert!(lines <= LONGEST || is_explained, "{} has {lines} lines", file.display());
        }
    }
}
