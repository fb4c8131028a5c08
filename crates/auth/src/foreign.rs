//! Tokens of other issuers: an OpenID provider whose users work with us, by exchange for a token of ours.

use std::collections::HashMap;

use healthbridge_rights::Role;
use jsonwebtoken::{Algorithm, Validation};
use serde::Deserialize;
use serde_json::Value;

use crate::{JwksError, KeyRing, token::read_header};

/// An issuer whose tokens are exchanged for ours, and what its claims mean.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignSettings {
    /// Its `iss`.
    pub issuer: String,
    /// Where it publishes its keys.
    pub jwks_url: String,
    /// The `aud` that its tokens for us have.
    pub audience: String,
    /// The claim with the person's groups or roles; a dot goes deeper, as in `realm_access.roles`.
    #[serde(default = "roles_claim")]
    pub roles_claim: String,
    /// Which of its roles is which of ours; others count for nothing.
    pub roles: HashMap<String, Role>,
    /// The claim with the patient's identifier, for people who see their own record.
    pub patient_claim: Option<String>,
    /// The namespace of that identifier; our medical record number where it is left out.
    pub patient_system: Option<String>,
    /// Whether an account of ours with the same verified email address is this person's. Only for an issuer that lets
    /// nobody claim somebody else's address.
    #[serde(default)]
    pub link_by_email: bool,
}

fn roles_claim() -> String {
    "roles".to_owned()
}

/// Somebody whom another issuer vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignIdentity {
    /// The issuer.
    pub issuer: String,
    /// Its name for the person, for good.
    pub subject: String,
    /// The email address, if the issuer has verified it.
    pub verified_email: Option<String>,
    /// The roles with us.
    pub roles: Vec<Role>,
    /// The patient's identifier: namespace, if it is not our record number, and value.
    pub patient: Option<(Option<String>, String)>,
    /// Whether an account with the same address is this person's.
    pub may_link_by_email: bool,
    /// When the issuer asked the person who it is (`auth_time` of OpenID Connect), in seconds since the epoch.
    pub asked_at: Option<i64>,
}

/// Why a token of another issuer is not exchanged.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// Malformed, expired, tampered with, for somebody else, or of an issuer that is not configured.
    #[error("the token is invalid, expired, or of an issuer that is not trusted here")]
    Invalid,
    /// The issuer's keys could not be had.
    #[error("the issuer cannot be reached to verify the token")]
    Unavailable(#[source] JwksError),
}

/// The issuers whose tokens are exchanged for ours.
#[derive(Default)]
pub struct ForeignIssuers(Vec<Issuer>);

struct Issuer {
    settings: ForeignSettings,
    keys: KeyRing,
}

/// What may sign a foreign token: nothing with a shared secret, and never `none`.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

impl ForeignIssuers {
    /// The issuers of the configuration. Their keys are fetched when the first token comes.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(settings: Vec<ForeignSettings>) -> Result<Self, JwksError> {
        let issuer = |settings: ForeignSettings| {
            let keys = KeyRing::foreign(&settings.jwks_url)?;
            Ok(Issuer { settings, keys })
        };
        settings.into_iter().map(issuer).collect::<Result<_, _>>().map(Self)
    }

    /// Verifies a token of one of the issuers.
    ///
    /// # Errors
    /// When it is not valid, or the issuer's keys cannot be had.
    pub async fn verify(&self, token: &str) -> Result<ForeignIdentity, ForeignError> {
        let header = read_header(token).ok_or(ForeignError::Invalid)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(ForeignError::Invalid);
        }
        // Only says which keys to try: nothing of it is believed until they have verified it.
        let unverified: Claims =
            jsonwebtoken::dangerous::insecure_decode(token).map_err(|_| ForeignError::Invalid)?.claims;
        let issuer = self.0.iter().find(|issuer| issuer.settings.issuer == unverified.iss);
        let issuer = issuer.ok_or(ForeignError::Invalid)?;
        let id = header.kid.ok_or(ForeignError::Invalid)?;
        let key = issuer.keys.find(&id).await.map_err(ForeignError::Unavailable)?.ok_or(ForeignError::Invalid)?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&issuer.settings.issuer]);
        validation.set_audience(&[&issuer.settings.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = 5;
        let data = jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|_| ForeignError::Invalid)?;
        Ok(issuer.settings.identity(data.claims))
    }
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: Value,
    #[serde(flatten)]
    others: Value,
}

impl ForeignSettings {
    fn identity(&self, claims: Claims) -> ForeignIdentity {
        let claimed = claim(&claims.others, &self.roles_claim);
        let names: Vec<&str> = match claimed {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            // Some write a list as words.
            Some(Value::String(words)) => words.split_whitespace().collect(),
            _ => Vec::new(),
        };
        let mut roles: Vec<Role> = names.iter().filter_map(|name| self.roles.get(*name).copied()).collect();
        roles.sort_unstable_by_key(|role| <&str>::from(*role));
        roles.dedup();
        let patient = self.patient_claim.as_deref().and_then(|path| claim(&claims.others, path)?.as_str());
        // Some issuers write the boolean as a text.
        let is_verified = claims.email_verified == Value::Bool(true) || claims.email_verified.as_str() == Some("true");
        ForeignIdentity {
            issuer: claims.iss,
            subject: claims.sub,
            verified_email: claims.email.filter(|_| is_verified).map(|email| email.trim().to_lowercase()),
            roles,
            patient: patient.map(|value| (self.patient_system.clone(), value.to_owned())),
            may_link_by_email: self.link_by_email,
            asked_at: claims.others.get("auth_time").and_then(Value::as_i64),
        }
    }
}

/// The claim at a path; a claim whose name has the dots itself comes first.
fn claim<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| path.split('.').try_fold(claims, |value, name| value.get(name)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_become_roles_and_a_patient_by_the_configuration_alone() {
        let settings: ForeignSettings = serde_json::from_value(json!({
            "issuer": "https://id.example.test/realms/h", "jwks_url": "http://unused.test", "audience": "healthbridge",
            "roles_claim": "realm_access.roles", "roles": { "hb-doctor": "DOCTOR" }, "patient_claim": "mrn",
        }))
        .expect("settings");
        let identity = |claims: Value| settings.identity(serde_json::from_value(claims).expect("claims"));
        let doctor = identity(json!({ "iss": "i", "sub": "s", "email": "A@b.test", "email_verified": true,
            "realm_access": { "roles": ["hb-doctor", "ADMIN", "offline_access"] }, "roles": ["ADMIN"] }));
        assert_eq!(doctor.roles, [Role::Doctor]);
        assert_eq!(doctor.verified_email.as_deref(), Some("a@b.test"));
        let patient = identity(json!({ "iss": "i", "sub": "s", "email": "a@b.test", "mrn": "123" }));
        assert_eq!((patient.verified_email, patient.patient), (None, Some((None, "123".to_owned()))));
    }
}
