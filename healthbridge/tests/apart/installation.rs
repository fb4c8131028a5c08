//! An installation whose parts are processes of their own.

use std::{
    io::Write,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use healthbridge_testkit::{Client, TestDatabase};
use serde_json::Value;
use tempfile::TempDir;

use crate::stack::{PROGRAM, Ports, folder, kill};

/// Beside the storage's port, where no other test looks.
pub const SECOND_ROUTER: u16 = 1001;

/// Where the metrics of the storage are; those of the subgraphs follow.
pub const METRICS: u16 = 1002;

pub const SUBGRAPHS: [&str; 4] = ["patients", "imaging", "diagnosis", "billing"];

/// The parts of an installation, each a process.
pub struct Apart {
    pub ports: Ports,
    pub running: Vec<(String, Child)>,
    pub variables: Vec<(String, String)>,
    _folder: TempDir,
}

impl Apart {
    /// Everything but the router.
    pub async fn without_router() -> Self {
        let ports = Ports::reserve();
        let folder = folder();
        let database = TestDatabase::empty().await;
        let socket = database.options.get_socket().expect("a socket").display().to_string();
        let name = database.options.get_database().expect("a name").to_owned();
        let url = |user: &str| format!("postgres://{user}@localhost/{name}?host={socket}");
        let mut variables = Vec::new();
        let mut set = |key: &str, value: String| variables.push((format!("HEALTHBRIDGE__{key}"), value));
        let base = ports.base;
        let at = |offset: u16| format!("127.0.0.1:{}", base + offset);
        set("PUBLIC_URL", format!("http://{}", at(0)));
        set("DATABASE__URL", url(database.options.get_username()));
        set("AUTH__SIGNING_KEY_FILE", folder.path().join("signing.pem").display().to_string());
        set("AUTH__JWKS_URL", format!("http://{}/.well-known/jwks.json", at(1)));
        let report_keys = folder.path().join("reports.pem");
        set("SUBGRAPHS__DIAGNOSIS__REPORTS__SIGNING_KEY_FILE", report_keys.display().to_string());
        set("ROUTER__LISTEN", at(0));
        set("STORAGE__LISTEN", at(1000));
        set("STORAGE__DIRECTORY", folder.path().join("storage").display().to_string());
        set("STORAGE__INTERNAL_ENDPOINT", format!("http://{}", at(1000)));
        set("STORAGE__ACCESS_KEY_ID", "HBTEST".to_owned());
        let secret = folder.path().join("storage-secret");
        std::fs::write(&secret, "the-secret-of-a-test\n").expect("written");
        set("STORAGE__SECRET_ACCESS_KEY_FILE", secret.display().to_string());
        set("STORAGE__METRICS_LISTEN", at(METRICS));
        for (subgraph, offset) in SUBGRAPHS.iter().zip(1..) {
            let key = subgraph.to_uppercase();
            set(&format!("SUBGRAPHS__{key}__LISTEN"), at(offset));
            set(&format!("SUBGRAPHS__{key}__METRICS_LISTEN"), at(METRICS + offset));
            set(&format!("SUBGRAPHS__{key}__DATABASE_URL"), url(&format!("{subgraph}_{name}")));
        }
        let mut apart = Self { ports, running: Vec::new(), variables, _folder: folder };
        apart.finish(&["check-config"], "");
        apart.finish(&["migrate"], "");
        apart.finish(&["migrate"], "");
        apart.finish(&["seed", "--patients", "100"], "");
        assert_eq!(apart.finish(&["user", "has-admin"], ""), "no\n");
        apart
            .finish(&["user", "create-admin", "--email", "admin@example.test"], "seven unlikely purple wheelbarrows\n");
        assert_eq!(apart.finish(&["user", "has-admin"], ""), "yes\n");
        apart.spawn(&["storage"]);
        for subgraph in SUBGRAPHS {
            apart.spawn(&["subgraph", subgraph]);
        }
        for offset in 1..=4 {
            apart.wait_for(&format!("http://{}/readyz", at(offset))).await;
        }
        apart
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).envs(self.variables.iter().cloned());
        command
    }

    /// Runs a role that ends by itself.
    pub fn finish(&self, arguments: &[&str], input: &str) -> String {
        let mut child =
            self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
        child.stdin.take().expect("an input").write_all(input.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    pub fn spawn(&mut self, arguments: &[&str]) {
        let child = self.command(arguments).stdin(Stdio::null()).spawn().expect("it starts");
        self.running.push((arguments.last().expect("a role").to_string(), child));
    }

    pub async fn start_router(&mut self) {
        self.spawn(&["router"]);
        self.wait_for(&format!("http://127.0.0.1:{}/readyz", self.ports.base)).await;
    }

    pub async fn wait_for(&self, url: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success()) {
            assert!(Instant::now() < deadline, "{url} does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn stop(&mut self, name: &str) {
        let place = self.running.iter().position(|(running, _)| running == name).expect("it runs");
        let (_, mut child) = self.running.remove(place);
        kill(child.id(), "TERM");
        assert!(child.wait().expect("it ends").success(), "{name} ends well");
    }

    pub async fn admin(&self) -> Client {
        let router = Client::new(&format!("http://127.0.0.1:{}", self.ports.base));
        let query = "mutation { signIn(input: { email: \"admin@example.test\", password: \"seven unlikely purple wheelbarrows\" }) { accessToken } }";
        let data = router.data(query, Value::Null).await;
        router.with_token(data["signIn"]["accessToken"].as_str().expect("a token"))
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        for (_, child) in self.running.iter_mut().rev() {
            kill(child.id(), "TERM");
            drop(child.wait());
        }
    }
}
