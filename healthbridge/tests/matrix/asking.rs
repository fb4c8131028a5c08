//! A hospital with a day's data, its doors, and how each root field is asked for.

use std::collections::{BTreeSet, HashMap};

use healthbridge::{SUBGRAPHS, Subgraph};
use healthbridge_auth::SigningKey;
use healthbridge_rights::{Role, scopes_of};
use healthbridge_terms::Coded;
use healthbridge_testkit::{Client, Tokens};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    appointments,
    graph::{Field, Graph, Selected},
    ids,
    rights::{Need, Rights, need},
    stack::Stack,
};

/// A door into the graph.
pub struct Door {
    pub name: &'static str,
    pub client: Client,
    pub graph: Graph,
}

pub struct Hospital {
    pub subgraphs: HashMap<String, Graph>,
    pub doors: Vec<Door>,
    pub rights: Vec<(String, Rights)>,
    /// The roles' tokens.
    callers: HashMap<String, String>,
    omniscient: String,
    own: Rows,
    _stack: Stack,
}

/// One row of each kind.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    ids: HashMap<&'static str, String>,
    mrn: String,
    currency: String,
}

const CHART: &str = "query ($id: ID!) { patient(id: $id) { id mrn images(first: 100) { nodes { id } }
    reports(first: 100, filter: { status: [FINAL] }) { nodes { id } } appointments(first: 100) { nodes { id } }
    imagingOrders(first: 100) { nodes { id } }
    billings(first: 100) { nodes { id net { currency } ledger(first: 100) { nodes { id } } } } } }";

const INVOICE: &str =
    "mutation ($input: CreateInvoiceInput!) { createInvoice(input: $input) { invoice { id } userErrors { code } } }";

const ORDER: &str =
    "mutation ($input: OrderImagingInput!) { orderImaging(input: $input) { order { id } userErrors { code } } }";

const BILLING: &str =
    "mutation ($input: AddBillingInput!) { addBilling(input: $input) { billing { appointment { id } } } }";

impl Hospital {
    pub fn read_subgraphs() -> HashMap<String, Graph> {
        let read = |subgraph: &Subgraph| {
            let mut graph = Graph::read(&(subgraph.description().sdl)());
            let own = Graph::read(&(subgraph.description().sdl)());
            graph.mark_keys(std::iter::once(&own));
            (subgraph.name().to_owned(), graph)
        };
        SUBGRAPHS.iter().map(read).collect()
    }

    pub async fn open() -> Self {
        // It asks for every field below every other one, which no client may.
        let stack = Stack::start_with(&[], &[("HEALTHBRIDGE__QUERY__COST", "2000000")]);
        let subgraphs = Self::read_subgraphs();
        let api =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/api.graphql")).expect("the schema");
        let mut api = Graph::read(&api);
        api.mark_keys(subgraphs.values());
        let mut doors = vec![Door { name: "router", client: stack.router(), graph: api }];
        for (subgraph, offset) in SUBGRAPHS.iter().zip(1..) {
            let graph = Self::read_subgraphs().remove(subgraph.name()).expect("its SDL");
            doors.push(Door { name: subgraph.name(), client: Client::new(&stack.url(offset)), graph });
        }
        let key = SigningKey::open(&stack.data_dir.join("keys/signing.pem")).expect("the key");
        let tokens = Tokens::with_key(key, &stack.url(0));
        let mut claims = tokens.claims(Role::Service, None, Some(Uuid::now_v7()));
        let scopes = Role::all().filter(|role| *role != Role::Patient).flat_map(scopes_of);
        claims.scope = scopes.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ");
        let omniscient = tokens.key.sign(&claims);
        let mut hospital = Self {
            subgraphs,
            doors,
            rights: Vec::new(),
            callers: HashMap::new(),
            omniscient,
            own: Rows::default(),
            _stack: stack,
        };
        hospital.own = hospital.rows(0).await;
        let mut rights: Vec<_> = Rights::of_roles().into_iter().collect();
        rights.sort_by(|a, b| a.0.cmp(&b.0));
        for (role, _) in &rights {
            let token = match role.as_str() {
                "anonymous" => continue,
                "MACHINE" => {
                    let mut claims = tokens.claims(Role::Service, None, Some(Uuid::now_v7()));
                    claims.scope = Rights::machine_scopes().join(" ");
                    tokens.key.sign(&claims)
                }
                "PATIENT" => tokens.of_patient(hospital.own.ids["Patient"].parse().expect("an id")),
                role => tokens.of(role.parse().expect("a role of the table")),
            };
            hospital.callers.insert(role.clone(), token);
        }
        hospital.rights = rights;
        hospital
    }

    pub fn omniscient(&self, door: &Door) -> Client {
        door.client.with_token(&self.omniscient)
    }

    pub fn caller(&self, door: &Door, role: &str) -> Client {
        match self.callers.get(role) {
            Some(token) => door.client.with_token(token),
            None => door.client.clone(),
        }
    }

    /// Rows of the n-th patient, and of what belongs to no patient.
    async fn rows(&self, number: usize) -> Rows {
        let router = self.omniscient(&self.doors[0]);
        let lists =
            "{ patients { nodes { id } } users { nodes { id } } staff { nodes { id } } workflowLogs { nodes { id } } }";
        let lists = router.data(lists, Value::Null).await;
        let first = |list: &str| lists[list]["nodes"][0]["id"].as_str().expect("a row").to_owned();
        let patient = lists["patients"]["nodes"][number]["id"].as_str().expect("a patient").to_owned();
        let chart = router.data(CHART, json!({ "id": patient })).await["patient"].clone();
        let of = |list: &str| chart[list]["nodes"][0]["id"].as_str().expect("a row").to_owned();
        let invoice = router
            .data(
                INVOICE,
                json!({ "input": { "patientId": patient, "idempotencyKey": Uuid::new_v4(),
            "billingIds": [of("billings")] } }),
            )
            .await;
        let booked = appointments::book(&router, &patient, &first("staff")).await;
        let input = json!({ "patientId": patient, "appointmentId": booked, "description": "the matrix",
            "unitPrice": { "amount": "1.00", "currency": "EUR" }, "idempotencyKey": Uuid::new_v4() });
        let billing = router.data(BILLING, json!({ "input": input })).await["addBilling"]["billing"].clone();
        let order = router.data(ORDER, json!({ "input": order_input(&json!(patient)) })).await;
        let rows = [
            ("ImagingOrder", order["orderImaging"]["order"]["id"].as_str().expect("an order").to_owned()),
            ("Appointment", billing["appointment"]["id"].as_str().expect("an appointment").to_owned()),
            ("MedicalImage", of("images")),
            ("ImageUpload", of("images")),
            ("DiagnosisReport", of("reports")),
            ("Billing", of("billings")),
            ("Invoice", invoice["createInvoice"]["invoice"]["id"].as_str().expect("an invoice").to_owned()),
            (
                "LedgerEntry",
                chart["billings"]["nodes"][0]["ledger"]["nodes"][0]["id"].as_str().expect("a row").to_owned(),
            ),
            ("User", first("users")),
            ("MedicalStaff", first("staff")),
            ("WorkflowLog", first("workflowLogs")),
            ("Patient", patient),
        ];
        let currency = chart["billings"]["nodes"][0]["net"]["currency"].as_str().expect("a currency").to_owned();
        Rows { ids: rows.into(), mrn: chart["mrn"].as_str().expect("a number").to_owned(), currency }
    }

    /// Rows of another patient than the one who calls.
    pub async fn of_somebody_else(&self) -> Rows {
        let mut rows = self.rows(1).await;
        rows.ids.retain(|type_name, _| !matches!(*type_name, "User" | "MedicalStaff"));
        rows
    }

    /// Ids of nothing.
    pub fn of_nobody(&self) -> Rows {
        let rows = self.own.ids.keys().map(|type_name| (*type_name, Uuid::now_v7().to_string()));
        Rows { ids: rows.collect(), mrn: "000000000".to_owned(), currency: "EUR".to_owned() }
    }

    /// Ids of rows that belong to other patients than the one who calls, and to them alone.
    pub async fn rows_of_others(&self) -> BTreeSet<String> {
        self.rows(1).await;
        let router = self.omniscient(&self.doors[0]);
        let (mut all, mut own) = (BTreeSet::new(), BTreeSet::new());
        let mine = router.data(CHART, json!({ "id": self.own.ids["Patient"] })).await;
        ids(&mine, &mut own);
        let others = router.data("{ patients(first: 100) { nodes { id } } }", Value::Null).await;
        for other in others["patients"]["nodes"].as_array().expect("patients") {
            ids(&router.data(CHART, json!({ "id": other["id"] })).await, &mut all);
        }
        all.difference(&own).cloned().collect()
    }

    pub fn query(&self, door: &Door, root: &Field, selected: &[Selected]) -> String {
        self.own.query(door, root, selected)
    }

    pub fn key(&self, type_name: &str, key: &str) -> Option<Value> {
        self.own.key(type_name, key)
    }

    /// The mutations of a door that need a right. The others are about the caller alone.
    pub fn mutations(door: &Door) -> Vec<Field> {
        let mutations = door.graph.roots("Mutation").into_iter();
        mutations.filter(|root| need(&root.name) != Need::Nothing).collect()
    }

    pub fn mutation(door: &Door, root: &Field) -> (String, Vec<Selected>) {
        let selected = door.graph.everything(&root.type_name);
        let input = &root.arguments.first().expect("an input").1;
        let query = format!(
            "mutation ($input: {input}) {{ {}(input: $input) {{ {}}} }}",
            root.name,
            door.graph.write(&selected)
        );
        (query, selected)
    }

    /// Whether [`Self::input`] is right, and not only well formed.
    pub fn succeeds(mutation: &str) -> bool {
        !matches!(
            mutation,
            "setUserRoles"
                | "linkPatientAccount"
                | "completeImageUpload"
                | "deleteImage"
                | "updatePatient"
                | "updateStaffMember"
                | "updateBilling"
                | "voidBilling"
                | "payBilling"
                | "refundPayment"
                | "retireServiceItem"
                | "createInvoice"
                | "updateAppointment"
                | "checkInAppointment"
                | "fulfilAppointment"
                | "markAppointmentNoShow"
                | "cancelAppointment"
                | "setWorkingHours"
                | "issueInvoice"
                | "cancelInvoice"
                | "payInvoice"
                | "updateImagingOrder"
                | "completeAcquisition"
                | "revokeImagingOrder"
                | "startReading"
                | "stopReading"
                | "acknowledgeImagingResult"
        )
    }

    /// An input of a mutation. A mutation that is not here fails the test.
    pub fn input(&self, mutation: &str) -> Value {
        let row = |type_name: &str| json!(self.own.ids[type_name]);
        let key = json!(Uuid::new_v4());
        let name = json!({ "family": "Matrix", "given": ["Test"] });
        match mutation {
            "createUser" => {
                json!({ "email": format!("{}@matrix.test", Uuid::new_v4()), "kind": "STAFF", "roles": ["NURSE"], "idempotencyKey": key })
            }
            "resetUserPassword" => json!({ "userId": row("User") }),
            "activateUser" | "deactivateUser" => json!({ "userId": row("User"), "reason": "the matrix" }),
            "setUserRoles" => json!({ "userId": row("User"), "roles": ["ADMIN"], "expectedVersion": 999 }),
            "linkPatientAccount" => json!({ "userId": row("User"), "patientId": row("Patient") }),
            "createPatient" => {
                json!({ "name": name, "gender": "OTHER", "allowDuplicate": true, "idempotencyKey": key })
            }
            "updatePatient" => json!({ "patientId": row("Patient"), "expectedVersion": 999, "active": false }),
            "createStaffMember" => json!({ "name": name, "profession": "NURSE", "idempotencyKey": key }),
            "updateStaffMember" => json!({ "staffId": row("MedicalStaff"), "expectedVersion": 999, "active": false }),
            "requestImageUpload" => {
                json!({ "patientId": row("Patient"), "fileName": "a.dcm", "contentType": "application/dicom",
                "byteSize": "10", "modality": "CT", "sha256": "00".repeat(32), "idempotencyKey": key })
            }
            "completeImageUpload" => json!({ "uploadId": Uuid::now_v7() }),
            "deleteImage" => json!({ "imageId": row("MedicalImage"), "reason": "the matrix", "expectedVersion": 999 }),
            "createReport" => json!({ "patientId": row("Patient"), "findings": "none", "idempotencyKey": key }),
            "orderImaging" => order_input(&row("Patient")),
            "updateImagingOrder" => {
                json!({ "orderId": row("ImagingOrder"), "expectedVersion": 999, "priority": "STAT" })
            }
            "completeAcquisition" => {
                json!({ "orderId": row("ImagingOrder"), "expectedVersion": 999, "imageIds": [row("MedicalImage")] })
            }
            "revokeImagingOrder" => {
                json!({ "orderId": row("ImagingOrder"), "expectedVersion": 999, "reason": "the matrix" })
            }
            "startReading" | "stopReading" => json!({ "orderId": row("ImagingOrder") }),
            "acknowledgeImagingResult" => json!({ "orderId": row("ImagingOrder"), "expectedVersion": 999 }),
            "addWorkflowLog" => json!({ "action": "OTHER", "note": "the matrix", "idempotencyKey": key }),
            "addBilling" => json!({ "patientId": row("Patient"), "description": "the matrix", "quantity": "1",
                "unitPrice": { "amount": "1.00", "currency": "EUR" }, "idempotencyKey": key }),
            "updateBilling" => json!({ "billingId": row("Billing"), "expectedVersion": 999, "quantity": "2" }),
            "voidBilling" => json!({ "billingId": row("Billing"), "expectedVersion": 999, "reason": "the matrix" }),
            "payBilling" => json!({ "billingId": row("Billing"), "method": "CASH", "idempotencyKey": key,
                "amount": { "amount": "0.01", "currency": self.own.currency } }),
            "refundPayment" => json!({ "paymentId": row("LedgerEntry"), "reason": "the matrix", "idempotencyKey": key,
                "amount": { "amount": "0.01", "currency": self.own.currency } }),
            "createInvoice" => {
                json!({ "patientId": row("Patient"), "billingIds": [Uuid::now_v7()], "idempotencyKey": key })
            }
            "issueInvoice" => json!({ "invoiceId": row("Invoice"), "expectedVersion": 999 }),
            "cancelInvoice" => json!({ "invoiceId": row("Invoice"), "expectedVersion": 999, "reason": "the matrix" }),
            "payInvoice" => json!({ "invoiceId": row("Invoice"), "method": "CASH", "idempotencyKey": key,
                "amount": { "amount": "0.01", "currency": self.own.currency } }),
            "addServiceItem" => json!({ "name": "the matrix", "idempotencyKey": key,
                "prices": [{ "amount": "1.00", "currency": "EUR" }] }),
            "retireServiceItem" => json!({ "serviceItemId": Uuid::now_v7(), "expectedVersion": 999 }),
            "exportLedger" => json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" }),
            "signIn" => json!({ "email": "a@matrix.test", "password": "wrong", "totp": "123456" }),
            "signInWithToken" => json!({ "token": "a.b.c" }),
            "registerUser" => {
                json!({ "email": format!("{}@matrix.test", Uuid::new_v4()), "password": "seven unlikely purple wheelbarrows",
                "kind": "PATIENT", "idempotencyKey": key })
            }
            "refreshSession" => json!({ "refreshToken": "wrong" }),
            "changePassword" => {
                json!({ "currentPassword": "wrong", "newPassword": "seven unlikely purple wheelbarrows" })
            }
            "reauthenticate" => json!({ "password": "wrong" }),
            "completePasswordReset" => json!({ "token": "wrong", "newPassword": "seven unlikely purple wheelbarrows" }),
            "confirmTotp" => json!({ "code": "123456" }),
            "disableTotp" => json!({ "password": "wrong" }),
            other => appointments::input(other, row).unwrap_or_else(|| panic!("teach the matrix an input of {other}")),
        }
    }

    /// What mutations would change.
    pub async fn state(&self) -> Value {
        let query = "query ($user: ID!, $patient: ID!, $staff: ID!, $image: ID!, $order: ID!) {
            patients(filter: { active: null }) { totalCount } users { totalCount } images(filter: { state: [] }) { totalCount }
            reports { totalCount } appointments { totalCount } billings { totalCount } workflowLogs { totalCount } staff(first: 100) { nodes { id version } }
            user(id: $user) { version active roles } patient(id: $patient) { version active } staffMember(id: $staff) { version }
            image(id: $image) { version state } imagingOrders { totalCount } imagingOrder(id: $order) { version status } }";
        let rows = &self.own.ids;
        let variables = json!({ "user": rows["User"], "patient": rows["Patient"], "staff": rows["MedicalStaff"], "image": rows["MedicalImage"],
            "order": rows["ImagingOrder"] });
        self.omniscient(&self.doors[0]).data(query, variables).await
    }
}

fn order_input(patient: &Value) -> Value {
    json!({ "patientId": patient, "modality": "CT", "reason": "the matrix", "idempotencyKey": Uuid::new_v4() })
}

impl Rows {
    /// How a root field is asked for. A required argument that is not known fails the test.
    pub fn query(&self, door: &Door, root: &Field, selected: &[Selected]) -> String {
        let mut arguments = Vec::new();
        for (name, type_name, is_required) in &root.arguments {
            let value = match name.as_str() {
                "id" => {
                    json!(self.ids.get(root.type_name.as_str()).cloned().unwrap_or_else(|| Uuid::now_v7().to_string()))
                        .to_string()
                }
                "first" => "3".to_owned(),
                "list" => "TO_ACQUIRE".to_owned(),
                "filter" => door.graph.wide_filter(type_name),
                "system" => "\"urn:healthbridge:mrn\"".to_owned(),
                "value" => json!(self.mrn).to_string(),
                "input" if root.name == "patientMatches" => {
                    "{ name: { family: \"Matrix\", given: [\"Test\"] }, gender: OTHER }".to_owned()
                }
                name if appointments::argument(name, None).is_some() => {
                    appointments::argument(name, self.ids.get("MedicalStaff")).unwrap_or_default()
                }
                _ => {
                    assert!(!is_required, "teach the matrix the argument {name} of {}", root.name);
                    continue;
                }
            };
            arguments.push(format!("{name}: {value}"));
        }
        let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        format!("{{ {}{arguments} {{ {}}} }}", root.name, door.graph.write(selected))
    }

    /// The value of an entity's key.
    pub fn key(&self, type_name: &str, key: &str) -> Option<Value> {
        let id = self.ids.get(type_name)?;
        Some(if key == "mrn" { json!(self.mrn) } else { json!(id) })
    }
}
