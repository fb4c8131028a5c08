//! What is written of orders.

use healthbridge_terms::Coded;
use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::domain::ImagingOrder;

/// The next accession number of a year. Others who want one wait until this transaction ends: none is left out.
pub(crate) async fn next_number(connection: &mut PgConnection, year: i32) -> Result<i32, sqlx::Error> {
    let next = sqlx::query_scalar!(
        "INSERT INTO diagnosis.accession_number AS known (year, last) VALUES ($1, 1)
         ON CONFLICT (year) DO UPDATE SET last = known.last + 1 RETURNING last",
        year,
    );
    next.fetch_one(connection).await
}

/// Adds an order.
pub(crate) async fn insert(connection: &mut PgConnection, order: &ImagingOrder) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO diagnosis.imaging_order (id, accession_number, patient_id, status, stage, priority, ordered_by,
             radiologist_id, appointment_id, code, modality, body_site, reason, reason_codes, image_ids, acquired_at, due_at,
             created_at, updated_at, version, shown_at, shown_version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        order.id,
        order.accession_number,
        order.patient_id,
        order.status.text(),
        order.stage.text(),
        order.priority.text(),
        order.ordered_by,
        order.radiologist_id,
        order.appointment_id,
        order.code.as_ref().map(Json) as _,
        order.modality,
        order.body_site.as_ref().map(Json) as _,
        order.reason,
        Json(&order.reason_codes) as _,
        &order.image_ids,
        order.acquired_at,
        order.due_at,
        order.created_at,
        order.updated_at,
        order.version,
        order.shown_at,
        order.shown_version,
    );
    inserted.execute(connection).await.map(drop)
}

/// Writes what became of a locked order by a step.
pub(crate) async fn update(connection: &mut PgConnection, order: &ImagingOrder) -> Result<(), sqlx::Error> {
    let updated = sqlx::query!(
        "UPDATE diagnosis.imaging_order
         SET status = $2, stage = $3, priority = $4, radiologist_id = $5, reason = $6, image_ids = $7, acquired_at = $8,
             due_at = $9, reading_until = $10, result_seen_at = $11, revoke_reason = $12, updated_at = $13, version = $14,
             shown_at = $15, shown_version = $16
         WHERE id = $1",
        order.id,
        order.status.text(),
        order.stage.text(),
        order.priority.text(),
        order.radiologist_id,
        order.reason,
        &order.image_ids,
        order.acquired_at,
        order.due_at,
        order.reading_until,
        order.result_seen_at,
        order.revoke_reason,
        order.updated_at,
        order.version,
        order.shown_at,
        order.shown_version,
    );
    updated.execute(connection).await.map(drop)
}

/// Binds images to an order; gives those that were free. Whoever binds one at the same time waits.
pub(crate) async fn bind_images(
    connection: &mut PgConnection,
    order_id: Uuid,
    images: &[Uuid],
) -> Result<Vec<Uuid>, sqlx::Error> {
    let bound = sqlx::query_scalar!(
        "INSERT INTO diagnosis.imaging_order_image (image_id, order_id)
         SELECT image_id, $1 FROM unnest($2::uuid[]) AS image_id ORDER BY image_id
         ON CONFLICT (image_id) DO NOTHING RETURNING image_id",
        order_id,
        images,
    );
    bound.fetch_all(connection).await
}
