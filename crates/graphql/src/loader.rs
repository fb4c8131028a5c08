//! Rows for many fields of one request by one statement.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt::Debug,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use async_graphql::{Context, ID};
use dataloader::{BatchFn, non_cached::Loader};
use healthbridge_outcome::Fault;
use healthbridge_rights::Caller;
use uuid::Uuid;

use crate::{caller, parse_id};

/// Most keys of one batch: one `_entities` call asks for 1000 entities at the most, and they shall be one statement.
const MAX_BATCH: usize = 1000;

/// How often a load lets others go on before it runs. Below another loader the keys of one batch come over several
/// polls, as that loader's waiters wake one after the other: the crate's own 10 were seen to split a batch of 100.
const YIELDS: usize = 64;

/// Rows that are loaded for many keys at once, with the rights of the request's caller: rows by their own ids, or rows below
/// the rows with these ids. Keys with the same arguments are one statement.
pub trait Batch: 'static {
    /// The service that knows the rows; the schema has it as `Arc<Service>`.
    type Service: Send + Sync + 'static;
    /// What rows are looked for by.
    type Key: Clone + Debug + Eq + Hash + Send + Sync + 'static;
    /// The field's arguments; `()` where it has none.
    type Arguments: Clone + Debug + Eq + Hash + Send + Sync + 'static;
    /// A row.
    type Row: Send + Sync + 'static;

    /// The rows of all keys, each key's in the order in which they are shown.
    fn load(
        service: &Self::Service,
        caller: &Caller,
        keys: &[Self::Key],
        arguments: &Self::Arguments,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Fault>> + Send;

    /// The key that a row was found by.
    fn key(row: &Self::Row) -> Self::Key;
}

/// Defines a [`Batch`] by the method of a service that finds rows by many ids, of rows themselves or of those above them:
///
/// ```ignore
/// batch! {
///     /// The invoices with these ids.
///     InvoiceById = Invoices::by_id() -> Invoice, by |invoice| invoice.id
/// }
/// ```
#[macro_export]
macro_rules! batch {
    (
        $(#[$about:meta])*
        $visibility:vis $name:ident = $service:ident::$method:ident() -> $row:ty,
        by |$found:ident| $key:expr
    ) => {
        $(#[$about])*
        $visibility struct $name;

        impl $crate::Batch for $name {
            type Service = $service;
            type Key = ::uuid::Uuid;
            type Arguments = ();
            type Row = $row;

            async fn load(
                service: &$service,
                caller: &::healthbridge_rights::Caller,
                ids: &[::uuid::Uuid],
                (): &(),
            ) -> Result<Vec<$row>, ::healthbridge_outcome::Fault> {
                service.$method(caller, ids).await
            }

            fn key($found: &$row) -> ::uuid::Uuid {
                $key
            }
        }
    };
}

/// The rows of one key.
type Rows<B> = Result<Vec<Arc<<B as Batch>::Row>>, Fault>;

type LoaderOf<B> = Loader<(<B as Batch>::Key, <B as Batch>::Arguments), Rows<B>, Load<B>>;

/// The loaders of one request, each made when it is first asked for.
#[derive(Default)]
pub struct Loaders(Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>);

impl Loaders {
    fn of<B: Batch>(ctx: &Context<'_>) -> Arc<LoaderOf<B>> {
        let mut all = ctx.data_unchecked::<Self>().0.lock().unwrap_or_else(PoisonError::into_inner);
        let loader = all.entry(TypeId::of::<B>()).or_insert_with(|| {
            let service = ctx.data_unchecked::<Arc<B::Service>>().clone();
            let load = Load::<B> { service, caller: caller(ctx).clone() };
            Arc::new(Loader::new(load).with_max_batch_size(MAX_BATCH).with_yield_count(YIELDS))
        });
        loader.clone().downcast::<LoaderOf<B>>().unwrap_or_else(|_| unreachable!("a loader stands at its type"))
    }
}

struct Load<B: Batch> {
    service: Arc<B::Service>,
    caller: Caller,
}

impl<B: Batch> BatchFn<(B::Key, B::Arguments), Rows<B>> for Load<B> {
    async fn load(&mut self, keys: &[(B::Key, B::Arguments)]) -> HashMap<(B::Key, B::Arguments), Rows<B>> {
        let mut groups: HashMap<B::Arguments, Vec<B::Key>> = HashMap::new();
        for (key, arguments) in keys {
            groups.entry(arguments.clone()).or_default().push(key.clone());
        }
        let mut all = HashMap::with_capacity(keys.len());
        for (arguments, keys) in groups {
            let (mut found, fault) = match B::load(&self.service, &self.caller, &keys, &arguments).await {
                Ok(rows) => (by_key::<B>(rows), None),
                Err(fault) => (HashMap::new(), Some(fault)),
            };
            for key in keys {
                let rows = fault.clone().map_or_else(|| Ok(found.remove(&key).unwrap_or_default()), Err);
                all.insert((key, arguments.clone()), rows);
            }
        }
        all
    }
}

fn by_key<B: Batch>(rows: Vec<B::Row>) -> HashMap<B::Key, Vec<Arc<B::Row>>> {
    let mut found: HashMap<B::Key, Vec<Arc<B::Row>>> = HashMap::new();
    for row in rows {
        found.entry(B::key(&row)).or_default().push(Arc::new(row));
    }
    found
}

/// The row with a key, if the caller may see it.
///
/// # Errors
/// The fault of the whole batch.
pub async fn one<B: Batch<Arguments = ()>>(ctx: &Context<'_>, key: B::Key) -> Result<Option<Arc<B::Row>>, Fault> {
    Ok(many::<B>(ctx, key, ()).await?.into_iter().next())
}

/// The row with an id, if there is one and the caller may see it.
///
/// # Errors
/// The fault of the whole batch.
pub async fn entity<B: Batch<Key = Uuid, Arguments = ()>>(
    ctx: &Context<'_>,
    id: &ID,
) -> Result<Option<Arc<B::Row>>, Fault> {
    match parse_id(id) {
        Some(id) => one::<B>(ctx, id).await,
        None => Ok(None),
    }
}

/// All rows of a key that the caller may see.
///
/// # Errors
/// The fault of the whole batch.
pub async fn many<B: Batch>(ctx: &Context<'_>, key: B::Key, arguments: B::Arguments) -> Rows<B> {
    Loaders::of::<B>(ctx).try_load((key, arguments)).await.map_err(Fault::internal)?
}
