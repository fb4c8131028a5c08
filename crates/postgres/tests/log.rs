//! The embedded server's log does not fill the disk.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::PermissionsExt,
    time::Duration,
};

use healthbridge_postgres::Embedded;
use sqlx::{ConnectOptions, Executor};

#[tokio::test]
async fn a_log_that_grows_too_long_keeps_its_last_words_and_the_server_goes_on_writing() {
    let folder = tempfile::tempdir().expect("a folder");
    // Run by root, the server is another user's, who must be able to pass through.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("open");
    let mut server = Embedded::start(&folder.path().join("postgres")).await.expect("a server");
    let path = folder.path().join("postgres").join("postgres.log");
    let mut log = OpenOptions::new().append(true).open(&path).expect("its log");
    let lines = (0..200_000).map(|number| format!("LOG:  line {number:060}\n")).collect::<Vec<_>>().concat();
    log.write_all(lines.as_bytes()).expect("written");
    assert!(fs::metadata(&path).expect("the log").len() > 10 << 20);
    // As long as it is waited for it is looked at.
    tokio::time::timeout(Duration::from_millis(100), server.wait()).await.expect_err("it runs");
    let mut connection = server.options().connect().await.expect("a connection");
    connection.execute("SELECT no_such_column").await.expect_err("an error");
    let text = fs::read_to_string(&path).expect("text");
    let (kept, said) = text.split_at(1 << 20);
    assert!(lines.ends_with(kept), "{}", &kept[..200]);
    assert!(said.contains("no_such_column"), "{said}");
    server.stop(Duration::from_secs(10)).await.expect("stopped");
}
