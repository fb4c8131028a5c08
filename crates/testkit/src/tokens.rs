use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use healthbridge_auth::{Claims, KeyRing, ProofClaims, Proven, SigningKey, SigningKeys, Subject, Verifier};
use healthbridge_rights::Role;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use uuid::Uuid;

/// The issuer of the test's tokens.
pub const ISSUER: &str = "http://issuer.test";

/// Signs and verifies tokens with a key of the test's own.
pub struct Tokens {
    /// The key.
    pub key: Arc<SigningKey>,
    issuer: String,
}

impl Tokens {
    /// A new key.
    ///
    /// # Panics
    /// When the system gives no random bytes.
    pub fn new() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        Self::with_key(SigningKey::generate().expect("a key"), ISSUER)
    }

    /// Tokens by a key that a part really uses.
    pub fn with_key(key: SigningKey, issuer: &str) -> Self {
        Self { key: Arc::new(key), issuer: issuer.to_owned() }
    }

    /// The key as a part signs with it.
    pub fn keys(&self) -> Arc<SigningKeys> {
        Arc::new(SigningKeys::only(self.key.clone()))
    }

    /// A verifier of these tokens.
    ///
    /// # Panics
    /// Never: the key set is the key's own.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(Arc::new(KeyRing::fixed(&self.key.jwks()).expect("a key set")), Arc::default(), &self.issuer)
    }

    /// A token of somebody with this role, who belongs to the staff.
    pub fn of(&self, role: Role) -> String {
        self.sign(role, None, Some(Uuid::now_v7()))
    }

    /// A token of a patient with this record.
    pub fn of_patient(&self, patient_id: Uuid) -> String {
        self.sign(Role::Patient, Some(patient_id), None)
    }

    fn sign(&self, role: Role, patient_id: Option<Uuid>, staff_id: Option<Uuid>) -> String {
        self.key.sign(&self.claims(role, patient_id, staff_id))
    }

    /// A proof that the person behind this access token was asked again then.
    ///
    /// # Panics
    /// When it is no access token of these.
    pub fn proof(&self, access_token: &str, at: DateTime<Utc>) -> String {
        let payload = access_token.split('.').nth(1).expect("a token");
        let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let claims: Claims = serde_json::from_slice(&payload).expect("claims");
        let person = Proven { user_id: claims.sub, session_id: claims.sid, at };
        self.keys().sign_proof(&ProofClaims::issue(&self.issuer, person, claims.token_version), at)
    }

    /// Claims that are valid now.
    pub fn claims(&self, role: Role, patient_id: Option<Uuid>, staff_id: Option<Uuid>) -> Claims {
        let subject = Subject {
            user_id: Uuid::now_v7(),
            session_id: Uuid::now_v7(),
            roles: vec![role],
            extra_scopes: Vec::new(),
            patient_id,
            staff_id,
            token_version: 1,
        };
        Claims::issue(&self.issuer, subject, Utc::now())
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Self::new()
    }
}

/// Tokens that no part may take, each with what is wrong with it.
///
/// # Panics
/// Never with a key that signs.
pub fn forged(tokens: &Tokens) -> Vec<(&'static str, String)> {
    let valid = tokens.claims(Role::Admin, None, Some(Uuid::now_v7()));
    let good = tokens.key.sign(&valid);
    let parts: Vec<&str> = good.split('.').collect();
    let mut expired = valid.clone();
    expired.iat = (Utc::now() - Duration::hours(2)).timestamp();
    expired.exp = (Utc::now() - Duration::hours(1)).timestamp();
    let stranger = SigningKey::generate().expect("a key");
    // The payload of somebody else below our signature.
    let mut other = valid.clone();
    other.sub = Uuid::now_v7();
    let other = tokens.key.sign(&other);
    let tampered = format!("{}.{}.{}", parts[0], other.split('.').nth(1).expect("a payload"), parts[2]);
    let unsigned = format!("{}.{}.", URL_SAFE_NO_PAD.encode(br#"{"alg":"none","typ":"JWT"}"#), parts[1]);
    // HS256 with the public key, which everybody knows, as its secret.
    let jwks = tokens.key.jwks();
    let public = jwks["keys"][0]["x"].as_str().expect("a public key");
    let mut head = Header::new(Algorithm::HS256);
    head.kid = Some(tokens.key.id().to_owned());
    let by_text = jsonwebtoken::encode(&head, &valid, &EncodingKey::from_secret(public.as_bytes()));
    let raw = URL_SAFE_NO_PAD.decode(public).expect("base64url");
    let by_bytes = jsonwebtoken::encode(&head, &valid, &EncodingKey::from_secret(&raw));
    vec![
        ("expired", tokens.key.sign(&expired)),
        ("of another key", stranger.sign(&valid)),
        ("tampered with", tampered),
        ("unsigned", unsigned),
        ("signed by HS256 with the public key's text", by_text.expect("signed")),
        ("signed by HS256 with the public key's bytes", by_bytes.expect("signed")),
        ("for another audience", tokens.key.sign(&Claims { aud: "elsewhere".to_owned(), ..valid.clone() })),
        ("of another issuer", tokens.key.sign(&Claims { iss: "http://elsewhere.test".to_owned(), ..valid })),
        ("no token", "nonsense".to_owned()),
    ]
}
