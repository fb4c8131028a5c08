//! Many who want the same time: nobody is in two places at once, proven by the database.

mod setup;

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::Router;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::join_all;
use healthbridge_diagnosis::{DESCRIPTION, Settings, open};
use healthbridge_graphql::Exposure;
use healthbridge_listener::{Face, Limits, Part, serve};
use healthbridge_rights::Role;
use healthbridge_testkit::{Client, TestDatabase, TestStorage, Tokens};
use serde_json::{Value, json};
use setup::{printing, signing};
use sqlx::{Connection, Executor, PgConnection, PgPool};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const BOOK: &str = "mutation ($input: BookAppointmentInput!) { bookAppointment(input: $input) {
    appointment { id } nextFreeSlot { start end } userErrors { code message } } }";

/// Two constraints, one for doctors and one for patients, are all that is looked at here.
const DOUBLE: &str = "SELECT count(*) FROM diagnosis.appointment AS one JOIN diagnosis.appointment AS other
    ON one.id < other.id AND tstzrange(one.start_at, one.end_at) && tstzrange(other.start_at, other.end_at)
    AND (one.doctor_id = other.doctor_id OR one.patient_id = other.patient_id)
    AND one.status NOT IN ('CANCELLED', 'NOSHOW', 'ENTERED_IN_ERROR')
    AND other.status NOT IN ('CANCELLED', 'NOSHOW', 'ENTERED_IN_ERROR')";

/// The subgraph; nobody prints anything here.
async fn routes(pool: PgPool, tokens: &Tokens) -> Router {
    let printing = printing(&TestStorage::start().await, Arc::default());
    open(pool, &Settings::default(), signing(tokens), printing).routes(tokens.verifier(), Exposure::default())
}

/// The subgraph behind a door that is wide enough for all who come at once.
struct Crowd {
    database: TestDatabase,
    clerk: Client,
}

impl Crowd {
    async fn gather() -> Self {
        let (database, tokens) = (TestDatabase::of(DESCRIPTION.provision).await, Tokens::new());
        let pool = database.pool.options().clone().max_connections(20).acquire_timeout(Duration::from_secs(120));
        let pool = pool.connect_lazy_with(database.options.clone());
        let routes = routes(pool, &tokens).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let limits = Limits { requests: 1000, ..Limits::default() };
        let part = Part { name: "test", face: Face::Graphql };
        tokio::spawn(serve(listener, routes, part, limits, CancellationToken::new()));
        Self { database, clerk: Client::new(&base).with_token(tokens.of(Role::Clerk)) }
    }

    async fn book(&self, doctor: Uuid, patient: Uuid, start: DateTime<Utc>, minutes: i64) -> Value {
        let input = json!({ "doctorId": doctor, "patientId": patient, "start": start,
            "end": start + TimeDelta::minutes(minutes), "idempotencyKey": Uuid::new_v4() });
        self.clerk.data(BOOK, json!({ "input": input })).await["bookAppointment"].clone()
    }

    async fn assert_nobody_is_in_two_places(&self) {
        let double: i64 = sqlx::query_scalar(DOUBLE).fetch_one(&self.database.pool).await.expect("a count");
        assert_eq!(double, 0);
    }
}

fn tomorrow() -> DateTime<Utc> {
    DateTime::from_timestamp((Utc::now() + TimeDelta::days(1)).timestamp() / 3600 * 3600, 0).expect("a time")
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_hundred_who_book_one_time_one_gets_it_and_the_others_are_told_the_next_free_one() {
    let crowd = Crowd::gather().await;
    let (doctor, start) = (Uuid::now_v7(), tomorrow());
    let answers = join_all((0..200).map(|_| crowd.book(doctor, Uuid::now_v7(), start, 30))).await;
    let won = answers.iter().filter(|one| one["appointment"]["id"].is_string()).count();
    let next = json!({ "start": start + TimeDelta::minutes(30), "end": start + TimeDelta::minutes(60) });
    let told = (start + TimeDelta::minutes(30)).to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
    let lost = answers.iter().filter(|one| {
        let slot = &one["nextFreeSlot"];
        let is_next = ["start", "end"].iter().all(|end| {
            let read = |value: &Value| value[*end].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
            read(slot).is_some() && read(slot) == read(&next)
        });
        one["userErrors"][0]["code"] == json!("ALREADY_EXISTS")
            && one["userErrors"][0]["message"].as_str().is_some_and(|text| text.ends_with(&told))
            && is_next
    });
    assert_eq!((won, lost.count()), (1, 199));
    crowd.assert_nobody_is_in_two_places().await;
    assert_eq!(crowd.database.deadlocks().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_overlap_in_part_between_the_same_few_people_never_deadlock_and_never_overlap() {
    let crowd = Crowd::gather().await;
    let (people, start): (Vec<Uuid>, _) = ((0..4).map(|_| Uuid::now_v7()).collect(), tomorrow());
    // Whoever is a doctor to one is a patient to another: locks in any other order would wait for each other.
    let wanted = (0..150_usize).map(|number| {
        let (doctor, patient) = (people[number % 4], people[(number + 1 + number / 4 % 3) % 4]);
        let minutes = i64::try_from(number % 12).expect("small");
        crowd.book(doctor, patient, start + TimeDelta::minutes(minutes * 10), 25)
    });
    let answers = join_all(wanted).await;
    let mut codes: HashMap<String, usize> = HashMap::new();
    for one in &answers {
        *codes.entry(one["userErrors"][0]["code"].to_string()).or_default() += 1;
    }
    assert_eq!(codes.len(), 2, "{codes:?}");
    assert!(codes["null"] >= 8 && codes["\"ALREADY_EXISTS\""] >= 60, "{codes:?}");
    crowd.assert_nobody_is_in_two_places().await;
    assert_eq!(crowd.database.deadlocks().await, 0);
}

#[tokio::test]
async fn the_database_alone_refuses_what_somebody_writes_past_every_lock() {
    let crowd = Crowd::gather().await;
    let (doctor, patient, start) = (Uuid::now_v7(), Uuid::now_v7(), tomorrow());
    let mut by_hand = PgConnection::connect_with(&crowd.database.options).await.expect("connected");
    let insert = "INSERT INTO diagnosis.appointment (id, status, patient_id, doctor_id, start_at, end_at, booked_by,
                      created_at, updated_at)
                  VALUES (gen_random_uuid(), 'BOOKED', $1, $2, $3, $3 + interval '30 minutes', gen_random_uuid(), now(), now())";
    by_hand.execute("BEGIN").await.expect("begun");
    sqlx::query(insert).bind(patient).bind(doctor).bind(start).execute(&mut by_hand).await.expect("inserted");
    // It sees nothing of the other one, inserts, and is kept waiting by the constraint alone.
    let (late, waiting) = tokio::join!(crowd.book(doctor, Uuid::now_v7(), start + TimeDelta::minutes(29), 30), async {
        let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')";
        while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&crowd.database.pool).await.expect("an answer") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        by_hand.execute("COMMIT").await
    });
    waiting.expect("committed");
    assert_eq!((&late["userErrors"][0]["code"], &late["appointment"]), (&json!("ALREADY_EXISTS"), &Value::Null));
    for (patient, doctor) in [(patient, Uuid::now_v7()), (Uuid::now_v7(), doctor)] {
        let refused = sqlx::query(insert).bind(patient).bind(doctor).bind(start).execute(&mut by_hand).await;
        let refused = refused.expect_err("taken").to_string();
        assert!(refused.contains("in_one_place"), "{refused}");
    }
    crowd.assert_nobody_is_in_two_places().await;
}

#[tokio::test]
async fn an_owner_of_the_database_who_is_no_superuser_migrates_and_the_subgraphs_own_role_books() {
    let empty = TestDatabase::empty().await;
    let name = empty.options.get_database().expect("a database").to_owned();
    let (owner, role) = (format!("owner_{name}"), format!("role_{name}"));
    let prepare = format!("CREATE ROLE {owner} LOGIN CREATEROLE; ALTER DATABASE {name} OWNER TO {owner}");
    empty.pool.execute(sqlx::AssertSqlSafe(prepare)).await.expect("prepared");
    let as_owner = empty.options.clone().username(&owner);
    healthbridge_postgres::migrate(&as_owner, DESCRIPTION.provision).await.expect("migrated");
    healthbridge_postgres::grant_to_role(&as_owner, DESCRIPTION.provision, &role, None).await.expect("granted");
    let tokens = Tokens::new();
    let pool = healthbridge_postgres::pool(empty.options.clone().username(&role), 2);
    let routes = routes(pool, &tokens).await;
    let clerk = Client::new(&healthbridge_testkit::serve(routes).await).with_token(tokens.of(Role::Clerk));
    let crowd = Crowd { database: empty, clerk };
    let (doctor, start) = (Uuid::now_v7(), tomorrow());
    assert!(crowd.book(doctor, Uuid::now_v7(), start, 30).await["appointment"]["id"].is_string());
    assert_eq!(crowd.book(doctor, Uuid::now_v7(), start, 30).await["userErrors"][0]["code"], json!("ALREADY_EXISTS"));
}
