//! Runs a command with a PostgreSQL server of its own, in a temporary folder: `with-postgres cargo nextest run`.

use std::process::{Command, ExitCode};

use anyhow::Context;
use healthbridge_postgres::Embedded;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().context("usage: with-postgres COMMAND [ARGUMENT …]")?;
    let folder = tempfile::Builder::new().prefix("healthbridge-test-").tempdir()?;
    // Run by root, the server is another user's, who must be able to pass through.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
    let server = Embedded::start(&folder.path().join("postgres")).await?;
    let options = server.options();
    let socket = options.get_socket().context("the server has a socket")?;
    let url = format!("postgres://{}@localhost/healthbridge?host={}", options.get_username(), socket.display());
    let mut command = Command::new(program);
    command.args(arguments).env("HEALTHBRIDGE_TEST_DATABASE_URL", url);
    let status = tokio::task::spawn_blocking(move || command.status()).await??;
    server.stop(std::time::Duration::from_secs(10)).await?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
