//! A whole `healthbridge up` for one test: on ports and in a folder of its own.
#![allow(dead_code, reason = "what is used differs by test file")]

pub mod alone;
pub mod writes;

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use healthbridge_testkit::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_healthbridge");

/// A port N so that N to N+4, N+6 to N+9 and N+1000 to N+1007 are free. N+5 stays taken as long as the handle lives: other tests look there.
pub struct Ports {
    pub base: u16,
    _mark: TcpListener,
}

impl Ports {
    pub fn reserve() -> Self {
        // Below the ports that the system gives to outgoing connections.
        let start = u16::try_from(std::process::id() % 1100).expect("small");
        for step in 0..1100_u16 {
            let base = 20_000 + (start + step) % 1100 * 10;
            // The thousands above a base are storage ports: only bases whose thousand is even are used.
            if base / 1000 % 2 == 1 {
                continue;
            }
            let free = |offset: u16| TcpListener::bind(("127.0.0.1", base + offset));
            let Ok(mark) = free(5) else { continue };
            if (0..5).chain(6..10).chain(1000..1008).all(|offset| free(offset).is_ok()) {
                return Self { base, _mark: mark };
            }
        }
        panic!("no free ports");
    }
}

/// A folder that root's database may reach, too.
pub fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("healthbridge-e2e-").tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).expect("opened");
    folder
}

/// A running `up`.
pub struct Stack {
    pub ports: Ports,
    pub data_dir: PathBuf,
    /// Where the next start stops for ever, as far as the program knows the place.
    pub stop_at: Option<String>,
    arguments: &'static [&'static str],
    variables: &'static [(&'static str, &'static str)],
    child: Option<Child>,
    lines: Option<mpsc::Receiver<String>>,
    errors: Option<JoinHandle<String>>,
    _folder: Option<TempDir>,
}

impl Stack {
    /// Starts with demo data in a new folder.
    pub fn start() -> Self {
        Self::start_with(&[], &[])
    }

    /// Starts with demo data in a new folder, and with these arguments and variables.
    pub fn start_with(arguments: &'static [&'static str], variables: &'static [(&'static str, &'static str)]) -> Self {
        let folder = folder();
        let data_dir = folder.path().join("data");
        let mut stack = Self {
            ports: Ports::reserve(),
            data_dir,
            stop_at: None,
            arguments,
            variables,
            child: None,
            lines: None,
            errors: None,
            _folder: Some(folder),
        };
        stack.restart();
        stack
    }

    /// Starts again on the same data and ports, once the first one has ended; gives how long it took.
    pub fn restart(&mut self) -> Duration {
        let begun = Instant::now();
        let mut command = up(&self.data_dir, self.ports.base);
        command.envs(self.variables.iter().copied());
        command.envs(self.stop_at.as_ref().map(|place| ("HEALTHBRIDGE_STOP_AT", place)));
        let mut child = command.arg("--demo").args(self.arguments).spawn().expect("it starts");
        let output = BufReader::new(child.stdout.take().expect("an output"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                eprintln!("{line}");
                // Nobody waits for more after the test.
                sender.send(line).ok();
            }
        });
        let errors = BufReader::new(child.stderr.take().expect("a second output"));
        self.errors = Some(std::thread::spawn(move || {
            let lines = errors.lines().map_while(Result::ok).inspect(|line| eprintln!("{line}"));
            lines.collect::<Vec<_>>().join("\n")
        }));
        self.child = Some(child);
        self.lines = Some(lines);
        self.wait_for(&format!("ready http://127.0.0.1:{}/graphql", self.ports.base));
        begun.elapsed()
    }

    /// Waits until the program has printed this line.
    pub fn wait_for(&self, wanted: &str) {
        self.wait_for_line(|line| line == wanted, wanted);
    }

    /// Waits until the program has printed a line with this text.
    pub fn wait_until(&self, wanted: &str) {
        self.wait_for_line(|line| line.contains(wanted), wanted);
    }

    fn wait_for_line(&self, is_wanted: impl Fn(&str) -> bool, wanted: &str) {
        let lines = self.lines.as_ref().expect("running");
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = lines.recv_timeout(left).unwrap_or_else(|_| panic!("the line {wanted:?} within a minute"));
            if is_wanted(&line) {
                return;
            }
        }
    }

    /// Waits until the program ends by itself; gives how, and what it said to standard error.
    pub fn ended(&mut self) -> (ExitStatus, String) {
        let status = self.child.take().expect("running").wait().expect("ended");
        (status, self.errors.take().expect("an output").join().expect("read"))
    }

    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    /// Sends a signal to `up` alone, and waits until it has ended; gives how long it took and whether it was well.
    pub fn signal(&mut self, signal: &str) -> (Duration, bool) {
        let mut child = self.child.take().expect("running");
        let begun = Instant::now();
        kill(child.id(), signal);
        let status = child.wait().expect("ended");
        (begun.elapsed(), status.success())
    }

    /// What `billing verify` says.
    pub fn verify_billing(&self) -> String {
        self.verify("billing")
    }

    /// What `verify` says of a subgraph.
    pub fn verify(&self, subgraph: &str) -> String {
        let mut verify = Command::new(PROGRAM);
        let output = verify.args([subgraph, "verify", "--data-dir"]).arg(&self.data_dir).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The workflow log is as it was sealed: the checker of its chain says so.
    pub fn assert_log_is_chained(&self) {
        let said = self.verify("diagnosis");
        assert!(said.ends_with("entries of the workflow log are as they were sealed\n"), "{said}");
    }

    /// Kills `up` and everything below it at once, without any warning; gives who was killed.
    pub fn kill_tree(&mut self) -> Vec<u32> {
        let mut child = self.child.take().expect("running");
        let mut tree = vec![child.id()];
        let mut next = 0;
        while let Some(parent) = tree.get(next).copied() {
            tree.extend(children(parent));
            next += 1;
        }
        let ids: Vec<String> = tree.iter().map(u32::to_string).collect();
        // Some may be gone before their turn comes.
        drop(Command::new("kill").arg("-KILL").args(&ids).stderr(Stdio::null()).status());
        drop(child.wait());
        tree
    }

    /// The child of `up` of this name: `router` or `postgres`.
    pub fn part(&self, name: &str) -> u32 {
        let is_it = |id: &u32| {
            let line = command_line(*id);
            line.ends_with("healthbridge router ") == (name == "router") && !line.is_empty()
        };
        let found: Vec<u32> = children(self.id()).into_iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "children named {name}: {found:?}");
        found[0]
    }

    /// Kills `up` alone, without any warning; gives it and those that must end with it.
    pub fn kill_parent(&mut self) -> Vec<u32> {
        let mut child = self.child.take().expect("running");
        let mut tree = children(child.id());
        tree.push(child.id());
        kill(child.id(), "KILL");
        child.wait().expect("ended");
        tree
    }

    /// The address of the router, or of a subgraph: 1 patients, 2 imaging, 3 diagnosis, 4 billing.
    pub fn url(&self, offset: u16) -> String {
        format!("http://127.0.0.1:{}", self.ports.base + offset)
    }

    pub fn router(&self) -> Client {
        Client::new(&self.url(0))
    }

    /// A client of a demo account.
    pub async fn sign_in(&self, name: &str) -> Client {
        let router = self.router();
        router.with_token(token(&router, name).await)
    }

    /// All processes whose command line names the data directory or the router's address.
    pub fn processes(&self) -> Vec<u32> {
        let marks = [self.data_dir.display().to_string(), format!("127.0.0.1:{}", self.ports.base)];
        processes(&marks)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            kill(child.id(), "TERM");
            drop(child.wait());
        }
    }
}

/// The command that starts everything.
pub fn up(data_dir: &Path, base: u16) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("up").arg("--data-dir").arg(data_dir).args(["--base-port", &base.to_string()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
    command
}

/// Sends a signal to a process that the test started.
pub fn kill(id: u32, signal: &str) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &id.to_string()]).status().expect("kill runs");
    assert!(sent.success(), "kill -{signal} {id}");
}

/// Processes whose arguments or environment have one of these texts, but for this one.
pub fn processes(marks: &[String]) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let matches = |id: &u32| {
        let read = |name: &str| std::fs::read(format!("/proc/{id}/{name}")).unwrap_or_default();
        let (arguments, variables) = (read("cmdline"), read("environ"));
        let (arguments, variables) = (String::from_utf8_lossy(&arguments), String::from_utf8_lossy(&variables));
        let is_ours = arguments.contains("healthbridge") || arguments.contains("postgres");
        is_ours
            && *id != std::process::id()
            && marks.iter().any(|mark| arguments.contains(mark) || variables.contains(mark))
    };
    ids.filter(matches).collect()
}

/// The processes that this one has started.
pub fn children(parent: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()).collect()
}

/// The command line of a process.
pub fn command_line(id: u32) -> String {
    let arguments = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&arguments).replace('\0', " ")
}

/// Whether there is such a process that still does something.
pub fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// The password of every demo account.
pub const PASSWORD: &str = "healthbridge-demo";

/// A demo account's token.
pub async fn token(router: &Client, name: &str) -> String {
    let query = "mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }";
    let input = json!({ "email": format!("{name}@demo.healthbridge.test"), "password": PASSWORD });
    let data = router.data(query, json!({ "input": input })).await;
    data["signIn"]["accessToken"].as_str().expect("a token").to_owned()
}

/// The main query.
pub fn chart() -> String {
    operation("patient-chart")
}

/// A published operation.
pub fn operation(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../schema/operations/{name}.graphql"));
    std::fs::read_to_string(path).expect("the operation")
}

/// Ids of demo patients.
pub async fn patients(client: &Client, first: u32) -> Vec<Value> {
    let data = client.data("query ($n: Int!) { patients(first: $n) { nodes { id } } }", json!({ "n": first })).await;
    data["patients"]["nodes"].as_array().expect("patients").iter().map(|node| node["id"].clone()).collect()
}
