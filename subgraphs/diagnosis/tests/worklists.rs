//! Worklists: what is on them, in which order, and that a page costs one range of an index, however many orders there are.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{ListQuery, Plans, TestDatabase};
use serde_json::{Value, json};
use setup::{Setup, setup, setup_by};
use sqlx::{AssertSqlSafe, postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

const LISTS: [&str; 3] = ["TO_ACQUIRE", "TO_READ", "RESULTS"];

fn query(list: &str, mine: bool) -> String {
    format!("{{ imagingWorklist(list: {list}, mine: {mine}, PAGE) CONNECTION }}")
}

impl Setup {
    /// So many orders of every priority and on every list, of whom and for whom being one of so many; those that are at their
    /// end are most of them.
    async fn fill(&self, orders: u32, staff: u32) {
        let statement = format!(
            "INSERT INTO diagnosis.imaging_order (id, accession_number, patient_id, status, stage, priority, ordered_by,
                 radiologist_id, modality, reason, image_ids, acquired_at, due_at, result_seen_at, created_at, updated_at,
                 shown_at)
             SELECT gen_random_uuid(), 'N' || number, gen_random_uuid(),
                 CASE WHEN number % 10 > 2 THEN 'COMPLETED' WHEN number % 10 = 2 AND number % 20 > 10 THEN 'COMPLETED'
                      ELSE 'ACTIVE' END,
                 CASE WHEN number % 10 > 2 THEN 'REPORTED' WHEN number % 10 = 2 AND number % 20 > 10 THEN 'REPORTED'
                      WHEN number % 10 = 0 THEN (CASE WHEN number % 20 = 0 THEN 'ORDERED' ELSE 'SCHEDULED' END)
                      ELSE 'ACQUIRED' END,
                 (ARRAY['ROUTINE', 'URGENT', 'ASAP', 'STAT'])[1 + hashint4(number) % 2 + (number / 10) % 3],
                 md5('orderer' || number / 10 % {staff})::uuid, md5('reader' || number / 10 % {staff})::uuid, 'CT', 'x', '{{}}',
                 CASE WHEN number % 10 > 0 THEN now() END,
                 now() + make_interval(mins => abs(hashint4(number)) % 10000),
                 CASE WHEN number % 10 > 2 THEN now() END, now(), now(), now()
             FROM generate_series(1, {orders}) AS number"
        );
        // The hash of a number may be negative.
        let statement = statement.replace("hashint4(number) % 2", "abs(hashint4(number)) % 2");
        raw_sql(AssertSqlSafe(statement)).execute(&self.database.pool).await.expect("filled");
        raw_sql("VACUUM ANALYZE diagnosis.imaging_order").execute(&self.database.pool).await.expect("analysed");
    }

    /// The id in the staff that the n-th orderer or reader of [`Setup::fill`] has.
    async fn staff_of(&self, kind: &str, number: u32) -> Uuid {
        let id = sqlx::query_scalar("SELECT md5($1 || $2)::uuid").bind(kind).bind(number.to_string());
        id.fetch_one(&self.database.pool).await.expect("an id")
    }
}

#[tokio::test]
async fn worklists_are_read_both_ways_and_counted_the_most_urgent_first_and_then_what_is_due_first() {
    let setup = setup().await;
    setup.fill(300, 3).await;
    let radiologist = setup.member(Role::Radiologist).client;
    for list in LISTS {
        let query = query(list, false);
        let at = ListQuery { query: &query, at: "/imagingWorklist" };
        let rows = at.assert_pages(&radiologist, "id", &Value::Null).await;
        assert!(rows >= 15, "{list}: {rows}");
        assert_eq!(at.total(&radiologist, &Value::Null).await, (json!(rows), json!(true)));
        let sorted = query.replace("PAGE", "first: 100").replace("CONNECTION", "{ nodes { priority id } }");
        let found = radiologist.data(&sorted, Value::Null).await;
        let ids: Vec<&str> = found["imagingWorklist"]["nodes"]
            .as_array()
            .expect("nodes")
            .iter()
            .filter_map(|node| node["id"].as_str())
            .collect();
        let expected =
            "SELECT array_agg(id::text ORDER BY array_position(ARRAY['STAT', 'ASAP', 'URGENT', 'ROUTINE'], priority),
            due_at, id) FROM diagnosis.imaging_order WHERE id::text = ANY($1)";
        let expected: Vec<String> =
            sqlx::query_scalar(expected).bind(&ids).fetch_one(&setup.database.pool).await.expect("ids");
        assert_eq!(ids, expected, "{list}");
    }
}

#[tokio::test]
async fn of_whom_a_list_is_decides_what_is_on_it() {
    let setup = setup().await;
    let (doctor, radiologist, other) =
        (setup.member(Role::Doctor), setup.member(Role::Radiologist), setup.member(Role::Radiologist));
    let patient = Uuid::now_v7();
    let on = async |member: &setup::orders::Member, list: &str, mine: bool| {
        let query = query(list, mine).replace("PAGE", "first: 10").replace("CONNECTION", "{ totalCount nodes { id } }");
        let found = member.client.data(&query, Value::Null).await["imagingWorklist"].clone();
        let ids: Vec<Value> = found["nodes"].as_array().expect("nodes").iter().map(|node| node["id"].clone()).collect();
        assert_eq!(found["totalCount"], json!(ids.len()));
        ids
    };
    let (order, urgent) = (doctor.order(patient, "ROUTINE").await, doctor.order(patient, "STAT").await);
    let (first, second) = (urgent["id"].clone(), order["id"].clone());
    assert_eq!(on(&other, "TO_ACQUIRE", true).await, [first.clone(), second.clone()]);
    let held = json!({ "orderId": urgent["id"], "expectedVersion": 1, "onHold": true });
    let held = doctor.done("updateImagingOrder", held).await;
    assert_eq!(on(&other, "TO_ACQUIRE", true).await, std::slice::from_ref(&second), "what rests is on no list");
    let active = json!({ "orderId": urgent["id"], "expectedVersion": held["version"], "onHold": false });
    let urgent = doctor.done("updateImagingOrder", active).await;
    doctor.acquire(&order).await;
    let urgent = doctor.acquire(&urgent).await;
    assert_eq!(on(&radiologist, "TO_READ", false).await, [first.clone(), second.clone()]);
    assert_eq!(on(&radiologist, "TO_READ", true).await, Vec::<Value>::new(), "nobody is assigned");
    let assign =
        json!({ "orderId": urgent["id"], "expectedVersion": urgent["version"], "radiologistId": radiologist.staff });
    doctor.done("updateImagingOrder", assign).await;
    assert_eq!(on(&radiologist, "TO_READ", true).await, std::slice::from_ref(&first));
    assert_eq!(on(&other, "TO_READ", false).await, [first.clone(), second.clone()]);
    radiologist.done("startReading", json!({ "orderId": urgent["id"] })).await;
    assert_eq!(on(&other, "TO_READ", false).await, std::slice::from_ref(&second), "somebody else has it");
    assert_eq!(on(&radiologist, "TO_READ", false).await, [first.clone(), second.clone()]);
    // The lock ends by itself.
    let later = "UPDATE diagnosis.imaging_order SET reading_until = now() - interval '1 second' WHERE reading_until IS NOT NULL";
    raw_sql(later).execute(&setup.database.pool).await.expect("ended");
    assert_eq!(on(&other, "TO_READ", false).await, [first.clone(), second.clone()]);
    assert_eq!(
        other.done("startReading", json!({ "orderId": urgent["id"] })).await["radiologist"]["id"],
        json!(other.staff)
    );
    assert_eq!(on(&radiologist, "TO_READ", false).await, std::slice::from_ref(&second));
    other.report(patient, &urgent).await;
    assert_eq!(on(&other, "TO_READ", false).await, std::slice::from_ref(&second), "a report was begun");
    let nurse = "{ imagingWorklist(list: TO_READ) { nodes { id } } }";
    let patients = setup.anonymous.with_token(setup.tokens.of_patient(patient));
    assert_eq!(patients.ask(nurse, Value::Null).await.codes(), ["FORBIDDEN"]);
}

/// Of a plan that was carried out: how many rows were read for the page, with those that a condition left out.
fn rows_read(plan: &str) -> u64 {
    let number =
        |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().unwrap_or(0);
    let scan = plan.split("Index Scan").nth(1).unwrap_or_else(|| panic!("no range of an index: {plan}"));
    let actual = scan.split("actual").nth(1).and_then(|rest| rest.split("rows=").nth(1)).map_or(0, number);
    actual + scan.split("Rows Removed by Filter: ").nth(1).map_or(0, number)
}

#[tokio::test]
async fn a_page_of_a_worklist_is_one_range_of_its_index_among_a_hundred_thousand_orders() {
    let plans = Plans::start();
    let one = |database: &TestDatabase| {
        let options = Plans::of(&database.options).options([("auto_explain.log_analyze", "on")]);
        PgPoolOptions::new().max_connections(1).connect_lazy_with(options)
    };
    let setup = setup_by(one).await;
    setup.fill(100_000, 20).await;
    for (list, mine, index, kind) in [
        ("TO_ACQUIRE", false, "imaging_order_to_acquire", "orderer"),
        ("TO_READ", false, "imaging_order_to_read ", "reader"),
        ("TO_READ", true, "imaging_order_to_read_by", "reader"),
        ("RESULTS", false, "imaging_order_result ", "orderer"),
        ("RESULTS", true, "imaging_order_result_for", "orderer"),
    ] {
        let mut claims = setup.tokens.claims(Role::Radiologist, None, None);
        claims.staff_id = Some(setup.staff_of(kind, 7).await);
        let caller = setup.member_by(&claims).client;
        let query = query(list, mine);
        let at = ListQuery { query: &query, at: "/imagingWorklist" };
        at.assert_index(&caller, &plans, index.trim_end(), &Value::Null).await;
        let first = query.replace("PAGE", "first: 25").replace("CONNECTION", "{ nodes { id } }");
        for _ in 0..7 {
            let (found, taken) = plans.during(caller.data(&first, Value::Null)).await;
            assert_eq!(found["imagingWorklist"]["nodes"].as_array().map(Vec::len), Some(25), "{list}");
            let plan = taken.iter().find(|plan| plan.contains("Limit")).expect("the page's plan");
            assert!(format!("{plan} ").contains(&format!("using {index}")), "{list} {mine}: {plan}");
            assert_eq!(rows_read(plan), 26, "{list} {mine}: {plan}");
        }
    }
    // However many others are reading, what is read of the list is theirs and the page.
    let locked = "UPDATE diagnosis.imaging_order SET reading_until = now() + interval '1 hour'
        WHERE id IN (SELECT id FROM diagnosis.imaging_order WHERE status = 'ACTIVE' AND stage = 'ACQUIRED'
            ORDER BY rank, due_at, id LIMIT 40)";
    raw_sql(locked).execute(&setup.database.pool).await.expect("locked");
    let caller = setup.member(Role::Radiologist).client;
    let first = query("TO_READ", false).replace("PAGE", "first: 25").replace("CONNECTION", "{ nodes { id } }");
    let (_, taken) = plans.during(caller.data(&first, Value::Null)).await;
    let plan = taken.iter().find(|plan| plan.contains("Limit")).expect("the page's plan");
    assert_eq!(rows_read(plan), 66, "{plan}");
}
