//! The servers of the benchmark: an embedded PostgreSQL, and each role as a process of its own, so that each one's CPU
//! and memory can be told.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use chrono::Utc;
use healthbridge_auth::{Claims, SigningKey, Subject};
use healthbridge_postgres::Embedded;
use healthbridge_rights::Role;
use sqlx::ConnectOptions;
use tempfile::TempDir;
use uuid::Uuid;

use crate::load::Access;

/// The first of the ports; the machine is the benchmark's own while it runs.
const BASE: u16 = 17_000;
const SUBGRAPHS: [&str; 4] = ["patients", "imaging", "diagnosis", "billing"];

pub struct Stack {
    pub access: Arc<Access>,
    database: Embedded,
    children: Children,
    variables: Vec<(String, String)>,
    _folder: TempDir,
}

/// The roles that run. They end with the benchmark, also when it fails half way: the next one needs their ports.
#[derive(Default)]
struct Children(Vec<(String, std::process::Child)>);

impl Drop for Children {
    fn drop(&mut self) {
        for (_, child) in self.0.iter_mut().rev() {
            // Who has ended by itself needs no more.
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// What a process has used.
#[derive(Clone, Debug)]
pub struct Usage {
    pub name: String,
    pub cpu_seconds: f64,
    pub memory_mb: f64,
}

impl Usage {
    /// What was used between two looks; memory is that of the second.
    pub fn since(before: &[Self], after: &[Self]) -> Vec<Self> {
        let used = |(before, after): (&Self, &Self)| Self {
            cpu_seconds: after.cpu_seconds - before.cpu_seconds,
            ..after.clone()
        };
        before.iter().zip(after).map(used).collect()
    }
}

impl Stack {
    pub async fn start(patients: u32, patients_only: bool) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("healthbridge-bench-").tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let database = Embedded::start(&folder.path().join("postgres")).await?;
        let options = database.options();
        let socket = options.get_socket().context("the server has a socket")?.display().to_string();
        let url = |user: &str| format!("postgres://{user}@localhost/healthbridge?host={socket}");
        let at = |offset: u16| format!("127.0.0.1:{}", BASE + offset);
        let key = folder.path().join("signing.pem");
        let mut variables = vec![
            ("PUBLIC_URL".to_owned(), format!("http://{}", at(0))),
            ("DATABASE__URL".to_owned(), url(options.get_username())),
            ("AUTH__SIGNING_KEY_FILE".to_owned(), key.display().to_string()),
            ("AUTH__JWKS_URL".to_owned(), format!("http://{}/.well-known/jwks.json", at(1))),
            (
                "SUBGRAPHS__DIAGNOSIS__REPORTS__SIGNING_KEY_FILE".to_owned(),
                folder.path().join("reports.pem").display().to_string(),
            ),
            ("ROUTER__LISTEN".to_owned(), at(0)),
            ("STORAGE__LISTEN".to_owned(), at(1000)),
            ("STORAGE__DIRECTORY".to_owned(), folder.path().join("storage").display().to_string()),
            ("STORAGE__INTERNAL_ENDPOINT".to_owned(), format!("http://{}", at(1000))),
            ("STORAGE__ACCESS_KEY_ID".to_owned(), "HBBENCH".to_owned()),
            ("STORAGE__SECRET_ACCESS_KEY".to_owned(), Uuid::new_v4().to_string()),
        ];
        for (subgraph, offset) in SUBGRAPHS.iter().zip(1..) {
            variables.push((format!("SUBGRAPHS__{}__LISTEN", subgraph.to_uppercase()), at(offset)));
        }
        let program = sibling("healthbridge")?;
        let role = |arguments: &[&str]| command(&program, arguments, &variables);
        let patients = patients.to_string();
        let seed = ["seed", "--patients", &patients, "--patients-only"];
        let seed = if patients_only { &seed[..] } else { &seed[..3] };
        for arguments in [["migrate"].as_slice(), seed] {
            ensure!(role(arguments).stdout(Stdio::null()).status()?.success(), "{arguments:?} failed");
        }
        // Plans are made on what there is, not on what there was.
        let mut connection = options.connect().await?;
        sqlx::query("VACUUM ANALYZE").execute(&mut connection).await?;
        let some = "SELECT id FROM patients.patient ORDER BY id LIMIT 10000";
        let ids: Vec<Uuid> = sqlx::query_scalar(some).fetch_all(&mut connection).await?;
        let mut children = Children::default();
        children.0.push(("storage".to_owned(), role(&["storage"]).spawn()?));
        for subgraph in SUBGRAPHS {
            children.0.push((subgraph.to_owned(), role(&["subgraph", subgraph]).spawn()?));
        }
        for offset in 1..=4 {
            wait_for(&format!("http://{}/readyz", at(offset))).await?;
        }
        children.0.push(("router".to_owned(), role(&["router"]).stdout(Stdio::null()).spawn()?));
        let ceiling = command(&std::env::current_exe()?, &["ceiling", &at(6)], &variables).spawn()?;
        children.0.push(("ceiling".to_owned(), ceiling));
        wait_for(&format!("http://{}/readyz", at(0))).await?;
        let access = Access {
            token: token(&key, &format!("http://{}", at(0)))?,
            patients: ids.iter().map(Uuid::to_string).collect(),
            router: format!("http://{}/graphql", at(0)),
            subgraphs: (1..=4).map(|offset| format!("http://{}/graphql", at(offset))).collect(),
            ceiling: format!("http://{}/chart", at(6)),
            database: options.clone(),
        };
        Ok(Self { access: Arc::new(access), database, children, variables, _folder: folder })
    }

    /// Makes an account with the role ADMIN.
    pub fn add_account(&self, email: &str, password: &str) -> anyhow::Result<()> {
        let mut child =
            command(&sibling("healthbridge")?, &["user", "create-admin", "--email", email], &self.variables)
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()?;
        child.stdin.take().context("an input")?.write_all(password.as_bytes())?;
        ensure!(child.wait()?.success(), "no account {email}");
        Ok(())
    }

    /// What each process has used so far; PostgreSQL with all its children.
    pub fn usage(&self) -> Vec<Usage> {
        let mut all: Vec<Usage> = self.children.0.iter().map(|(name, child)| usage(name, &[child.id()])).collect();
        let server = self.database.id();
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children")).unwrap_or_default();
        let ids: Vec<u32> = children.split_whitespace().filter_map(|id| id.parse().ok()).chain([server]).collect();
        all.push(usage("postgres", &ids));
        all.push(usage("load generator", &[std::process::id()]));
        all
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        drop(self.children);
        Ok(self.database.stop(Duration::from_secs(5)).await?)
    }
}

/// The program beside this one.
fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing: run ./dev bench", path.display());
    Ok(path)
}

fn command(program: &std::path::Path, arguments: &[&str], variables: &[(String, String)]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    command.envs(variables.iter().map(|(key, value)| (format!("HEALTHBRIDGE__{key}"), value)));
    command
}

async fn wait_for(url: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success()) {
        if Instant::now() > deadline {
            bail!("{url} does not answer");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A token that lasts as long as the benchmark: the load is not to pay for sign-ins.
fn token(key: &std::path::Path, issuer: &str) -> anyhow::Result<String> {
    let subject = Subject {
        user_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        roles: vec![Role::Admin],
        extra_scopes: Vec::new(),
        patient_id: None,
        staff_id: None,
        token_version: 1,
    };
    Ok(SigningKey::open(key)?.sign(&Claims::issue(issuer, subject, Utc::now())))
}

fn usage(name: &str, ids: &[u32]) -> Usage {
    /// Ticks a second of the times in /proc, on every Linux.
    const TICKS: f64 = 100.0;
    let mut all = Usage { name: name.to_owned(), cpu_seconds: 0.0, memory_mb: 0.0 };
    for id in ids {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // Behind the name in brackets: state is the third field, user and system time the 14th and 15th.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        all.cpu_seconds += (ticks(11) + ticks(12)) / TICKS;
        // The proportional share: pages that processes share are counted once.
        let memory = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
        let pss =
            memory.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().split(' ').next()?.parse::<f64>().ok());
        all.memory_mb += pss.unwrap_or_default() / 1024.0;
    }
    all
}
