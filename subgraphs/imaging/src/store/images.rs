use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of};
use healthbridge_terms::{Coded, Coding};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use crate::domain::{Image, ImageState, Modality};

struct Row {
    id: Uuid,
    patient_id: Uuid,
    order_id: Option<Uuid>,
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
            order_id: row.order_id,
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
    pub order_id: Option<Uuid>,
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

/// All columns of the images that these parts of a statement find.
macro_rules! images {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT image.id AS "id!", image.patient_id AS "patient_id!", order_id, modality AS "modality!",
                      body_site AS "body_site: _", description, file_name AS "file_name!",
                      content_type AS "content_type!", byte_size AS "byte_size!", sha256 AS "sha256!",
                      object_key AS "object_key!", state AS "state!", taken_at, uploaded_at AS "uploaded_at!",
                      uploaded_by AS "uploaded_by!", upload_expires_at AS "upload_expires_at!",
                      legal_hold AS "legal_hold!", purge_after, version AS "version!"
               FROM "#
                $(+ $from)+,
            $($argument),*
        )
    };
}

/// A statement over the images that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " image.state = ANY($1)
                   AND (cardinality($2::text[]) = 0 OR image.modality = ANY($2))
                   AND ($3::timestamptz IS NULL OR image.taken_at >= $3)
                   AND ($4::timestamptz IS NULL OR image.taken_at < $4)
                   AND ($5::uuid IS NULL OR image.order_id = $5) "
                $($after)*
            ],
            &$filter.state_names(),
            &$filter.modality_names(),
            $filter.taken_from,
            $filter.taken_to,
            $filter.order_id
            $(, $argument)*
        )
    };
}

/// The images with these ids, of the one patient if one is named.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid], own: Option<Uuid>) -> Result<Vec<Image>, sqlx::Error> {
    let rows = images!(
        ["imaging.medical_image AS image
          WHERE id = ANY($1) AND ($2::uuid IS NULL OR (patient_id = $2 AND state = 'READY'))"],
        ids,
        own,
    );
    images(rows.fetch_all(db).await?)
}

/// The image, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Image>, sqlx::Error> {
    let row = images!(["imaging.medical_image AS image WHERE id = $1 FOR UPDATE"], id);
    row.fetch_optional(connection).await?.map(Image::try_from).transpose()
}

/// Of each patient one row more than the page has.
pub(crate) async fn of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &ImageFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Image>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                images,
                ["unnest($6::uuid[]) AS patient (id) CROSS JOIN LATERAL (
                      SELECT * FROM imaging.medical_image AS image WHERE image.patient_id = patient.id AND"]
                ["AND image.id " $beyond " $7 ORDER BY image.id " $order " LIMIT $8
                  ) AS image ORDER BY image.patient_id, image.id " $order],
                filter, patients, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    images(greatest_first!(window, page)?)
}

/// How many images of each patient a filter leaves.
pub(crate) async fn count_of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &ImageFilter,
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = shown!(
        query_of,
        [r#"SELECT patient.id AS "id!", (SELECT count(*) FROM (
                SELECT FROM imaging.medical_image AS image WHERE image.patient_id = patient.id AND"#][r#"LIMIT $7) AS found) AS "total!" FROM unnest($6::uuid[]) AS patient (id)"#],
        filter,
        patients,
        Total::LIMIT
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}

/// One row more than the page has, over all patients.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &ImageFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Image>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                images,
                ["imaging.medical_image AS image WHERE"]
                ["AND image.id " $beyond " $6 ORDER BY image.id " $order " LIMIT $7"],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    images(greatest_first!(window, page)?)
}

/// How many images a filter leaves, over all patients.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &ImageFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM imaging.medical_image AS image WHERE"#]["LIMIT $6) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// Adds an image that awaits its bytes.
pub(crate) async fn insert(connection: &mut PgConnection, image: &Image) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO imaging.medical_image (id, patient_id, modality, body_site, description, file_name,
             content_type, byte_size, sha256, object_key, state, taken_at, uploaded_at, uploaded_by,
             upload_expires_at, version, order_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
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
        image.order_id,
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
           RETURNING id, patient_id, order_id, modality, body_site AS "body_site: _", description, file_name, content_type,
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
