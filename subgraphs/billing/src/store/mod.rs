//! All SQL of the subgraph.

use chrono::{DateTime, Utc};
use healthbridge_graphql::{Coding, Window};
use healthbridge_postgres::known;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgPool, types::Json};
use uuid::Uuid;

use crate::domain::{Billing, ChargeItemStatus, CurrencyCode, CurrencyTotal, Money};

/// The subgraph's tables.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pool: PgPool,
}

struct Row {
    id: Uuid,
    patient_id: Uuid,
    report_id: Option<Uuid>,
    image_id: Option<Uuid>,
    code: Option<Json<Coding>>,
    description: String,
    quantity: Decimal,
    unit_price: Decimal,
    currency: String,
    net: Decimal,
    paid: Decimal,
    refunded: Decimal,
    status: String,
    serviced_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    created_by: Uuid,
    version: i32,
}

fn money(column: &str, amount: Decimal, currency: CurrencyCode) -> Result<Money, sqlx::Error> {
    let money = Money::new(amount, currency);
    money.map_err(|source| sqlx::Error::ColumnDecode { index: column.to_owned(), source: Box::new(source) })
}

impl TryFrom<Row> for Billing {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let currency = known("currency", &row.currency)?;
        Ok(Self {
            id: row.id,
            patient_id: row.patient_id,
            report_id: row.report_id,
            image_id: row.image_id,
            code: row.code.map(|json| json.0),
            description: row.description,
            quantity: row.quantity.normalize(),
            unit_price: money("unit_price", row.unit_price, currency)?,
            net: money("net", row.net, currency)?,
            paid: money("paid", row.paid, currency)?,
            refunded: money("refunded", row.refunded, currency)?,
            status: known("status", &row.status)?,
            serviced_at: row.serviced_at,
            created_at: row.created_at,
            created_by: row.created_by,
            version: row.version,
        })
    }
}

struct TotalRow {
    patient_id: Uuid,
    currency: String,
    net: Decimal,
    paid: Decimal,
    refunded: Decimal,
    item_count: i32,
}

impl TryFrom<TotalRow> for CurrencyTotal {
    type Error = sqlx::Error;

    fn try_from(row: TotalRow) -> Result<Self, sqlx::Error> {
        let currency = known("currency", &row.currency)?;
        Ok(Self {
            patient_id: row.patient_id,
            currency,
            charged: money("charged", row.net, currency)?,
            net: money("net", row.net, currency)?,
            paid: money("paid", row.paid, currency)?,
            refunded: money("refunded", row.refunded, currency)?,
            outstanding: money("outstanding", row.net - row.paid + row.refunded, currency)?,
            item_count: row.item_count,
        })
    }
}

fn billings(rows: Vec<Row>) -> Result<Vec<Billing>, sqlx::Error> {
    rows.into_iter().map(Billing::try_from).collect()
}

/// Which billings a list shows; an empty list filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct BillingFilter {
    pub statuses: Vec<ChargeItemStatus>,
    pub currency: Option<CurrencyCode>,
    pub serviced_from: Option<DateTime<Utc>>,
    pub serviced_to: Option<DateTime<Utc>>,
}

impl BillingFilter {
    fn status_names(&self) -> Vec<String> {
        self.statuses.iter().map(|status| <&str>::from(*status).to_owned()).collect()
    }

    fn currency_code(&self) -> Option<&'static str> {
        self.currency.map(CurrencyCode::as_str)
    }
}

impl Store {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The billings with these ids, of the one patient if one is named.
    pub(crate) async fn by_id(&self, ids: &[Uuid], own: Option<Uuid>) -> Result<Vec<Billing>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT b.id, b.patient_id, b.report_id, b.image_id, b.code AS "code: _", b.description, b.quantity,
                      b.unit_price, b.currency, b.net, moved.paid AS "paid!", moved.refunded AS "refunded!", b.status,
                      b.serviced_at, b.created_at, b.created_by, b.version
               FROM billing.billing AS b
               CROSS JOIN LATERAL (
                   SELECT COALESCE(sum(amount) FILTER (WHERE kind = 'PAYMENT'), 0) AS paid,
                          COALESCE(sum(amount) FILTER (WHERE kind = 'REFUND'), 0) AS refunded
                   FROM billing.ledger_entry AS entry WHERE entry.billing_id = b.id
               ) AS moved
               WHERE b.id = ANY($1) AND ($2::uuid IS NULL OR b.patient_id = $2)"#,
            ids,
            own,
        );
        billings(rows.fetch_all(&self.pool).await?)
    }

    /// Of each patient one row more than the page has, the newest first.
    pub(crate) async fn of_patients(
        &self,
        patients: &[Uuid],
        filter: &BillingFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Billing>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT b.id AS "id!", b.patient_id AS "patient_id!", b.report_id, b.image_id, b.code AS "code: _",
                      b.description AS "description!", b.quantity AS "quantity!", b.unit_price AS "unit_price!",
                      b.currency AS "currency!", b.net AS "net!", moved.paid AS "paid!", moved.refunded AS "refunded!",
                      b.status AS "status!", b.serviced_at AS "serviced_at!", b.created_at AS "created_at!",
                      b.created_by AS "created_by!", b.version AS "version!"
               FROM unnest($1::uuid[]) AS patient (id)
               CROSS JOIN LATERAL (
                   SELECT * FROM billing.billing AS billing
                   WHERE billing.patient_id = patient.id
                     AND (cardinality($2::text[]) = 0 OR billing.status = ANY($2))
                     AND ($3::text IS NULL OR billing.currency = $3)
                     AND ($4::timestamptz IS NULL OR billing.serviced_at >= $4)
                     AND ($5::timestamptz IS NULL OR billing.serviced_at < $5)
                     AND ($6::uuid IS NULL OR billing.id < $6)
                   ORDER BY billing.id DESC LIMIT $7
               ) AS b
               CROSS JOIN LATERAL (
                   SELECT COALESCE(sum(amount) FILTER (WHERE kind = 'PAYMENT'), 0) AS paid,
                          COALESCE(sum(amount) FILTER (WHERE kind = 'REFUND'), 0) AS refunded
                   FROM billing.ledger_entry AS entry WHERE entry.billing_id = b.id
               ) AS moved
               ORDER BY b.patient_id, b.id DESC"#,
            patients,
            &filter.status_names(),
            filter.currency_code(),
            filter.serviced_from,
            filter.serviced_to,
            window.start,
            window.limit(),
        );
        billings(rows.fetch_all(&self.pool).await?)
    }

    /// One row more than the page has, over all patients, the newest first.
    pub(crate) async fn list(
        &self,
        filter: &BillingFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<Billing>, sqlx::Error> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT b.id, b.patient_id, b.report_id, b.image_id, b.code AS "code: _", b.description, b.quantity,
                      b.unit_price, b.currency, b.net, moved.paid AS "paid!", moved.refunded AS "refunded!", b.status,
                      b.serviced_at, b.created_at, b.created_by, b.version
               FROM billing.billing AS b
               CROSS JOIN LATERAL (
                   SELECT COALESCE(sum(amount) FILTER (WHERE kind = 'PAYMENT'), 0) AS paid,
                          COALESCE(sum(amount) FILTER (WHERE kind = 'REFUND'), 0) AS refunded
                   FROM billing.ledger_entry AS entry WHERE entry.billing_id = b.id
               ) AS moved
               WHERE (cardinality($1::text[]) = 0 OR b.status = ANY($1))
                 AND ($2::text IS NULL OR b.currency = $2)
                 AND ($3::timestamptz IS NULL OR b.serviced_at >= $3)
                 AND ($4::timestamptz IS NULL OR b.serviced_at < $4)
                 AND ($5::uuid IS NULL OR b.id < $5)
               ORDER BY b.id DESC LIMIT $6"#,
            &filter.status_names(),
            filter.currency_code(),
            filter.serviced_from,
            filter.serviced_to,
            window.start,
            window.limit(),
        );
        billings(rows.fetch_all(&self.pool).await?)
    }

    /// What the billings of these patients come to, a row for each patient and currency.
    pub(crate) async fn totals(&self, patients: &[Uuid]) -> Result<Vec<CurrencyTotal>, sqlx::Error> {
        let rows = sqlx::query_as!(
            TotalRow,
            r#"SELECT b.patient_id, b.currency,
                      COALESCE(sum(b.net) FILTER (WHERE b.status IN ('BILLABLE', 'BILLED')), 0) AS "net!",
                      COALESCE(sum(moved.paid), 0) AS "paid!", COALESCE(sum(moved.refunded), 0) AS "refunded!",
                      (count(*) FILTER (WHERE b.status IN ('BILLABLE', 'BILLED')))::integer AS "item_count!"
               FROM billing.billing AS b
               LEFT JOIN LATERAL (
                   SELECT sum(amount) FILTER (WHERE kind = 'PAYMENT') AS paid,
                          sum(amount) FILTER (WHERE kind = 'REFUND') AS refunded
                   FROM billing.ledger_entry AS entry WHERE entry.billing_id = b.id
               ) AS moved ON true
               WHERE b.patient_id = ANY($1)
               GROUP BY b.patient_id, b.currency
               ORDER BY b.patient_id, b.currency"#,
            patients,
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(CurrencyTotal::try_from).collect()
    }

    /// Adds a billing.
    pub(crate) async fn insert(connection: &mut PgConnection, billing: &Billing) -> Result<(), sqlx::Error> {
        let inserted = sqlx::query!(
            "INSERT INTO billing.billing (id, patient_id, report_id, image_id, code, description, quantity, unit_price,
                 currency, net, status, serviced_at, created_at, created_by, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            billing.id,
            billing.patient_id,
            billing.report_id,
            billing.image_id,
            billing.code.as_ref().map(Json) as _,
            billing.description,
            billing.quantity,
            billing.unit_price.amount(),
            billing.net.currency().as_str(),
            billing.net.amount(),
            <&str>::from(billing.status),
            billing.serviced_at,
            billing.created_at,
            billing.created_by,
            billing.version,
        );
        inserted.execute(connection).await.map(drop)
    }
}
