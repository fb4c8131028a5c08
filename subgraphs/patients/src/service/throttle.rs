//! How guessing is slowed down. `docs/decisions/0011-throttling.md` has the reasons.

use std::net::IpAddr;

use healthbridge_auth::customer_network;
use sha2::{Digest, Sha256};

use crate::store::Counted;

/// Whose attempts to sign in are counted: those against an account from one address, those from the address against
/// anybody, and those against the account from everywhere.
pub(super) struct Attempted {
    pair: Vec<u8>,
    address: Vec<u8>,
    account: Vec<u8>,
}

impl Attempted {
    /// The address in lower case, whether it has an account or not.
    pub(super) fn new(email: &str, address: Option<IpAddr>) -> Self {
        let address = address.map(|address| customer_network(address).to_string()).unwrap_or_default();
        let digest = |parts: [&str; 3]| Sha256::digest(parts.join("\0")).to_vec();
        Self {
            pair: digest(["pair", email, &address]),
            address: digest(["address", "", &address]),
            account: digest(["account", email, ""]),
        }
    }

    /// What is counted, and how long each may make somebody wait.
    pub(super) fn counted(&self) -> [Counted; 3] {
        let counted = |subject: &Vec<u8>, free, longest_wait| Counted { subject: subject.clone(), free, longest_wait };
        [
            counted(&self.pair, 5, 60),
            // A whole clinic may share an address.
            counted(&self.address, 50, 60),
            // Somebody who guesses from everywhere must not lock the owner out.
            counted(&self.account, 100, 10),
        ]
    }

    /// What a success forgets.
    pub(super) fn own(&self) -> [Vec<u8>; 2] {
        [self.pair.clone(), self.account.clone()]
    }

    /// What others' attempts count against, too.
    pub(super) fn shared(&self) -> &[u8] {
        &self.address
    }
}
