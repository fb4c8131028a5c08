use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use healthbridge_rights::{Account, Caller, Role, granted};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{JwksError, KeyRing, Revocations};

/// How long an access token lasts.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// How often the keys are fetched.
const KEYS_PERIOD: Duration = Duration::from_secs(5);

/// The `aud` of every access token.
pub const AUDIENCE: &str = "healthbridge";

/// The claims of an access token (RFC 9068 in spirit, with our own `roles`, `sid`, `patient_id` and `staff_id`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The deployment's public URL.
    pub iss: String,
    /// Always [`AUDIENCE`].
    pub aud: String,
    /// The account.
    pub sub: Uuid,
    /// The session.
    pub sid: Uuid,
    /// Issued at, seconds since the epoch.
    pub iat: i64,
    /// Expires at, seconds since the epoch.
    pub exp: i64,
    /// This token.
    pub jti: Uuid,
    /// Scopes, separated by spaces.
    pub scope: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// The linked record of a PATIENT account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient_id: Option<Uuid>,
    /// The linked member of the medical staff, what SMART calls `fhirUser`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff_id: Option<Uuid>,
    /// Counts the changes of the account that revoke tokens issued before.
    pub token_version: i32,
}

/// Whom a token is issued to.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The account.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// The account's roles.
    pub roles: Vec<Role>,
    /// Scopes beside the roles': those that a SERVICE account was created with.
    pub extra_scopes: Vec<String>,
    /// The linked record of a PATIENT account.
    pub patient_id: Option<Uuid>,
    /// The linked member of the medical staff.
    pub staff_id: Option<Uuid>,
    /// The account's token version.
    pub token_version: i32,
}

/// Whom a valid token speaks for.
impl From<Claims> for Account {
    fn from(claims: Claims) -> Self {
        Self {
            user_id: claims.sub,
            session_id: claims.sid,
            roles: claims.roles,
            scopes: claims.scope.split_ascii_whitespace().map(str::to_owned).collect(),
            patient_id: claims.patient_id,
            staff_id: claims.staff_id,
        }
    }
}

impl Claims {
    /// The claims of a token that is issued now; its scopes are the union of the roles' and the extra ones.
    pub fn issue(issuer: &str, subject: Subject, now: DateTime<Utc>) -> Self {
        let scopes: Vec<String> = granted(&subject.roles, subject.extra_scopes).into_iter().collect();
        Self {
            iss: issuer.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: subject.user_id,
            sid: subject.session_id,
            iat: now.timestamp(),
            exp: (now + ACCESS_TOKEN_LIFETIME).timestamp(),
            #[expect(clippy::disallowed_methods, reason = "no two tokens are the same")]
            jti: Uuid::now_v7(),
            scope: scopes.join(" "),
            roles: subject.roles,
            patient_id: subject.patient_id,
            staff_id: subject.staff_id,
            token_version: subject.token_version,
        }
    }
}

/// Why a token that was sent is refused. The sender learns no more than that it is.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Malformed, of another algorithm, tampered with, expired, revoked, or not for us.
    #[error("the access token is invalid or expired")]
    Invalid,
    /// The header is not `Authorization: Bearer <token>`.
    #[error("the Authorization header is not a bearer token")]
    NotBearer,
}

/// Verifies access tokens.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<KeyRing>,
    revocations: Arc<Revocations>,
    validation: Arc<Validation>,
    issuer: Arc<str>,
}

impl Verifier {
    /// Verifies tokens of this issuer with these keys.
    pub fn new(keys: Arc<KeyRing>, revocations: Arc<Revocations>, issuer: &str) -> Self {
        // Named once and for all: neither `none` nor HS256 with a public key as its secret gets by.
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 5;
        Self { keys, revocations, validation: Arc::new(validation), issuer: issuer.into() }
    }

    /// The keys it verifies with.
    pub fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// What is known to be revoked.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Keeps keys and revocations fresh for ever: once for each process, however many verify with them.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub async fn keep_fresh(&self, revocations_url: &str) -> Result<(), JwksError> {
        tokio::select! {
            () = self.keys.keep_fresh(KEYS_PERIOD) => Ok(()),
            polled = self.revocations.keep_fresh(revocations_url) => polled,
        }
    }

    /// Verifies a token.
    pub async fn verify(&self, token: &str) -> Result<Account, TokenError> {
        let key = self.key(token).await?;
        let data = jsonwebtoken::decode::<Claims>(token, &key, &self.validation).map_err(|_| TokenError::Invalid)?;
        let Claims { sub, sid, token_version, .. } = data.claims;
        if self.revocations.cover(sub, sid, token_version) {
            return Err(TokenError::Invalid);
        }
        Ok(Account::from(data.claims))
    }

    /// The issuer whose tokens it takes.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key that a token's header names.
    pub(crate) async fn key(&self, token: &str) -> Result<DecodingKey, TokenError> {
        let header = read_header(token).ok_or(TokenError::Invalid)?;
        if header.alg != Algorithm::EdDSA {
            return Err(TokenError::Invalid);
        }
        let id = header.kid.ok_or(TokenError::Invalid)?;
        match self.keys.find(&id).await {
            Ok(key) => key.ok_or(TokenError::Invalid),
            Err(error) => {
                tracing::warn!(
                    error = healthbridge_telemetry::causes(&error),
                    "a token names an unknown key and the key set cannot be fetched"
                );
                Err(TokenError::Invalid)
            }
        }
    }

    /// The caller behind an `Authorization` header: absent is anonymous, present must be valid.
    pub async fn caller(&self, authorization: Option<&str>) -> Result<Caller, TokenError> {
        match authorization {
            None => Ok(Caller::Anonymous),
            Some(value) => Ok(Caller::Account(self.verify(bearer(value)?).await?)),
        }
    }
}

/// The header of a token, unless it names extensions that a recipient has to understand (`crit`, RFC 7515, section 4.1.11):
/// we understand none, and the library looks past them.
pub(crate) fn read_header(token: &str) -> Option<Header> {
    let (first, _) = token.split_once('.')?;
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(first).ok()?).ok()?;
    if fields.contains_key("crit") { None } else { jsonwebtoken::decode_header(token).ok() }
}

/// The token in an `Authorization` header (RFC 6750).
pub fn bearer(value: &str) -> Result<&str, TokenError> {
    let (scheme, token) = value.split_once(' ').ok_or(TokenError::NotBearer)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(TokenError::NotBearer) }
}

/// Claims for the tests of this crate.
#[cfg(test)]
pub(crate) fn tests_claims(now: DateTime<Utc>) -> Claims {
    let subject = Subject {
        user_id: Uuid::now_v7(),
        session_id: Uuid::now_v7(),
        roles: vec![Role::Doctor, Role::Clerk],
        extra_scopes: Vec::new(),
        patient_id: None,
        staff_id: None,
        token_version: 1,
    };
    Claims::issue("http://issuer.test", subject, now)
}

#[cfg(test)]
mod tests {
    use super::tests_claims as claims;
    use super::*;
    use crate::SigningKey;

    const ISSUER: &str = "http://issuer.test";

    fn verifier(key: &SigningKey) -> Verifier {
        Verifier::new(Arc::new(KeyRing::fixed(&key.jwks()).expect("a key set")), Arc::default(), ISSUER)
    }

    #[tokio::test]
    async fn a_signed_token_is_accepted_with_the_union_of_the_roles_scopes() {
        let key = SigningKey::generate().expect("a key");
        let account = verifier(&key).verify(&key.sign(&claims(Utc::now()))).await.expect("valid");
        assert!(account.scopes.contains("user/ImagingStudy.c") && account.scopes.contains("user/ChargeItem.c"));
    }

    #[tokio::test]
    async fn an_expired_foreign_or_unsigned_token_is_refused() {
        let key = SigningKey::generate().expect("a key");
        let verifier = verifier(&key);
        let expired = key.sign(&claims(Utc::now() - chrono::Duration::hours(1)));
        let other_key = SigningKey::generate().expect("a key").sign(&claims(Utc::now()));
        let other_issuer = key.sign(&Claims { iss: "http://elsewhere.test".to_owned(), ..claims(Utc::now()) });
        let other_audience = key.sign(&Claims { aud: "elsewhere".to_owned(), ..claims(Utc::now()) });
        for token in [expired, other_key, other_issuer, other_audience, String::new(), "a.b.c".to_owned()] {
            assert_eq!(verifier.verify(&token).await, Err(TokenError::Invalid), "{token}");
        }
    }

    #[tokio::test]
    async fn a_token_with_extensions_that_must_be_understood_is_refused_whatever_they_are() {
        let key = SigningKey::generate().expect("a key");
        for crit in [r#"["exp"]"#, r#"["b64"]"#, r#"["urn:example:unknown"]"#, "[]", "null", r#""exp""#, "{}"] {
            let header = format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":"{}","crit":{crit},"b64":true}}"#, key.id());
            let token = key.sign_with_header(&header, &claims(Utc::now()));
            assert_eq!(verifier(&key).verify(&token).await, Err(TokenError::Invalid), "{crit}");
        }
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}","unknown":1}}"#, key.id());
        let token = key.sign_with_header(&header, &claims(Utc::now()));
        assert!(verifier(&key).verify(&token).await.is_ok(), "what need not be understood is looked past");
    }

    #[test]
    fn only_the_bearer_scheme_is_read() {
        assert_eq!(bearer("bearer abc"), Ok("abc"));
        assert_eq!(bearer("Basic abc"), Err(TokenError::NotBearer));
        assert_eq!(bearer("abc"), Err(TokenError::NotBearer));
    }
}
