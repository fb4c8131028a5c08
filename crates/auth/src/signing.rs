use std::{path::Path, sync::Arc};

use healthbridge_keys::{Key, KeyError};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Claims;

/// A key that signs tokens (RFC 8037). Only the patients subgraph has any.
pub struct SigningKey {
    pub(crate) key: Arc<Key>,
}

impl SigningKey {
    /// Reads a file with one key; tests and benchmarks sign with a deployment's own.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        Ok(Self { key: Arc::new(Key::open(path)?) })
    }

    /// A new random key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self { key: Arc::new(Key::generate()?) })
    }

    /// The key's id, its RFC 7638 thumbprint.
    pub fn id(&self) -> &str {
        self.key.id()
    }

    /// The public half as a JSON Web Key Set (RFC 7517).
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.key.public().jwk()] })
    }

    /// Signs an access token.
    pub fn sign(&self, claims: &Claims) -> String {
        sign(&self.key, claims)
    }

    /// Signs claims below a header of the test's own.
    #[cfg(test)]
    pub(crate) fn sign_with_header(&self, header: &str, claims: &Claims) -> String {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let claims = serde_json::to_vec(claims).expect("claims serialise");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Signs claims as a JSON Web Token.
///
/// # Panics
/// Never: claims always serialise and the key was checked when it was read.
pub(crate) fn sign(key: &Key, claims: &impl Serialize) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(key.id().to_owned());
    let encoding = EncodingKey::from_ed_der(&key.to_der().expect("a key can be written"));
    jsonwebtoken::encode(&header, claims, &encoding).expect("claims serialise and the key is Ed25519")
}
