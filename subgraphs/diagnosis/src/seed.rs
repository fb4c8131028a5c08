//! Rows made by the program: demo data and benchmarks.

use healthbridge_postgres::copy::{Loader, Rows};
use healthbridge_terms::Coded;
use sqlx::PgPool;

use crate::{
    domain::{Entry, Report},
    store::workflow_logs,
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

/// Begins the workflow log with these entries; does nothing where it was begun.
///
/// # Errors
/// When the database refuses.
pub async fn begin_log(pool: &PgPool, entries: Vec<Entry>) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let head = sqlx::query_scalar!("SELECT seq FROM diagnosis.workflow_log_head FOR UPDATE");
    if head.fetch_one(&mut *transaction).await? > 0 {
        return Ok(());
    }
    for entry in entries {
        workflow_logs::append(&mut transaction, entry).await?;
    }
    transaction.commit().await
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain data serialises")
}
