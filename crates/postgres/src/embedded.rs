//! A real PostgreSQL server as a child process, on a unix socket only.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use healthbridge_process::{Child, StopSignal};
use sha2::{Digest, Sha256};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};

use crate::{Binaries, MissingPostgres};

/// The superuser of an embedded cluster, and the database's name.
const OWNER: &str = "healthbridge";

/// After a crash the old server's children need about 3 s to end; only then is its lock file stale.
const STALE_LOCK: Duration = Duration::from_secs(10);

/// A running embedded server.
#[derive(Debug)]
pub struct Embedded {
    child: Child,
    options: PgConnectOptions,
}

/// Why the embedded server does not run.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No server is installed.
    #[error(transparent)]
    Missing(#[from] MissingPostgres),
    /// A file or folder could not be used.
    #[error("cannot use {path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The process runs as root, which PostgreSQL refuses, and there is no user to run it as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`: run as another user"
    )]
    NoUser,
    /// `initdb` failed.
    #[error("initdb failed: {0}")]
    InitDb(String),
    /// The folder cannot be reached by the user that the server runs as.
    #[error(
        "the user `{user}`, as which root runs PostgreSQL, cannot reach {path}: choose a data directory outside of \
         folders that are closed to others, such as /var/lib/healthbridge"
    )]
    Unreachable {
        /// The user.
        user: String,
        /// The folder.
        path: PathBuf,
    },
    /// The server ended while it started, or did not answer.
    #[error("PostgreSQL does not start; the end of its log:\n{0}")]
    NoStart(String),
}

/// The system user that the server runs as when we are root.
#[derive(Debug)]
struct ServerUser {
    name: String,
    uid: u32,
    gid: u32,
}

impl Embedded {
    /// Starts the server on the cluster in `base`, which is made where there is none.
    pub async fn start(base: &Path) -> Result<Self, EmbeddedError> {
        let binaries = Binaries::find()?;
        let user = server_user()?;
        make_private(base, user.as_ref())?;
        let data = base.join("data");
        if !data.join("PG_VERSION").is_file() {
            init(&binaries, base, &data, user.as_ref()).await?;
        }
        let socket = socket_folder(base, user.as_ref())?;
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&socket)
            .port(5432)
            .username(OWNER)
            .database("postgres")
            .disable_statement_logging();
        let child = start(&binaries, &data, &socket, user.as_ref(), &options).await?;
        let options = make_database(options).await.map_err(|error| EmbeddedError::NoStart(error.to_string()))?;
        Ok(Self { child, options })
    }

    /// How to connect to the server that another process runs on the cluster in `base`; `None` where none runs.
    pub fn running(base: &Path) -> Option<PgConnectOptions> {
        // The server writes there: its id, its data, when it started, its port, the folder of its socket.
        let text = fs::read_to_string(base.join("data").join("postmaster.pid")).ok()?;
        let socket = text.lines().nth(4).filter(|folder| !folder.is_empty())?;
        let options = PgConnectOptions::new_without_pgpass().socket(socket).port(5432).username(OWNER).database(OWNER);
        Some(options.disable_statement_logging())
    }

    /// How to connect as the owner of the database.
    pub fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// The server's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the server ends by itself, which it should not.
    pub async fn wait(&mut self) -> io::Result<()> {
        self.child.wait().await.map(drop)
    }

    /// Stops the server: running statements are rolled back, the cluster is left clean.
    pub async fn stop(self, patience: Duration) -> io::Result<()> {
        self.child.stop(patience).await
    }
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    let path = path.to_owned();
    move |source| EmbeddedError::Io { path, source }
}

fn server_user() -> Result<Option<ServerUser>, EmbeddedError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let passwd = Path::new("/etc/passwd");
    let text = fs::read_to_string(passwd).map_err(io_at(passwd))?;
    let find = |wanted: &str| {
        text.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let is_wanted = fields.first() == Some(&wanted);
            let (uid, gid) = (fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?);
            is_wanted.then(|| ServerUser { name: wanted.to_owned(), uid, gid })
        })
    };
    find("postgres").or_else(|| find("nobody")).map(Some).ok_or(EmbeddedError::NoUser)
}

/// Makes a folder that only the server's user may enter.
fn make_private(folder: &Path, user: Option<&ServerUser>) -> Result<(), EmbeddedError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_at(folder))?;
    if let Some(user) = user {
        chown(folder, Some(user.uid), Some(user.gid)).map_err(io_at(folder))?;
        let closed = folder
            .ancestors()
            .skip(1)
            .find(|parent| fs::metadata(parent).is_ok_and(|meta| meta.uid() != user.uid && meta.mode() & 0o001 == 0));
        if closed.is_some() {
            return Err(EmbeddedError::Unreachable { user: user.name.clone(), path: folder.to_owned() });
        }
    }
    Ok(())
}

/// A unix socket's path may have 107 bytes at the most, and a data directory's may be longer.
fn socket_folder(base: &Path, user: Option<&ServerUser>) -> Result<PathBuf, EmbeddedError> {
    let whole = fs::canonicalize(base).map_err(io_at(base))?;
    let digest = hex::encode(&Sha256::digest(whole.as_os_str().as_encoded_bytes())[..8]);
    let folder = std::env::temp_dir().join(format!("healthbridge-{digest}"));
    make_private(&folder, user)?;
    // Somebody else may have made a folder of this name before us.
    let meta = fs::symlink_metadata(&folder).map_err(io_at(&folder))?;
    let owner = user.map_or_else(|| rustix::process::geteuid().as_raw(), |user| user.uid);
    if meta.is_dir() && meta.uid() == owner && meta.mode() & 0o077 == 0 {
        Ok(folder)
    } else {
        let source = io::Error::other("the folder for the database's socket belongs to somebody else");
        Err(EmbeddedError::Io { path: folder, source })
    }
}

fn as_user(mut command: Command, user: Option<&ServerUser>) -> Command {
    if let Some(user) = user {
        command.uid(user.uid).gid(user.gid);
    }
    // The server needs none of ours, and whatever PGDATA or PGPORT say is meant for another one.
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
    command
}

/// `initdb` works in a folder of another name, so that an interrupted one leaves no half cluster behind.
async fn init(binaries: &Binaries, base: &Path, data: &Path, user: Option<&ServerUser>) -> Result<(), EmbeddedError> {
    let half = base.join("data.new");
    if half.exists() {
        fs::remove_dir_all(&half).map_err(io_at(&half))?;
    }
    let mut command = as_user(Command::new(binaries.program("initdb")), user);
    command.arg("--pgdata").arg(&half).args(["--username", OWNER, "--auth=trust", "--encoding=UTF8", "--no-locale"]);
    command.args(["--no-instructions", "--data-checksums"]).stdin(Stdio::null());
    let program = binaries.program("initdb");
    let output = tokio::task::spawn_blocking(move || command.output()).await;
    let output = output.map_err(|error| EmbeddedError::InitDb(error.to_string()))?.map_err(io_at(&program))?;
    if !output.status.success() {
        return Err(EmbeddedError::InitDb(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    fs::rename(&half, data).map_err(io_at(data))
}

async fn start(
    binaries: &Binaries,
    data: &Path,
    socket: &Path,
    user: Option<&ServerUser>,
    options: &PgConnectOptions,
) -> Result<Child, EmbeddedError> {
    let log = data.with_file_name("postgres.log");
    let begun = Instant::now();
    loop {
        let output = fs::File::create(&log).map_err(io_at(&log))?;
        let program = binaries.program("postgres");
        let mut command = as_user(Command::new(&program), user);
        command.arg("-D").arg(data).arg("-k").arg(socket);
        // Trust within a folder that only this user may enter; no TCP at all.
        command.args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "max_connections=100"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let mut child = Child::spawn("postgres", command, StopSignal::Interrupt).map_err(io_at(&program))?;
        if wait_until_ready(&mut child, options).await {
            return Ok(child);
        }
        let text = fs::read_to_string(&log).unwrap_or_default();
        let is_stale_lock = text.contains("postmaster.pid") || text.contains("shared memory block");
        if !is_stale_lock || begun.elapsed() > STALE_LOCK {
            let lines: Vec<&str> = text.lines().collect();
            return Err(EmbeddedError::NoStart(lines[lines.len().saturating_sub(10)..].join("\n")));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn wait_until_ready(child: &mut Child, options: &PgConnectOptions) -> bool {
    // Recovery after a crash may take its time; a server that ended is noticed at once.
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        if let Ok(connection) = options.connect().await {
            drop(connection.close().await);
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

async fn make_database(options: PgConnectOptions) -> Result<PgConnectOptions, sqlx::Error> {
    let mut connection = options.connect().await?;
    let exists = sqlx::query("SELECT 1 FROM pg_database WHERE datname = 'healthbridge'");
    if exists.fetch_optional(&mut connection).await?.is_none() {
        sqlx::query("CREATE DATABASE healthbridge").execute(&mut connection).await?;
    }
    connection.close().await?;
    Ok(options.database(OWNER))
}
