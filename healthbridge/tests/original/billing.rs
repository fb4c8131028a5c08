use super::*;

#[tokio::test]
async fn bills_and_payments() {
    let hospital = Hospital::open().await;
    let billing = post_billing(&hospital).await;
    let billing = put_billing_id(&hospital, &billing).await;
    get_billing_id(&hospital, &billing).await;
    get_billing(&hospital, &billing).await;
    get_billing_patient(&hospital, &billing).await;
    get_billing_patient_total(&hospital).await;
    put_billing_id_pay(&hospital, &billing).await;
    delete_billing_id(&hospital).await;
    get_billing_statistics_summary(&hospital).await;
    get_billing_statistics_monthly_revenue(&hospital).await;
}

/// `POST /billing`: `addBilling`
async fn post_billing(hospital: &Hospital) -> Value {
    let input = json!({ "patientId": hospital.patient, "description": "CT of the chest", "idempotencyKey": key(),
        "unitPrice": { "amount": "100.10", "currency": "EUR" } });
    change(&hospital.clerk, "addBilling", "billing { id version net { amount } }", input).await["billing"].clone()
}

/// `PUT /billing/{id}`: `updateBilling`
async fn put_billing_id(hospital: &Hospital, billing: &Value) -> Value {
    let input = json!({ "billingId": billing["id"], "expectedVersion": billing["version"], "quantity": "3" });
    change(&hospital.clerk, "updateBilling", "billing { id version net { amount } }", input).await["billing"].clone()
}

/// `GET /billing/{id}`: `billing`
async fn get_billing_id(hospital: &Hospital, billing: &Value) {
    let found = read(&hospital.clerk, "billing", &billing["id"], "net { amount currency }").await;
    assert_eq!(found["net"], json!({ "amount": "300.30", "currency": "EUR" }), "money is exact");
}

/// `GET /billing`: `billings`
async fn get_billing(hospital: &Hospital, billing: &Value) {
    assert!(ids(&list(&hospital.clerk, "billings(first: 100)", "id").await).contains(&billing["id"]));
}

/// `GET /billing/patient/{id}`: `Patient.billings`
async fn get_billing_patient(hospital: &Hospital, billing: &Value) {
    let billings = list_of(&hospital.clerk, ("patient", &hospital.patient), "billings(first: 100)", "id").await;
    assert!(ids(&billings).contains(&billing["id"]));
}

/// `GET /billing/patient/{id}/total`: `Patient.totalCost`
async fn get_billing_patient_total(hospital: &Hospital) {
    let total = "totalCost { byCurrency { currency outstanding { amount } } }";
    let found = read(&hospital.clerk, "patient", &hospital.patient, total).await;
    let totals = found["totalCost"]["byCurrency"].as_array().expect("totals").clone();
    assert!(totals.iter().any(|total| total["currency"] == json!("EUR")), "{totals:?}");
}

/// `PUT /billing/{id}/pay`: `payBilling`
async fn put_billing_id_pay(hospital: &Hospital, billing: &Value) {
    let input = json!({ "billingId": billing["id"], "method": "CARD", "idempotencyKey": key() });
    let selection = "billing { paymentState outstanding { amount } }";
    let first = change(&hospital.clerk, "payBilling", selection, input.clone()).await;
    assert_eq!(first["billing"], json!({ "paymentState": "PAID", "outstanding": { "amount": "0.00" } }));
    assert_eq!(change(&hospital.clerk, "payBilling", selection, input).await, first, "it is paid once");
}

/// `DELETE /billing/{id}`: `voidBilling`
async fn delete_billing_id(hospital: &Hospital) {
    let billing = post_billing(hospital).await;
    let input = json!({ "billingId": billing["id"], "expectedVersion": billing["version"], "reason": "a mistake" });
    change(&hospital.clerk, "voidBilling", "billing { id }", input).await;
    let found = read(&hospital.clerk, "billing", &billing["id"], "status outstanding { amount }").await;
    let kept = json!({ "status": "ENTERED_IN_ERROR", "outstanding": { "amount": "0.00" } });
    assert_eq!(found, kept, "money is never deleted");
}

/// `GET /billing/statistics/summary`: `billingStatistics`
async fn get_billing_statistics_summary(hospital: &Hospital) {
    let data = hospital.clerk.data("{ billingStatistics { currency itemCount } }", Value::Null).await;
    let found = data["billingStatistics"].as_array().expect("statistics").clone();
    assert!(found.iter().any(|one| one["itemCount"].as_u64() > Some(0)), "{found:?}");
}

/// `GET /billing/monthly-revenue`: `monthlyRevenue`
async fn get_billing_statistics_monthly_revenue(hospital: &Hospital) {
    let data = hospital.clerk.data("{ monthlyRevenue(months: 12) { month currency } }", Value::Null).await;
    assert!(!data["monthlyRevenue"].as_array().expect("months").is_empty());
}
