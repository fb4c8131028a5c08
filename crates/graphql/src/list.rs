//! Lists as connections: what a list of a type needs to be paged.

use std::sync::Arc;

use async_graphql::{Context, ID};
use healthbridge_outcome::{Cursor, Fault, Page, PageArgs, Window};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Batch, Connection, page, parse_id};

/// A list of rows in one order.
pub trait List: Sized {
    /// The ordering's name in cursors.
    const ORDER: &'static str;
    /// How many rows a page has where nothing is said.
    const SIZE: i32 = 25;
    /// What the service gives.
    type Row;
    /// A row's place in the order.
    type Place: Serialize + DeserializeOwned + Clone;

    /// The place of a row.
    fn place(row: &Self::Row) -> Self::Place;

    /// The row's GraphQL face.
    fn node(row: Arc<Self::Row>) -> Self;
}

/// The window of a list that is read forwards.
///
/// # Errors
/// When the page is too large, or the cursor another list's.
pub fn window<L: List>(first: Option<i32>, after: Option<String>) -> Result<Window<L::Place>, Fault> {
    PageArgs::forward(first, after, L::SIZE)?.window(L::ORDER)
}

/// The connection of a page.
pub fn connection<L: List>(page: Page<Arc<L::Row>>) -> Connection<L> {
    Connection::new(page, |row| Cursor::write(L::ORDER, &L::place(row)), L::node)
}

/// A page of the rows below an entity; null where the id is none of ours.
///
/// # Errors
/// When the page is too large, the cursor another list's, or the load failed.
pub async fn below<B, L, F>(
    ctx: &Context<'_>,
    id: &ID,
    first: Option<i32>,
    after: Option<String>,
    filter: F,
) -> Result<Option<Connection<L>>, Fault>
where
    L: List,
    B: Batch<Key = Uuid, Row = L::Row, Arguments = (F, Window<L::Place>)>,
{
    let Some(id) = parse_id(id) else { return Ok(None) };
    let window = window::<L>(first, after)?;
    Ok(Some(connection(page::<B, _, _>(ctx, id, filter, window).await?)))
}
