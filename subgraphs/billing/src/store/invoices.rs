use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{money, texts};
use crate::domain::{Invoice, InvoiceStatus, Recorded};

struct Row {
    id: Uuid,
    kind: String,
    patient_id: Uuid,
    currency: String,
    status: String,
    number: Option<String>,
    billing_ids: Vec<Uuid>,
    cancels_id: Option<Uuid>,
    due_at: Option<NaiveDate>,
    issued_at: Option<DateTime<Utc>>,
    total_net: Decimal,
    total_gross: Decimal,
    paid: Decimal,
    version: i32,
}

impl TryFrom<Row> for Invoice {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let currency = known("currency", &row.currency)?;
        Ok(Self {
            id: row.id,
            kind: known("kind", &row.kind)?,
            patient_id: row.patient_id,
            currency,
            stored_status: known("status", &row.status)?,
            number: row.number,
            billing_ids: row.billing_ids,
            cancels_id: row.cancels_id,
            due_at: row.due_at,
            issued_at: row.issued_at,
            total_net: money("total_net", row.total_net, currency)?,
            total_gross: money("total_gross", row.total_gross, currency)?,
            paid: money("paid", row.paid, currency)?,
            version: row.version,
        })
    }
}

/// Which invoices a list shows; an empty list filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct InvoiceFilter {
    pub statuses: Vec<InvoiceStatus>,
    pub due_before: Option<NaiveDate>,
}

/// An invoice to be written.
pub(crate) struct NewInvoice<'a> {
    pub id: Uuid,
    pub patient_id: Uuid,
    pub currency: &'a str,
    pub billing_ids: &'a [Uuid],
    pub due_at: Option<NaiveDate>,
}

/// Invoices that come out of these parts of a statement, with what their lines come to: a draft's totals are those of its
/// lines, and what is paid always is.
macro_rules! invoices {
    ([$($from:tt)+] [$($rest:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT invoice.id AS "id!", invoice.kind AS "kind!", invoice.patient_id AS "patient_id!",
                      invoice.currency AS "currency!", invoice.status AS "status!", invoice.number,
                      invoice.billing_ids AS "billing_ids!", invoice.cancels_id, invoice.due_at, invoice.issued_at,
                      coalesce(invoice.total_net, lines.total_net) AS "total_net!",
                      coalesce(invoice.total_gross, lines.total_gross) AS "total_gross!", lines.paid AS "paid!",
                      invoice.version AS "version!" FROM "#
                $(+ $from)+
                + " CROSS JOIN LATERAL (
                        SELECT sum(charged - discounts) AS total_net, sum(net) AS total_gross, sum(paid - refunded) AS paid
                        FROM billing.billing WHERE id = ANY(invoice.billing_ids)
                    ) AS lines "
                $(+ $rest)+,
            $($argument),*
        )
    };
}

/// A statement over the invoices that a filter shows: what stands before its conditions and behind them. An invoice is
/// BALANCED when its lines are paid, and is not written then.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*] $([$($rest:tt)+])?, $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " (cardinality($1::text[]) = 0 OR (CASE
                     WHEN one.status = 'ISSUED' AND one.kind = 'INVOICE' AND NOT EXISTS (
                         SELECT FROM billing.billing AS line
                         WHERE line.id = ANY(one.billing_ids) AND line.net - line.paid + line.refunded > 0)
                     THEN 'BALANCED' ELSE one.status END) = ANY($1))
                   AND ($2::date IS NULL OR one.due_at < $2) "
                $($after)*
            ]
            $([$($rest)+])?,
            &texts(&$filter.statuses),
            $filter.due_before
            $(, $argument)*
        )
    };
}

fn invoices(rows: Vec<Row>) -> Result<Vec<Invoice>, sqlx::Error> {
    rows.into_iter().map(Invoice::try_from).collect()
}

/// The invoices with these ids, of the one patient if one is named.
pub(crate) async fn by_id(
    db: impl PgExecutor<'_>,
    ids: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Invoice>, sqlx::Error> {
    let rows = invoices!(
        ["billing.invoice AS invoice"]["WHERE invoice.id = ANY($1) AND ($2::uuid IS NULL OR invoice.patient_id = $2)"],
        ids,
        own,
    );
    invoices(rows.fetch_all(db).await?)
}

/// Of each patient one row more than the page has.
pub(crate) async fn of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &InvoiceFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Invoice>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                invoices,
                ["unnest($3::uuid[]) AS patient (id) CROSS JOIN LATERAL (
                      SELECT * FROM billing.invoice AS one WHERE one.patient_id = patient.id AND"]
                ["AND one.id " $beyond " $4 ORDER BY one.id " $order " LIMIT $5) AS invoice"]
                ["ORDER BY invoice.patient_id, invoice.id " $order],
                filter, patients, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    invoices(greatest_first!(window, page)?)
}

/// How many invoices of each patient a filter leaves.
pub(crate) async fn count_of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &InvoiceFilter,
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = shown!(
        query_of,
        [r#"SELECT patient.id AS "id!", (SELECT count(*) FROM (
                SELECT FROM billing.invoice AS one WHERE one.patient_id = patient.id AND"#][r#"LIMIT $4) AS found) AS "total!" FROM unnest($3::uuid[]) AS patient (id)"#],
        filter,
        patients,
        Total::LIMIT
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}

/// One row more than the page has, over all patients.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &InvoiceFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Invoice>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                invoices,
                ["(SELECT * FROM billing.invoice AS one WHERE"]
                ["AND one.id " $beyond " $3 ORDER BY one.id " $order " LIMIT $4) AS invoice"]
                ["ORDER BY invoice.id " $order],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    invoices(greatest_first!(window, page)?)
}

/// How many invoices a filter leaves, over all patients.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &InvoiceFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM billing.invoice AS one WHERE"#]["LIMIT $3) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// The invoice, locked until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<Invoice>, sqlx::Error> {
    let locked = sqlx::query!("SELECT id FROM billing.invoice WHERE id = $1 FOR UPDATE", id);
    if locked.fetch_optional(&mut *connection).await?.is_none() {
        return Ok(None);
    }
    Ok(by_id(connection, &[id], None).await?.into_iter().next())
}

/// Adds a draft, and puts its billings on it.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    invoice: &NewInvoice<'_>,
    recorded: Recorded,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.invoice (id, kind, patient_id, currency, status, billing_ids, due_at, created_at, created_by)
         VALUES ($1, 'INVOICE', $2, $3, 'DRAFT', $4, $5, $6, $7)",
        invoice.id,
        invoice.patient_id,
        invoice.currency,
        invoice.billing_ids,
        invoice.due_at,
        recorded.at,
        recorded.by,
    );
    inserted.execute(&mut *connection).await?;
    let put =
        sqlx::query!("UPDATE billing.billing SET invoice_id = $1 WHERE id = ANY($2)", invoice.id, invoice.billing_ids);
    put.execute(connection).await.map(drop)
}

/// The next number of a series and year. Others who want one wait until this transaction ends: none is left out.
pub(crate) async fn next_number(connection: &mut PgConnection, series: &str, year: i32) -> Result<i32, sqlx::Error> {
    let next = sqlx::query_scalar!(
        "INSERT INTO billing.invoice_number AS known (series, year, last) VALUES ($1, $2, 1)
         ON CONFLICT (series, year) DO UPDATE SET last = known.last + 1 RETURNING last",
        series,
        year,
    );
    next.fetch_one(connection).await
}

/// Issues a draft; its billings are BILLED from then on.
pub(crate) async fn issue(
    connection: &mut PgConnection,
    draft: &Invoice,
    number: &str,
    due_at: NaiveDate,
    content: &Value,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let issued = sqlx::query!(
        "UPDATE billing.invoice SET status = 'ISSUED', number = $2, due_at = $3, issued_at = $4, total_net = $5,
             total_gross = $6, content = $7, version = version + 1
         WHERE id = $1",
        draft.id,
        number,
        due_at,
        now,
        draft.total_net.amount(),
        draft.total_gross.amount(),
        content,
    );
    issued.execute(&mut *connection).await?;
    let billed = sqlx::query!(
        "UPDATE billing.billing SET status = 'BILLED', version = version + 1 WHERE invoice_id = $1",
        draft.id,
    );
    billed.execute(connection).await.map(drop)
}

/// Cancels an invoice; its billings are BILLABLE again, and on no invoice.
pub(crate) async fn cancel(connection: &mut PgConnection, id: Uuid, reason: &str) -> Result<(), sqlx::Error> {
    let cancelled = sqlx::query!(
        "UPDATE billing.invoice SET status = 'CANCELLED', reason = $2, version = version + 1 WHERE id = $1",
        id,
        reason,
    );
    cancelled.execute(&mut *connection).await?;
    let free = sqlx::query!(
        "UPDATE billing.billing SET invoice_id = NULL, status = CASE status WHEN 'BILLED' THEN 'BILLABLE' ELSE status END,
             version = version + (status = 'BILLED')::integer
         WHERE invoice_id = $1",
        id,
    );
    free.execute(connection).await.map(drop)
}

/// Adds the credit note that takes an issued invoice back: the same content, and the totals on the other side.
pub(crate) async fn insert_credit_note(
    connection: &mut PgConnection,
    id: Uuid,
    cancels: Uuid,
    number: &str,
    reason: &str,
    recorded: Recorded,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.invoice (id, kind, patient_id, currency, status, number, billing_ids, cancels_id, due_at,
             issued_at, total_net, total_gross, content, reason, created_at, created_by)
         SELECT $1, 'CREDIT_NOTE', patient_id, currency, 'ISSUED', $3, billing_ids, id, $5::date, $6, -total_net,
             -total_gross, content, $4, $6, $7
         FROM billing.invoice WHERE id = $2",
        id,
        cancels,
        number,
        reason,
        recorded.at.date_naive(),
        recorded.at,
        recorded.by,
    );
    inserted.execute(connection).await.map(drop)
}
