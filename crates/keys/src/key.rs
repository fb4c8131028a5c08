use std::path::Path;

use ed25519_dalek::{
    Signer, SigningKey,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{KeyError, PublicKey, read_private};

/// A private Ed25519 key (RFC 8032) with its public half.
pub struct Key {
    pair: SigningKey,
    public: PublicKey,
}

impl Key {
    /// Reads a file with one key.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        Self::from_pem(&read_private(path)?.0)
    }

    /// A new random key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| KeyError::Random)?;
        Ok(SigningKey::from_bytes(&seed).into())
    }

    /// Reads a key from PKCS#8 PEM.
    ///
    /// # Errors
    /// When it is something else.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_pem(pem).map(Self::from).map_err(|_| KeyError::Format)
    }

    /// The key in PKCS#8 PEM, without the public half beside it, which OpenSSL does not read.
    ///
    /// # Errors
    /// Never for a key that there is.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        let bytes = KeypairBytes { secret_key: self.pair.to_bytes(), public_key: None };
        bytes.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| KeyError::Format)
    }

    /// The key in PKCS#8 DER, for libraries that sign with it.
    ///
    /// # Errors
    /// Never for a key that there is.
    pub fn to_der(&self) -> Result<Vec<u8>, KeyError> {
        self.pair.to_pkcs8_der().map(|der| der.as_bytes().to_vec()).map_err(|_| KeyError::Format)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The key's id, its RFC 7638 thumbprint.
    pub fn id(&self) -> &str {
        self.public.id()
    }

    /// Signs bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.pair.sign(bytes).to_bytes()
    }

    /// 32 bytes that nobody can work out who has not this key: HMAC-SHA256 of the input by a key of the purpose's own,
    /// which is derived from this one. The same each time.
    pub fn derive(&self, purpose: &str, input: &[u8]) -> [u8; 32] {
        hmac(&hmac(self.pair.as_bytes(), purpose.as_bytes()), input)
    }
}

impl From<SigningKey> for Key {
    fn from(pair: SigningKey) -> Self {
        Self { public: PublicKey::from(pair.verifying_key()), pair }
    }
}

fn hmac(key: &[u8; 32], input: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(input);
    mac.finalize().into_bytes().into()
}
