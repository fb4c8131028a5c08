//! Rows made by the program: demo data and benchmarks.

use healthbridge_chain::{Chain, Head, seal};
use healthbridge_postgres::copy::{Loader, Rows};
use healthbridge_terms::Coded;
use sqlx::PgPool;

use crate::{
    domain::{Entry, Report, ReportTemplate},
    store::workflow_logs::{self, Log},
};

/// Loads the reports that are not there yet.
///
/// # Errors
/// When the database refuses.
pub async fn load(pool: &PgPool, reports: &[Report]) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    for one in reports {
        rows.value(one.id).value(one.patient_id).value(one.status.text()).value(one.priority.text());
        rows.optional(one.code.as_ref().map(json)).value(json(&one.conclusion_codes));
        rows.optional(one.clinical_history.as_ref()).optional(one.technique.as_ref()).optional(one.findings.as_ref());
        rows.optional(one.impression.as_ref()).value(one.critical).value(one.author_id).array(&one.image_ids);
        rows.optional(one.issued_at.map(|at| at.to_rfc3339())).value(one.created_at.to_rfc3339());
        rows.value(one.updated_at.to_rfc3339()).end_row();
    }
    let columns = "id, patient_id, status, priority, code, conclusion_codes, clinical_history, technique, findings, \
                   impression, critical, author_id, image_ids, issued_at, created_at, updated_at";
    let mut loader = Loader::begin(pool).await?;
    loader.load(rows, "diagnosis.report", columns).await?;
    loader.commit().await
}

/// Loads the texts that reports begin with that are not there yet.
///
/// # Errors
/// When the database refuses.
pub async fn load_templates(pool: &PgPool, templates: &[ReportTemplate]) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    for one in templates {
        rows.value(one.id).value(&one.name).value(&one.modality).optional(one.body_site.as_ref().map(json));
        rows.optional(one.code.as_ref().map(json)).optional(one.technique.as_ref()).optional(one.findings.as_ref());
        rows.optional(one.impression.as_ref()).value(one.created_by).value(one.created_at.to_rfc3339());
        rows.value(one.updated_at.to_rfc3339()).end_row();
    }
    let columns =
        "id, name, modality, body_site, code, technique, findings, impression, created_by, created_at, updated_at";
    let mut loader = Loader::begin(pool).await?;
    loader.load(rows, "diagnosis.report_template", columns).await?;
    loader.commit().await
}

/// Begins the workflow log with these entries; does nothing where it was begun.
///
/// # Errors
/// When the database refuses.
pub async fn begin_log(pool: &PgPool, entries: Vec<Entry>) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    // Behind the lock: another one that begins it is done, or has not begun.
    if Log::lock(&mut transaction).await? == Head::default() && !Log::is_waiting(&mut transaction).await? {
        for entry in entries {
            workflow_logs::append(&mut *transaction, &entry).await?;
        }
    }
    transaction.commit().await?;
    seal::<Log>(pool).await
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data serialises")
}
