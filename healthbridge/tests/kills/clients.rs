//! Clients that write, each in its own way and order, and often go away before the answer comes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use healthbridge_testkit::{Client, put};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Dice,
    stack::{
        Stack, patients,
        writes::{self, mutation},
    },
};

/// So many write at once.
const CLIENTS: u64 = 6;

/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A change with a key: sent again, it has the same answer.
#[derive(Clone, Debug)]
pub struct Change {
    pub operation: &'static str,
    pub selection: &'static str,
    /// Where the answer has the id of what was made.
    pub id_at: &'static str,
    pub by: By,
    pub input: Value,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum By {
    Doctor,
    Clerk,
}

/// A change that was acknowledged.
#[derive(Clone, Debug)]
pub enum Written {
    Keyed { change: Change, id: Value },
    Image { id: Value, content: Vec<u8> },
}

/// Two accounts who see what is written.
#[derive(Clone)]
pub struct Readers {
    doctor: Client,
    clerk: Client,
    pub anonymous: Client,
}

impl Readers {
    pub async fn sign_in(stack: &Stack) -> Self {
        let anonymous = stack.router();
        Self { doctor: sign_in(&anonymous, "doctor").await, clerk: sign_in(&anonymous, "clerk").await, anonymous }
    }

    pub fn of(&self, by: By) -> &Client {
        match by {
            By::Doctor => &self.doctor,
            By::Clerk => &self.clerk,
        }
    }
}

/// Signs in a demo account. Sign-ins that were killed before their success was noted count as mistakes: whoever made six of
/// them waits for the seconds that it is told, as a person would.
async fn sign_in(router: &Client, name: &str) -> Client {
    let query = "mutation ($email: String!) { signIn(input: { email: $email, password: \"healthbridge-demo\" }) {
        accessToken userErrors { message } } }";
    for _ in 0..20 {
        let data = router.data(query, json!({ "email": format!("{name}@demo.healthbridge.test") })).await;
        match data["signIn"]["accessToken"].as_str() {
            Some(token) => return router.with_token(token.to_owned()),
            None => assert!(data.to_string().contains("Too many attempts: try again in"), "{data:#}"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("{name} waits for more than 20 seconds");
}

/// What clients have done in a round.
#[derive(Default)]
pub struct Done {
    pub written: Vec<Written>,
    /// Nobody knows whether they were done.
    pub unanswered: Vec<Change>,
    /// Tokens of sessions that were acknowledged last, and not used since.
    pub sessions: Vec<Value>,
}

/// Clients at work.
pub struct Clients {
    running: Vec<tokio::task::JoinHandle<Done>>,
    is_over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl Clients {
    pub async fn start(stack: &Stack, seed: u64) -> Self {
        let readers = Readers::sign_in(stack).await;
        let patient = patients(&readers.doctor, 1).await.remove(0);
        let (is_over, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let one = |number| One {
            readers: readers.clone(),
            patient: patient.clone(),
            dice: Dice(seed ^ number),
            done: Done::default(),
            billing: None,
            session: None,
            is_over: is_over.clone(),
            acknowledged: acknowledged.clone(),
        };
        let running = (0..CLIENTS).map(|number| tokio::spawn(one(number).run())).collect();
        Self { running, is_over, acknowledged }
    }

    /// Waits for some more acknowledgements.
    pub async fn wait_for(&self, more: usize) {
        let wanted = self.acknowledged.load(Ordering::Relaxed) + more;
        let waited = tokio::time::timeout(Duration::from_secs(60), async {
            while self.acknowledged.load(Ordering::Relaxed) < wanted {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        waited.await.expect("something is acknowledged within a minute");
    }

    /// Lets them end what they are at.
    pub async fn stop(self) -> Done {
        self.is_over.store(true, Ordering::Relaxed);
        let mut all = Done::default();
        for one in self.running {
            let done = one.await.expect("ended");
            all.written.extend(done.written);
            all.unanswered.extend(done.unanswered);
            all.sessions.extend(done.sessions);
        }
        all
    }
}

/// A client at work.
struct One {
    readers: Readers,
    patient: Value,
    dice: Dice,
    done: Done,
    billing: Option<Value>,
    session: Option<Value>,
    is_over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
}

impl One {
    async fn run(mut self) -> Done {
        while !self.is_over.load(Ordering::Relaxed) {
            let before = self.done.written.len();
            match (self.dice.below(8), self.billing.take()) {
                (0, _) => drop(self.change(patient()).await),
                (1, _) => drop(self.change(report(&self.patient)).await),
                (2, _) => self.refresh().await,
                (3..6, Some(billing)) => drop(self.change(payment(&billing)).await),
                (3..6, None) => self.billing = self.change(billing(&self.patient)).await,
                _ => self.upload().await,
            }
            if self.done.written.len() == before {
                // A part that is away refuses at once.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        self.done.sessions.extend(self.session);
        self.done
    }

    fn acknowledge(&mut self, written: Written) {
        self.done.written.push(written);
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks, and goes away before the answer now and then.
    async fn ask(&mut self, client: &Client, query: &str, variables: Value) -> Option<Value> {
        let patience = if self.dice.below(4) == 0 { Duration::from_millis(self.dice.below(40)) } else { PATIENCE };
        let asked = tokio::time::timeout(patience, client.try_ask(query, variables)).await;
        Some(asked.ok()?.ok()?.body["data"].clone())
    }

    async fn change(&mut self, change: Change) -> Option<Value> {
        let client = self.readers.of(change.by).clone();
        let query = mutation(change.operation, change.selection);
        let data = self.ask(&client, &query, json!({ "input": change.input })).await;
        let id = data.and_then(|data| id_of(&change, &data[change.operation]));
        match &id {
            Some(id) => self.acknowledge(Written::Keyed { change, id: id.clone() }),
            None => self.done.unanswered.push(change),
        }
        id
    }

    async fn upload(&mut self) {
        let content = writes::image(Uuid::new_v4().as_bytes());
        let input = json!({ "input": writes::upload_input(&self.patient, &content) });
        let doctor = self.readers.of(By::Doctor).clone();
        let Some(data) = self.ask(&doctor, &mutation("requestImageUpload", writes::UPLOAD), input).await else {
            return;
        };
        let upload = &data["requestImageUpload"]["upload"];
        if put(upload, &content).await.is_none_or(|status| !status.is_success()) {
            return;
        }
        let complete = json!({ "input": { "uploadId": upload["id"] } });
        let query = mutation("completeImageUpload", "image { id state }");
        let Some(data) = self.ask(&doctor, &query, complete).await else { return };
        let image = &data["completeImageUpload"]["image"];
        if image["state"] == "READY" {
            self.acknowledge(Written::Image { id: image["id"].clone(), content });
        }
    }

    async fn refresh(&mut self) {
        let anonymous = self.readers.anonymous.clone();
        let (operation, input) = match self.session.take() {
            Some(token) => ("refreshSession", json!({ "refreshToken": token })),
            None => ("signIn", json!({ "email": "doctor@demo.healthbridge.test", "password": "healthbridge-demo" })),
        };
        let query = mutation(operation, "refreshToken");
        // One whose answer was lost may have ended the session: it begins anew.
        if let Some(data) = self.ask(&anonymous, &query, json!({ "input": input })).await {
            let token = data[operation]["refreshToken"].clone();
            if token.is_string() {
                self.session = Some(token);
                self.acknowledged.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn id_of(change: &Change, answer: &Value) -> Option<Value> {
    answer.pointer(change.id_at).filter(|id| id.is_string()).cloned()
}

fn patient() -> Change {
    let input = json!({ "name": { "family": Uuid::new_v4(), "given": ["Test"] }, "gender": "UNKNOWN",
        "allowDuplicate": true, "idempotencyKey": Uuid::new_v4() });
    Change { operation: "createPatient", selection: "patient { id }", id_at: "/patient/id", by: By::Doctor, input }
}

fn report(patient: &Value) -> Change {
    let input = json!({ "patientId": patient, "findings": "a test", "idempotencyKey": Uuid::new_v4() });
    Change { operation: "createReport", selection: "report { id }", id_at: "/report/id", by: By::Doctor, input }
}

fn billing(patient: &Value) -> Change {
    let input = json!({ "patientId": patient, "description": "CT", "idempotencyKey": Uuid::new_v4(),
        "unitPrice": { "amount": "10", "currency": "EUR" } });
    Change { operation: "addBilling", selection: "billing { id }", id_at: "/billing/id", by: By::Clerk, input }
}

fn payment(billing: &Value) -> Change {
    let input = json!({ "billingId": billing, "method": "CARD", "idempotencyKey": Uuid::new_v4() });
    Change { operation: "payBilling", selection: "entry { id }", id_at: "/entry/id", by: By::Clerk, input }
}

/// Sends again, twice, what nobody knows the answer of: both must be the same.
pub async fn repeat(readers: &Readers, unanswered: Vec<Change>) -> Vec<Written> {
    let mut written = Vec::new();
    for change in unanswered {
        let query = mutation(change.operation, change.selection);
        let mut answers = Vec::new();
        for _ in 0..2 {
            let data = readers.of(change.by).data(&query, json!({ "input": change.input })).await;
            let answer = &data[change.operation];
            answers.push(id_of(&change, answer).unwrap_or_else(|| panic!("{change:?}: {answer}")));
        }
        assert_eq!(answers[0], answers[1], "{change:?}");
        written.push(Written::Keyed { change, id: answers.remove(0) });
    }
    written
}
