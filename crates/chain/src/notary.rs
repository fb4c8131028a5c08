use std::{
    cmp::Ordering,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, KeypairBytes, spki::der::pem::LineEnding},
};
use sqlx::PgPool;

use crate::{Chain, Checkpoint};

/// More than a line is long.
const LINE: u64 = 4096;

/// Signs where a chain's head is, and writes it down outside of the database.
#[derive(Clone)]
pub struct Notary {
    key: SigningKey,
    file: PathBuf,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file, or that of the checkpoints, could not be read or written.
    #[error("cannot use the file {0}")]
    Io(PathBuf, #[source] io::Error),
    /// Others may read its file.
    #[error("the checkpoint key file {0} is readable by others: run `chmod 600` on it")]
    Exposed(PathBuf),
    /// Its file holds something else.
    #[error("the checkpoint key file {0} holds something else than an Ed25519 key in PEM")]
    Format(PathBuf),
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    Random,
}

/// Why there is no checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum AttestError {
    /// The database failed.
    #[error("the head cannot be read")]
    Database(#[from] sqlx::Error),
    /// The file failed.
    #[error("the checkpoints cannot be written")]
    Io(#[from] io::Error),
    /// The file's end is something else.
    #[error("the last line of the checkpoints is no checkpoint of this chain")]
    Damaged,
    /// The chain is shorter than it was.
    #[error(
        "the chain ends at {0}, but the last checkpoint knows entry {1}: its end was cut off, or another one was put there"
    )]
    Cut(i64, i64),
}

impl Notary {
    /// Reads the key's file, which only its owner (and for mounted secrets its group) may read; makes it, with a new key and
    /// mode 0600, where there is none. Checkpoints are appended to the other file, which is one chain's own.
    ///
    /// # Errors
    /// When one of the files cannot be used.
    pub fn open_or_create(key_file: &Path, file: PathBuf) -> Result<Self, KeyError> {
        let key = match private_key(key_file) {
            Err(KeyError::Io(_, source)) if source.kind() == io::ErrorKind::NotFound => {
                create_key(key_file)?;
                private_key(key_file)
            }
            other => other,
        };
        let notary = Self { key: key?, file };
        // Who verifies before the first checkpoint finds a file without any, and not none.
        notary.lock().map_err(|source| KeyError::Io(notary.file.clone(), source))?;
        Ok(notary)
    }

    /// Appends a checkpoint if the chain has grown since the last one. Replicas may share a file; while one writes, the others
    /// leave it alone.
    ///
    /// # Errors
    /// When the head or the file cannot be used, and when the chain has become shorter.
    pub async fn attest<C: Chain>(&self, pool: &PgPool, now: DateTime<Utc>) -> Result<(), AttestError> {
        let Some(file) = self.lock()? else { return Ok(()) };
        let head = C::head(&mut *pool.acquire().await?).await?;
        let (notary, next) = (self.clone(), Checkpoint::new(C::NAME, head, now));
        let written = tokio::task::spawn_blocking(move || notary.write(&file, &next)).await;
        written.map_err(io::Error::other)?
    }

    /// The file, as this writer's own until it is closed. The head is read behind this, so that places only grow.
    fn lock(&self) -> io::Result<Option<File>> {
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.file)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn write(&self, mut file: &File, next: &Checkpoint) -> Result<(), AttestError> {
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(LINE)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        let complete = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if complete == 0 && tail.len() as u64 == LINE {
            return Err(AttestError::Damaged);
        }
        let last = match tail[..complete].split(|byte| *byte == b'\n').nth_back(1) {
            Some(line) => {
                let last = str::from_utf8(line).ok().and_then(Checkpoint::own);
                last.filter(|last| last.chain == next.chain).ok_or(AttestError::Damaged)?.seq
            }
            None => 0,
        };
        match next.seq.cmp(&last) {
            Ordering::Less => return Err(AttestError::Cut(next.seq, last)),
            Ordering::Equal => return Ok(()),
            Ordering::Greater => {}
        }
        // A writer that was killed leaves half a line.
        file.set_len(length - (tail.len() - complete) as u64)?;
        file.write_all(next.to_line(&self.key).as_bytes())?;
        Ok(file.sync_data()?)
    }
}

/// The key that checkpoints are verified by: of a file with the public half, which may lie anywhere, or with the key itself.
///
/// # Errors
/// When the file cannot be used.
pub fn public_key(file: &Path) -> Result<VerifyingKey, KeyError> {
    let text = fs::read_to_string(file).map_err(|source| KeyError::Io(file.to_owned(), source))?;
    match VerifyingKey::from_public_key_pem(&text) {
        Ok(key) => Ok(key),
        Err(_) => Ok(private_key(file)?.verifying_key()),
    }
}

fn private_key(file: &Path) -> Result<SigningKey, KeyError> {
    let failed = |source| KeyError::Io(file.to_owned(), source);
    if fs::metadata(file).map_err(failed)?.permissions().mode() & 0o007 != 0 {
        return Err(KeyError::Exposed(file.to_owned()));
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    SigningKey::from_pkcs8_pem(&text).map_err(|_| KeyError::Format(file.to_owned()))
}

/// Makes a key. One that is half written is never found under its name, and one that is there is never replaced.
fn create_key(file: &Path) -> Result<(), KeyError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| KeyError::Random)?;
    // Without the public half beside it, which OpenSSL does not read.
    let pem = KeypairBytes { secret_key: seed, public_key: None }.to_pkcs8_pem(LineEnding::LF);
    let pem = pem.map_err(|_| KeyError::Format(file.to_owned()))?;
    let half = file.with_extension(format!("new-{}", std::process::id()));
    let made = (|| {
        let mut new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
        new.write_all(pem.as_bytes())?;
        new.sync_all()?;
        match fs::hard_link(&half, file) {
            // Another replica was faster: its key is everybody's.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked,
        }
    })();
    fs::remove_file(&half).ok();
    made.map_err(|source| KeyError::Io(file.to_owned(), source))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use ed25519_dalek::pkcs8::EncodePublicKey;

    use super::*;
    use crate::{Checkpoints, Flaw, Head};

    const NOON: &str = "2026-01-01T12:00:00Z";

    fn checkpoint(chain: &str, seq: i64) -> Checkpoint {
        let head = Head { seq, hash: format!("hash {seq}") };
        Checkpoint::new(chain, head, NOON.parse().expect("a time"))
    }

    fn notary(folder: &tempfile::TempDir) -> Notary {
        let key = folder.path().join("key.pem");
        Notary::open_or_create(&key, folder.path().join("checkpoints")).expect("a key")
    }

    fn write(notary: &Notary, checkpoint: &Checkpoint) -> Result<(), AttestError> {
        notary.write(&notary.lock().expect("a file").expect("nobody else writes"), checkpoint)
    }

    fn read(notary: &Notary) -> Vec<Result<i64, Flaw>> {
        let checkpoints = Checkpoints::open(&notary.file, notary.key.verifying_key(), "words").expect("a file");
        checkpoints.map(|read| read.expect("read").1.map(|checkpoint| checkpoint.seq)).collect()
    }

    #[test]
    fn a_checkpoint_is_written_where_the_chain_has_grown_and_refused_where_it_has_shrunk() {
        let folder = tempfile::tempdir().expect("a folder");
        let notary = notary(&folder);
        for seq in [0, 2, 2, 5] {
            write(&notary, &checkpoint("words", seq)).expect("written");
        }
        assert_eq!(read(&notary), [Ok(2), Ok(5)]);
        assert!(matches!(write(&notary, &checkpoint("words", 4)), Err(AttestError::Cut(4, 5))));
        assert!(matches!(write(&notary, &checkpoint("others", 6)), Err(AttestError::Damaged)));
        let held = notary.lock().expect("a file");
        assert!(notary.lock().expect("a file").is_none(), "another writer leaves it alone");
        drop(held);
    }

    #[test]
    fn a_line_that_was_torn_off_is_cut_off_by_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let notary = notary(&folder);
        write(&notary, &checkpoint("words", 2)).expect("written");
        let whole = fs::read(&notary.file).expect("a file");
        fs::write(&notary.file, [&whole[..], &whole[..50]].concat()).expect("written");
        assert_eq!(read(&notary), [Ok(2)]);
        write(&notary, &checkpoint("words", 3)).expect("written");
        assert_eq!(read(&notary), [Ok(2), Ok(3)]);
        fs::write(&notary.file, &whole[..50]).expect("written");
        write(&notary, &checkpoint("words", 3)).expect("written");
        assert_eq!(read(&notary), [Ok(3)]);
        fs::write(&notary.file, "x".repeat(5000)).expect("written");
        assert!(
            matches!(write(&notary, &checkpoint("words", 4)), Err(AttestError::Damaged)),
            "another file is left alone"
        );
    }

    #[test]
    fn lines_that_are_not_signed_or_stand_elsewhere_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let notary = notary(&folder);
        let line = |checkpoint: &Checkpoint| checkpoint.to_line(&notary.key);
        let changed = line(&checkpoint("words", 7)).replace("hash 7", "hash 8");
        let lines = [
            changed,
            "something else\n".to_owned(),
            line(&checkpoint("words", 8)),
            line(&checkpoint("others", 9)),
            line(&checkpoint("words", 7)),
        ];
        fs::write(&notary.file, lines.concat()).expect("written");
        let flaws = [Flaw::Forged, Flaw::NoCheckpoint, Flaw::Foreign, Flaw::Backwards].map(Err);
        assert_eq!(read(&notary), [&flaws[..2], &[Ok(8)], &flaws[2..]].concat());
    }

    #[test]
    fn the_key_stays_the_same_and_is_closed_to_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key.pem");
        let made = notary(&folder).key.verifying_key();
        create_key(&key).expect("left alone");
        assert_eq!((public_key(&key).expect("the key"), notary(&folder).key.verifying_key()), (made, made));
        let public = folder.path().join("key.pub");
        let pem = made.to_public_key_pem(LineEnding::LF).expect("it can be written");
        fs::write(&public, pem).expect("written");
        assert_eq!(public_key(&public).expect("the public half"), made);
        fs::remove_file(public).expect("removed");
        assert_eq!(fs::metadata(&key).expect("the file").permissions().mode() & 0o777, 0o600);
        // The key, and the checkpoints beside it.
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 2, "nothing half written is left");
        fs::set_permissions(&key, Permissions::from_mode(0o604)).expect("opened");
        assert!(matches!(Notary::open_or_create(&key, PathBuf::new()), Err(KeyError::Exposed(_))));
    }
}
