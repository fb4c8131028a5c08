//! Many who want the same of orders at once.

mod setup;

use std::collections::BTreeSet;

use futures::future::join_all;
use healthbridge_rights::Role;
use serde_json::{Value, json};
use setup::{
    Setup,
    orders::{Member, codes, order_input},
    setup,
};
use uuid::Uuid;

fn members(setup: &Setup, role: Role, count: usize) -> Vec<Member> {
    (0..count).map(|_| setup.member(role)).collect()
}

#[tokio::test]
async fn of_thirty_two_radiologists_who_take_one_order_one_has_it_and_the_others_learn_who_and_until_when() {
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    let order = doctor.order(Uuid::now_v7(), "STAT").await;
    doctor.acquire(&order).await;
    let radiologists = members(&setup, Role::Radiologist, 32);
    let take = json!({ "orderId": order["id"] });
    let answers = join_all(radiologists.iter().map(|one| one.change("startReading", take.clone()))).await;
    let now = doctor.see(&order).await;
    let (holder, until) = (&now["radiologist"]["id"], &now["readingUntil"]);
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer["userErrors"] == json!([]));
    assert_eq!((won.len(), lost.len()), (1, 31));
    assert_eq!(&won[0]["order"], &now);
    let seconds = &until.as_str().expect("a time")[..19];
    for refused in lost {
        assert_eq!(codes(refused), ["ILLEGAL_TRANSITION"]);
        let message = refused["userErrors"][0]["message"].as_str().expect("a message");
        assert!(message.contains(holder.as_str().expect("an id")) && message.contains(seconds), "{message}");
        assert_eq!(&refused["order"], &now, "the order as it is");
    }
    // Whoever takes it over says from whom: of all who do so at once one does, the others took it from somebody else.
    let from = json!({ "orderId": order["id"], "takeOverFrom": holder });
    let others: Vec<&Member> = radiologists.iter().filter(|one| json!(one.staff) != *holder).collect();
    let answers = join_all(others.iter().map(|one| one.change("startReading", from.clone()))).await;
    assert_eq!(answers.iter().filter(|answer| answer["userErrors"] == json!([])).count(), 1);
    let started = "SELECT count(*) FROM diagnosis.workflow_log_waiting WHERE action = 'READ_STARTED'";
    let started: i64 = sqlx::query_scalar(started).fetch_one(&setup.database.pool).await.expect("a count");
    assert_eq!(started, 2);
}

#[tokio::test]
async fn of_thirty_two_who_begin_a_report_of_one_order_one_does() {
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    let patient = Uuid::now_v7();
    let order = doctor.order(patient, "STAT").await;
    doctor.acquire(&order).await;
    let radiologists = members(&setup, Role::Radiologist, 32);
    let answers = join_all(radiologists.iter().map(|one| one.report(patient, &order))).await;
    let refused: Vec<String> = answers.iter().flat_map(codes).collect();
    assert_eq!(refused, vec!["ALREADY_EXISTS"; 31]);
    let author = "SELECT author_id FROM diagnosis.report";
    let authors: Vec<Uuid> = sqlx::query_scalar(author).fetch_all(&setup.database.pool).await.expect("authors");
    assert_eq!(authors.len(), 1);
    assert_eq!(doctor.see(&order).await["radiologist"]["id"], json!(authors[0]));
}

#[tokio::test]
async fn an_order_that_is_acquired_and_revoked_at_once_is_one_of_both() {
    let setup = setup().await;
    let (doctor, technologist) = (setup.member(Role::Doctor), setup.member(Role::Technologist));
    for _ in 0..20 {
        let order = doctor.order(Uuid::now_v7(), "ROUTINE").await;
        let at = |rest: (&str, Value)| json!({ "orderId": order["id"], "expectedVersion": 1, rest.0: rest.1 });
        let (acquired, revoked) = tokio::join!(
            technologist.change("completeAcquisition", at(("imageIds", json!([Uuid::now_v7()])))),
            doctor.change("revokeImagingOrder", at(("reason", json!("healed")))),
        );
        let now = doctor.see(&order).await;
        assert_eq!(now["version"], json!(2));
        let (won, lost) = if now["status"] == "REVOKED" { (revoked, acquired) } else { (acquired, revoked) };
        assert_eq!((&won["userErrors"], &won["order"]), (&json!([]), &now));
        assert_eq!((codes(&lost), &lost["order"]), (vec!["VERSION_CONFLICT".to_owned()], &now));
        assert_eq!(now["images"].as_array().map(Vec::len), Some(usize::from(now["status"] == "ACTIVE")));
    }
}

#[tokio::test]
async fn an_image_that_two_orders_want_at_once_is_ones() {
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    let images: Vec<Uuid> = (0..4).map(|_| Uuid::now_v7()).collect();
    let mut orders = Vec::new();
    for _ in 0..8 {
        orders.push(doctor.order(Uuid::now_v7(), "ROUTINE").await);
    }
    let claims = orders.iter().enumerate().map(|(number, order)| {
        // Each in another order, which would be a deadlock if they were locked so.
        let mut images = images.clone();
        images.rotate_left(number % 4);
        let input = json!({ "orderId": order["id"], "expectedVersion": 1, "imageIds": images });
        doctor.change("completeAcquisition", input)
    });
    let answers = join_all(claims).await;
    assert_eq!(answers.iter().filter(|answer| answer["userErrors"] == json!([])).count(), 1, "{answers:?}");
    assert_eq!(setup.database.deadlocks().await, 0);
}

#[tokio::test]
async fn accession_numbers_have_no_gap_though_many_order_at_once_and_some_fail_and_some_are_sent_again() {
    let setup = setup().await;
    let doctor = setup.member(Role::Doctor);
    // The database refuses each seventh order when its number is drawn already.
    let refuse = "CREATE FUNCTION diagnosis.refuse_some() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.reason = 'refused' THEN RAISE EXCEPTION 'a test'; END IF; RETURN NEW; END $$;
        CREATE TRIGGER refuses_some AFTER INSERT ON diagnosis.imaging_order
            FOR EACH ROW EXECUTE FUNCTION diagnosis.refuse_some()";
    sqlx::raw_sql(refuse).execute(&setup.database.pool).await.expect("made");
    let query = "mutation ($input: OrderImagingInput!) { orderImaging(input: $input) { order { accessionNumber } } }";
    let send = async |number: usize| {
        let mut input = order_input(Uuid::now_v7(), "ROUTINE");
        match number % 7 {
            0 => input["reason"] = json!("refused"),
            1 => input["modality"] = json!("wrong"),
            _ => {}
        }
        let input = json!({ "input": input });
        let first = doctor.client.ask(query, input.clone()).await;
        let numbers =
            |body: &Value| body["data"]["orderImaging"]["order"]["accessionNumber"].as_str().map(str::to_owned);
        let drawn = numbers(&first.body);
        if number.is_multiple_of(3) && drawn.is_some() {
            assert_eq!(numbers(&doctor.client.ask(query, input).await.body), drawn, "sent again");
        }
        drawn
    };
    let drawn: Vec<String> = join_all((0..56).map(send)).await.into_iter().flatten().collect();
    assert_eq!(drawn.len(), 40);
    let year = drawn[0][..9].to_owned();
    let expected: BTreeSet<String> = (1..=40).map(|number| format!("{year}{number:06}")).collect();
    assert_eq!(drawn.into_iter().collect::<BTreeSet<_>>(), expected);
}
