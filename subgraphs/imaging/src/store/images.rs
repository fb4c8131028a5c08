use chrono::{DateTime, Utc};
use healthbridge_outcome::Window;
use healthbridge_postgres::known;
use healthbridge_terms::{Coded, Coding};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::{Image, ImageState, Modality};

struct Row {
    id: Uuid,
    patient_id: Uuid,
    modality: String,
    body_site: Option<Json<Coding>>,
    description: Option<String>,
    file_name: String,
    content_type: String,
    byte_size: i64,
    sha256: String,
    object_key: String,
    state: String,
    taken_at: Option<DateTime<Utc>>,
    uploaded_at: DateTime<Utc>,
    uploaded_by: Uuid,
    upload_expires_at: DateTime<Utc>,
    legal_hold: bool,
    purge_after: Option<DateTime<Utc>>,
    version: i32,
}

impl TryFrom<Row> for Image {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.id,
            patient_id: row.patient_id,
            modality: known("modality", &row.modality)?,
            body_site: row.body_site.map(|json| json.0),
            description: row.description,
            file_name: row.file_name,
            content_type: known("content_type", &row.content_type)?,
            byte_size: row.byte_size,
            sha256: row.sha256,
            object_key: row.object_key,
            state: known("state", &row.state)?,
            taken_at: row.taken_at,
            uploaded_at: row.uploaded_at,
            uploaded_by: row.uploaded_by,
            upload_expires_at: row.upload_expires_at,
            legal_hold: row.legal_hold,
            purge_after: row.purge_after,
            version: row.version,
        })
    }
}

fn images(rows: Vec<Row>) -> Result<Vec<Image>, sqlx::Error> {
    rows.into_iter().map(Image::try_from).collect()
}

/// Which images a list shows; an empty list of modalities filters nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ImageFilter {
    pub modalities: Vec<Modality>,
    pub states: Vec<ImageState>,
    pub taken_from: Option<DateTime<Utc>>,
    pub taken_to: Option<DateTime<Utc>>,
}

impl ImageFilter {
    fn modality_names(&self) -> Vec<String> {
        self.modalities.iter().map(|modality| modality.text().to_owned()).collect()
    }

    fn state_names(&self) -> Vec<String> {
        self.states.iter().map(|state| state.text().to_owned()).collect()
    }
}

/// The images with these ids, of the one patient if one is named.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid], own: Option<Uuid>) -> Result<Vec<Image>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, patient_id, modality, body_site AS "body_site: _", description, file_name, content_type,
                  byte_size, sha256, object_key, state, taken_at, uploaded_at, uploaded_by, upload_expires_at,
                  legal_hold, purge_after, version
           FROM imaging.medical_image
           WHERE id = ANY($1) AND ($2::uuid IS NULL OR (patient_id = $2 AND state = 'READY'))"#,
        ids,
        own,
    );
    images(rows.fetch_all(db).await?)
}

/// The image, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Image>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, patient_id, modality, body_site AS "body_site: _", description, file_name, content_type,
                  byte_size, sha256, object_key, state, taken_at, uploaded_at, uploaded_by, upload_expires_at,
                  legal_hold, purge_after, version
           FROM imaging.medical_image WHERE id = $1 FOR UPDATE"#,
        id,
    );
    row.fetch_optional(connection).await?.map(Image::try_from).transpose()
}

/// Of each patient one row more than the page has, the newest first.
pub(crate) async fn of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &ImageFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Image>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT i.id AS "id!", i.patient_id AS "patient_id!", i.modality AS "modality!",
                  i.body_site AS "body_site: _", i.description, i.file_name AS "file_name!",
                  i.content_type AS "content_type!", i.byte_size AS "byte_size!", i.sha256 AS "sha256!",
                  i.object_key AS "object_key!", i.state AS "state!", i.taken_at, i.uploaded_at AS "uploaded_at!",
                  i.uploaded_by AS "uploaded_by!", i.upload_expires_at AS "upload_expires_at!",
                  i.legal_hold AS "legal_hold!", i.purge_after, i.version AS "version!"
           FROM unnest($1::uuid[]) AS patient (id)
           CROSS JOIN LATERAL (
               SELECT * FROM imaging.medical_image AS image
               WHERE image.patient_id = patient.id AND image.state = ANY($2)
                 AND (cardinality($3::text[]) = 0 OR image.modality = ANY($3))
                 AND ($4::timestamptz IS NULL OR image.taken_at >= $4)
                 AND ($5::timestamptz IS NULL OR image.taken_at < $5)
                 AND ($6::uuid IS NULL OR image.id < $6)
               ORDER BY image.id DESC LIMIT $7
           ) AS i
           ORDER BY i.patient_id, i.id DESC"#,
        patients,
        &filter.state_names(),
        &filter.modality_names(),
        filter.taken_from,
        filter.taken_to,
        window.start,
        window.limit(),
    );
    images(rows.fetch_all(db).await?)
}

/// How many images of each patient a filter leaves.
pub(crate) async fn count_of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &ImageFilter,
) -> Result<Vec<(Uuid, i64)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"SELECT patient_id, count(*) AS "count!" FROM imaging.medical_image
           WHERE patient_id = ANY($1) AND state = ANY($2)
             AND (cardinality($3::text[]) = 0 OR modality = ANY($3))
             AND ($4::timestamptz IS NULL OR taken_at >= $4)
             AND ($5::timestamptz IS NULL OR taken_at < $5)
           GROUP BY patient_id"#,
        patients,
        &filter.state_names(),
        &filter.modality_names(),
        filter.taken_from,
        filter.taken_to,
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.patient_id, row.count)).collect())
}

/// One row more than the page has, over all patients, the newest first.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &ImageFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Image>, sqlx::Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, patient_id, modality, body_site AS "body_site: _", description, file_name, content_type,
                  byte_size, sha256, object_key, state, taken_at, uploaded_at, uploaded_by, upload_expires_at,
                  legal_hold, purge_after, version
           FROM imaging.medical_image
           WHERE state = ANY($1)
             AND (cardinality($2::text[]) = 0 OR modality = ANY($2))
             AND ($3::timestamptz IS NULL OR taken_at >= $3)
             AND ($4::timestamptz IS NULL OR taken_at < $4)
             AND ($5::uuid IS NULL OR id < $5)
           ORDER BY id DESC LIMIT $6"#,
        &filter.state_names(),
        &filter.modality_names(),
        filter.taken_from,
        filter.taken_to,
        window.start,
        window.limit(),
    );
    images(rows.fetch_all(db).await?)
}

/// How many images a filter leaves, over all patients.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &ImageFilter) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM imaging.medical_image
           WHERE state = ANY($1)
             AND (cardinality($2::text[]) = 0 OR modality = ANY($2))
             AND ($3::timestamptz IS NULL OR taken_at >= $3)
             AND ($4::timestamptz IS NULL OR taken_at < $4)"#,
        &filter.state_names(),
        &filter.modality_names(),
        filter.taken_from,
        filter.taken_to,
    )
    .fetch_one(db)
    .await
}

/// Adds an image that awaits its bytes.
pub(crate) async fn insert(connection: &mut PgConnection, image: &Image) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO imaging.medical_image (id, patient_id, modality, body_site, description, file_name,
             content_type, byte_size, sha256, object_key, state, taken_at, uploaded_at, uploaded_by,
             upload_expires_at, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        image.id,
        image.patient_id,
        image.modality.text(),
        image.body_site.as_ref().map(Json) as _,
        image.description,
        image.file_name,
        <&str>::from(image.content_type),
        image.byte_size,
        image.sha256,
        image.object_key,
        image.state.text(),
        image.taken_at,
        image.uploaded_at,
        image.uploaded_by,
        image.upload_expires_at,
        image.version,
    );
    inserted.execute(connection).await.map(drop)
}

/// Moves an image that awaits its bytes on; `None` where somebody else did so meanwhile. The URL of one that failed
/// still works for a while: what comes by it is removed later.
pub(crate) async fn settle(
    db: impl PgExecutor<'_>,
    id: Uuid,
    state: ImageState,
    now: DateTime<Utc>,
) -> Result<Option<Image>, sqlx::Error> {
    let row = sqlx::query_as!(
        Row,
        r#"UPDATE imaging.medical_image
           SET state = $2, uploaded_at = $3, version = version + 1,
               purge_after = CASE WHEN $2 = 'FAILED' THEN upload_expires_at + interval '1 hour' END
           WHERE id = $1 AND state = 'AWAITING_UPLOAD'
           RETURNING id, patient_id, modality, body_site AS "body_site: _", description, file_name, content_type,
               byte_size, sha256, object_key, state, taken_at, uploaded_at, uploaded_by, upload_expires_at,
               legal_hold, purge_after, version"#,
        id,
        state.text(),
        now,
    );
    row.fetch_optional(db).await?.map(Image::try_from).transpose()
}

/// Marks a locked image as deleted.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    id: Uuid,
    by: Uuid,
    reason: &str,
    now: DateTime<Utc>,
    purge_after: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let deleted = sqlx::query!(
        "UPDATE imaging.medical_image
         SET state = 'DELETED', deleted_at = $2, deleted_by = $3, delete_reason = $4, purge_after = $5,
             version = version + 1
         WHERE id = $1",
        id,
        now,
        by,
        reason,
        purge_after,
    );
    deleted.execute(connection).await.map(drop)
}
