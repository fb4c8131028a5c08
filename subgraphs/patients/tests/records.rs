//! Registering, changing, finding and comparing records, over HTTP on a real database.

mod setup;

use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{create, setup};
use uuid::Uuid;

const CREATE: &str = "mutation ($input: CreatePatientInput!) { createPatient(input: $input) {
    patient { id version } possibleDuplicates { patient { id } grade score reasons } userErrors { code field } } }";
const UPDATE: &str = "mutation ($input: UpdatePatientInput!) { updatePatient(input: $input) {
    patient { id version name { text } birthDate telecom { value } active updatedAt } userErrors { code field } } }";

#[tokio::test]
async fn an_update_needs_the_version_that_was_seen_and_leaves_a_trace_that_auditors_read() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let id = create(&clerk, "Lovelace").await;
    let change = |version: i32| {
        json!({ "input": { "patientId": id, "expectedVersion": version, "birthDate": null,
            "telecom": [{ "system": "PHONE", "value": "+44 20 7946 0000" }], "gender": "FEMALE" } })
    };
    let data = clerk.data(UPDATE, change(1)).await;
    let patient = &data["updatePatient"]["patient"];
    assert_eq!((&patient["version"], &patient["birthDate"]), (&json!(2), &Value::Null));
    let stale = clerk.ask(UPDATE, change(1)).await;
    assert_eq!(stale.refusals("updatePatient"), ["VERSION_CONFLICT"]);
    let same = clerk.data(UPDATE, change(2)).await;
    assert_eq!(same["updatePatient"]["patient"]["version"], json!(2), "what changes nothing is no change");
    let history = "query ($id: ID!, $after: String) { patient(id: $id) { history(first: 1, after: $after) {
        nodes { version changedFields changedBy { id } } pageInfo { endCursor hasNextPage } } } }";
    let auditor = setup.as_role(Role::Auditor);
    let page = auditor.data(history, json!({ "id": id })).await["patient"]["history"].clone();
    let fields = json!(["birthDate", "telecom"]);
    assert_eq!((&page["nodes"][0]["version"], &page["nodes"][0]["changedFields"]), (&json!(2), &fields));
    let after = page["pageInfo"]["endCursor"].clone();
    let page = auditor.data(history, json!({ "id": id, "after": after })).await["patient"]["history"].clone();
    assert_eq!((&page["nodes"][0]["version"], &page["pageInfo"]["hasNextPage"]), (&json!(1), &json!(false)));
    let denied = clerk.ask(history, json!({ "id": id })).await;
    assert_eq!(
        (denied.codes(), &denied.body["data"]["patient"]["history"]),
        (vec!["FORBIDDEN".to_owned()], &Value::Null)
    );
    let shut = sqlx::query("UPDATE patients.record_version SET changed_by = NULL").execute(&setup.database.pool).await;
    assert!(shut.is_err(), "the history only grows");
}

#[tokio::test]
async fn of_many_updates_at_once_from_one_version_one_wins() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let id = create(&clerk, "Lovelace").await;
    let updates = (0..16).map(|number| {
        let input = json!({ "patientId": id, "expectedVersion": 1,
            "name": { "family": format!("Race{number}"), "given": [] } });
        let clerk = clerk.clone();
        tokio::spawn(async move { clerk.ask(UPDATE, json!({ "input": input })).await.refusals("updatePatient") })
    });
    let mut won = 0;
    for update in updates.collect::<Vec<_>>() {
        match update.await.expect("answered").as_slice() {
            [] => won += 1,
            refused => assert_eq!(refused, ["VERSION_CONFLICT"]),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a_wrong_update_changes_nothing_and_says_where() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let id = create(&clerk, "Lovelace").await;
    for (field, value, code, path) in [
        ("birthDate", json!("1066-10-14"), "OUT_OF_RANGE", "input.birthDate"),
        ("deceasedAt", json!("2999-01-01T00:00:00Z"), "OUT_OF_RANGE", "input.deceasedAt"),
        ("deceasedAt", json!("1985-01-01T00:00:00Z"), "OUT_OF_RANGE", "input.deceasedAt"),
        (
            "telecom",
            json!([{ "system": "PHONE", "value": "1" }, { "system": "FAX", "value": "\u{202E}" }]),
            "INVALID_FORMAT",
            "input.telecom.1.value",
        ),
        ("telecom", json!([{ "system": "PHONE", "value": "1", "rank": 0 }]), "OUT_OF_RANGE", "input.telecom.0.rank"),
        ("addresses", json!([{ "country": "GB", "line": ["x", " "] }]), "REQUIRED", "input.addresses.0.line.1"),
        ("generalPractitionerId", json!(Uuid::now_v7()), "NOT_FOUND", "input.generalPractitionerId"),
        ("identifiers", json!(vec![json!({ "system": "s", "value": "v" }); 51]), "OUT_OF_RANGE", "input.identifiers"),
    ] {
        let mut input = json!({ "patientId": id, "expectedVersion": 1 });
        input[field] = value;
        let answer = clerk.ask(UPDATE, json!({ "input": input })).await;
        assert_eq!(answer.refusals("updatePatient"), [code], "{field}: {}", answer.body);
        let found = answer.body["data"]["updatePatient"]["userErrors"][0]["field"].as_array().cloned();
        let found: Vec<_> = found.into_iter().flatten().filter_map(|part| part.as_str().map(str::to_owned)).collect();
        assert_eq!(found.join("."), path);
    }
    let query = "query ($id: ID!) { patient(id: $id) { version birthDate } }";
    assert_eq!(
        clerk.data(query, json!({ "id": id })).await["patient"],
        json!({ "version": 1, "birthDate": "1990-02-28" })
    );
}

#[tokio::test]
async fn a_probable_duplicate_blocks_registration_unless_it_is_allowed() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let person = |family: &str, allow: bool| {
        json!({ "input": { "name": { "family": family, "given": ["Ada"] }, "gender": "FEMALE",
            "birthDate": "1990-02-28", "allowDuplicate": allow } })
    };
    let first = clerk.data(CREATE, person("Lovelace", false)).await["createPatient"]["patient"]["id"].clone();
    let blocked = clerk.ask(CREATE, person("Lovelase", false)).await;
    assert_eq!(blocked.refusals("createPatient"), ["DUPLICATE_SUSPECTED"]);
    let found = &blocked.body["data"]["createPatient"]["possibleDuplicates"][0];
    assert_eq!((&found["patient"]["id"], &found["grade"]), (&first, &json!("PROBABLE")));
    assert_eq!(found["reasons"], json!(["A similar name", "The same birth date"]));
    let allowed = clerk.data(CREATE, person("Lovelase", true)).await;
    assert!(allowed["createPatient"]["patient"]["id"].is_string());
    assert!(clerk.data(CREATE, person("Hopper", false)).await["createPatient"]["patient"]["id"].is_string());
    let total = clerk.data("{ patients { totalCount } }", Value::Null).await;
    assert_eq!(total["patients"]["totalCount"], json!(3));
    let matches =
        "query ($input: PatientMatchInput!) { patientMatches(input: $input, first: 1) { patient { id } grade } }";
    let input = json!({ "input": { "name": { "family": "Lovelace", "given": ["Ada"] }, "birthDate": "1990-02-28" } });
    assert_eq!(clerk.data(matches, input).await["patientMatches"][0]["patient"]["id"], first);
}

#[tokio::test]
async fn the_same_person_registered_by_sixteen_clerks_at_once_is_registered_once() {
    let setup = setup().await;
    let input = json!({ "input": { "name": { "family": "Once", "given": ["Only"] }, "gender": "OTHER",
        "birthDate": "2001-01-01" } });
    let asked = (0..16).map(|_| {
        let (clerk, input) = (setup.as_role(Role::Clerk), input.clone());
        tokio::spawn(async move { clerk.ask(CREATE, input).await.refusals("createPatient") })
    });
    let mut made = 0;
    for asked in asked.collect::<Vec<_>>() {
        match asked.await.expect("answered").as_slice() {
            [] => made += 1,
            refused => assert_eq!(refused, ["DUPLICATE_SUSPECTED"]),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_patient_is_found_by_any_identifier_and_an_identifier_in_common_is_a_certain_match() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    let identifier = json!([{ "system": "urn:passport", "value": "X1234567" }]);
    let input = |family: &str| json!({ "input": { "name": { "family": family, "given": [] }, "gender": "MALE", "identifiers": identifier } });
    let id = clerk.data(CREATE, input("Turing")).await["createPatient"]["patient"]["id"].clone();
    let query =
        "query ($system: String!, $value: String!) { patientByIdentifier(system: $system, value: $value) { id } }";
    let find = async |system: &str, value: &str| {
        clerk.data(query, json!({ "system": system, "value": value })).await["patientByIdentifier"]["id"].clone()
    };
    assert_eq!(find("urn:passport", "X1234567").await, id);
    assert_eq!((find("urn:passport", "X").await, find("urn:other", "X1234567").await), (Value::Null, Value::Null));
    let blocked = clerk.ask(CREATE, input("Somebody")).await;
    assert_eq!(blocked.body["data"]["createPatient"]["possibleDuplicates"][0]["grade"], json!("CERTAIN"));
}

#[tokio::test]
async fn patients_are_found_by_name_number_date_and_change_in_every_order() {
    let setup = setup().await;
    let clerk = setup.as_role(Role::Clerk);
    for family in ["Smith", "Smithson", "Jones", "100%_sure"] {
        create(&clerk, family).await;
    }
    let query = "query ($filter: PatientFilter, $order: PatientOrder! = FAMILY_NAME_ASC) {
        patients(filter: $filter, orderBy: $order) { nodes { id mrn version name { family } } totalCount } }";
    let families = async |filter: Value, order: &str| {
        let page = clerk.data(query, json!({ "filter": filter, "order": order })).await["patients"].clone();
        let nodes = page["nodes"].as_array().cloned().expect("nodes");
        assert_eq!(page["totalCount"], json!(nodes.len()));
        nodes.iter().map(|node| node["name"]["family"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(families(json!({ "search": "SMITH" }), "FAMILY_NAME_ASC").await, ["Smith", "Smithson"]);
    assert_eq!(families(json!({ "search": "smith ad", "given": "ADA" }), "FAMILY_NAME_ASC").await, ["Smith"]);
    assert_eq!(families(json!({ "search": "smi", "family": "smiths" }), "CREATED_AT_DESC").await, ["Smithson"]);
    assert!(families(json!({ "search": "jones", "family": "smith" }), "CREATED_AT_DESC").await.is_empty());
    assert_eq!(families(json!({ "search": "100%_" }), "FAMILY_NAME_ASC").await, ["100%_sure"]);
    assert_eq!(families(json!({ "birthDate": "1990-02-28" }), "FAMILY_NAME_ASC").await.len(), 4);
    assert!(families(json!({ "birthDate": "1990-02-27" }), "FAMILY_NAME_ASC").await.is_empty());
    let jones = clerk.data(query, json!({ "filter": { "search": "jones" } })).await["patients"]["nodes"][0].clone();
    assert_eq!(families(json!({ "search": jones["mrn"] }), "FAMILY_NAME_ASC").await, ["Jones"]);
    let update = json!({ "input": { "patientId": jones["id"], "expectedVersion": 1, "active": false } });
    clerk.data(UPDATE, update).await;
    assert!(families(json!({ "search": "jones" }), "FAMILY_NAME_ASC").await.is_empty(), "no longer in use");
    let all = families(json!({ "active": null }), "UPDATED_AT_DESC").await;
    assert_eq!(all, ["Jones", "100%_sure", "Smithson", "Smith"]);
    let paged = "query ($after: String) { patients(first: 1, after: $after, filter: { active: null }, orderBy: UPDATED_AT_DESC) {
        nodes { name { family } } pageInfo { endCursor hasNextPage } } }";
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = clerk.data(paged, json!({ "after": after })).await["patients"].clone();
        seen.push(page["nodes"][0]["name"]["family"].as_str().expect("a name").to_owned());
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!(seen, all);
}

#[tokio::test]
async fn names_are_found_ordered_and_compared_without_accents_and_case() {
    let setup = setup().await;
    let (clerk, admin) = (setup.as_role(Role::Clerk), setup.as_role(Role::Admin));
    let input = |family: &str, given: &str| {
        json!({ "input": { "name": { "family": family, "given": [given] }, "gender": "FEMALE",
            "birthDate": "1980-01-01", "idempotencyKey": Uuid::new_v4() } })
    };
    for (family, given) in [("Müller", "Élodie"), ("Łódź", "Ådne"), ("Mullen", "Eva")] {
        clerk.data(CREATE, input(family, given)).await;
    }
    let families = async |filter: Value| {
        let query = "query ($filter: PatientFilter) { patients(filter: $filter) { nodes { name { family } } } }";
        let page = clerk.data(query, json!({ "filter": filter })).await["patients"]["nodes"].clone();
        page.as_array().expect("nodes").iter().map(|node| node["name"]["family"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(families(json!({})).await, ["Łódź", "Mullen", "Müller"]);
    assert_eq!(families(json!({ "search": "MULLER" })).await, ["Müller"]);
    assert_eq!(families(json!({ "search": "mu\u{308}ll", "family": "mülle" })).await, ["Mullen", "Müller"]);
    assert_eq!(families(json!({ "given": "ÉLO" })).await, ["Müller"]);
    assert_eq!(families(json!({ "given": "adn", "family": "lodz" })).await, ["Łódź"]);
    let again = clerk.ask(CREATE, input("Muller", "Elodie")).await;
    assert_eq!(again.refusals("createPatient"), ["DUPLICATE_SUSPECTED"]);
    let create = "mutation ($input: CreateStaffInput!) { createStaffMember(input: $input) { staffMember { id } } }";
    let staff = json!({ "input": { "name": { "family": "Ørsted", "given": ["Hans"] }, "profession": "PHYSICIAN", "idempotencyKey": Uuid::new_v4() } });
    admin.data(create, staff).await;
    let found = "{ staff(filter: { search: \"ORST\" }) { nodes { name { family } } } }";
    assert_eq!(admin.data(found, Value::Null).await["staff"]["nodes"][0]["name"]["family"], json!("Ørsted"));
}

#[tokio::test]
async fn a_member_of_the_staff_is_changed_with_a_trace_and_shown_as_the_profile_of_the_account() {
    let setup = setup().await;
    setup.add_account("doc@example.test", Role::Doctor).await;
    let signed_in = setup.sign_in("doc@example.test").await;
    let admin = setup.as_role(Role::Admin);
    let create = "mutation ($input: CreateStaffInput!) { createStaffMember(input: $input) { staffMember { id } userErrors { code } } }";
    let input = json!({ "input": { "name": { "family": "House", "given": ["Gregory"] }, "profession": "PHYSICIAN",
        "userId": signed_in["user"]["id"], "department": "Diagnostics" } });
    let id = admin.data(create, input).await["createStaffMember"]["staffMember"]["id"].clone();
    let update = "mutation ($input: UpdateStaffInput!) { updateStaffMember(input: $input) {
        staffMember { version department profession active } userErrors { code field } } }";
    let change = |version: i32| json!({ "input": { "staffId": id, "expectedVersion": version, "department": null, "profession": "RADIOLOGIST" } });
    let data = admin.data(update, change(1)).await;
    assert_eq!(
        data["updateStaffMember"]["staffMember"],
        json!({ "version": 2, "department": null, "profession": "RADIOLOGIST", "active": true })
    );
    assert_eq!(admin.ask(update, change(1)).await.refusals("updateStaffMember"), ["VERSION_CONFLICT"]);
    assert_eq!(setup.as_role(Role::Doctor).ask(update, change(2)).await.codes(), ["FORBIDDEN"]);
    let doctor = setup.anonymous.with_token(signed_in["accessToken"].as_str().expect("a token"));
    let me =
        doctor.data("{ me { profile { __typename ... on MedicalStaff { id user { email } } } } }", Value::Null).await;
    let expected = json!({ "__typename": "MedicalStaff", "id": id, "user": { "email": "doc@example.test" } });
    assert_eq!(me["me"]["profile"], expected);
    let history = "query ($id: ID!) { staffMember(id: $id) { history { nodes { version changedFields } } } }";
    let auditor = setup.as_role(Role::Auditor);
    let history = auditor.data(history, json!({ "id": id })).await["staffMember"]["history"]["nodes"].clone();
    assert_eq!(history[0], json!({ "version": 2, "changedFields": ["profession", "department"] }));
}

#[tokio::test]
async fn whatever_is_looked_for_nothing_breaks() {
    let setup = setup().await;
    let admin = setup.as_role(Role::Admin);
    create(&admin, "Lovelace").await;
    let query = "query ($t: String!) {
        search: patients(filter: { search: $t }) { totalCount } mrn: patients(filter: { mrn: $t }) { totalCount }
        names: patients(filter: { family: $t, given: $t }) { totalCount }
        byMrn: patientByIdentifier(system: \"urn:healthbridge:mrn\", value: $t) { id }
        byOther: patientByIdentifier(system: $t, value: $t) { id }
        users(filter: { search: $t }) { totalCount } staff(filter: { search: $t, department: $t }) { nodes { id } }
        patientMatches(input: { name: { family: $t, given: [$t] }, identifiers: [{ system: $t, value: $t }] }) { grade } }";
    for text in ["a\u{0}b", "\u{202E}", "%", "\\", "'", "\"", "{}", "\u{10FFFF}", &"x".repeat(50_000)] {
        let data = admin.data(query, json!({ "t": text })).await;
        assert_eq!(data["search"]["totalCount"], json!(0), "{data}");
    }
}
