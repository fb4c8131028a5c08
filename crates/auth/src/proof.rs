//! That a person was asked again who it is, a moment ago: what signing asks for beside an access token.

use std::time::Duration;

use chrono::{DateTime, Utc};
use healthbridge_rights::Account;
use jsonwebtoken::{Algorithm, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{SigningKeys, Verifier};

/// How long a proof lasts.
pub const PROOF_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The `aud` of every proof: none is taken as an access token, nor one of those as a proof.
const PROOF_AUDIENCE: &str = "healthbridge/reauthentication";

/// By how many seconds clocks may differ.
const LEEWAY: i64 = 5;

/// The claims of a proof: the account and the session that it is bound to, and no right at all.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofClaims {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    token_version: i32,
}

/// A person who was asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The account.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// When the person was asked.
    pub at: DateTime<Utc>,
}

/// The proof is malformed, expired, revoked, or of another session: whoever sends it learns no more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof is invalid or expired, or of another session: ask the person again by `reauthenticate`")]
pub struct NotProven;

impl ProofClaims {
    /// The claims of a proof that is given now.
    pub fn issue(issuer: &str, person: Proven, token_version: i32) -> Self {
        Self {
            iss: issuer.to_owned(),
            aud: PROOF_AUDIENCE.to_owned(),
            sub: person.user_id,
            sid: person.session_id,
            iat: person.at.timestamp(),
            exp: (person.at + PROOF_LIFETIME).timestamp(),
            token_version,
        }
    }

    /// When it expires.
    pub fn expires_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.exp, 0).unwrap_or_default()
    }
}

impl SigningKeys {
    /// Signs a proof with the key whose turn it is.
    pub fn sign_proof(&self, claims: &ProofClaims, now: DateTime<Utc>) -> String {
        self.sign_claims(claims, now)
    }
}

impl Verifier {
    /// Whether the person behind this account was asked again in this very session, less than five minutes ago. The account
    /// is the one of the request's access token, which was verified before.
    ///
    /// # Errors
    /// When it was not, or the session has ended since.
    pub async fn proof(&self, token: &str, account: &Account, now: DateTime<Utc>) -> Result<Proven, NotProven> {
        let key = self.key(token).await.map_err(|_| NotProven)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[self.issuer()]);
        validation.set_audience(&[PROOF_AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // By the time that is given, below.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<ProofClaims>(token, &key, &validation).map_err(|_| NotProven)?.claims;
        let is_present = claims.iat <= now.timestamp() + LEEWAY && now.timestamp() < claims.exp + LEEWAY;
        let is_own = claims.sub == account.user_id && claims.sid == account.session_id;
        if !is_present || !is_own || self.revocations().cover(claims.sub, claims.sid, claims.token_version) {
            return Err(NotProven);
        }
        let at = DateTime::from_timestamp(claims.iat, 0).ok_or(NotProven)?;
        Ok(Proven { user_id: claims.sub, session_id: claims.sid, at })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{KeyRing, Revocation, RevocationFeed, Revocations, SigningKey, TokenError, token::tests_claims};

    const ISSUER: &str = "http://issuer.test";

    struct Setup {
        keys: SigningKeys,
        key: Arc<SigningKey>,
        verifier: Verifier,
        account: Account,
        now: DateTime<Utc>,
    }

    fn setup() -> Setup {
        let (key, now) = (Arc::new(SigningKey::generate().expect("a key")), Utc::now());
        let ring = Arc::new(KeyRing::fixed(&key.jwks()).expect("a key set"));
        let verifier = Verifier::new(ring, Arc::default(), ISSUER);
        Setup { keys: SigningKeys::only(key.clone()), key, verifier, account: tests_claims(now).into(), now }
    }

    impl Setup {
        fn claims(&self) -> ProofClaims {
            let (user_id, session_id) = (self.account.user_id, self.account.session_id);
            ProofClaims::issue(ISSUER, Proven { user_id, session_id, at: self.now }, 1)
        }

        async fn takes(&self, claims: &ProofClaims, seconds: i64) -> bool {
            let token = self.keys.sign_proof(claims, self.now);
            self.verifier.proof(&token, &self.account, self.now + chrono::Duration::seconds(seconds)).await.is_ok()
        }
    }

    #[tokio::test]
    async fn a_proof_is_taken_for_five_minutes_from_its_own_account_and_session() {
        let setup = setup();
        let good = setup.claims();
        for (seconds, is_taken) in [(0, true), (-3, true), (299, true), (304, true), (305, false), (-60, false)] {
            assert_eq!(setup.takes(&good, seconds).await, is_taken, "{seconds}");
        }
        let elsewhere = || "http://elsewhere.test".to_owned();
        for (what, other) in [
            ("another account", ProofClaims { sub: Uuid::now_v7(), ..good.clone() }),
            ("another session", ProofClaims { sid: Uuid::now_v7(), ..good.clone() }),
            ("another issuer", ProofClaims { iss: elsewhere(), ..good.clone() }),
            ("another audience", ProofClaims { aud: elsewhere(), ..good.clone() }),
        ] {
            assert!(!setup.takes(&other, 0).await, "{what}");
        }
        let stranger = SigningKey::generate().expect("a key");
        let forged = SigningKeys::only(Arc::new(stranger)).sign_proof(&good, setup.now);
        for token in [forged.as_str(), "", "a.b.c"] {
            assert_eq!(setup.verifier.proof(token, &setup.account, setup.now).await, Err(NotProven), "{token}");
        }
    }

    #[tokio::test]
    async fn a_proof_is_no_access_token_and_an_access_token_no_proof() {
        let setup = setup();
        let proof = setup.keys.sign_proof(&setup.claims(), setup.now);
        assert_eq!(setup.verifier.verify(&proof).await, Err(TokenError::Invalid));
        let claims = tests_claims(setup.now);
        let (access, account) = (setup.key.sign(&claims), Account::from(claims.clone()));
        assert!(setup.verifier.verify(&access).await.is_ok());
        assert_eq!(setup.verifier.proof(&access, &account, setup.now).await, Err(NotProven));
        // Not even one that somebody would issue for both.
        let both = setup.key.sign(&crate::Claims { aud: PROOF_AUDIENCE.to_owned(), ..claims });
        assert_eq!(setup.verifier.proof(&both, &account, setup.now).await, Err(NotProven));
    }

    #[tokio::test]
    async fn a_proof_ends_with_its_session_and_with_the_accounts_tokens() {
        for (of_session, min_token_version) in [(true, None), (false, Some(2))] {
            let setup = setup();
            let subject = if of_session { setup.account.session_id } else { setup.account.user_id };
            assert!(setup.takes(&setup.claims(), 0).await);
            let revocation = Revocation { subject: hex::encode(Revocations::subject(subject)), min_token_version };
            setup.verifier.revocations().learn(RevocationFeed { cursor: 1, revocations: vec![revocation] });
            assert!(!setup.takes(&setup.claims(), 0).await);
        }
    }
}
