//! From the rows of one statement to the answers of a loader's keys.

use std::{collections::HashMap, fmt::Debug, hash::Hash, sync::Arc};

use dataloader::{BatchFn, non_cached::Loader};

use crate::{ApiError, Loaded};

/// Most keys of one batch: one `_entities` call asks for 1000 entities at the most, and they shall be one statement.
const MAX_BATCH: usize = 1000;

/// How often a load lets others go on before it runs. Below another loader the keys of one batch come over several
/// polls, as that loader's waiters wake one after the other: the crate's own 10 were seen to split a batch of 100.
const YIELDS: usize = 64;

/// A loader for one request.
pub fn loader<K, V, F>(load: F) -> Loader<K, V, F>
where
    K: Eq + Hash + Clone + Debug,
    V: Clone,
    F: BatchFn<K, V>,
{
    Loader::new(load).with_max_batch_size(MAX_BATCH).with_yield_count(YIELDS)
}

/// What a loader of single rows gives: the row, nothing, or the fault of the whole batch.
pub type One<T> = Loaded<Option<Arc<T>>>;

/// What a loader of lists gives: the parent's rows in order, or the fault of the whole batch.
pub type Many<T> = Loaded<Arc<Vec<T>>>;

/// Gives each key its row or nothing.
pub fn one<K: Eq + Hash + Clone, T>(
    keys: &[K],
    rows: Result<Vec<T>, ApiError>,
    key: impl Fn(&T) -> K,
) -> HashMap<K, One<T>> {
    match rows {
        Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
        Ok(rows) => {
            let mut all: HashMap<K, One<T>> = keys.iter().map(|key| (key.clone(), Ok(None))).collect();
            all.extend(rows.into_iter().map(|row| (key(&row), Ok(Some(Arc::new(row))))));
            all
        }
    }
}

/// Sorts keys of a parent and its field's arguments by the arguments: each group is one statement.
pub fn by_arguments<P: Clone, A: Eq + Hash + Clone>(keys: &[(P, A)]) -> HashMap<A, Vec<P>> {
    let mut groups: HashMap<A, Vec<P>> = HashMap::new();
    for (parent, arguments) in keys {
        groups.entry(arguments.clone()).or_default().push(parent.clone());
    }
    groups
}

/// Gives each parent of a group its rows, in the order of the statement.
pub fn many<P: Eq + Hash + Clone, A: Eq + Hash + Clone, T>(
    parents: Vec<P>,
    arguments: &A,
    rows: Result<Vec<T>, ApiError>,
    parent: impl Fn(&T) -> P,
) -> Vec<((P, A), Many<T>)> {
    let rows = match rows {
        Err(error) => {
            return parents.into_iter().map(|parent| ((parent, arguments.clone()), Err(error.clone()))).collect();
        }
        Ok(rows) => rows,
    };
    let mut groups: HashMap<P, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(parent(&row)).or_default().push(row);
    }
    let take = |parent: P| {
        let rows = groups.remove(&parent).unwrap_or_default();
        ((parent, arguments.clone()), Ok(Arc::new(rows)))
    };
    parents.into_iter().map(take).collect()
}
