//! Imaging orders over HTTP on a real database: what they are, and what becomes of them.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{ListQuery, StatementCount, assert_alike};
use serde_json::{Value, json};
use setup::{
    orders::{change, codes, order_input, see},
    setup,
};
use uuid::Uuid;

#[tokio::test]
async fn an_order_goes_from_its_doctor_by_the_technologist_and_the_radiologist_to_its_result() {
    let setup = setup().await;
    let (doctor, technologist, radiologist) =
        (setup.member(Role::Doctor), setup.member(Role::Technologist), setup.member(Role::Radiologist));
    let patient = Uuid::now_v7();
    let order = doctor.order(patient, "STAT").await;
    assert_eq!(
        [&order["status"], &order["stage"], &order["dueAt"], &order["overdue"], &order["version"]],
        [&json!("ACTIVE"), &json!("ORDERED"), &Value::Null, &json!(false), &json!(1)]
    );
    let acquired = technologist.acquire(&order).await;
    assert_eq!((&acquired["stage"], acquired["images"].as_array().map(Vec::len)), (&json!("ACQUIRED"), Some(1)));
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<chrono::DateTime<chrono::Utc>>().ok());
    let due = time(&acquired["dueAt"]).expect("due") - time(&acquired["acquiredAt"]).expect("acquired");
    assert_eq!(due, chrono::Duration::hours(1), "STAT");
    let begun = radiologist.done("startReading", json!({ "orderId": order["id"] })).await;
    assert_eq!(begun["radiologist"]["id"], json!(radiologist.staff));
    assert!(begun["readingUntil"].is_string(), "{begun}");
    let report = radiologist.report(patient, &order).await;
    assert_eq!(report["userErrors"], json!([]));
    let reading = doctor.see(&order).await;
    assert_eq!(
        [&reading["stage"], &reading["report"]["id"], &reading["readingUntil"], &reading["allowedTransitions"]],
        [&json!("READING"), &report["report"]["id"], &Value::Null, &json!([])]
    );
    let logs = "{ workflowLogs { nodes { action note patient { id } } } }";
    let logs = doctor.client.data(logs, Value::Null).await;
    let actions: Vec<&Value> =
        logs["workflowLogs"]["nodes"].as_array().expect("entries").iter().map(|log| &log["action"]).collect();
    assert_eq!(actions, ["DRAFTED", "READ_STARTED", "ACQUIRED", "ORDERED"]);
    assert_eq!(logs["workflowLogs"]["nodes"][3]["note"], order["accessionNumber"]);
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_said_all_at_once_and_by_whom_it_may_be_given() {
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    let wrong = json!({ "patientId": "nobody", "appointmentId": "none", "radiologistId": "nobody", "modality": "ct",
        "code": { "system": " ", "code": "x" }, "reason": " ", "idempotencyKey": Uuid::new_v4(),
        "reasonCodes": [{ "system": "http://hl7.org/fhir/sid/icd-10", "code": "R05" },
            { "system": "http://snomed.info/sct", "code": "49727002" }] });
    let refused = doctor.change("orderImaging", wrong).await;
    let fields: Vec<String> = refused["userErrors"]
        .as_array()
        .expect("refusals")
        .iter()
        .map(|error| {
            let path: Vec<&str> =
                error["field"].as_array().expect("a path").iter().skip(1).filter_map(Value::as_str).collect();
            format!("{} {}", path.join("."), error["code"].as_str().expect("a code"))
        })
        .collect();
    let expected = [
        "patientId NOT_FOUND",
        "appointmentId NOT_FOUND",
        "radiologistId NOT_FOUND",
        "code.system REQUIRED",
        "modality INVALID_FORMAT",
        "reason REQUIRED",
        "reasonCodes.1.code INVALID_FORMAT",
    ];
    assert_eq!(fields, expected);
    let outsider = setup.tokens.key.sign(&setup.tokens.claims(Role::Doctor, None, None));
    let outsider = setup.anonymous.with_token(outsider);
    assert_eq!(codes(&change(&outsider, "orderImaging", order_input(Uuid::now_v7(), "STAT")).await), ["NOT_ALLOWED"]);
    let query = "mutation ($input: OrderImagingInput!) { orderImaging(input: $input) { order { id } } }";
    for role in [Role::Radiologist, Role::Technologist, Role::Nurse, Role::Clerk, Role::Admin, Role::Auditor] {
        let input = json!({ "input": order_input(Uuid::now_v7(), "STAT") });
        assert_eq!(setup.as_role(role).ask(query, input).await.codes(), ["FORBIDDEN"], "{role}");
    }
    // None of them has drawn a number.
    let first = doctor.order(Uuid::now_v7(), "ROUTINE").await;
    assert!(first["accessionNumber"].as_str().expect("a number").ends_with("-000001"), "{first}");
}

#[tokio::test]
async fn an_order_that_somebody_has_changed_comes_with_the_refusal_as_it_is() {
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    let order = doctor.order(Uuid::now_v7(), "ROUTINE").await;
    let at = |version: i32, what: Value| {
        let mut input = json!({ "orderId": order["id"], "expectedVersion": version });
        input.as_object_mut().expect("an input").extend(what.as_object().expect("fields").clone());
        input
    };
    let urgent = doctor.done("updateImagingOrder", at(1, json!({ "priority": "URGENT", "reason": "Worse." }))).await;
    assert_eq!((&urgent["priority"], &urgent["version"]), (&json!("URGENT"), &json!(2)));
    let late = doctor.change("updateImagingOrder", at(1, json!({ "priority": "ASAP" }))).await;
    assert_eq!((codes(&late), &late["order"]), (vec!["VERSION_CONFLICT".to_owned()], &urgent));
    let held = doctor.done("updateImagingOrder", at(2, json!({ "onHold": true }))).await;
    assert_eq!((&held["status"], &held["allowedTransitions"]), (&json!("ON_HOLD"), &json!(["ACTIVE", "REVOKED"])));
    let resting = doctor.change("completeAcquisition", at(3, json!({ "imageIds": [Uuid::now_v7()] }))).await;
    assert_eq!((codes(&resting), &resting["order"]), (vec!["ILLEGAL_TRANSITION".to_owned()], &held));
    let same = doctor.done("updateImagingOrder", at(3, json!({ "onHold": true }))).await;
    assert_eq!(same["version"], json!(3), "nothing was changed");
    let revoked = doctor.done("revokeImagingOrder", at(3, json!({ "reason": "Healed." }))).await;
    assert_eq!((&revoked["status"], &revoked["allowedTransitions"]), (&json!("REVOKED"), &json!([])));
    for (mutation, what) in [
        ("updateImagingOrder", json!({ "priority": "STAT" })),
        ("revokeImagingOrder", json!({ "reason": "again" })),
        ("completeAcquisition", json!({ "imageIds": [Uuid::now_v7()] })),
    ] {
        assert_eq!(codes(&doctor.change(mutation, at(4, what)).await), ["ILLEGAL_TRANSITION"], "{mutation}");
    }
    let nobodys = json!({ "orderId": Uuid::now_v7(), "expectedVersion": 1, "reason": "x" });
    let absent = doctor.change("revokeImagingOrder", nobodys).await;
    assert_eq!((codes(&absent), &absent["order"]), (vec!["NOT_FOUND".to_owned()], &Value::Null));
}

#[tokio::test]
async fn an_image_belongs_to_one_order_and_knows_it() {
    let setup = setup().await;
    let (doctor, technologist) = (setup.member(Role::Doctor), setup.member(Role::Technologist));
    let patient = Uuid::now_v7();
    let (one, other) = (doctor.order(patient, "ROUTINE").await, doctor.order(patient, "ROUTINE").await);
    let (image, free) = (Uuid::now_v7(), Uuid::now_v7());
    let input =
        |order: &Value, images: Value| json!({ "orderId": order["id"], "expectedVersion": 1, "imageIds": images });
    for (images, refused) in
        [(json!([]), vec!["REQUIRED"]), (json!([image, image, "x"]), vec!["ALREADY_EXISTS", "NOT_FOUND"])]
    {
        assert_eq!(codes(&technologist.change("completeAcquisition", input(&one, images)).await), refused);
    }
    technologist.done("completeAcquisition", input(&one, json!([image]))).await;
    let taken = technologist.change("completeAcquisition", input(&other, json!([free, image]))).await;
    assert_eq!(taken["userErrors"][0]["field"], json!(["input", "imageIds", "1"]));
    assert_eq!(codes(&taken), ["ALREADY_EXISTS"]);
    let images = doctor.client.entities("MedicalImage", &[free, image], "order { id }").await;
    assert_eq!(images.body["data"]["_entities"], json!([{ "order": null }, { "order": { "id": one["id"] } }]));
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    let others = setup.anonymous.with_token(setup.tokens.of_patient(Uuid::now_v7()));
    let seen = own.entities("MedicalImage", &[image], "order { id stage }").await;
    assert_eq!(seen.body["data"]["_entities"], json!([{ "order": { "id": one["id"], "stage": "ACQUIRED" } }]));
    let seen = others.entities("MedicalImage", &[image], "order { id stage }").await;
    assert_eq!(seen.body["data"]["_entities"], json!([{ "order": null }]));
}

#[tokio::test]
async fn a_report_belongs_to_one_order_and_an_order_has_one_live_report() {
    let setup = setup().await;
    let (doctor, radiologist, other) =
        (setup.member(Role::Doctor), setup.member(Role::Radiologist), setup.member(Role::Radiologist));
    let patient = Uuid::now_v7();
    let order = doctor.order(patient, "ROUTINE").await;
    assert_eq!(codes(&radiologist.report(patient, &order).await), ["ILLEGAL_TRANSITION"], "not acquired");
    doctor.acquire(&order).await;
    assert_eq!(codes(&radiologist.report(Uuid::now_v7(), &order).await), ["NOT_FOUND"], "another patient's");
    assert_eq!(codes(&radiologist.report(patient, &json!({ "id": "none" })).await), ["NOT_FOUND"]);
    radiologist.done("startReading", json!({ "orderId": order["id"] })).await;
    let refused = other.report(patient, &order).await;
    assert_eq!(codes(&refused), ["ILLEGAL_TRANSITION"]);
    let message = refused["userErrors"][0]["message"].as_str().expect("a message");
    assert!(message.contains(&radiologist.staff.to_string()), "{message}");
    radiologist.report(patient, &order).await;
    for again in [&radiologist, &other] {
        assert_eq!(codes(&again.report(patient, &order).await), ["ALREADY_EXISTS"]);
    }
    let step = json!({ "orderId": order["id"], "expectedVersion": doctor.see(&order).await["version"], "reason": "x" });
    assert_eq!(codes(&doctor.change("revokeImagingOrder", step).await), ["ILLEGAL_TRANSITION"], "a report was begun");
    let reports = "SELECT count(*) FROM diagnosis.report";
    assert_eq!(sqlx::query_scalar::<_, i64>(reports).fetch_one(&setup.database.pool).await.expect("a count"), 1);
}

#[tokio::test]
async fn a_patient_is_told_nothing_by_an_order_when_somebody_reads_or_drafts() {
    let setup = setup().await;
    let (doctor, radiologist) = (setup.member(Role::Doctor), setup.member(Role::Radiologist));
    let patient = Uuid::now_v7();
    let own = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    let order = doctor.order(patient, "ROUTINE").await;
    let image = Uuid::now_v7();
    let acquisition = json!({ "orderId": order["id"], "expectedVersion": 1, "imageIds": [image] });
    doctor.done("completeAcquisition", acquisition).await;
    let everything =
        "id status stage priority accessionNumber version updatedAt createdAt acquiredAt dueAt overdue reason
        readingUntil revokeReason allowedTransitions radiologist { id } orderedBy { id } report { id } images { id }";
    let query = format!(
        "query ($p: [_Any!]!, $id: ID!, $staff: ID!) {{ imagingOrder(id: $id) {{ {everything} }}
            _entities(representations: $p) {{
                ... on Patient {{ all: imagingOrders {{ totalCount edges {{ cursor node {{ {everything} }} }} }}
                    reading: imagingOrders(filter: {{ stage: [READING] }}) {{ totalCount nodes {{ id }} }}
                    acquired: imagingOrders(filter: {{ stage: [ACQUIRED] }}) {{ totalCount nodes {{ id }} }}
                    read: imagingOrders(filter: {{ radiologistId: $staff }}) {{ totalCount nodes {{ id }} }}
                    reports {{ totalCount }} }}
                ... on MedicalImage {{ order {{ {everything} }} }}
                ... on ImagingOrder {{ {everything} }} }} }}"
    );
    let variables = json!({ "id": order["id"], "staff": radiologist.staff, "p": [{ "__typename": "Patient", "id": patient },
        { "__typename": "MedicalImage", "id": image }, { "__typename": "ImagingOrder", "id": order["id"] }] });
    let before = own.text(&query, variables.clone()).await;
    assert!(before.contains("\"acquired\":{\"totalCount\":1") && !before.contains("errors"), "{before}");
    radiologist.done("startReading", json!({ "orderId": order["id"] })).await;
    assert_eq!(own.text(&query, variables.clone()).await, before, "somebody reads");
    radiologist.done("stopReading", json!({ "orderId": order["id"] })).await;
    assert_eq!(own.text(&query, variables.clone()).await, before, "nobody reads any more");
    let report = radiologist.report(patient, &order).await["report"].clone();
    assert_eq!(doctor.see(&order).await["stage"], json!("READING"));
    assert_eq!(own.text(&query, variables.clone()).await, before, "a draft was begun");
    let seen = see(&own, &order).await;
    assert_eq!((&seen["report"], &seen["radiologist"]), (&Value::Null, &Value::Null));
    assert_eq!(doctor.see(&order).await["report"]["id"], report["id"]);
    assert!(
        doctor.see(&order).await["version"].as_i64() > seen["version"].as_i64(),
        "staff see what the patient does not"
    );
}

#[tokio::test]
async fn a_foreign_order_costs_and_answers_what_an_absent_one_does() {
    let count = StatementCount::start();
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
    doctor.order(own, "ROUTINE").await;
    let foreign = doctor.order(other, "ROUTINE").await;
    let image = Uuid::now_v7();
    let acquisition = json!({ "orderId": foreign["id"], "expectedVersion": 1, "imageIds": [image] });
    doctor.done("completeAcquisition", acquisition).await;
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let absent = || json!(Uuid::now_v7());
    let query = "query ($id: ID!) { imagingOrder(id: $id) { id reason report { id } } }";
    assert_alike(&count, &patient, query, json!({ "id": foreign["id"] }), json!({ "id": absent() })).await;
    let of = |type_name: &str, id: Value| json!({ "r": [{ "__typename": type_name, "id": id }] });
    for (type_name, selection, theirs) in [
        ("ImagingOrder", "reason report { id }", foreign["id"].clone()),
        ("Patient", "imagingOrders { totalCount nodes { id } }", json!(other)),
        ("MedicalImage", "order { id }", json!(image)),
    ] {
        let query = format!(
            "query ($r: [_Any!]!) {{ _entities(representations: $r) {{ ... on {type_name} {{ {selection} }} }} }}"
        );
        assert_alike(&count, &patient, &query, of(type_name, theirs), of(type_name, absent())).await;
    }
}

#[tokio::test]
async fn a_hundred_patients_members_and_images_cost_as_many_statements_as_one() {
    let count = StatementCount::start();
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    let (mut patients, mut images, mut staff) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..100 {
        let (patient, image, member) = (Uuid::now_v7(), Uuid::now_v7(), setup.member(Role::Doctor));
        let order = member.order(patient, "ROUTINE").await;
        let input = json!({ "orderId": order["id"], "expectedVersion": 1, "imageIds": [image] });
        member.done("completeAcquisition", input).await;
        member.report(patient, &order).await;
        patients.push(patient);
        images.push(image);
        staff.push(member.staff);
    }
    for (type_name, ids, selection, at, statements) in [
        (
            "Patient",
            &patients,
            "imagingOrders { totalCount nodes { id report { id } } }",
            "/imagingOrders/nodes/0/report/id",
            3,
        ),
        (
            "MedicalStaff",
            &staff,
            "imagingOrders { totalCount nodes { id report { id } } }",
            "/imagingOrders/nodes/0/report/id",
            3,
        ),
        ("MedicalImage", &images, "order { id report { id } }", "/order/report/id", 2),
    ] {
        for parents in [1, 100] {
            let asked = doctor.client.entities(type_name, &ids[..parents], selection);
            let (answer, ran) = count.during(asked).await;
            let entities = answer.body["data"]["_entities"].as_array().cloned().unwrap_or_default();
            let found = entities.iter().filter(|entity| entity.pointer(at).is_some_and(Value::is_string)).count();
            assert_eq!((found, ran), (parents, statements), "{type_name}: {}", answer.body["errors"]);
        }
    }
}

#[tokio::test]
async fn an_order_is_given_for_an_appointment_of_its_patient_and_found_below_it() {
    let count = StatementCount::start();
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    let (own, other) = (Uuid::now_v7(), Uuid::now_v7());
    let (mine, theirs) = (setup.appointment(own, 1).await, setup.appointment(other, 1).await);
    let at = |patient: Uuid, appointment: Uuid| {
        let mut input = order_input(patient, "ROUTINE");
        input["appointmentId"] = json!(appointment);
        input
    };
    for wrong in [theirs, Uuid::now_v7()] {
        let refused = doctor.change("orderImaging", at(own, wrong)).await;
        assert_eq!(
            (codes(&refused), &refused["userErrors"][0]["field"][1]),
            (vec!["NOT_FOUND".to_owned()], &json!("appointmentId"))
        );
    }
    let mut orders = Vec::new();
    for _ in 0..3 {
        orders.push(doctor.done("orderImaging", at(own, mine)).await["id"].clone());
    }
    let foreign = doctor.done("orderImaging", at(other, theirs)).await;
    assert_eq!(foreign["stage"], json!("SCHEDULED"));
    orders.reverse();
    let patient = setup.anonymous.with_token(setup.tokens.of_patient(own));
    let below = ListQuery {
        query: "query ($id: ID!) { _entities(representations: [{ __typename: \"Appointment\", id: $id }]) {
            ... on Appointment { imagingOrders(PAGE) CONNECTION } } }",
        at: "/_entities/0/imagingOrders",
    };
    for client in [&doctor.client, &patient] {
        assert_eq!(below.assert_pages(client, "id", &json!({ "id": mine })).await, 3);
        assert_eq!(below.total(client, &json!({ "id": mine })).await, (json!(3), json!(true)));
        let selection = "imagingOrders { nodes { id appointment { id } } }";
        let found = client.entities("Appointment", &[mine], selection).await;
        let nodes: Vec<Value> = orders.iter().map(|id| json!({ "id": id, "appointment": { "id": mine } })).collect();
        assert_eq!(found.body["data"]["_entities"][0]["imagingOrders"]["nodes"], json!(nodes));
    }
    let filtered = format!("imagingOrders(filter: {{ patientId: \"{other}\" }}) {{ totalCount nodes {{ id }} }}");
    let found = patient.entities("Appointment", &[mine], &filtered).await;
    assert_eq!(found.body["data"]["_entities"][0]["imagingOrders"], json!({ "totalCount": 0, "nodes": [] }));
    let query = "query ($r: [_Any!]!) { _entities(representations: $r) {
        ... on Appointment { imagingOrders { totalCount nodes { id } } } } }";
    let of = |id: Uuid| json!({ "r": [{ "__typename": "Appointment", "id": id }] });
    assert_alike(&count, &patient, query, of(theirs), of(Uuid::now_v7())).await;
    let mut appointments = Vec::new();
    for day in 2..102 {
        let appointment = setup.appointment(own, day).await;
        doctor.done("orderImaging", at(own, appointment)).await;
        appointments.push(appointment);
    }
    for parents in [1, 100] {
        let selection = "imagingOrders { totalCount nodes { appointment { id } } }";
        let asked = doctor.client.entities("Appointment", &appointments[..parents], selection);
        let (answer, ran) = count.during(asked).await;
        let entities = answer.body["data"]["_entities"].as_array().cloned().unwrap_or_default();
        let at = "/imagingOrders/nodes/0/appointment/id";
        let found = entities.iter().filter(|entity| entity.pointer(at).is_some_and(Value::is_string)).count();
        // The appointments, their orders, how many those are, and the appointments of the orders.
        assert_eq!((found, ran), (parents, 4), "{}", answer.body["errors"]);
    }
}
