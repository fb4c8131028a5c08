use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
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
    #[error("the signing key is not an Ed25519 private key in PKCS#8 PEM")]
    Format,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
}

impl SigningKey {
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

    /// Reads the key file; makes it, with mode 0600, where there is none.
    pub fn open_or_create(path: &Path) -> Result<Self, SigningKeyError> {
        match Self::open(path) {
            Err(SigningKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Self::create(path),
            other => other,
        }
    }

    /// Reads the key file, which only its owner (and for mounted secrets its group) may read.
    pub fn open(path: &Path) -> Result<Self, SigningKeyError> {
        let failed = |source| SigningKeyError::Io { path: path.to_owned(), source };
        let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
        if mode & 0o007 != 0 {
            return Err(SigningKeyError::Exposed(path.to_owned()));
        }
        Self::from_pem(&fs::read_to_string(path).map_err(failed)?)
    }

    fn create(path: &Path) -> Result<Self, SigningKeyError> {
        let failed = |source| SigningKeyError::Io { path: path.to_owned(), source };
        let key = Self::generate()?;
        let pem = key.pair.to_pkcs8_pem(LineEnding::LF).map_err(|_| SigningKeyError::Format)?;
        // A key that is half written must never be found under the final name.
        let half = path.with_extension("new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half).map_err(failed)?;
        file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&half, path).map_err(failed)?;
        Ok(key)
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

    /// The public half as a JSON Web Key Set (RFC 7517).
    pub fn jwks(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.verifying_key().as_bytes());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.id, "x": x }] })
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
