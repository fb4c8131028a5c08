//! Lists of patients. Each statement is planned for its own values (`search_pool`), so that whichever filters are given
//! are read from their index.

use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_outcome::{Direction, Total, Window};
use healthbridge_postgres::sought;
use healthbridge_terms::{AdministrativeGender, Coded, Identifier, coded, folded};
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use super::Row;
use crate::domain::{Patient, matching::Person};

/// Which patients a list shows; `None` asks for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatientFilter {
    /// Beginning of [`healthbridge_terms::HumanName::sort_key`], with or without accents and case.
    pub name: Option<String>,
    pub mrn: Option<String>,
    pub given: Option<String>,
    pub birth_date: Option<NaiveDate>,
    pub gender: Option<AdministrativeGender>,
    pub active: Option<bool>,
    pub updated_since: Option<DateTime<Utc>>,
}

coded! {
    /// How a list of patients is ordered.
    pub(crate) enum PatientOrder {
        /// By family name, then given names.
        FamilyNameAsc,
        /// The newest record first.
        CreatedAtDesc,
        /// The record that was changed last first.
        UpdatedAtDesc,
    }
}

impl PatientOrder {
    /// The ordering's name in cursors.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::FamilyNameAsc => "patient-name",
            Self::CreatedAtDesc => "patient-created",
            Self::UpdatedAtDesc => "patient-updated",
        }
    }
}

/// A row's place in each order. Ids are UUIDv7: their order is that of creation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct SortKey {
    pub name: String,
    pub updated_at: DateTime<Utc>,
    pub id: Uuid,
}

impl SortKey {
    pub(crate) fn of(patient: &Patient) -> Self {
        Self { name: patient.name.sort_key(), updated_at: patient.updated_at, id: patient.id }
    }
}

/// A LIKE pattern for names that begin so.
fn prefix(text: &str) -> String {
    let escaped = folded(&sought(text)).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("{escaped}%")
}

/// One row more than the page has.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &PatientFilter,
    order: PatientOrder,
    window: &Window<SortKey>,
    own: Option<Uuid>,
) -> Result<Vec<Patient>, sqlx::Error> {
    // One statement for each order and direction: the ends differ, the filter does not.
    macro_rules! list {
        ($after:tt, $order:tt) => {
            select!(
                r#"WHERE ($1::uuid IS NULL OR id = $1)
                     AND ($2::text IS NULL OR sort_name COLLATE "C" LIKE $2)
                     AND ($3::text IS NULL OR mrn = $3)
                     AND ($4::text IS NULL OR sort_given COLLATE "C" LIKE $4)
                     AND ($5::date IS NULL OR birth_date = $5)
                     AND ($6::text IS NULL OR gender = $6)
                     AND ($7::boolean IS NULL OR active = $7)
                     AND ($8::timestamptz IS NULL OR updated_at >= $8)
                     AND ($9::text IS NULL OR true) AND ($10::timestamptz IS NULL OR true)
                     AND "#
                    + $after
                    + " ORDER BY "
                    + $order
                    + " LIMIT $12",
                own,
                filter.name.as_deref().map(prefix),
                filter.mrn.as_deref().map(sought),
                filter.given.as_deref().map(prefix),
                filter.birth_date,
                filter.gender.map(Coded::text),
                filter.active,
                filter.updated_since,
                window.start.as_ref().map(|start| start.name.clone()),
                window.start.as_ref().map(|start| start.updated_at),
                window.start.as_ref().map(|start| start.id),
                window.limit(),
            )
            .fetch_all(db)
            .await
        };
    }
    let rows = match (order, window.direction) {
        (PatientOrder::FamilyNameAsc, Direction::Forward) => {
            list!(r#"($11::uuid IS NULL OR (sort_name COLLATE "C", id) > ($9, $11))"#, r#"sort_name COLLATE "C", id"#)
        }
        (PatientOrder::FamilyNameAsc, Direction::Backward) => list!(
            r#"($11::uuid IS NULL OR (sort_name COLLATE "C", id) < ($9, $11))"#,
            r#"sort_name COLLATE "C" DESC, id DESC"#
        ),
        (PatientOrder::CreatedAtDesc, Direction::Forward) => list!("($11::uuid IS NULL OR id < $11)", "id DESC"),
        (PatientOrder::CreatedAtDesc, Direction::Backward) => list!("($11::uuid IS NULL OR id > $11)", "id"),
        (PatientOrder::UpdatedAtDesc, Direction::Forward) => {
            list!("($11::uuid IS NULL OR (updated_at, id) < ($10, $11))", "updated_at DESC, id DESC")
        }
        (PatientOrder::UpdatedAtDesc, Direction::Backward) => {
            list!("($11::uuid IS NULL OR (updated_at, id) > ($10, $11))", "updated_at, id")
        }
    };
    rows?.into_iter().map(Patient::try_from).collect()
}

/// How many patients a filter leaves.
pub(crate) async fn count(
    db: impl PgExecutor<'_>,
    filter: &PatientFilter,
    own: Option<Uuid>,
) -> Result<Total, sqlx::Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (SELECT FROM patients.patient
           WHERE ($1::uuid IS NULL OR id = $1)
             AND ($2::text IS NULL OR sort_name COLLATE "C" LIKE $2)
             AND ($3::text IS NULL OR mrn = $3)
             AND ($4::text IS NULL OR sort_given COLLATE "C" LIKE $4)
             AND ($5::date IS NULL OR birth_date = $5)
             AND ($6::text IS NULL OR gender = $6)
             AND ($7::boolean IS NULL OR active = $7)
             AND ($8::timestamptz IS NULL OR updated_at >= $8) LIMIT $9) AS found"#,
        own,
        filter.name.as_deref().map(prefix),
        filter.mrn.as_deref().map(sought),
        filter.given.as_deref().map(prefix),
        filter.birth_date,
        filter.gender.map(Coded::text),
        filter.active,
        filter.updated_since,
        Total::LIMIT,
    );
    Ok(Total::of(count.fetch_one(db).await?))
}

/// The ids of the patients with this identifier that `own` does not hide, the oldest record first.
pub(crate) async fn ids_by_identifier(
    db: impl PgExecutor<'_>,
    system: &str,
    value: &str,
    own: Option<Uuid>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM patients.patient WHERE identifiers @> $1 AND ($2::uuid IS NULL OR id = $2)
         ORDER BY id LIMIT 2",
        serde_json::json!([{ "system": sought(system), "value": sought(value) }]),
        own,
    );
    ids.fetch_all(db).await
}

/// The records that are worth a comparison with a person: with an identifier, the birth date or the whole name in
/// common.
pub(crate) async fn match_candidates(
    db: impl PgExecutor<'_>,
    person: &Person<'_>,
) -> Result<Vec<Patient>, sqlx::Error> {
    let one = |identifier: &Identifier| {
        Json(serde_json::json!([{ "system": sought(&identifier.system), "value": sought(&identifier.value) }]))
    };
    let identifiers: Vec<_> = person.identifiers.iter().map(one).collect();
    let rows = select!(
        r#"WHERE id IN (
               SELECT same.id FROM unnest($1::jsonb[]) AS wanted (identifier),
                   LATERAL (SELECT id FROM patients.patient WHERE identifiers @> wanted.identifier LIMIT 10) AS same
               UNION ALL
               (SELECT id FROM patients.patient WHERE birth_date = $2 LIMIT 1000)
               UNION ALL
               (SELECT id FROM patients.patient WHERE sort_name COLLATE "C" = $3 LIMIT 100))"#,
        identifiers as _,
        person.birth_date,
        sought(&person.name.sort_key()),
    );
    rows.fetch_all(db).await?.into_iter().map(Patient::try_from).collect()
}

/// Lets one registration of such a person at a time look for duplicates and insert: others wait for its end.
pub(crate) async fn lock_person(connection: &mut PgConnection, person: &Person<'_>) -> Result<(), sqlx::Error> {
    let date = person.birth_date.map(|date| date.to_string()).unwrap_or_default();
    let locked = sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('patient ' || $1, 0))", date);
    locked.execute(connection).await.map(drop)
}
