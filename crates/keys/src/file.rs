use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Why a key could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
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

/// Reads a file that only its owner (and for mounted secrets its group) may read; and when it was changed last.
///
/// # Errors
/// When it cannot be read, or others may read it.
pub fn read_private(path: &Path) -> Result<(String, SystemTime), KeyError> {
    let failed = |source| KeyError::Io { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.permissions().mode() & 0o007 != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    let modified = metadata.modified().map_err(failed)?;
    Ok((fs::read_to_string(path).map_err(failed)?, modified))
}

/// Makes a file of mode 0600. One that is half written is never found under its name, and one that is there is never
/// replaced: where another replica was faster, its file is everybody's.
///
/// # Errors
/// When it cannot be written.
pub fn create_private(path: &Path, text: &str) -> Result<(), KeyError> {
    let half = write_half(path, text)?;
    let linked = match fs::hard_link(&half, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    fs::remove_file(&half).ok();
    linked.map_err(|source| KeyError::Io { path: path.to_owned(), source })
}

/// Writes a file of mode 0600 in the place of the one that is there.
pub(crate) fn replace_private(path: &Path, text: &str) -> Result<(), KeyError> {
    let half = write_half(path, text)?;
    fs::rename(&half, path).map_err(|source| KeyError::Io { path: path.to_owned(), source })
}

fn write_half(path: &Path, text: &str) -> Result<PathBuf, KeyError> {
    let half = path.with_extension(format!("new-{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    })();
    match written {
        Ok(()) => Ok(half),
        Err(source) => {
            fs::remove_file(&half).ok();
            Err(KeyError::Io { path: path.to_owned(), source })
        }
    }
}
