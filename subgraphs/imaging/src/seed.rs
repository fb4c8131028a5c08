//! Rows made by the program: demo data and benchmarks.

use healthbridge_postgres::copy::{Loader, Rows};
use healthbridge_terms::Coded;
use sqlx::PgPool;
use uuid::Uuid;

use crate::domain::Image;

/// Of these ids those that are not there yet.
///
/// # Errors
/// When the database refuses.
pub async fn missing(pool: &PgPool, ids: &[Uuid]) -> Result<Vec<Uuid>, sqlx::Error> {
    let missing = sqlx::query_scalar!(
        r#"SELECT wanted.id AS "id!" FROM unnest($1::uuid[]) AS wanted (id)
           WHERE NOT EXISTS (SELECT FROM imaging.medical_image AS image WHERE image.id = wanted.id)"#,
        ids,
    );
    missing.fetch_all(pool).await
}

/// Loads the rows that are not there yet.
///
/// # Errors
/// When the database refuses.
pub async fn load(pool: &PgPool, images: &[Image]) -> Result<(), sqlx::Error> {
    let mut rows = Rows::default();
    for one in images {
        rows.value(one.id).value(one.patient_id).value(one.modality.text()).optional(one.description.as_ref());
        rows.value(&one.file_name).value(<&str>::from(one.content_type)).value(one.byte_size).value(&one.sha256);
        rows.value(&one.object_key).value(one.state.text()).optional(one.taken_at.map(|at| at.to_rfc3339()));
        rows.value(one.uploaded_at.to_rfc3339()).value(one.uploaded_by).value(one.upload_expires_at.to_rfc3339());
        rows.end_row();
    }
    let columns = "id, patient_id, modality, description, file_name, content_type, byte_size, sha256, object_key, state, \
                   taken_at, uploaded_at, uploaded_by, upload_expires_at";
    let mut loader = Loader::begin(pool).await?;
    loader.load(rows, "imaging.medical_image", columns).await?;
    loader.commit().await
}
