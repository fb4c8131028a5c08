use super::*;

#[tokio::test]
async fn appointments() {
    let hospital = Hospital::open().await;
    let appointment = post_appointments(&hospital).await;
    get_appointments(&hospital, &appointment).await;
    get_appointments_id(&hospital, &appointment).await;
    get_appointments_patient(&hospital, &appointment).await;
    get_appointments_doctor(&hospital, &appointment).await;
    let appointment = put_appointments_id(&hospital, &appointment).await;
    delete_appointments_id(&hospital, &appointment).await;
}

/// `POST /appointments`: `bookAppointment`
async fn post_appointments(hospital: &Hospital) -> Value {
    let doctor = &hospital.own_staff(&hospital.doctor).await;
    let input = json!({ "patientId": hospital.patient, "doctorId": doctor, "start": "2031-05-05T09:00:00Z",
        "end": "2031-05-05T09:30:00Z", "reason": "a cough", "idempotencyKey": key() });
    let made = change(&hospital.doctor, "bookAppointment", "appointment { id version status doctor { id } }", input);
    made.await["appointment"].clone()
}

/// `GET /appointments`: `appointments`
async fn get_appointments(hospital: &Hospital, appointment: &Value) {
    let day = "appointments(filter: { from: \"2031-05-05T00:00:00Z\", to: \"2031-05-06T00:00:00Z\" })";
    assert!(ids(&list(&hospital.doctor, day, "id").await).contains(&appointment["id"]));
}

/// `GET /appointments/{id}`: `appointment`
async fn get_appointments_id(hospital: &Hospital, appointment: &Value) {
    let found = read(&hospital.doctor, "appointment", &appointment["id"], "status reason").await;
    assert_eq!(found, json!({ "status": "BOOKED", "reason": "a cough" }));
}

/// `GET /appointments/patient/{id}`: `Patient.appointments`
async fn get_appointments_patient(hospital: &Hospital, appointment: &Value) {
    let found = list_of(&hospital.doctor, ("patient", &hospital.patient), "appointments(first: 100)", "id").await;
    assert!(ids(&found).contains(&appointment["id"]));
}

/// `GET /appointments/doctor/{id}`: `MedicalStaff.appointments`
async fn get_appointments_doctor(hospital: &Hospital, appointment: &Value) {
    let doctor = ("staffMember", &appointment["doctor"]["id"]);
    let found = list_of(&hospital.doctor, doctor, "appointments(first: 100)", "id").await;
    assert!(ids(&found).contains(&appointment["id"]));
}

/// `PUT /appointments/{id}`: `updateAppointment`
async fn put_appointments_id(hospital: &Hospital, appointment: &Value) -> Value {
    let input = json!({ "appointmentId": appointment["id"], "expectedVersion": appointment["version"],
        "start": "2031-05-05T10:00:00Z", "end": "2031-05-05T10:30:00Z" });
    change(&hospital.doctor, "updateAppointment", "appointment { id version start }", input).await["appointment"]
        .clone()
}

/// `DELETE /appointments/{id}`: `cancelAppointment`
async fn delete_appointments_id(hospital: &Hospital, appointment: &Value) {
    let input = json!({ "appointmentId": appointment["id"], "expectedVersion": appointment["version"],
        "reason": "the patient is abroad" });
    change(&hospital.doctor, "cancelAppointment", "appointment { id }", input).await;
    let found = read(&hospital.doctor, "appointment", &appointment["id"], "status cancelReason").await;
    assert_eq!(found, json!({ "status": "CANCELLED", "cancelReason": "the patient is abroad" }), "it is never deleted");
}

#[tokio::test]
async fn tests() {
    let hospital = Hospital::open().await;
    let order = post_tests(&hospital).await;
    get_tests_id(&hospital, &order).await;
    get_tests_patient(&hospital, &order).await;
    get_tests_doctor(&hospital, &order).await;
    put_tests_id(&hospital, &order).await;
    get_tests_radiologist(&hospital, &order).await;
    get_tests_appointment(&hospital, &order).await;
    post_tests_id_generate_report(&hospital, &order).await;
}

/// `POST /tests`: `orderImaging`
async fn post_tests(hospital: &Hospital) -> Value {
    let appointment = post_appointments(hospital).await;
    let input = json!({ "patientId": hospital.patient, "appointmentId": appointment["id"], "modality": "CT",
        "reason": "a cough for six weeks", "priority": "URGENT", "idempotencyKey": key() });
    let selection = "order { id version status accessionNumber orderedBy { id } appointment { id } }";
    change(&hospital.doctor, "orderImaging", selection, input).await["order"].clone()
}

/// `GET /tests/{id}`: `imagingOrder`
async fn get_tests_id(hospital: &Hospital, order: &Value) {
    let found = read(&hospital.doctor, "imagingOrder", &order["id"], "status stage modality accessionNumber").await;
    assert_eq!(
        (&found["status"], &found["stage"], &found["modality"]),
        (&json!("ACTIVE"), &json!("SCHEDULED"), &json!("CT"))
    );
    assert_eq!(found["accessionNumber"], order["accessionNumber"]);
}

/// `GET /tests/patient/{id}`: `Patient.imagingOrders`
async fn get_tests_patient(hospital: &Hospital, order: &Value) {
    let found = list_of(&hospital.doctor, ("patient", &hospital.patient), "imagingOrders(first: 100)", "id").await;
    assert!(ids(&found).contains(&order["id"]));
}

/// `GET /tests/doctor/{id}`: `MedicalStaff.imagingOrders`
async fn get_tests_doctor(hospital: &Hospital, order: &Value) {
    let doctor = ("staffMember", &order["orderedBy"]["id"]);
    let found = list_of(&hospital.doctor, doctor, "imagingOrders(first: 100)", "id").await;
    assert!(ids(&found).contains(&order["id"]));
}

/// `PUT /tests/{id}`: `updateImagingOrder`
async fn put_tests_id(hospital: &Hospital, order: &Value) {
    let radiologist = hospital.own_staff(&hospital.radiologist).await;
    let input = json!({ "orderId": order["id"], "expectedVersion": order["version"], "radiologistId": radiologist,
        "priority": "STAT" });
    let changed = change(&hospital.doctor, "updateImagingOrder", "order { priority radiologist { id } }", input).await;
    assert_eq!(changed["order"], json!({ "priority": "STAT", "radiologist": { "id": radiologist } }));
}

/// `GET /tests/radiologist/{id}`: `imagingOrders`
async fn get_tests_radiologist(hospital: &Hospital, order: &Value) {
    let radiologist = hospital.own_staff(&hospital.radiologist).await;
    let of = format!("imagingOrders(filter: {{ radiologistId: {radiologist} }})");
    assert!(ids(&list(&hospital.radiologist, &of, "id").await).contains(&order["id"]));
}

/// `GET /tests/appointment/{id}`: `Appointment.imagingOrders`
async fn get_tests_appointment(hospital: &Hospital, order: &Value) {
    let appointment = ("appointment", &order["appointment"]["id"]);
    assert_eq!(ids(&list_of(&hospital.doctor, appointment, "imagingOrders", "id").await), [order["id"].clone()]);
}

/// `POST /tests/{id}/generate-report`: `createReport`
async fn post_tests_id_generate_report(hospital: &Hospital, order: &Value) {
    let (image, _) =
        writes::upload(&hospital.radiologist, &hospital.patient, key().as_bytes()).await.expect("an image");
    let now = read(&hospital.radiologist, "imagingOrder", &order["id"], "version").await;
    let acquired = json!({ "orderId": order["id"], "expectedVersion": now["version"], "imageIds": [image] });
    change(&hospital.radiologist, "completeAcquisition", "order { id }", acquired).await;
    let input = json!({ "patientId": hospital.patient, "orderId": order["id"], "findings": "Clear." });
    let report = change(&hospital.radiologist, "createReport", "report { id }", input).await["report"].clone();
    let found = read(&hospital.radiologist, "imagingOrder", &order["id"], "stage report { id }").await;
    assert_eq!(found, json!({ "stage": "READING", "report": report }));
}
