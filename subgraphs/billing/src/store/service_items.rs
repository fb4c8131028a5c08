use chrono::NaiveDate;
use healthbridge_outcome::{Total, Window, greatest_first};
use healthbridge_postgres::{known, query_of, sought};
use healthbridge_terms::Coding;
use rust_decimal::Decimal;
use sqlx::{PgConnection, PgExecutor, types::Json};
use uuid::Uuid;

use super::money;
use crate::domain::{Recorded, ServiceItem};

struct Row {
    id: Uuid,
    code: Option<Json<Coding>>,
    name: String,
    currencies: Vec<String>,
    amounts: Vec<Decimal>,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    version: i32,
}

impl TryFrom<Row> for ServiceItem {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> Result<Self, sqlx::Error> {
        let price = |(currency, amount): (&String, Decimal)| money("amount", amount, known("currency", currency)?);
        Ok(Self {
            id: row.id,
            code: row.code.map(|json| json.0),
            name: row.name,
            prices: row.currencies.iter().zip(row.amounts).map(price).collect::<Result<_, sqlx::Error>>()?,
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            version: row.version,
        })
    }
}

/// Which items of the price list are shown; `None` asks for nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceItemFilter {
    /// Beginning of the name, in any case.
    pub search: Option<String>,
    /// A whole code, in whichever system.
    pub code: Option<String>,
    pub valid_on: Option<NaiveDate>,
}

/// Items that come out of these parts of a statement, with their prices.
macro_rules! items {
    ([$($from:tt)+] [$($rest:tt)+], $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"SELECT id AS "id!", code AS "code: _", name AS "name!", prices.currencies AS "currencies!",
                      prices.amounts AS "amounts!: Vec<Decimal>", valid_from AS "valid_from!", valid_to,
                      version AS "version!"
               FROM "#
                $(+ $from)+
                + " CROSS JOIN LATERAL (
                        SELECT array_agg(currency::text ORDER BY currency) AS currencies,
                               array_agg(amount ORDER BY currency) AS amounts
                        FROM billing.service_price WHERE service_item_id = item.id
                    ) AS prices "
                $(+ $rest)+,
            $($argument),*
        )
    };
}

/// A statement over the items that a filter shows: what stands before its conditions and behind them.
macro_rules! shown {
    ($statement:ident, [$($before:tt)*] [$($after:tt)*] $([$($rest:tt)+])?, $filter:ident $(, $argument:expr)*) => {
        $statement!(
            [
                $($before)*
                " ($1::text IS NULL OR starts_with(lower(name), lower($1)))
                   AND ($2::text IS NULL OR code ->> 'code' = $2)
                   AND ($3::date IS NULL OR (valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3))) "
                $($after)*
            ]
            $([$($rest)+])?,
            $filter.search.as_deref().map(sought),
            $filter.code.as_deref().map(sought),
            $filter.valid_on
            $(, $argument)*
        )
    };
}

/// The items with these ids.
pub(crate) async fn by_id(db: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<ServiceItem>, sqlx::Error> {
    let rows = items!(["billing.service_item AS item"]["WHERE id = ANY($1)"], ids);
    rows.fetch_all(db).await?.into_iter().map(ServiceItem::try_from).collect()
}

/// One row more than the page has.
pub(crate) async fn list(
    db: impl PgExecutor<'_>,
    filter: &ServiceItemFilter,
    window: &Window<Uuid>,
) -> Result<Vec<ServiceItem>, sqlx::Error> {
    macro_rules! page {
        ($beyond:tt, $order:tt) => {
            shown!(
                items,
                ["(SELECT * FROM billing.service_item WHERE"]
                ["AND id " $beyond " $4 ORDER BY id " $order " LIMIT $5) AS item"]
                ["ORDER BY id " $order],
                filter, window.bound(), window.limit()
            )
            .fetch_all(db)
            .await
        };
    }
    greatest_first!(window, page)?.into_iter().map(ServiceItem::try_from).collect()
}

/// How many items a filter leaves.
pub(crate) async fn count(db: impl PgExecutor<'_>, filter: &ServiceItemFilter) -> Result<Total, sqlx::Error> {
    let counted = shown!(
        query_of,
        [r#"SELECT count(*) AS "total!" FROM (SELECT FROM billing.service_item WHERE"#]["LIMIT $4) AS found"],
        filter,
        Total::LIMIT
    );
    Ok(Total::of(counted.fetch_one(db).await?.total))
}

/// The item with this id, kept from changing until the transaction ends.
pub(crate) async fn lock(connection: &mut PgConnection, id: Uuid) -> Result<Option<ServiceItem>, sqlx::Error> {
    let row = items!(["billing.service_item AS item"]["WHERE id = $1 FOR UPDATE OF item"], id);
    row.fetch_optional(connection).await?.map(ServiceItem::try_from).transpose()
}

/// Adds an item with its prices.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    item: &ServiceItem,
    recorded: Recorded,
) -> Result<(), sqlx::Error> {
    let inserted = sqlx::query!(
        "INSERT INTO billing.service_item (id, code, name, valid_from, valid_to, created_at, created_by, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        item.id,
        item.code.as_ref().map(Json) as _,
        item.name,
        item.valid_from,
        item.valid_to,
        recorded.at,
        recorded.by,
        item.version,
    );
    inserted.execute(&mut *connection).await?;
    let currencies: Vec<String> = item.prices.iter().map(|price| price.currency().as_str().to_owned()).collect();
    let amounts: Vec<Decimal> = item.prices.iter().map(|price| price.amount()).collect();
    let priced = sqlx::query!(
        "INSERT INTO billing.service_price (service_item_id, currency, amount)
         SELECT $1, currency, amount FROM unnest($2::text[], $3::numeric[]) AS price (currency, amount)",
        item.id,
        &currencies,
        &amounts,
    );
    priced.execute(connection).await.map(drop)
}

/// Ends the validity of an item.
pub(crate) async fn retire(connection: &mut PgConnection, id: Uuid, valid_to: NaiveDate) -> Result<(), sqlx::Error> {
    let retired = sqlx::query!(
        "UPDATE billing.service_item SET valid_to = $2, version = version + 1 WHERE id = $1",
        id,
        valid_to,
    );
    retired.execute(connection).await.map(drop)
}
