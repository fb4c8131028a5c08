//! Where `up` keeps everything, for one process at a time.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use healthbridge_storage::Credentials;
use rustix::fs::FlockOperation;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{Subgraph, at_rest, config::Checkpoints};

/// The data directory, locked.
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held as long as the process lives; the system lets go of it however the process ends.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct StorageKeys {
    access_key_id: String,
    secret_access_key: String,
}

impl DataDir {
    /// Opens the directory, and makes it where there is none.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        // Run by root, the database is another user's, who must be able to pass through; nobody may look in.
        let server_group = healthbridge_postgres::server_group()?;
        let path = std::path::absolute(path)?;
        let unusable =
            || format!("cannot use {} as the data directory: choose one that you may write to", path.display());
        make_folder(&path, server_group).with_context(unusable)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path.join("lock"));
        let lock = lock.with_context(unusable)?;
        if rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another `healthbridge up` uses {}: stop it, or choose another --data-dir", path.display());
        }
        // Earlier versions, backups and people leave files that others may read.
        at_rest::close_content(&path).with_context(unusable)?;
        DirBuilder::new().recursive(true).mode(0o700).create(path.join("keys")).with_context(unusable)?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn postgres(&self) -> PathBuf {
        self.path.join("postgres")
    }

    pub(crate) fn storage(&self) -> PathBuf {
        self.path.join("storage")
    }

    pub(crate) fn signing_key(&self) -> PathBuf {
        self.path.join("keys").join("signing.pem")
    }

    pub(crate) fn report_signing_key(&self) -> PathBuf {
        self.path.join("keys").join("reports.pem")
    }

    /// The checkpoints of a subgraph's log, if it has any.
    pub(crate) fn checkpoints(&self, subgraph: Subgraph) -> Option<Checkpoints> {
        checkpoints(&self.path, subgraph)
    }

    /// The key of one-time passwords, made at the first start.
    pub(crate) fn totp_key(&self) -> anyhow::Result<SecretString> {
        let file = self.path.join("keys").join("totp.hex");
        match fs::read_to_string(&file) {
            Ok(digits) => Ok(digits.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let digits = random_hex(32)?;
                write_private(&file, digits.as_bytes())?;
                Ok(digits.into())
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    /// The keys of the embedded storage, made at the first start.
    pub(crate) fn storage_credentials(&self) -> anyhow::Result<Credentials> {
        let file = self.path.join("keys").join("storage.json");
        let keys: StorageKeys = match fs::read(&file) {
            Ok(text) => serde_json::from_slice(&text).with_context(|| format!("{} is damaged", file.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => make_storage_keys(&file)?,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        Ok(Credentials { access_key_id: keys.access_key_id, secret_access_key: keys.secret_access_key.into() })
    }
}

/// Where the checkpoints of a subgraph's log are in a data directory.
pub(crate) fn checkpoints(data_dir: &Path, subgraph: Subgraph) -> Option<Checkpoints> {
    subgraph.signed_log().map(|log| Checkpoints {
        file: data_dir.join(format!("{}.checkpoints", log.name)),
        key_file: data_dir.join("keys").join("checkpoints.pem"),
    })
}

/// Makes the folder where it is missing, and closes it. The group, if there is one, may pass through; so may everybody
/// through folders above that are made for it, which have nothing else.
fn make_folder(path: &Path, group: Option<u32>) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        DirBuilder::new().mode(0o700).create(folder)?;
        if group.is_some() && folder != path {
            fs::set_permissions(folder, Permissions::from_mode(0o711))?;
        }
    }
    // A folder that belongs to somebody else is found out here.
    if let Some(group) = group {
        chown(path, None, Some(group))?;
        fs::set_permissions(path, Permissions::from_mode(0o710))
    } else {
        fs::set_permissions(path, Permissions::from_mode(0o700))
    }
}

fn make_storage_keys(file: &Path) -> anyhow::Result<StorageKeys> {
    let keys = StorageKeys { access_key_id: format!("HB{}", random_hex(9)?), secret_access_key: random_hex(32)? };
    write_private(file, &serde_json::to_vec(&keys)?)?;
    Ok(keys)
}

/// Writes a file that is closed to others; one that is half written is never found under its name.
fn write_private(file: &Path, content: &[u8]) -> anyhow::Result<()> {
    let half = file.with_extension("new");
    let mut output = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    output.write_all(content)?;
    output.sync_all()?;
    Ok(fs::rename(&half, file)?)
}

fn random_hex(bytes: usize) -> anyhow::Result<String> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random).context("the operating system gave no random bytes")?;
    Ok(hex::encode(random))
}
