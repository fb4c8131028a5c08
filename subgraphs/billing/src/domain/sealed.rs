use healthbridge_chain::Entry;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A movement in the chain of the ledger: its digest, which the database makes of all that it says and of its postings.
#[derive(Debug)]
pub struct Sealed {
    /// The movement.
    pub movement_id: Uuid,
    /// Its digest, in lower-case hexadecimal.
    pub digest: String,
}

impl Entry for Sealed {
    /// SHA-256 over the hash before, the place, the movement and its digest as a JSON array.
    fn digest(&self, seq: i64, prev_hash: &str) -> String {
        let content = serde_json::json!([prev_hash, seq, self.movement_id, self.digest]);
        hex::encode(Sha256::digest(content.to_string().as_bytes()))
    }
}
