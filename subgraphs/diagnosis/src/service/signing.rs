use std::sync::Arc;

use chrono::{DateTime, Utc};
use healthbridge_auth::{Proven, Verifier};
use healthbridge_outcome::{UserError, UserErrorCode};
use healthbridge_rights::Account;
use healthbridge_signature::{Refused, Signature, Signers, Statement, verify};

/// The argument that takes the proof.
const FIELD: &str = "reauthToken";

/// By what reports are signed: a person who was asked again, and the installation's keys.
#[derive(Clone)]
pub struct Signing {
    verifier: Verifier,
    signers: Arc<Signers>,
}

impl Signing {
    /// Takes proofs that this verifier takes, and signs with these keys.
    pub fn new(verifier: Verifier, signers: Arc<Signers>) -> Self {
        Self { verifier, signers }
    }

    /// The person behind the account, who was asked again in this session within the last five minutes. Whoever signs asks
    /// for this before the change begins, and refuses by it inside: a change that is sent again answers with what it made,
    /// and needs no new proof. What a proof says is no part of a change's input.
    ///
    /// # Errors
    /// With the refusal of `reauthToken`.
    pub async fn proven(
        &self,
        account: &Account,
        token: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Proven, UserError> {
        let refuse = |code, message: String| UserError { code, message, field: Some(vec![FIELD.to_owned()]) };
        let missing = "Whoever signs is asked again: give the proof of `reauthenticate`";
        let token = token.ok_or_else(|| refuse(UserErrorCode::Required, missing.to_owned()))?;
        let proven = self.verifier.proof(token, account, now).await;
        proven.map_err(|error| refuse(UserErrorCode::NotAllowed, error.to_string()))
    }

    /// Signs a statement with the key whose turn it is.
    pub fn sign(&self, statement: &Statement, now: DateTime<Utc>) -> Signature {
        self.signers.sign(statement, now)
    }

    /// Whether the installation has signed the statement.
    ///
    /// # Errors
    /// Why not.
    pub fn verify(&self, statement: &Statement, signature: &Signature) -> Result<(), Refused> {
        verify(&self.signers.public_keys(), statement, signature)
    }

    pub(crate) fn signers(&self) -> Arc<Signers> {
        self.signers.clone()
    }
}
