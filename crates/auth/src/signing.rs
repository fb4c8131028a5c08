use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
use hmac::{Hmac, Mac};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::Claims;

/// The Ed25519 key that signs access tokens (RFC 8037). Only the patients subgraph has it.
pub struct SigningKey {
    pair: ed25519_dalek::SigningKey,
    encoding: EncodingKey,
    id: String,
}

/// Why a signing key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file could not be read or written.
    #[error("cannot use the signing key file {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others may read the file.
    #[error("the signing key file {0} is readable by others: run `chmod 600` on it")]
    Exposed(PathBuf),
    /// The file holds no Ed25519 key in PKCS#8 PEM.
    #[error("the signing key file holds something else than Ed25519 private keys in PKCS#8 PEM")]
    Format,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
    /// The last rotation's key does not sign yet.
    #[error("a rotation is under way: its key does not sign yet")]
    Rotating,
}

impl SigningKey {
    /// Reads a file with one key; tests and benchmarks sign with a deployment's own.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, SigningKeyError> {
        Self::from_pem(&read_private(path)?.0)
    }

    /// A new random key.
    pub fn generate() -> Result<Self, SigningKeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| SigningKeyError::Random)?;
        Self::from_pair(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// Reads a key from PKCS#8 PEM.
    pub fn from_pem(pem: &str) -> Result<Self, SigningKeyError> {
        let pair = ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map_err(|_| SigningKeyError::Format)?;
        Self::from_pair(pair)
    }

    /// The key in PKCS#8 PEM.
    pub(crate) fn to_pem(&self) -> Result<String, SigningKeyError> {
        self.pair.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| SigningKeyError::Format)
    }

    fn from_pair(pair: ed25519_dalek::SigningKey) -> Result<Self, SigningKeyError> {
        let der = pair.to_pkcs8_der().map_err(|_| SigningKeyError::Format)?;
        // RFC 7638: the thumbprint of the public key names it.
        let x = URL_SAFE_NO_PAD.encode(pair.verifying_key().as_bytes());
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(canonical.as_bytes()));
        Ok(Self { encoding: EncodingKey::from_ed_der(der.as_bytes()), pair, id })
    }

    /// The key's id, its RFC 7638 thumbprint.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half as a JSON Web Key (RFC 8037).
    pub(crate) fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.verifying_key().as_bytes());
        json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.id, "x": x })
    }

    /// The public half as a JSON Web Key Set (RFC 7517).
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }

    /// Signs an access token.
    ///
    /// # Panics
    /// Never: claims always serialise and the key was checked when it was read.
    pub fn sign(&self, claims: &Claims) -> String {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).expect("claims serialise and the key is Ed25519")
    }
}

impl SigningKey {
    /// 32 bytes that nobody can work out who has not this key: HMAC-SHA256 of the input by a key of the purpose's own,
    /// which is derived from this one. The same each time.
    pub(crate) fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        hmac(&hmac(self.pair.as_bytes(), purpose.as_bytes()), input)
    }

    /// Signs claims below a header of the test's own.
    #[cfg(test)]
    pub(crate) fn sign_with_header(&self, header: &str, claims: &Claims) -> String {
        use ed25519_dalek::Signer;
        let claims = serde_json::to_vec(claims).expect("claims serialise");
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}

fn hmac(key: &[u8; 32], input: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(input);
    mac.finalize().into_bytes().into()
}

/// Reads a file that only its owner (and for mounted secrets its group) may read; and when it was changed last.
pub(crate) fn read_private(path: &Path) -> Result<(String, SystemTime), SigningKeyError> {
    let failed = |source| SigningKeyError::Io { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.permissions().mode() & 0o007 != 0 {
        return Err(SigningKeyError::Exposed(path.to_owned()));
    }
    let modified = metadata.modified().map_err(failed)?;
    Ok((fs::read_to_string(path).map_err(failed)?, modified))
}

/// Writes a file of mode 0600. One that is half written is never found under its name.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), SigningKeyError> {
    let failed = |source| SigningKeyError::Io { path: path.to_owned(), source };
    let half = path.with_extension("new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(&half, path).map_err(failed)
}
