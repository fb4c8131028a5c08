use std::{
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use healthbridge_testkit::Client;
use serde_json::Value;

use super::{PROGRAM, Ports};

/// How far its metrics are from its own port.
const METRICS: u16 = 1001;

/// A router of its own, whose subgraphs are whatever the test says.
pub struct Alone {
    pub address: String,
    child: Child,
    ports: Ports,
}

impl Alone {
    /// Starts with these settings in its environment, and waits until it answers.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(&std::env::temp_dir(), settings).await
    }

    /// Starts with this folder for what is temporary.
    pub async fn start_in(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let ports = Ports::reserve();
        let address = format!("127.0.0.1:{}", ports.base);
        let mut command = Command::new(PROGRAM);
        command.args(["router", "--listen", &address, "--insecure-no-auth"]).stdin(Stdio::null());
        command.env("TMPDIR", folder);
        command.env("HEALTHBRIDGE__ROUTER__METRICS_LISTEN", format!("127.0.0.1:{}", ports.base + METRICS));
        command.envs(settings.iter().map(|(key, value)| (format!("HEALTHBRIDGE__{key}"), value)));
        let router = Self { address, child: command.spawn().expect("it starts"), ports };
        let deadline = Instant::now() + Duration::from_secs(30);
        while router.client().try_ask("{ __typename }", Value::Null).await.is_err() {
            assert!(Instant::now() < deadline, "the router does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        router
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url(""))
    }

    /// What operators see.
    pub async fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{}/metrics", self.ports.base + METRICS);
        reqwest::get(url).await.expect("an answer").text().await.expect("text")
    }

    /// Waits until it ends by itself.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().expect("a status")
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
