use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use p256::pkcs8::EncodePrivateKey;
use rand_core::OsRng;
use rsa::{RsaPrivateKey, pkcs1::EncodeRsaPrivateKey, traits::PublicKeyParts};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::serve;

/// An OpenID provider with a JWKS on a real port, which can change its keys, be slow, and be down.
pub struct TestIssuer {
    /// Its `iss` and address.
    pub url: String,
    state: Arc<Mutex<Published>>,
    signing: EncodingKey,
    algorithm: Algorithm,
    key_id: String,
}

#[derive(Default)]
struct Published {
    keys: Vec<Value>,
    delay: Duration,
    is_down: bool,
    asked: usize,
}

impl TestIssuer {
    /// An issuer that signs by RS256, as Keycloak and Entra do.
    ///
    /// # Panics
    /// When no key can be made.
    pub async fn start() -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let state = Arc::new(Mutex::new(Published::default()));
        let routes = Router::new().route("/jwks", get(jwks)).with_state(state.clone());
        let url = serve(routes).await;
        let (signing, algorithm, key_id) =
            (EncodingKey::from_secret(b"replaced below"), Algorithm::RS256, String::new());
        let mut issuer = Self { url, state, signing, algorithm, key_id };
        issuer.rotate_to_rsa();
        issuer
    }

    /// Where its keys are.
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks", self.url)
    }

    /// Signs by a new RSA key, the only one that it publishes from now on.
    ///
    /// # Panics
    /// When no key can be made.
    pub fn rotate_to_rsa(&mut self) {
        let key = RsaPrivateKey::new(&mut OsRng, 2048).expect("a key");
        let der = key.to_pkcs1_der().expect("DER");
        let number = |number: &rsa::BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        let jwk = json!({ "kty": "RSA", "n": number(key.n()), "e": number(key.e()) });
        self.sign_by(EncodingKey::from_rsa_der(der.as_bytes()), Algorithm::RS256, "RS256", jwk);
    }

    /// Signs by a new elliptic key, the only one that it publishes from now on.
    ///
    /// # Panics
    /// When no key can be made.
    pub fn rotate_to_ec(&mut self) {
        let key = p256::SecretKey::random(&mut OsRng);
        let der = key.to_pkcs8_der().expect("DER");
        let jwk = serde_json::to_value(key.public_key().to_jwk()).expect("JSON");
        self.sign_by(EncodingKey::from_ec_der(der.as_bytes()), Algorithm::ES256, "ES256", jwk);
    }

    fn sign_by(&mut self, signing: EncodingKey, algorithm: Algorithm, name: &str, mut jwk: Value) {
        self.key_id = Uuid::new_v4().to_string();
        jwk["kid"] = json!(self.key_id);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(name);
        // What real sets have beside: a key for encryption, and one of a kind that nobody here knows.
        let others = [
            json!({ "kty": "RSA", "use": "enc", "kid": "e", "n": "AQAB", "e": "AQAB" }),
            json!({ "kty": "AKP", "kid": "pq" }),
        ];
        (self.signing, self.algorithm) = (signing, algorithm);
        self.with(|state| state.keys = [vec![jwk], others.to_vec()].concat());
    }

    /// Takes its time before it answers.
    pub fn answer_after(&self, delay: Duration) {
        self.with(|state| state.delay = delay);
    }

    /// Answers with a failure, or as it should.
    pub fn set_down(&self, is_down: bool) {
        self.with(|state| state.is_down = is_down);
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> usize {
        self.with(|state| state.asked)
    }

    /// Signs claims by its key.
    ///
    /// # Panics
    /// When the key does not sign.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(claims, |_| {})
    }

    /// Signs claims by its key below a header with a change.
    ///
    /// # Panics
    /// When the key does not sign.
    pub fn sign_with(&self, claims: &Value, change: impl FnOnce(&mut Header)) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.key_id.clone());
        change(&mut header);
        jsonwebtoken::encode(&header, claims, &self.signing).expect("signed")
    }

    /// Claims of a token for us that is valid now.
    pub fn claims(&self, subject: &str, audience: &str) -> Value {
        let now = chrono::Utc::now().timestamp();
        json!({ "iss": self.url, "sub": subject, "aud": audience, "iat": now, "exp": now + 300 })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Published) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn jwks(State(state): State<Arc<Mutex<Published>>>) -> Result<Json<Value>, StatusCode> {
    let (keys, delay, is_down) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked += 1;
        (state.keys.clone(), state.delay, state.is_down)
    };
    tokio::time::sleep(delay).await;
    if is_down { Err(StatusCode::SERVICE_UNAVAILABLE) } else { Ok(Json(json!({ "keys": keys }))) }
}
