//! The router's pages in a real browser, and what they are made from.

mod stack;

use std::{fs, path::Path, process::Command};

use sha2::{Digest, Sha256};
use stack::Stack;

/// Chromium and the packages of `tests/browser` are there when `./dev test` runs this.
#[test]
fn a_newcomer_finds_health_demo_accounts_and_a_graphiql_that_signs_in_without_a_fault_of_access() {
    let stack = Stack::start();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let opened =
        Command::new("node").arg("pages.mjs").arg(stack.url(0)).current_dir(folder).output().expect("node runs");
    let faults = String::from_utf8_lossy(&opened.stdout);
    assert!(opened.status.success() && faults.is_empty(), "{faults}\n{}", String::from_utf8_lossy(&opened.stderr));
}

#[test]
fn graphiqls_bundles_are_made_from_the_sources_that_are_here() {
    let router = Path::new(env!("CARGO_MANIFEST_DIR")).join("../router");
    let mut sources: Vec<_> =
        fs::read_dir(router.join("web/src")).expect("sources").flatten().map(|file| file.path()).collect();
    sources.sort();
    let first = ["build.mjs", "package-lock.json"].map(|name| router.join("web").join(name));
    let digest = first
        .iter()
        .chain(&sources)
        .fold(Sha256::new(), |digest, file| digest.chain_update(fs::read(file).expect("readable")));
    let known = fs::read_to_string(router.join("assets/graphiql/SOURCES.sha256")).expect("readable");
    assert_eq!(known.trim(), hex::encode(digest.finalize()), "run ./dev web");
}
