//! What is to be done: reports that are to be written, and critical results that nobody has acknowledged.

mod setup;

use healthbridge_rights::Role;
use healthbridge_testkit::{Client, ListQuery, Plans, TestDatabase};
use serde_json::{Value, json};
use setup::{Setup, refusals, send, setup, setup_by};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions, raw_sql};
use uuid::Uuid;

const TO_WRITE: ListQuery<'_> =
    ListQuery { query: "{ reportWorklist(PAGE, assignedToMe: false) CONNECTION }", at: "/reportWorklist" };
const MINE: ListQuery<'_> = ListQuery { query: "{ reportWorklist(PAGE) CONNECTION }", ..TO_WRITE };
const CRITICAL: ListQuery<'_> =
    ListQuery { query: "{ criticalResults(PAGE, mine: false) CONNECTION }", at: "/criticalResults" };

async fn begin(client: &Client, priority: &str) -> Value {
    let input =
        json!({ "patientId": Uuid::now_v7(), "priority": priority, "findings": "A bleeding.", "critical": true });
    send(client, "createReport", input, "report { id version }").await["report"]["id"].clone()
}

async fn ids(client: &Client, query: &str) -> Vec<Value> {
    let data = client.data(query, Value::Null).await;
    let list = data.as_object().and_then(|data| data.values().next()).expect("a list");
    list["nodes"].as_array().expect("rows").iter().map(|node| node["id"].clone()).collect()
}

#[tokio::test]
async fn stat_is_read_first_and_then_the_oldest_and_each_sees_the_own_work() {
    let setup = setup().await;
    let staff = Uuid::now_v7();
    let radiologist = setup.as_staff(Role::Radiologist, staff);
    let (urgent, stat, routine, late) = (
        begin(&radiologist, "URGENT").await,
        begin(&radiologist, "STAT").await,
        begin(&radiologist, "ROUTINE").await,
        begin(&radiologist, "STAT").await,
    );
    let all = "{ reportWorklist(assignedToMe: false) { nodes { id } } }";
    let expected = [stat.clone(), late.clone(), urgent.clone(), routine.clone()];
    assert_eq!(ids(&radiologist, all).await, expected);
    let mine = "{ reportWorklist { totalCount nodes { id } } }";
    assert_eq!(ids(&radiologist, mine).await, Vec::<Value>::new());
    for report in [&routine, &late] {
        send(&radiologist, "assignReport", json!({ "reportId": report, "assigneeId": staff }), "report { id }").await;
    }
    assert_eq!(ids(&radiologist, mine).await, [late.clone(), routine.clone()]);
    setup.set_status(&late, "FINAL").await;
    setup.set_status(&urgent, "CANCELLED").await;
    assert_eq!(ids(&radiologist, mine).await, std::slice::from_ref(&routine));
    assert_eq!(ids(&radiologist, all).await, [stat, routine]);
    let filtered = format!("{{ reports(filter: {{ assigneeId: \"{staff}\" }}) {{ nodes {{ id }} }} }}");
    assert_eq!(ids(&radiologist, &filtered).await.len(), 2);
    let nobody = setup.tokens.key.sign(&setup.tokens.claims(Role::Doctor, None, None));
    assert_eq!(ids(&setup.anonymous.with_token(nobody), mine).await, Vec::<Value>::new());
}

/// Says when a report was released, and who asked for it.
async fn released(setup: &Setup, report: &Value, minutes_ago: i32, requester: Option<Uuid>) {
    let id: Uuid = report.as_str().and_then(|id| id.parse().ok()).expect("an id");
    let release = sqlx::query(
        "UPDATE diagnosis.report SET status = 'FINAL', issued_at = now() - make_interval(mins => $2), requester_id = $3
         WHERE id = $1",
    );
    release.bind(id).bind(minutes_ago).bind(requester).execute(&setup.database.pool).await.expect("released");
}

#[tokio::test]
async fn a_critical_result_is_on_the_list_of_who_asked_until_acknowledged_and_on_everybodys_when_it_waits_too_long() {
    let setup = setup().await;
    let (asked, other) = (Uuid::now_v7(), Uuid::now_v7());
    let (doctor, colleague) = (setup.as_staff(Role::Doctor, asked), setup.as_staff(Role::Doctor, other));
    let radiologist = setup.as_role(Role::Radiologist);
    let (own, unknown, late, draft) = (
        begin(&radiologist, "ROUTINE").await,
        begin(&radiologist, "ROUTINE").await,
        begin(&radiologist, "ROUTINE").await,
        begin(&radiologist, "STAT").await,
    );
    released(&setup, &own, 5, Some(asked)).await;
    released(&setup, &unknown, 10, None).await;
    released(&setup, &late, 61, Some(asked)).await;
    let mine = "{ criticalResults { nodes { id } } }";
    assert_eq!(ids(&doctor, mine).await, [late.clone(), unknown.clone(), own.clone()], "the oldest first");
    assert_eq!(ids(&colleague, mine).await, [late.clone(), unknown.clone()]);
    assert_eq!(ids(&colleague, "{ criticalResults(mine: false) { nodes { id } } }").await.len(), 3);
    let acknowledge = async |client: &Client, report: &Value, note: &str| {
        let selection = "report { criticalAcknowledgedAt criticalAcknowledgedBy { id } criticalAcknowledgement }";
        send(client, "acknowledgeCriticalResult", json!({ "reportId": report, "note": note }), selection).await
    };
    assert_eq!(refusals(&acknowledge(&doctor, &own, " ").await), ["REQUIRED"]);
    assert_eq!(refusals(&acknowledge(&doctor, &draft, "x").await), ["ILLEGAL_TRANSITION"]);
    let done = acknowledge(&doctor, &own, "Called the ward.").await["report"].clone();
    assert!(done["criticalAcknowledgedAt"].is_string(), "{done}");
    assert_eq!(
        (&done["criticalAcknowledgedBy"]["id"], &done["criticalAcknowledgement"]),
        (&json!(asked), &json!("Called the ward."))
    );
    assert_eq!(refusals(&acknowledge(&colleague, &own, "I too.").await), ["ALREADY_EXISTS"]);
    assert_eq!(ids(&doctor, mine).await, [late.clone(), unknown.clone()]);
    setup.set_status(&unknown, "ENTERED_IN_ERROR").await;
    assert_eq!(refusals(&acknowledge(&doctor, &unknown, "x").await), ["ILLEGAL_TRANSITION"]);
    assert_eq!(ids(&doctor, mine).await, [late], "what was withdrawn is critical no more");
}

#[tokio::test]
async fn of_two_who_acknowledge_at_once_one_has_done_it() {
    let setup = setup().await;
    let report = begin(&setup.as_role(Role::Radiologist), "STAT").await;
    released(&setup, &report, 1, None).await;
    let both = [Role::Doctor, Role::Radiologist].map(|role| {
        let (client, report) = (setup.as_role(role), report.clone());
        async move {
            let input = json!({ "reportId": report, "note": "Called the ward." });
            refusals(&send(&client, "acknowledgeCriticalResult", input, "report { id }").await)
        }
    });
    let mut answers = futures::future::join_all(both).await;
    answers.sort();
    assert_eq!(answers, [vec![], vec!["ALREADY_EXISTS".to_owned()]]);
}

/// So many reports of which each tenth is STAT, one of so many somebody's, and each fifth released, critical and waiting.
async fn fill(pool: &PgPool, staff: Uuid, one_of: u32, rows: u32) {
    let statement = format!(
        "INSERT INTO diagnosis.report (id, patient_id, status, priority, author_id, assignee_id, critical, issued_at,
             created_at, updated_at)
         SELECT gen_random_uuid(), gen_random_uuid(), CASE number % 5 WHEN 0 THEN 'FINAL' ELSE 'PRELIMINARY' END,
             CASE number % 10 WHEN 1 THEN 'STAT' ELSE 'ROUTINE' END, gen_random_uuid(),
             CASE number % {one_of} WHEN 0 THEN '{staff}'::uuid ELSE gen_random_uuid() END, true,
             CASE number % 5 WHEN 0 THEN now() - make_interval(secs => number / 7) END,
             now() - make_interval(secs => number / 9), now()
         FROM generate_series(1, {rows}) AS number"
    );
    raw_sql(AssertSqlSafe(statement)).execute(pool).await.expect("filled");
}

#[tokio::test]
async fn the_worklists_are_read_both_ways_and_counted() {
    let setup = setup().await;
    let staff = Uuid::now_v7();
    let radiologist = setup.as_staff(Role::Radiologist, staff);
    fill(&setup.database.pool, staff, 3, 15).await;
    assert_eq!(TO_WRITE.assert_pages(&radiologist, "id", &Value::Null).await, 12);
    assert_eq!(MINE.assert_pages(&radiologist, "id", &Value::Null).await, 4);
    assert_eq!(CRITICAL.assert_pages(&radiologist, "id", &Value::Null).await, 3);
    let exactly = |rows: i64| (json!(rows), json!(true));
    assert_eq!(TO_WRITE.total(&radiologist, &Value::Null).await, exactly(12));
    assert_eq!(MINE.total(&radiologist, &Value::Null).await, exactly(4));
    assert_eq!(CRITICAL.total(&radiologist, &Value::Null).await, exactly(3));
}

#[tokio::test]
async fn a_page_of_a_worklist_is_one_range_of_its_index_however_much_is_to_be_done() {
    let plans = Plans::start();
    let one = |database: &TestDatabase| {
        PgPoolOptions::new().max_connections(1).connect_lazy_with(Plans::of(&database.options))
    };
    let setup = setup_by(one).await;
    let staff = Uuid::now_v7();
    let radiologist = setup.as_staff(Role::Radiologist, staff);
    fill(&setup.database.pool, staff, 101, 30_000).await;
    raw_sql("VACUUM ANALYZE diagnosis.report").execute(&setup.database.pool).await.expect("analysed");
    TO_WRITE.assert_index(&radiologist, &plans, "report_worklist ", &Value::Null).await;
    MINE.assert_index(&radiologist, &plans, "report_worklist_of_assignee", &Value::Null).await;
    CRITICAL.assert_index(&radiologist, &plans, "report_critical", &Value::Null).await;
}

#[tokio::test]
async fn operators_see_how_many_critical_results_wait_too_long() {
    let setup = setup().await;
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    metrics::set_global_recorder(recorder).expect("no other recorder in a test's process");
    let radiologist = setup.as_role(Role::Radiologist);
    for minutes in [1, 61, 120] {
        let report = begin(&radiologist, "ROUTINE").await;
        released(&setup, &report, minutes, Some(Uuid::now_v7())).await;
    }
    let working = setup.work();
    let overdue = "healthbridge_critical_results_overdue{part=\"diagnosis\"} 2\n";
    while !page.render().contains(overdue) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(
        page.render().contains("healthbridge_critical_results_waiting{part=\"diagnosis\"} 3\n"),
        "{}",
        page.render()
    );
    working.abort();
}
