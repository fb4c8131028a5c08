use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{
    Signature, VerifyingKey,
    pkcs8::{DecodePublicKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The public half of a key (RFC 8037).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: String,
}

/// It is no public Ed25519 key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no public Ed25519 key")]
pub struct NoPublicKey;

impl PublicKey {
    /// Reads a JSON Web Key, whose id has to be its thumbprint: no key goes by the name of another.
    ///
    /// # Errors
    /// When it is another kind of key, or named otherwise.
    pub fn from_jwk(jwk: &Value) -> Result<Self, NoPublicKey> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        if text("kty") != Some("OKP") || text("crv") != Some("Ed25519") {
            return Err(NoPublicKey);
        }
        let x = URL_SAFE_NO_PAD.decode(text("x").ok_or(NoPublicKey)?).map_err(|_| NoPublicKey)?;
        let x: [u8; 32] = x.try_into().map_err(|_| NoPublicKey)?;
        let key = Self::from(VerifyingKey::from_bytes(&x).map_err(|_| NoPublicKey)?);
        if text("kid") == Some(key.id()) { Ok(key) } else { Err(NoPublicKey) }
    }

    /// Reads a public key from PEM (RFC 8410).
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_pem(pem: &str) -> Result<Self, NoPublicKey> {
        VerifyingKey::from_public_key_pem(pem).map(Self::from).map_err(|_| NoPublicKey)
    }

    /// The key in PEM (RFC 8410).
    ///
    /// # Errors
    /// Never for a key that there is.
    pub fn to_pem(&self) -> Result<String, NoPublicKey> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(|_| NoPublicKey)
    }

    /// The key's id, its RFC 7638 thumbprint.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As a JSON Web Key.
    pub fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.key.as_bytes());
        json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.id, "x": x })
    }

    /// Whether these bytes were signed by the key. No signature but the signer's own counts, not even another one of the
    /// same bytes that somebody made out of it.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok()
    }
}

impl From<VerifyingKey> for PublicKey {
    fn from(key: VerifyingKey) -> Self {
        // RFC 7638: the thumbprint of the public key names it.
        let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        Self { key, id: URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_thumbprint_of_rfc_8037_and_no_key_goes_by_another_name() {
        // RFC 8037, appendices A.2 and A.3.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let thumbprint = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": thumbprint });
        assert_eq!(PublicKey::from_jwk(&jwk).map(|key| key.id().to_owned()), Ok(thumbprint.to_owned()));
        for (name, value) in [("kid", "another"), ("kty", "EC"), ("crv", "X25519"), ("x", "AAAA"), ("x", "?")] {
            let mut other = jwk.clone();
            other[name] = value.into();
            assert_eq!(PublicKey::from_jwk(&other), Err(NoPublicKey), "{name} {value}");
        }
    }

    #[test]
    fn the_signature_of_rfc_8032_is_verified_and_another_is_not() {
        // RFC 8032, section 7.1, test 2: one byte.
        let pem_key = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let mut seed = [0; 32];
        for (place, byte) in seed.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&pem_key[2 * place..2 * place + 2], 16).expect("hexadecimal");
        }
        let key = crate::Key::from(ed25519_dalek::SigningKey::from_bytes(&seed));
        let signature = key.sign(&[0x72]);
        assert_eq!(signature[..4], [0x92, 0xa0, 0x09, 0xa9]);
        assert!(key.public().verifies(&[0x72], &signature) && !key.public().verifies(&[0x73], &signature));
        let pem = key.public().to_pem().expect("PEM");
        assert_eq!(PublicKey::from_pem(&pem).as_ref(), Ok(key.public()));
    }
}
