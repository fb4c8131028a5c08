//! Other people's tools beside our router: what a frontend's build writes, and a gateway in its place. They come from npm,
//! into a folder of their own: `./dev test` installs them by the lock file that stands here.

mod first_ten_minutes;
mod gateway;
mod persisted;
#[path = "../stack/mod.rs"]
mod stack;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A file of the schema's folder.
fn published(name: &str) -> String {
    let path = schema_folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn schema_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema").canonicalize().expect("it is there")
}

/// The folder of this file.
fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Runs one of the scripts here, and gives what it writes.
fn node(script: &str, arguments: &[&Path], input: &str) -> String {
    let packages =
        std::env::var("HEALTHBRIDGE_TEST_CLIENTS").expect("HEALTHBRIDGE_TEST_CLIENTS: run the tests by ./dev test");
    let mut command = Command::new("node");
    command.arg(here().join(script)).args(arguments).current_dir(packages);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node starts");
    child.stdin.take().expect("an input").write_all(input.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("an output");
    assert!(output.status.success(), "{script}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}
