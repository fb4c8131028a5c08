use super::*;

const PASSWORD: &str = "a quiet river in the north";

#[tokio::test]
async fn users_and_sessions() {
    let hospital = Hospital::open().await;
    let email = format!("{}@example.test", key());
    let user = post_users_register(&hospital, &email).await;
    let token = post_users_login(&hospital, &email).await;
    get_users_me(&hospital, &token, &user).await;
    get_users_id(&hospital, &user).await;
    get_users(&hospital, &user).await;
    put_users_deactivate(&hospital, &user, &email, &token).await;
    put_users_activate(&hospital, &user, &email).await;
}

/// `POST /users/register`: `registerUser`
async fn post_users_register(hospital: &Hospital, email: &str) -> Value {
    let input = json!({ "email": email, "password": PASSWORD, "kind": "PATIENT" });
    let made = change(&hospital.anonymous, "registerUser", "user { email }", input).await;
    // Who registers learns no id: an address that is known already looks the same.
    let found = list(&hospital.admin, &format!("users(filter: {{ search: \"{email}\" }})"), "id active").await;
    assert_eq!((&found[0]["active"], made.is_object()), (&json!(true), true));
    found[0]["id"].clone()
}

async fn sign_in(hospital: &Hospital, email: &str) -> Value {
    let input = json!({ "input": { "email": email, "password": PASSWORD } });
    let selection = "accessToken refreshToken";
    hospital.anonymous.data(&mutation("signIn", selection), input).await["signIn"].clone()
}

/// `POST /users/login`: `signIn`, `refreshSession`, `signOut`
async fn post_users_login(hospital: &Hospital, email: &str) -> String {
    let session = sign_in(hospital, email).await;
    let refresh = json!({ "refreshToken": session["refreshToken"] });
    let refreshed = change(&hospital.anonymous, "refreshSession", "accessToken", refresh).await;
    let client = hospital.anonymous.with_token(refreshed["accessToken"].as_str().expect("a token"));
    assert_eq!(client.data("mutation { signOut { ok } }", Value::Null).await["signOut"]["ok"], json!(true));
    sign_in(hospital, email).await["accessToken"].as_str().expect("a token").to_owned()
}

/// `GET /users/me`: `me`
async fn get_users_me(hospital: &Hospital, token: &str, user: &Value) {
    let me = hospital.anonymous.with_token(token).data("{ me { id } }", Value::Null).await;
    assert_eq!(me["me"]["id"], *user);
}

/// `GET /users/{id}`: `user`
async fn get_users_id(hospital: &Hospital, user: &Value) {
    assert_eq!(read(&hospital.admin, "user", user, "id").await["id"], *user);
}

/// `GET /users`: `users`
async fn get_users(hospital: &Hospital, user: &Value) {
    assert!(ids(&list(&hospital.admin, "users(first: 100)", "id").await).contains(user));
}

/// Lets an account sign in or not; gives whether it may.
async fn set_state(hospital: &Hospital, mutation: &str, user: &Value) -> Value {
    let query = format!(
        "mutation ($input: ChangeUserStateInput!) {{ {mutation}(input: $input) {{ user {{ active }} userErrors {{ code }} }} }}"
    );
    let input = json!({ "input": { "userId": user, "reason": "a test" } });
    hospital.admin.data(&query, input).await[mutation]["user"]["active"].clone()
}

/// `PUT /users/{id}/deactivate`: `deactivateUser`
async fn put_users_deactivate(hospital: &Hospital, user: &Value, email: &str, token: &str) {
    assert_eq!(set_state(hospital, "deactivateUser", user).await, json!(false));
    assert!(sign_in(hospital, email).await["accessToken"].is_null());
    // Her session has ended, too, as soon as the router has heard of it.
    let client = hospital.anonymous.with_token(token);
    let ended = async { while client.ask("{ me { id } }", Value::Null).await.status != 401 {} };
    tokio::time::timeout(std::time::Duration::from_secs(10), ended).await.expect("her session has ended");
}

/// `PUT /users/{id}/activate`: `activateUser`
async fn put_users_activate(hospital: &Hospital, user: &Value, email: &str) {
    assert_eq!(set_state(hospital, "activateUser", user).await, json!(true));
    assert!(sign_in(hospital, email).await["accessToken"].is_string());
}

#[tokio::test]
async fn patients_and_staff() {
    let hospital = Hospital::open().await;
    let patient = post_patients(&hospital).await;
    put_patients_id(&hospital, &patient).await;
    get_patients_id(&hospital, &patient).await;
    get_patients_user(&hospital).await;
    get_patients(&hospital, &patient).await;
    let member = post_staff(&hospital).await;
    put_staff_id(&hospital, &member).await;
    get_staff_id(&hospital, &member).await;
    get_staff_user(&hospital).await;
    get_staff(&hospital, &member).await;
}

/// `POST /patients`: `createPatient`
async fn post_patients(hospital: &Hospital) -> Value {
    let name = json!({ "family": format!("Original{}", key().simple()), "given": ["Ada"] });
    let pass = key();
    let identifiers = json!([{ "system": "urn:test:pass", "value": pass }]);
    let input = json!({ "name": name, "gender": "FEMALE", "birthDate": "1980-02-29", "identifiers": identifiers });
    let mut patient =
        change(&hospital.clerk, "createPatient", "patient { id version mrn }", input).await["patient"].clone();
    patient["pass"] = json!(pass);
    patient
}

/// `PUT /patients/{id}`: `updatePatient`
async fn put_patients_id(hospital: &Hospital, patient: &Value) {
    let input = json!({ "patientId": patient["id"], "expectedVersion": patient["version"], "birthDate": "1981-01-01" });
    let changed = change(&hospital.clerk, "updatePatient", "patient { birthDate }", input).await;
    assert_eq!(changed["patient"]["birthDate"], json!("1981-01-01"));
}

/// `GET /patients/{id}`: `patient`, `patientByIdentifier`
async fn get_patients_id(hospital: &Hospital, patient: &Value) {
    assert_eq!(read(&hospital.doctor, "patient", &patient["id"], "mrn").await["mrn"], patient["mrn"]);
    let query = "query ($value: String!) { patientByIdentifier(system: \"urn:test:pass\", value: $value) { id } }";
    let found = hospital.doctor.data(query, json!({ "value": patient["pass"] })).await;
    assert_eq!(found["patientByIdentifier"]["id"], patient["id"]);
}

/// `GET /patients/user/{id}`: `User.profile`
async fn get_patients_user(hospital: &Hospital) {
    let account = hospital.stack.sign_in("patient").await;
    let me = account.data("{ me { profile { ... on Patient { id } } } }", Value::Null).await;
    assert!(me["me"]["profile"]["id"].is_string());
}

/// `GET /patients`: `patients`
async fn get_patients(hospital: &Hospital, patient: &Value) {
    let by_number = format!("patients(filter: {{ mrn: {} }})", patient["mrn"]);
    assert_eq!(ids(&list(&hospital.doctor, &by_number, "id").await), [patient["id"].clone()]);
}

async fn change_staff(hospital: &Hospital, mutation: &str, input_type: &str, input: Value) -> Value {
    let query = format!(
        "mutation ($input: {input_type}!) {{ {mutation}(input: $input) {{ staffMember {{ id version }} userErrors {{ code }} }} }}"
    );
    changed(&hospital.admin, &query, mutation, input).await
}

/// `POST /staff`: `createStaffMember`
async fn post_staff(hospital: &Hospital) -> Value {
    let name = json!({ "family": "Roe", "given": ["Jane"] });
    let input = json!({ "name": name, "profession": "RADIOLOGIST", "department": "Radiology" });
    change_staff(hospital, "createStaffMember", "CreateStaffInput", input).await["staffMember"].clone()
}

/// `PUT /staff/{id}`: `updateStaffMember`
async fn put_staff_id(hospital: &Hospital, member: &Value) {
    let input =
        json!({ "staffId": member["id"], "expectedVersion": member["version"], "department": "Neuroradiology" });
    change_staff(hospital, "updateStaffMember", "UpdateStaffInput", input).await;
}

/// `GET /staff/{id}`: `staffMember`
async fn get_staff_id(hospital: &Hospital, member: &Value) {
    let found = read(&hospital.doctor, "staffMember", &member["id"], "department").await;
    assert_eq!(found["department"], json!("Neuroradiology"));
}

/// `GET /staff/user/{id}`: `User.profile`
async fn get_staff_user(hospital: &Hospital) {
    let me = hospital.doctor.data("{ me { profile { ... on MedicalStaff { id profession } } } }", Value::Null).await;
    assert_eq!(me["me"]["profile"]["profession"], json!("PHYSICIAN"));
}

/// `GET /staff`: `staff`
async fn get_staff(hospital: &Hospital, member: &Value) {
    assert!(ids(&list(&hospital.doctor, "staff(first: 100)", "id").await).contains(&member["id"]));
}
