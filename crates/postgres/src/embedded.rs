//! A real PostgreSQL server as a child process, on a unix socket only.

use std::{
    fs, io,
    os::unix::{
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use healthbridge_process::{Child, StopSignal};
use rustix::{
    fs::OFlags,
    process::{Pid, Signal, kill_process},
};
use sha2::{Digest, Sha256};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions};

use crate::{Binaries, MissingPostgres, log::Log};

/// The superuser of an embedded cluster, and the database's name.
const OWNER: &str = "healthbridge";

/// A server whose parent was killed writes down what it has in memory before it ends, and the children of one that was
/// killed itself need a moment to see it: so long its lock may be in the way of the next one.
const STALE_LOCK: Duration = Duration::from_secs(30);

/// How often the length of the server's log is looked at.
const LOG_PERIOD: Duration = Duration::from_secs(1);

/// A running embedded server.
#[derive(Debug)]
pub struct Embedded {
    server: Server,
    child: Child,
    options: PgConnectOptions,
}

/// What is needed to start the server.
#[derive(Debug)]
struct Server {
    program: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    log: Log,
    user: Option<ServerUser>,
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
        let data = fs::canonicalize(&data).map_err(io_at(&data))?;
        let socket = socket_folder(base, user.as_ref())?;
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&socket)
            .port(5432)
            .username(OWNER)
            .database("postgres")
            .disable_statement_logging();
        let log = Log(data.with_file_name("postgres.log"));
        log.remove().map_err(io_at(&log.0))?;
        let server = Server { program: binaries.program("postgres"), data, socket, log, user };
        let child = server.spawn()?;
        let mut embedded = Self { server, child, options };
        embedded.wait_until_ready().await?;
        embedded.options =
            make_database(embedded.options.clone()).await.map_err(|error| EmbeddedError::NoStart(error.to_string()))?;
        Ok(embedded)
    }

    /// Ends what is left of the server, whatever it is doing, and starts it again on the same cluster and socket: it
    /// recovers from its log what was committed. May be dropped half way: then it can be stopped as always.
    pub async fn start_again(&mut self) -> Result<(), EmbeddedError> {
        self.child.kill().await.map_err(io_at(&self.server.program))?;
        self.server.end_orphans();
        self.child = self.server.spawn()?;
        self.wait_until_ready().await
    }

    /// Waits until the server takes connections, and starts it again as long as an earlier one is in the way.
    async fn wait_until_ready(&mut self) -> Result<(), EmbeddedError> {
        let begun = Instant::now();
        while !takes_connections(&mut self.child, &self.options).await {
            let text = fs::read_to_string(&self.server.log.0).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let end = |count| lines[lines.len().saturating_sub(count)..].join("\n");
            // Its last words are a reason and a hint.
            let last = end(2);
            let is_locked = last.contains("postmaster.pid") || last.contains("shared memory block");
            if !is_locked || begun.elapsed() > STALE_LOCK {
                return Err(EmbeddedError::NoStart(end(10)));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.child = self.server.spawn()?;
        }
        Ok(())
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

    /// Waits until the server ends by itself, which it should not, and keeps its log short meanwhile.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            // What does not work is tried again, and keeps nobody from anything.
            self.server.log.shorten().ok();
            if let Ok(ended) = tokio::time::timeout(LOG_PERIOD, self.child.wait()).await {
                return ended;
            }
        }
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

/// The group of the user that runs the server when we are root: whoever keeps a cluster in a folder of root's lets it pass.
pub fn server_group() -> Result<Option<u32>, EmbeddedError> {
    Ok(server_user()?.map(|user| user.gid))
}

/// Makes a folder that only the server's user may enter.
fn make_private(folder: &Path, user: Option<&ServerUser>) -> Result<(), EmbeddedError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io_at(folder))?;
    let folder = fs::canonicalize(folder).map_err(io_at(folder))?;
    close_to_others(&open_folder(&folder)?, user).map_err(io_at(&folder))?;
    let Some(user) = user else { return Ok(()) };
    let lets_pass = |parent: &Path| {
        let Ok(meta) = fs::metadata(parent) else { return true };
        let bit = match () {
            () if meta.uid() == user.uid => 0o100,
            () if meta.gid() == user.gid => 0o010,
            () => 0o001,
        };
        meta.mode() & bit != 0
    };
    if folder.ancestors().skip(1).all(lets_pass) {
        return Ok(());
    }
    Err(EmbeddedError::Unreachable { user: user.name.clone(), path: folder })
}

/// Opens a folder that is one itself, no link to one.
fn open_folder(folder: &Path) -> Result<fs::File, EmbeddedError> {
    let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed();
    fs::OpenOptions::new().read(true).custom_flags(flags).open(folder).map_err(io_at(folder))
}

fn close_to_others(folder: &fs::File, user: Option<&ServerUser>) -> io::Result<()> {
    if let Some(user) = user {
        fchown(folder, Some(user.uid), Some(user.gid))?;
    }
    folder.set_permissions(fs::Permissions::from_mode(0o700))
}

/// A unix socket's path may have 107 bytes at the most, and a data directory's may be longer.
fn socket_folder(base: &Path, user: Option<&ServerUser>) -> Result<PathBuf, EmbeddedError> {
    let whole = fs::canonicalize(base).map_err(io_at(base))?;
    let digest = hex::encode(&Sha256::digest(whole.as_os_str().as_encoded_bytes())[..8]);
    let folder = std::env::temp_dir().join(format!("healthbridge-{digest}"));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io_at(&folder)(error)),
        _ => {}
    }
    // Somebody else may have made something of this name before us: it is looked at before it is changed.
    let opened = open_folder(&folder)?;
    let owner = opened.metadata().map_err(io_at(&folder))?.uid();
    let ours = rustix::process::geteuid().as_raw();
    if owner != ours && user.is_none_or(|user| owner != user.uid) {
        let source = io::Error::other("the folder for the database's socket belongs to somebody else");
        return Err(EmbeddedError::Io { path: folder, source });
    }
    close_to_others(&opened, user).map_err(io_at(&folder))?;
    Ok(folder)
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

impl Server {
    fn spawn(&self) -> Result<Child, EmbeddedError> {
        let output = self.log.open().map_err(io_at(&self.log.0))?;
        let mut command = as_user(Command::new(&self.program), self.user.as_ref());
        command.arg("-D").arg(&self.data).arg("-k").arg(&self.socket);
        // Trust within a folder that only this user may enter; no TCP at all.
        command.args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700", "-c", "max_connections=100"]);
        if cfg!(target_os = "linux") {
            // After a crash all files are flushed before anything else: one call for all of them takes tenths of a second
            // where one for each takes seconds.
            command.args(["-c", "recovery_init_sync_method=syncfs"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        Child::spawn("postgres", command, StopSignal::Interrupt).map_err(io_at(&self.program))
    }

    /// Kills what a server that was killed has left behind. Its children would see it by themselves, but not while they work
    /// or are stopped, and until then they hold the memory that the next server asks for. They are known by the folder that
    /// they work in, which is the cluster's, and by their program. Where there is no `/proc` they are waited for.
    fn end_orphans(&self) {
        let program = fs::canonicalize(&self.program).ok();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
                continue;
            };
            let at = |name: &str| fs::read_link(entry.path().join(name)).ok();
            if at("cwd").as_deref() == Some(&self.data) && program.is_some() && at("exe") == program {
                // It may have ended meanwhile.
                kill_process(id, Signal::KILL).ok();
            }
        }
    }
}

async fn takes_connections(child: &mut Child, options: &PgConnectOptions) -> bool {
    // Recovery after a crash may take its time; a server that ended is noticed at once.
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return false;
        }
        if let Ok(Ok(connection)) = tokio::time::timeout(Duration::from_secs(5), options.connect()).await {
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
