use futures::stream::BoxStream;
use sqlx::{PgConnection, PgPool};

use crate::{Entry, Head, Link};

/// Entries that one transaction seals at most: the chain's lock is held for a moment only.
const BATCH: i64 = 500;

/// Where a chain's entries, seals and head are kept.
pub trait Chain {
    /// What it is called in checkpoints: its schema and table.
    const NAME: &'static str;

    /// What it seals.
    type Entry: Entry;

    /// Whether committed entries wait for their place.
    fn is_waiting(db: &mut PgConnection) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// The head.
    fn head(db: &mut PgConnection) -> impl Future<Output = Result<Head, sqlx::Error>> + Send;

    /// The head, locked until the transaction ends: who seals is alone.
    fn lock(db: &mut PgConnection) -> impl Future<Output = Result<Head, sqlx::Error>> + Send;

    /// Committed entries that wait, in the order of their commits.
    fn waiting(
        db: &mut PgConnection,
        at_most: i64,
    ) -> impl Future<Output = Result<Vec<Self::Entry>, sqlx::Error>> + Send;

    /// Keeps these entries in their places, where they wait no longer, and moves the head to the last of them.
    fn keep(db: &mut PgConnection, links: &[Link<Self::Entry>])
    -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// All entries in their places, in order. `None` stands for one that can be read no more.
    fn links(db: &mut PgConnection) -> BoxStream<'_, Result<Link<Option<Self::Entry>>, sqlx::Error>>;
}

/// Seals if anything waits, without a lock where nothing does. What was committed before has its place then. Says whether
/// anything waited.
///
/// # Errors
/// When the database fails.
pub async fn catch_up<C: Chain>(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let is_waiting = C::is_waiting(&mut *pool.acquire().await?).await?;
    if is_waiting {
        seal::<C>(pool).await?;
    }
    Ok(is_waiting)
}

/// Seals all that waits.
///
/// # Errors
/// When the database fails.
pub async fn seal<C: Chain>(pool: &PgPool) -> Result<(), sqlx::Error> {
    while seal_batch::<C>(pool).await? {}
    Ok(())
}

/// Seals a batch. Says whether more may wait.
async fn seal_batch<C: Chain>(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let mut head = C::lock(&mut transaction).await?;
    // Read behind the lock: what another sealer has taken is not seen any more.
    let waiting = C::waiting(&mut transaction, BATCH).await?;
    let mut links = Vec::with_capacity(waiting.len());
    for entry in waiting {
        let link = Link::behind(&head, entry);
        head = link.head();
        links.push(link);
    }
    if links.is_empty() {
        // Who sealed for others, too, lets them go on at once: only a commit waits for the disk.
        transaction.rollback().await?;
        return Ok(false);
    }
    C::keep(&mut transaction, &links).await?;
    transaction.commit().await?;
    Ok(i64::try_from(links.len()) == Ok(BATCH))
}
