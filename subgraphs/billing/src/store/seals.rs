use futures::{TryStreamExt, stream::BoxStream};
use healthbridge_chain::{Chain, Head, Link};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::Sealed;

/// The ledger as a chain: movements stay where they are, and have their places in a table beside.
pub struct Ledger;

impl Chain for Ledger {
    const NAME: &'static str = "billing.movement";
    type Entry = Sealed;

    async fn is_waiting(db: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let any = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM billing.ledger_waiting) AS "any!""#);
        any.fetch_one(db).await
    }

    async fn head(db: &mut PgConnection) -> Result<Head, sqlx::Error> {
        let head = sqlx::query_as!(Head, r#"SELECT seq, encode(hash, 'hex') AS "hash!" FROM billing.ledger_head"#);
        head.fetch_one(db).await
    }

    async fn lock(db: &mut PgConnection) -> Result<Head, sqlx::Error> {
        let head =
            sqlx::query_as!(Head, r#"SELECT seq, encode(hash, 'hex') AS "hash!" FROM billing.ledger_head FOR UPDATE"#);
        head.fetch_one(db).await
    }

    async fn waiting(db: &mut PgConnection, at_most: i64) -> Result<Vec<Sealed>, sqlx::Error> {
        let movements = sqlx::query_as!(
            Sealed,
            r#"SELECT waiting.movement_id, encode(movement.digest, 'hex') AS "digest!"
               FROM billing.ledger_waiting AS waiting JOIN billing.movement AS movement ON movement.id = waiting.movement_id
               ORDER BY waiting.turn LIMIT $1"#,
            at_most,
        );
        movements.fetch_all(db).await
    }

    async fn keep(db: &mut PgConnection, links: &[Link<Sealed>]) -> Result<(), sqlx::Error> {
        let Some(last) = links.last() else { return Ok(()) };
        let movements: Vec<Uuid> = links.iter().map(|link| link.entry.movement_id).collect();
        let seqs: Vec<i64> = links.iter().map(|link| link.seq).collect();
        let prev_hashes: Vec<String> = links.iter().map(|link| link.prev_hash.clone()).collect();
        let hashes: Vec<String> = links.iter().map(|link| link.hash.clone()).collect();
        let kept = sqlx::query!(
            "INSERT INTO billing.ledger_seal (seq, movement_id, prev_hash, hash)
             SELECT seq, movement_id, decode(prev_hash, 'hex'), decode(hash, 'hex')
             FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[]) AS link (seq, movement_id, prev_hash, hash)",
            &seqs,
            &movements,
            &prev_hashes,
            &hashes,
        );
        kept.execute(&mut *db).await?;
        let left = sqlx::query!("DELETE FROM billing.ledger_waiting WHERE movement_id = ANY($1)", &movements);
        left.execute(&mut *db).await?;
        let head =
            sqlx::query!("UPDATE billing.ledger_head SET seq = $1, hash = decode($2, 'hex')", last.seq, last.hash,);
        head.execute(db).await.map(drop)
    }

    fn links(db: &mut PgConnection) -> BoxStream<'_, Result<Link<Option<Sealed>>, sqlx::Error>> {
        let rows = sqlx::query!(
            r#"SELECT seal.seq, seal.movement_id, encode(seal.prev_hash, 'hex') AS "prev_hash!",
                      encode(seal.hash, 'hex') AS "hash!", encode(movement.digest, 'hex') AS digest
               FROM billing.ledger_seal AS seal LEFT JOIN billing.movement AS movement ON movement.id = seal.movement_id
               ORDER BY seal.seq"#,
        );
        let links = rows.fetch(db).map_ok(|row| {
            let entry = row.digest.map(|digest| Sealed { movement_id: row.movement_id, digest });
            Link { seq: row.seq, entry, prev_hash: row.prev_hash, hash: row.hash }
        });
        Box::pin(links)
    }
}
