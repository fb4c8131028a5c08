use std::{
    fs::{File, OpenOptions, remove_file},
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::PathBuf,
};

use rustix::fs::OFlags;

/// How long the log may grow before its end alone is kept, and how many bytes that is.
const LONGEST: u64 = 10 << 20;
const END: usize = 1 << 20;

/// The file in which an embedded server says what happens.
#[derive(Debug)]
pub(crate) struct Log(pub PathBuf);

impl Log {
    /// What was said before this program started is nobody's reason any more.
    pub(crate) fn remove(&self) -> io::Result<()> {
        match remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens it. Whoever writes does so at its end, wherever that is then.
    pub(crate) fn open(&self) -> io::Result<File> {
        let no_link = OFlags::NOFOLLOW.bits().cast_signed();
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).custom_flags(no_link).open(&self.0)
    }

    /// Keeps its end alone where it has grown too long. What is said in this moment may be lost.
    pub(crate) fn shorten(&self) -> io::Result<()> {
        let mut log = self.open()?;
        let length = log.metadata()?.len();
        if length <= LONGEST {
            return Ok(());
        }
        let mut end = vec![0; END];
        log.read_exact_at(&mut end, length - END as u64)?;
        log.set_len(0)?;
        log.write_all(&end)
    }
}
