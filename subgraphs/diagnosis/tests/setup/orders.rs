//! What tests of orders begin with.

use healthbridge_auth::Claims;
use healthbridge_rights::Role;
use healthbridge_testkit::Client;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Setup;

/// What is asked of an order.
pub const ORDER: &str = "id status stage priority accessionNumber version updatedAt radiologist { id } readingUntil
    dueAt overdue acquiredAt allowedTransitions report { id } images { id }";

/// A member of the staff who is signed in.
pub struct Member {
    pub client: Client,
    pub staff: Uuid,
}

impl Setup {
    /// Somebody of a role, whose id in the staff is known.
    pub fn member(&self, role: Role) -> Member {
        let claims = self.tokens.claims(role, None, Some(Uuid::now_v7()));
        self.member_by(&claims)
    }

    /// What the release of its report makes of an order.
    pub async fn report_by_hand(&self, order: &Value) {
        let id: Uuid = order["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let update =
            "UPDATE diagnosis.imaging_order SET status = 'COMPLETED', stage = 'REPORTED', version = version + 1
            WHERE id = $1";
        sqlx::query(update).bind(id).execute(&self.database.pool).await.expect("updated");
    }

    /// An appointment of a patient, each on a day of its own.
    pub async fn appointment(&self, patient: Uuid, day: i32) -> Uuid {
        let id = Uuid::now_v7();
        let insert =
            "INSERT INTO diagnosis.appointment (id, status, patient_id, doctor_id, start_at, end_at, booked_by,
                created_at, updated_at)
            SELECT $1, 'BOOKED', $2, $2, day, day + interval '30 minutes', $2, now(), now()
            FROM (SELECT now() + make_interval(days => $3) AS day) AS day";
        let inserted = sqlx::query(insert).bind(id).bind(patient).bind(day).execute(&self.database.pool);
        inserted.await.expect("booked");
        id
    }

    pub fn member_by(&self, claims: &Claims) -> Member {
        let client = self.anonymous.with_token(self.tokens.key.sign(claims));
        Member { client, staff: claims.staff_id.expect("of the staff") }
    }
}

impl Member {
    /// Runs a mutation of orders, and gives its payload.
    pub async fn change(&self, mutation: &str, input: Value) -> Value {
        change(&self.client, mutation, input).await
    }

    /// Runs one that must succeed, and gives the order.
    pub async fn done(&self, mutation: &str, input: Value) -> Value {
        let payload = self.change(mutation, input).await;
        assert_eq!(payload["userErrors"], json!([]), "{mutation}");
        payload["order"].clone()
    }

    pub async fn order(&self, patient: Uuid, priority: &str) -> Value {
        self.done("orderImaging", order_input(patient, priority)).await
    }

    /// Completes the acquisition of an order as it was seen.
    pub async fn acquire(&self, order: &Value) -> Value {
        let input =
            json!({ "orderId": order["id"], "expectedVersion": order["version"], "imageIds": [Uuid::now_v7()] });
        self.done("completeAcquisition", input).await
    }

    /// Begins a report of an order.
    pub async fn report(&self, patient: Uuid, order: &Value) -> Value {
        let create = "mutation ($input: CreateReportInput!) { createReport(input: $input) {
            report { id status } userErrors { code message field } } }";
        let input = json!({ "patientId": patient, "orderId": order["id"], "findings": "Clear." });
        self.client.data(create, json!({ "input": input })).await["createReport"].clone()
    }

    /// The order as this member sees it.
    pub async fn see(&self, order: &Value) -> Value {
        see(&self.client, order).await
    }
}

pub fn order_input(patient: Uuid, priority: &str) -> Value {
    json!({ "patientId": patient, "modality": "CT", "priority": priority, "reason": "Cough for two weeks.",
        "reasonCodes": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "R05" }], "idempotencyKey": Uuid::new_v4() })
}

pub async fn change(client: &Client, mutation: &str, input: Value) -> Value {
    let kind = match mutation {
        "revokeImagingOrder" => "ImagingOrderStepInput".to_owned(),
        _ => format!("{}{}Input", mutation[..1].to_uppercase(), &mutation[1..]),
    };
    let query = format!(
        "mutation ($input: {kind}!) {{ {mutation}(input: $input) {{ order {{ {ORDER} }} userErrors {{ code message field }} }} }}"
    );
    client.data(&query, json!({ "input": input })).await[mutation].clone()
}

pub async fn see(client: &Client, order: &Value) -> Value {
    let query = format!("query ($id: ID!) {{ imagingOrder(id: $id) {{ {ORDER} }} }}");
    client.data(&query, json!({ "id": order["id"] })).await["imagingOrder"].clone()
}

/// The codes of a payload's refusals.
pub fn codes(payload: &Value) -> Vec<String> {
    let errors = payload["userErrors"].as_array().expect("refusals");
    errors.iter().map(|error| error["code"].as_str().expect("a code").to_owned()).collect()
}
