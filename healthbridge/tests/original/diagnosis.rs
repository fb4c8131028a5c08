use super::*;

#[tokio::test]
async fn reports() {
    let hospital = Hospital::open().await;
    let report = post_reports(&hospital).await;
    let report = put_reports_id(&hospital, &report).await;
    get_reports_id(&hospital, &report).await;
    get_reports(&hospital, &report).await;
    get_reports_staff(&hospital, &report).await;
    get_reports_patient(&hospital, &report).await;
    put_reports_id_confirm(&hospital, &report).await;
}

/// `POST /reports`: `createReport`
async fn post_reports(hospital: &Hospital) -> Value {
    let input = json!({ "patientId": hospital.patient, "findings": "Clear.", "idempotencyKey": key() });
    change(&hospital.radiologist, "createReport", "report { id version author { id } }", input).await["report"].clone()
}

/// `PUT /reports/{id}`: `updateReportDraft`
async fn put_reports_id(hospital: &Hospital, report: &Value) -> Value {
    let input = json!({ "reportId": report["id"], "expectedVersion": report["version"], "impression": "Normal." });
    let selection = "report { id version author { id } }";
    change(&hospital.radiologist, "updateReportDraft", selection, input).await["report"].clone()
}

/// `GET /reports/{id}`: `report`
async fn get_reports_id(hospital: &Hospital, report: &Value) {
    let found = read(&hospital.doctor, "report", &report["id"], "status findings impression").await;
    assert_eq!(found, json!({ "status": "PRELIMINARY", "findings": "Clear.", "impression": "Normal." }));
}

/// `GET /reports`: `reports`
async fn get_reports(hospital: &Hospital, report: &Value) {
    assert!(ids(&list(&hospital.doctor, "reports(first: 100)", "id").await).contains(&report["id"]));
}

/// `GET /reports/staff/{id}`: `MedicalStaff.reports`
async fn get_reports_staff(hospital: &Hospital, report: &Value) {
    let author = ("staffMember", &report["author"]["id"]);
    assert!(ids(&list_of(&hospital.doctor, author, "reports(first: 100)", "id").await).contains(&report["id"]));
}

/// `GET /reports/patient/{id}`: `Patient.reports`
async fn get_reports_patient(hospital: &Hospital, report: &Value) {
    let patient = ("patient", &hospital.patient);
    assert!(ids(&list_of(&hospital.doctor, patient, "reports(first: 100)", "id").await).contains(&report["id"]));
}

/// `PUT /reports/{id}/confirm`: `reauthenticate`, `confirmReport`
async fn put_reports_id_confirm(hospital: &Hospital, report: &Value) {
    let proof =
        change(&hospital.radiologist, "reauthenticate", "reauthToken", json!({ "password": stack::PASSWORD })).await;
    let input = json!({ "reportId": report["id"], "expectedVersion": report["version"],
        "reauthToken": proof["reauthToken"], "idempotencyKey": key() });
    change(&hospital.radiologist, "confirmReport", "report { id }", input).await;
    let selection = "status signatures { meaning valid }";
    let found = read(&hospital.doctor, "report", &report["id"], selection).await;
    assert_eq!(found["status"], json!("FINAL"));
    assert_eq!(found["signatures"], json!([{ "meaning": "VERIFICATION", "valid": true }]));
}

#[tokio::test]
async fn logs() {
    let hospital = Hospital::open().await;
    let log = post_logs(&hospital).await;
    get_logs(&hospital, &log).await;
    get_logs_id(&hospital, &log).await;
    get_logs_user(&hospital, &log).await;
}

/// `POST /logs`: `addWorkflowLog`
async fn post_logs(hospital: &Hospital) -> Value {
    let input = json!({ "action": "CHECKED_IN", "note": "by ambulance", "patientId": hospital.patient });
    change(&hospital.clerk, "addWorkflowLog", "log { id user { id } }", input).await["log"].clone()
}

/// `GET /logs`: `workflowLogs`
async fn get_logs(hospital: &Hospital, log: &Value) {
    assert!(ids(&list(&hospital.auditor, "workflowLogs(first: 100)", "id").await).contains(&log["id"]));
}

/// `GET /logs/{id}`: `workflowLog`
async fn get_logs_id(hospital: &Hospital, log: &Value) {
    let found = read(&hospital.auditor, "workflowLog", &log["id"], "note").await;
    assert_eq!(found["note"], json!("by ambulance"));
}

/// `GET /logs/user/{id}`: `User.workflowLogs`
async fn get_logs_user(hospital: &Hospital, log: &Value) {
    let logs = list_of(&hospital.auditor, ("user", &log["user"]["id"]), "workflowLogs(first: 100)", "id").await;
    assert!(ids(&logs).contains(&log["id"]));
}
