use chrono::{DateTime, Utc};
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of};
use healthbridge_terms::{Coded, Coding, CurrencyCode};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use super::{money, texts};
use crate::domain::{Billing, ChargeItemStatus, Occasion, PaymentState, Price, PriceComponent, PriceComponentType};

struct Row {
    id: Uuid,
    patient_id: Uuid,
    report_id: Option<Uuid>,
    image_id: Option<Uuid>,
    appointment_id: Option<Uuid>,
    invoice_id: Option<Uuid>,
    service_item_id: Option<Uuid>,
    code: Option<Json<Coding>>,
    description: String,
    quantity: Decimal,
    unit_price: Decimal,
    currency: String,
    components: Json<Vec<StoredComponent>>,
    charged: Decimal,
    discounts: Decimal,
    tax: Decimal,
    net: Decimal,
    paid: Decimal,
    refunded: Decimal,
    status: String,
    serviced_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    created_by: Uuid,
    version: i32,
}

impl TryFrom<Row> for Billing {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let currency = known("currency", &row.currency)?;
        let component = |one: StoredComponent| {
            let amount = money("components", one.amount, currency)?;
            Ok(PriceComponent { kind: one.kind, code: one.code, factor: one.factor, amount })
        };
        let components: Result<_, sqlx::Error> = row.components.0.into_iter().map(component).collect();
        Ok(Self {
            id: row.id,
            patient_id: row.patient_id,
            report_id: row.report_id,
            image_id: row.image_id,
            appointment_id: row.appointment_id,
            invoice_id: row.invoice_id,
            service_item_id: row.service_item_id,
            code: row.code.map(|json| json.0),
            description: row.description,
            quantity: row.quantity.normalize(),
            unit_price: money("unit_price", row.unit_price, currency)?,
            price: Price {
                components: components?,
                charged: money("charged", row.charged, currency)?,
                discounts: money("discounts", row.discounts, currency)?,
                tax: money("tax", row.tax, currency)?,
                net: money("net", row.net, currency)?,
            },
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

/// A component of a price as it is kept.
#[derive(Serialize, Deserialize)]
struct StoredComponent {
    #[serde(rename = "type")]
    kind: PriceComponentType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<Coding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    factor: Option<Decimal>,
    amount: Decimal,
}

fn billings(rows: Vec<Row>) -> Result<Vec<Billing>, sqlx::Error> {
    rows.into_iter().map(Billing::try_from).collect()
}

fn components(billing: &Billing) -> Json<Vec<StoredComponent>> {
    let one = |one: &PriceComponent| StoredComponent {
        kind: one.kind,
        code: one.code.clone(),
        factor: one.factor,
        amount: one.amount.amount(),
    };
    Json(billing.price.components.iter().map(one).collect())
}

/// Which billings a list shows; an empty list filters nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct BillingFilter {
    pub statuses: Vec<ChargeItemStatus>,
    pub payment_states: Vec<PaymentState>,
    pub currency: Option<CurrencyCode>,
    pub serviced_from: Option<DateTime<Utc>>,
    pub serviced_to: Option<DateTime<Utc>>,
}

/// All columns of the billings that these parts of a statement find.
macro_rules! billings {
    ([$($from:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT billing.id AS "id!", patient_id AS "patient_id!", report_id, image_id, appointment_id, invoice_id,
                      service_item_id, code AS "code: _", description AS "description!", quantity AS "quantity!",
                      unit_price AS "unit_price!", currency AS "currency!", components AS "components!: _",
                      charged AS "charged!", discounts AS "discounts!", tax AS "tax!", net AS "net!", paid AS "paid!",
                      refunded AS "refunded!", status AS "status!", serviced_at AS "serviced_at!",
                      created_at AS "created_at!", created_by AS "created_by!", version AS "version!"
               FROM "#
                $(+ $from)+,
            $($argument),*
        )
    };
}

/// A statement over the billings that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*], $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " (cardinality($1::text[]) = 0 OR billing.status = ANY($1))
                   AND (cardinality($2::text[]) = 0 OR billing.payment_state = ANY($2))
                   AND ($3::text IS NULL OR billing.currency = $3)
                   AND ($4::timestamptz IS NULL OR billing.serviced_at >= $4)
                   AND ($5::timestamptz IS NULL OR billing.serviced_at < $5) "
                $($after)*
            ],
            &texts(&$filter.statuses),
            &texts(&$filter.payment_states),
            $filter.currency.map(CurrencyCode::as_str),
            $filter.serviced_from,
            $filter.serviced_to
            $(, $argument)*
        )
    };
}

/// The billings with these ids, of the one patient if one is named.
pub(crate) async fn by_id(
    db: impl PgExecutor<'_>,
    ids: &[Uuid],
    own: Option<Uuid>,
) -> Result<Vec<Billing>, sqlx::Error> {
    let rows = billings!(["billing.billing WHERE id = ANY($1) AND ($2::uuid IS NULL OR patient_id = $2)"], ids, own);
    billings(rows.fetch_all(db).await?)
}

/// The billings for these reports, images and appointments, of the one patient if one is named.
pub(crate) async fn for_occasions(
    db: impl PgExecutor<'_>,
    occasions: &[Occasion],
    own: Option<Uuid>,
) -> Result<Vec<Billing>, sqlx::Error> {
    let ids = |id: fn(&Occasion) -> Option<Uuid>| occasions.iter().filter_map(id).collect::<Vec<_>>();
    let reports = ids(|occasion| if let Occasion::Report(id) = occasion { Some(*id) } else { None });
    let images = ids(|occasion| if let Occasion::Image(id) = occasion { Some(*id) } else { None });
    let appointments = ids(|occasion| if let Occasion::Appointment(id) = occasion { Some(*id) } else { None });
    let rows = billings!(
        ["billing.billing WHERE (report_id = ANY($1) OR image_id = ANY($2) OR appointment_id = ANY($3))
              AND ($4::uuid IS NULL OR patient_id = $4)
            ORDER BY id DESC"],
        &reports,
        &images,
        &appointments,
        own,
    );
    billings(rows.fetch_all(db).await?)
}

/// Of each patient one row more than the page has.
pub(crate) async fn of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &BillingFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Billing>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                billings,
                ["unnest($6::uuid[]) AS patient (id) CROSS JOIN LATERAL (
                      SELECT * FROM billing.billing AS billing WHERE billing.patient_id = patient.id AND"]
                ["AND billing.id " $beyond " $7 ORDER BY billing.id " $order " LIMIT $8
                  ) AS billing ORDER BY patient_id, billing.id " $order],
                filter, patients, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    billings(greatest_first!(window, page)?)
}

/// How many billings of each patient a filter leaves.
pub(crate) async fn count_of_patients(
    db: impl PgExecutor<'_>,
    patients: &[Uuid],
    filter: &BillingFilter,
) -> Result<Vec<(Uuid, Total)>, sqlx::Error> {
    let rows = shown!(
        query_of,
        [r#"SELECT patient.id AS "id!", (SELECT count(*) FROM (
                SELECT FROM billing.billing AS billing WHERE billing.patient_id = patient.id AND"#][r#"LIMIT $7) AS found) AS "total!" FROM unnest($6::uuid[]) AS patient (id)"#],
        filter,
        patients,
        Total::LIMIT
    );
    Ok(rows.fetch_all(db).await?.into_iter().map(|row| (row.id, Total::of(row.total))).collect())
}

/// One row more than the page has, over all patients.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &BillingFilter,
    window: &Window<Uuid>,
) -> Result<Vec<Billing>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                billings,
                ["billing.billing AS billing WHERE"]
                ["AND billing.id " $beyond " $6 ORDER BY billing.id " $order " LIMIT $7"],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    billings(greatest_first!(window, page)?)
}

/// How many billings a filter leaves, over all patients.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &BillingFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM billing.billing AS billing WHERE"#]["LIMIT $6) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// The billings with these ids, locked until the transaction ends, in the order of their ids: two payments of several
/// billings never wait for each other.
pub(crate) async fn lock(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Billing>, sqlx::Error> {
    let rows = billings!(["billing.billing WHERE id = ANY($1) ORDER BY id FOR UPDATE"], ids);
    billings(rows.fetch_all(connection).await?)
}

/// Adds a billing.
pub(crate) async fn insert(connection: &mut PgConnection, billing: &Billing) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.billing (id, patient_id, report_id, image_id, code, description, quantity, unit_price,
             currency, net, status, serviced_at, created_at, created_by, version, components, charged, discounts, tax,
             appointment_id, service_item_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
        billing.id,
        billing.patient_id,
        billing.report_id,
        billing.image_id,
        billing.code.as_ref().map(Json) as _,
        billing.description,
        billing.quantity,
        billing.unit_price.amount(),
        billing.price.net.currency().as_str(),
        billing.price.net.amount(),
        billing.status.text(),
        billing.serviced_at,
        billing.created_at,
        billing.created_by,
        billing.version,
        components(billing) as _,
        billing.price.charged.amount(),
        billing.price.discounts.amount(),
        billing.price.tax.amount(),
        billing.appointment_id,
        billing.service_item_id,
    );
    inserted.execute(connection).await.map(drop)
}

/// Writes what may change of a billing that is locked. What was paid is the ledger's to write.
pub(crate) async fn update(
    connection: &mut PgConnection,
    billing: &Billing,
    void_reason: Option<&str>,
) -> Result<(), sqlx::Error> {
    let updated = sqlx::query!(
        "UPDATE billing.billing SET code = $2, description = $3, quantity = $4, unit_price = $5, components = $6,
             charged = $7, discounts = $8, tax = $9, net = $10, status = $11, serviced_at = $12, version = $13,
             void_reason = coalesce($14, void_reason)
         WHERE id = $1",
        billing.id,
        billing.code.as_ref().map(Json) as _,
        billing.description,
        billing.quantity,
        billing.unit_price.amount(),
        components(billing) as _,
        billing.price.charged.amount(),
        billing.price.discounts.amount(),
        billing.price.tax.amount(),
        billing.price.net.amount(),
        billing.status.text(),
        billing.serviced_at,
        billing.version,
        void_reason,
    );
    updated.execute(connection).await.map(drop)
}
