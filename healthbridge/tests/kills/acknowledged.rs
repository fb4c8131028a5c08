//! What was acknowledged, and whether it is there.

use std::fmt;

use serde_json::{Value, json};

use crate::{
    clients::{By, Readers, Written},
    stack::writes::mutation,
};

/// Questions that go in one request.
const AT_ONCE: usize = 20;

/// All that was acknowledged since the beginning.
#[derive(Default)]
pub struct Acknowledged {
    patients: Vec<Value>,
    reports: Vec<Value>,
    billings: Vec<Value>,
    /// A billing and the entry of its ledger.
    payments: Vec<(Value, Value)>,
    images: Vec<(Value, Vec<u8>)>,
    sessions: usize,
}

impl fmt::Display for Acknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { patients, reports, billings, payments, images, sessions } = self;
        let (patients, reports, billings) = (patients.len(), reports.len(), billings.len());
        let (payments, images) = (payments.len(), images.len());
        write!(
            f,
            "acknowledged and found: {patients} patients, {reports} reports, {billings} billings, {payments} payments, \
             {images} images, {sessions} sessions"
        )
    }
}

impl Acknowledged {
    /// Looks for what a round has written, and for its keys' answers; keeps it for later looks.
    pub async fn check_and_keep(&mut self, readers: &Readers, written: impl IntoIterator<Item = Written>) {
        let mut new = Self::default();
        for (index, one) in written.into_iter().enumerate() {
            match one {
                Written::Image { id, content } => new.images.push((id, content)),
                Written::Keyed { change, id } => {
                    if index % 5 == 0 {
                        let query = mutation(change.operation, change.selection);
                        let data = readers.of(change.by).data(&query, json!({ "input": change.input })).await;
                        let again = data[change.operation].pointer(change.id_at).cloned();
                        assert_eq!(again.as_ref(), Some(&id), "the second answer of {change:?}");
                    }
                    match change.operation {
                        "createPatient" => new.patients.push(id),
                        "createReport" => new.reports.push(id),
                        "addBilling" => new.billings.push(id),
                        _ => new.payments.push((change.input["billingId"].clone(), id)),
                    }
                }
            }
        }
        new.check_all(readers).await;
        for (id, content) in &new.images {
            let data = readers.of(By::Doctor).data(&image(id, "downloadUrl { url }"), Value::Null).await;
            let url = data["a0"]["downloadUrl"]["url"].as_str().unwrap_or_else(|| panic!("{id}: {data}"));
            let bytes = reqwest::get(url).await.expect("an answer").bytes().await.expect("bytes");
            assert!(bytes == content, "the bytes of image {id}");
        }
        self.patients.extend(new.patients);
        self.reports.extend(new.reports);
        self.billings.extend(new.billings);
        self.payments.extend(new.payments);
        // Its bytes were seen; `rows` compares all files with their digests.
        self.images.extend(new.images.into_iter().map(|(id, _)| (id, Vec::new())));
    }

    /// Looks for everything.
    pub async fn check_all(&self, readers: &Readers) {
        for (root, ids, by) in [
            ("patient", &self.patients, By::Doctor),
            ("report", &self.reports, By::Doctor),
            ("billing", &self.billings, By::Clerk),
        ] {
            for some in ids.chunks(AT_ONCE) {
                let data = readers.of(by).data(&ask(root, some.iter(), "id"), Value::Null).await;
                for (index, id) in some.iter().enumerate() {
                    assert_eq!(&data[format!("a{index}")]["id"], id, "an acknowledged {root}");
                }
            }
        }
        for some in self.images.chunks(AT_ONCE) {
            let query = ask("image", some.iter().map(|(id, _)| id), "state");
            let data = readers.of(By::Doctor).data(&query, Value::Null).await;
            for (index, (id, _)) in some.iter().enumerate() {
                assert_eq!(data[format!("a{index}")]["state"], json!("READY"), "the acknowledged image {id}");
            }
        }
        for some in self.payments.chunks(AT_ONCE) {
            let query = ask("billing", some.iter().map(|(billing, _)| billing), "ledger { nodes { id } }");
            let data = readers.of(By::Clerk).data(&query, Value::Null).await;
            for (index, (billing, entry)) in some.iter().enumerate() {
                let ledger = data[format!("a{index}")]["ledger"]["nodes"].as_array().cloned().unwrap_or_default();
                let found = ledger.iter().filter(|one| one["id"] == *entry).count();
                assert_eq!(found, 1, "the acknowledged payment {entry} of {billing}");
            }
        }
    }

    /// A session that was acknowledged goes on.
    pub async fn check_sessions(&mut self, readers: &Readers, sessions: Vec<Value>) {
        for token in sessions {
            let query =
                "mutation ($token: String!) { refreshSession(input: { refreshToken: $token }) { refreshToken } }";
            let data = readers.anonymous.data(query, json!({ "token": token })).await;
            assert!(data["refreshSession"]["refreshToken"].is_string(), "an acknowledged session: {data}");
            self.sessions += 1;
        }
    }
}

/// One question for each id, with names a0, a1 and so on.
fn ask<'a>(root: &str, ids: impl Iterator<Item = &'a Value>, selection: &str) -> String {
    let questions = ids.enumerate().map(|(index, id)| format!("a{index}: {root}(id: {id}) {{ {selection} }}"));
    format!("{{ {} }}", questions.collect::<Vec<_>>().join(" "))
}

fn image(id: &Value, selection: &str) -> String {
    ask("image", std::iter::once(id), selection)
}
