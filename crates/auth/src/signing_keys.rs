use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{ACCESS_TOKEN_LIFETIME, Claims, SigningKey, SigningKeyError, signing};

/// The line above a key in the file that says from when on it signs; without it a key always has.
const SIGNS_FROM: &str = "Signs-From:";

/// How long a superseded key is still published: as long as its last token lasts, and a little more for clocks that
/// differ.
const OVERLAP: Duration = ACCESS_TOKEN_LIFETIME.saturating_add(Duration::from_secs(60));

/// How often the file is looked at. Much less than a rotation is announced before.
const LOOK: Duration = Duration::from_secs(2);

/// The keys that sign access tokens, one after the other.
///
/// A rotation adds a key that is published at once and signs from a moment in the future, so that everybody who verifies
/// has it before its first token; the key before it stays published until its last token has expired. The file is read
/// again when it changes: no part needs to be restarted.
pub struct SigningKeys {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    /// In the order in which they sign.
    keys: Vec<Dated>,
    modified: Option<SystemTime>,
    looked: Instant,
}

#[derive(Clone)]
struct Dated {
    key: Arc<SigningKey>,
    signs_from: DateTime<Utc>,
}

impl SigningKeys {
    /// One key, for good.
    pub fn only(key: Arc<SigningKey>) -> Self {
        let keys = vec![Dated { key, signs_from: DateTime::UNIX_EPOCH }];
        Self { file: None, state: Mutex::new(State { keys, modified: None, looked: Instant::now() }) }
    }

    /// Reads the file, which only its owner (and for mounted secrets its group) may read; makes it, with one new key and
    /// mode 0600, where there is none.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open_or_create(file: &Path) -> Result<Self, SigningKeyError> {
        let opened = match read(file) {
            Err(SigningKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                write(file, &[Dated { key: Arc::new(SigningKey::generate()?), signs_from: DateTime::UNIX_EPOCH }])?;
                read(file)
            }
            other => other,
        };
        let (keys, modified) = opened?;
        let state = State { keys, modified: Some(modified), looked: Instant::now() };
        Ok(Self { file: Some(file.to_owned()), state: Mutex::new(state) })
    }

    /// Adds a key to the file that signs from `signs_from` on, and removes those that nobody needs any more. Gives the new
    /// key's id.
    ///
    /// # Errors
    /// When the file cannot be used, or the last rotation's key does not sign yet.
    pub fn rotate(file: &Path, signs_from: DateTime<Utc>, now: DateTime<Utc>) -> Result<String, SigningKeyError> {
        let (mut keys, _) = read(file)?;
        if keys.last().is_some_and(|last| last.signs_from > now) {
            return Err(SigningKeyError::Rotating);
        }
        keys = published(&keys, now).cloned().collect();
        let key = Arc::new(SigningKey::generate()?);
        let id = key.id().to_owned();
        keys.push(Dated { key, signs_from });
        write(file, &keys)?;
        Ok(id)
    }

    /// The public halves as a JSON Web Key Set (RFC 7517): of the key that signs, of the next one, and of those whose
    /// tokens have not all expired.
    pub fn jwks(&self, now: DateTime<Utc>) -> Value {
        let keys = self.keys();
        let keys: Vec<Value> = published(&keys, now).map(|dated| dated.key.jwk()).collect();
        json!({ "keys": keys })
    }

    /// Signs an access token with the key whose turn it is.
    pub fn sign(&self, claims: &Claims, now: DateTime<Utc>) -> String {
        let keys = self.keys();
        let turn = keys.iter().rev().find(|dated| dated.signs_from <= now).or(keys.first());
        turn.expect("a file without a key is refused when it is read").key.sign(claims)
    }

    /// 32 bytes for a purpose that nobody can work out who has not these keys, and the same each time: first by the key
    /// whose turn it is, then by each other one, for what was derived before a rotation.
    pub fn derive(&self, purpose: &str, input: &[u8], now: DateTime<Utc>) -> Vec<[u8; 32]> {
        let mut keys = self.keys();
        let turn = keys.iter().rposition(|dated| dated.signs_from <= now).unwrap_or_default();
        keys.swap(0, turn);
        keys.iter().map(|dated| dated.key.derive(purpose, input)).collect()
    }

    fn keys(&self) -> Vec<Dated> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file
            && state.looked.elapsed() >= LOOK
        {
            state.looked = Instant::now();
            let modified = fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
            if modified != state.modified {
                match read(file) {
                    Ok((keys, modified)) => (state.keys, state.modified) = (keys, Some(modified)),
                    Err(error) => {
                        tracing::warn!(%error, "the signing keys cannot be read again; the known ones stay in use");
                    }
                }
            }
        }
        state.keys.clone()
    }
}

/// Those whose tokens may still be about, or will be.
fn published(keys: &[Dated], now: DateTime<Utc>) -> impl Iterator<Item = &Dated> {
    let is_over = move |next: Option<&Dated>| next.is_some_and(|next| next.signs_from + OVERLAP <= now);
    keys.iter().enumerate().filter(move |(place, _)| !is_over(keys.get(place + 1))).map(|(_, dated)| dated)
}

fn read(file: &Path) -> Result<(Vec<Dated>, SystemTime), SigningKeyError> {
    let (text, modified) = signing::read_private(file)?;
    let (mut keys, mut signs_from, mut block) = (Vec::new(), DateTime::UNIX_EPOCH, String::new());
    for line in text.lines() {
        if let Some(moment) = line.strip_prefix(SIGNS_FROM) {
            signs_from = moment.trim().parse().map_err(|_| SigningKeyError::Format)?;
        } else if line.starts_with("-----BEGIN") || !block.is_empty() {
            block.push_str(line);
            block.push('\n');
        }
        if line.starts_with("-----END") {
            keys.push(Dated { key: Arc::new(SigningKey::from_pem(&block)?), signs_from });
            signs_from = DateTime::UNIX_EPOCH;
            block.clear();
        }
    }
    keys.sort_by_key(|dated| dated.signs_from);
    if keys.is_empty() || !block.is_empty() { Err(SigningKeyError::Format) } else { Ok((keys, modified)) }
}

fn write(file: &Path, keys: &[Dated]) -> Result<(), SigningKeyError> {
    let block = |dated: &Dated| Ok(format!("{SIGNS_FROM} {}\n{}", dated.signs_from.to_rfc3339(), dated.key.to_pem()?));
    let blocks: Result<Vec<String>, SigningKeyError> = keys.iter().map(block).collect();
    signing::write_private(file, &blocks?.concat())
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    fn ids(keys: &SigningKeys, now: DateTime<Utc>) -> Vec<String> {
        let jwks = keys.jwks(now);
        let keys = jwks["keys"].as_array().expect("keys").iter();
        keys.map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
    }

    #[test]
    fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_have_expired() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("signing.pem");
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
        let minutes = |minutes| now + chrono::Duration::minutes(minutes);
        let old = ids(&SigningKeys::open_or_create(&file).expect("made"), now).remove(0);
        let new = SigningKeys::rotate(&file, minutes(1), now).expect("rotated");
        assert!(matches!(SigningKeys::rotate(&file, minutes(2), now), Err(SigningKeyError::Rotating)));
        let keys = SigningKeys::open_or_create(&file).expect("read");
        let signer = |at| {
            let header = jsonwebtoken::decode_header(keys.sign(&crate::token::tests_claims(at), at)).expect("a token");
            header.kid.expect("a key's id")
        };
        assert_eq!((ids(&keys, now), signer(now)), (vec![old.clone(), new.clone()], old.clone()));
        assert_eq!((ids(&keys, minutes(1)), signer(minutes(1))), (vec![old.clone(), new.clone()], new.clone()));
        assert_eq!(ids(&keys, minutes(16)), [old, new.clone()], "its last token has not expired everywhere");
        assert_eq!(ids(&keys, minutes(17)), [new.as_str()]);
        let (before, after) = (keys.derive("test", b"input", now), keys.derive("test", b"input", minutes(1)));
        assert_eq!(before, [after[1], after[0]], "what the old key derived is found after the rotation");
        assert_ne!(before, keys.derive("another", b"input", now));
        SigningKeys::rotate(&file, minutes(18), minutes(17)).expect("rotated");
        let text = fs::read_to_string(&file).expect("the file");
        assert_eq!(text.matches("BEGIN PRIVATE KEY").count(), 2, "a key that nobody needs is removed");
        assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o604)).expect("opened");
        assert!(matches!(SigningKeys::open_or_create(&file), Err(SigningKeyError::Exposed(_))));
    }
}
