//! Searching a large register reads from indexes: the plans that PostgreSQL really took are looked at.

mod setup;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use healthbridge_patients::{
    DESCRIPTION,
    domain::{Mrn, Patient},
    open,
    seed::Seed,
};
use healthbridge_rights::Role;
use healthbridge_terms::{AdministrativeGender, HumanName, Identifier, IdentifierUse, NameUse};
use healthbridge_testkit::{Client, Plans, TestDatabase, Tokens, serve};
use serde_json::{Value, json};
use setup::{identity, trusting};
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

/// Enough that reading them all would be chosen only where there is no other way.
const PATIENTS: u32 = 100_000;

/// Made-up patients: 5000 families, birth dates of 100 years, an identifier each.
fn patient(number: u32) -> Patient {
    let hash = |number: u32| format!("{:08x}", number.wrapping_mul(2_654_435_761));
    let opening: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
    let at = opening + Duration::minutes(number.into());
    Patient {
        id: Uuid::now_v7(),
        mrn: Mrn::from_serial(number).expect("a number"),
        active: true,
        name: HumanName {
            name_use: NameUse::Official,
            family: format!("F{}", hash(number % 5000)),
            given: vec![format!("G{}", hash(number))],
            prefix: Vec::new(),
            suffix: Vec::new(),
        },
        gender: AdministrativeGender::Other,
        birth_date: NaiveDate::from_num_days_from_ce_opt(703_000 + i32::try_from(number % 36_500).expect("small")),
        deceased_at: None,
        telecom: Vec::new(),
        addresses: Vec::new(),
        identifiers: vec![Identifier {
            system: "urn:test".to_owned(),
            value: number.to_string(),
            identifier_use: IdentifierUse::Usual,
        }],
        conditions: Vec::new(),
        general_practitioner_id: None,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

#[tokio::test]
async fn no_search_of_a_large_register_reads_all_of_it() {
    let plans = Plans::start();
    let database = TestDatabase::of(DESCRIPTION.provision).await;
    let patients: Vec<Patient> = (1..=PATIENTS).map(patient).collect();
    let one = patients[77].clone();
    Seed { patients, ..Seed::default() }.load(&database.pool).await.expect("filled");
    sqlx::query("VACUUM ANALYZE patients.patient").execute(&database.pool).await.expect("analysed");
    let pool = PgPoolOptions::new().max_connections(4).connect_lazy_with(Plans::of(&database.options));
    let tokens = Tokens::new();
    let base = serve(open(pool, identity(&tokens)).routes(tokens.verifier(), trusting())).await;
    let clerk = Client::new(&base).with_token(tokens.of(Role::Clerk));
    let list = "query ($filter: PatientFilter, $order: PatientOrder! = FAMILY_NAME_ASC, $last: Int) {
        patients(first: null, last: $last, filter: $filter, orderBy: $order) { edges { cursor } } }";
    let (family, given, mrn) = (&one.name.family, &one.name.given[0], one.mrn.as_str());
    let filters = [
        json!({ "search": family }),
        json!({ "search": &family[..4] }),
        json!({ "family": &family[..6], "given": &given[..2] }),
        json!({ "search": mrn }),
        json!({ "mrn": mrn }),
        json!({ "birthDate": one.birth_date }),
        json!({ "birthDate": one.birth_date, "search": "f1" }),
        json!({ "given": given }),
        json!({}),
    ];
    for filter in filters {
        for order in ["FAMILY_NAME_ASC", "CREATED_AT_DESC", "UPDATED_AT_DESC"] {
            for last in [Value::Null, json!(10)] {
                let variables = json!({ "filter": filter, "order": order, "last": last });
                let (page, taken) = plans.during(clerk.data(list, variables.clone())).await;
                assert!(
                    page["patients"]["edges"][0].is_object() || filter["birthDate"].is_string(),
                    "{variables}: {page}"
                );
                assert_eq!(taken.len(), 1, "{variables}: {taken:?}");
                assert!(!taken[0].contains("Seq Scan"), "{variables}: {}", taken[0]);
            }
        }
    }
    let identifier = "{ patientByIdentifier(system: \"urn:test\", value: \"77\") { id } }";
    let matches = "{ patientMatches(input: { name: { family: \"F\", given: [\"G\"] }, birthDate: \"1960-01-01\",
        identifiers: [{ system: \"urn:test\", value: \"78\" }] }) { grade } }";
    for query in [identifier, matches] {
        let (_, taken) = plans.during(clerk.data(query, Value::Null)).await;
        assert!(!taken.is_empty() && taken.iter().all(|plan| !plan.contains("Seq Scan")), "{query}: {taken:#?}");
    }
}
