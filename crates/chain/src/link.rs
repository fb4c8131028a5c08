/// The hash before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What is sealed.
pub trait Entry: Send + Sync {
    /// A digest of all of its content at this place behind the entry with this hash, in lower-case hexadecimal.
    fn digest(&self, seq: i64, prev_hash: &str) -> String;
}

/// The end of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place of the last entry; 0 where there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

impl Default for Head {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS.to_owned() }
    }
}

/// An entry in its place of the chain.
#[derive(Clone, Debug)]
pub struct Link<E> {
    /// Its place, from 1, without gaps.
    pub seq: i64,
    /// What is sealed.
    pub entry: E,
    /// The hash of the entry before.
    pub prev_hash: String,
    /// The hash of this entry and the one before.
    pub hash: String,
}

impl<E> Link<E> {
    /// The chain's end, where this is the last one.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, hash: self.hash.clone() }
    }
}

impl<E: Entry> Link<E> {
    /// Puts an entry behind this end.
    pub fn behind(head: &Head, entry: E) -> Self {
        let seq = head.seq + 1;
        let hash = entry.digest(seq, &head.hash);
        Self { seq, entry, prev_hash: head.hash.clone(), hash }
    }

    /// Whether the hash is that of the content.
    pub fn is_intact(&self) -> bool {
        self.hash == self.entry.digest(self.seq, &self.prev_hash)
    }
}
