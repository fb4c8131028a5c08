//! Lists as connections: what a list of a type needs to be paged and counted.

use std::{marker::PhantomData, sync::Arc};

use async_graphql::Context;
use healthbridge_outcome::{Cursor, Fault, Page, PageArgs, Total, Window};
use healthbridge_rights::Caller;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{Batch, Connection, many, total};

/// A list of rows in one order.
pub trait List: Sized {
    /// The ordering's name in cursors.
    const ORDER: &'static str;
    /// What the service gives.
    type Row;
    /// A row's place in the order.
    type Place: Serialize + DeserializeOwned + Clone;

    /// The place of a row.
    fn place(row: &Self::Row) -> Self::Place;

    /// The row's GraphQL face.
    fn node(row: Arc<Self::Row>) -> Self;
}

/// The window of a list.
///
/// # Errors
/// When the cursor is another list's.
pub fn window<L: List>(args: &PageArgs) -> Result<Window<L::Place>, Fault> {
    args.window(L::ORDER)
}

fn connection<L: List>(page: Page<Arc<L::Row>>) -> Connection<L> {
    Connection::new(page, |row| Cursor::write(L::ORDER, &L::place(row)), L::node)
}

/// The connection of a page, which is counted beside it where that is asked for.
///
/// # Errors
/// When the page cannot be loaded.
pub async fn listed<L: List>(
    ctx: &Context<'_>,
    page: impl Future<Output = Result<Page<L::Row>, Fault>>,
    count: impl Future<Output = Result<Total, Fault>>,
) -> Result<Option<Connection<L>>, Fault> {
    let (page, total) = tokio::join!(page, total(ctx, count));
    Ok(Some(connection(page?.map(Arc::new)).counted(total)))
}

/// Rows below other rows, in pages and counted: those of many parents by one statement, with the rights of the request's
/// caller.
pub trait Below: 'static {
    /// The service that knows the rows; the schema has it as `Arc<Service>`.
    type Service: Send + Sync + 'static;
    /// Which rows are shown; `()` where it is all.
    type Filter: Clone + std::fmt::Debug + Eq + std::hash::Hash + Send + Sync + 'static;
    /// A row's place in the order.
    type Place: Clone + std::fmt::Debug + Eq + std::hash::Hash + Send + Sync + 'static;
    /// A row.
    type Row: Send + Sync + 'static;

    /// Of each parent what its page is made of, in the order in which it is read.
    fn page(
        service: &Self::Service,
        caller: &Caller,
        parents: &[Uuid],
        filter: &Self::Filter,
        window: &Window<Self::Place>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Fault>> + Send;

    /// How many rows each parent has; parents that have none may be left out.
    fn count(
        service: &Self::Service,
        caller: &Caller,
        parents: &[Uuid],
        filter: &Self::Filter,
    ) -> impl Future<Output = Result<Vec<(Uuid, Total)>, Fault>> + Send;

    /// The parent of a row.
    fn parent(row: &Self::Row) -> Uuid;
}

/// Defines a list [`Below`] others by the methods of a service that find a page of each, and count:
///
/// ```ignore
/// below! {
///     /// The invoices below patients.
///     InvoicesOfPatient = Invoices::{of_patients, count_of_patients}(InvoiceFilter; Uuid) -> Invoice,
///         by |invoice| invoice.patient_id
/// }
/// ```
///
/// The filter is left out where there is none.
#[macro_export]
macro_rules! below {
    (
        $(#[$about:meta])*
        $visibility:vis $name:ident = $service:ident::{$page:ident, $count:ident}($($filter:ty)?; $place:ty) -> $row:ty,
        by |$found:ident| $parent:expr
    ) => {
        $(#[$about])*
        $visibility struct $name;

        impl $crate::Below for $name {
            type Service = $service;
            type Filter = ($($filter)?);
            type Place = $place;
            type Row = $row;

            async fn page(
                service: &$service,
                caller: &::healthbridge_rights::Caller,
                parents: &[::uuid::Uuid],
                filter: &Self::Filter,
                window: &::healthbridge_outcome::Window<$place>,
            ) -> Result<Vec<$row>, ::healthbridge_outcome::Fault> {
                $crate::below!(@call service.$page(caller, parents) [$($filter)?] filter, window)
            }

            async fn count(
                service: &$service,
                caller: &::healthbridge_rights::Caller,
                parents: &[::uuid::Uuid],
                filter: &Self::Filter,
            ) -> Result<Vec<(::uuid::Uuid, ::healthbridge_outcome::Total)>, ::healthbridge_outcome::Fault> {
                $crate::below!(@call service.$count(caller, parents) [$($filter)?] filter,)
            }

            fn parent($found: &$row) -> ::uuid::Uuid {
                $parent
            }
        }
    };
    (@call $service:ident.$method:ident($caller:ident, $parents:ident) [] $none:ident, $($window:ident)?) => {{
        let () = $none;
        $service.$method($caller, $parents $(, $window)?).await
    }};
    (@call $service:ident.$method:ident($caller:ident, $parents:ident) [$filter:ty] $given:ident, $($window:ident)?) => {
        $service.$method($caller, $parents, $given $(, $window)?).await
    };
}

/// The pages of a list below others.
struct PagesOf<B>(PhantomData<B>);

impl<B: Below> Batch for PagesOf<B> {
    type Service = B::Service;
    type Key = Uuid;
    type Arguments = (B::Filter, Window<B::Place>);
    type Row = B::Row;

    async fn load(
        service: &B::Service,
        caller: &Caller,
        parents: &[Uuid],
        (filter, window): &Self::Arguments,
    ) -> Result<Vec<B::Row>, Fault> {
        B::page(service, caller, parents, filter, window).await
    }

    fn key(row: &B::Row) -> Uuid {
        B::parent(row)
    }
}

/// How many rows a list below others has.
struct TotalsOf<B>(PhantomData<B>);

impl<B: Below> Batch for TotalsOf<B> {
    type Service = B::Service;
    type Key = Uuid;
    type Arguments = B::Filter;
    type Row = (Uuid, Total);

    async fn load(
        service: &B::Service,
        caller: &Caller,
        parents: &[Uuid],
        filter: &B::Filter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        B::count(service, caller, parents, filter).await
    }

    fn key((parent, _): &(Uuid, Total)) -> Uuid {
        *parent
    }
}

/// A page of the rows below another row.
///
/// # Errors
/// When the cursor is another list's, or the load failed.
pub async fn below<B, L>(
    ctx: &Context<'_>,
    parent: Uuid,
    args: &PageArgs,
    filter: B::Filter,
) -> Result<Option<Connection<L>>, Fault>
where
    L: List,
    B: Below<Row = L::Row, Place = L::Place>,
{
    let window = window::<L>(args)?;
    let count = async {
        let counted = many::<TotalsOf<B>>(ctx, parent, filter.clone()).await?;
        Ok(counted.first().map(|counted| counted.1).unwrap_or_default())
    };
    let page = many::<PagesOf<B>>(ctx, parent, (filter.clone(), window.clone()));
    let (rows, total) = tokio::join!(page, total(ctx, count));
    Ok(Some(connection(window.page(rows?)).counted(total)))
}
