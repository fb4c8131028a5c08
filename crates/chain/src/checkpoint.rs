use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read, Take},
    path::Path,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::Head;

/// Where the head of a chain was at some time. A line of the file is the signature in base64url, a space, and the checkpoint
/// in JSON: what is signed is what stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The chain.
    pub chain: String,
    /// The place of its last entry.
    pub seq: i64,
    /// The hash of that entry.
    pub hash: String,
    /// When.
    pub time: DateTime<Utc>,
}

/// Why a line of the file is no checkpoint of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is something else.
    NoCheckpoint,
    /// Its signature is not the key's.
    Forged,
    /// It is one of another chain.
    Foreign,
    /// It stands behind one of a later place.
    Backwards,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCheckpoint => "it is no checkpoint",
            Self::Forged => "its signature is not the key's",
            Self::Foreign => "it is a checkpoint of another chain",
            Self::Backwards => "the chain had come farther before",
        })
    }
}

impl Checkpoint {
    pub(crate) fn new(chain: &str, head: Head, time: DateTime<Utc>) -> Self {
        Self { chain: chain.to_owned(), seq: head.seq, hash: head.hash, time }
    }

    pub(crate) fn to_line(&self, key: &SigningKey) -> String {
        let text = serde_json::to_string(self).expect("plain data serialises");
        format!("{} {text}\n", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).to_bytes()))
    }

    fn from_line(line: &str, key: &VerifyingKey) -> Result<Self, Flaw> {
        let (signature, text) = line.split_once(' ').ok_or(Flaw::NoCheckpoint)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Flaw::NoCheckpoint)?;
        let signature = Signature::from_slice(&signature).map_err(|_| Flaw::NoCheckpoint)?;
        key.verify_strict(text.as_bytes(), &signature).map_err(|_| Flaw::Forged)?;
        serde_json::from_str(text).map_err(|_| Flaw::NoCheckpoint)
    }

    /// Reads a line of the file whose writer asks for nobody's signature.
    pub(crate) fn own(line: &str) -> Option<Self> {
        serde_json::from_str(line.split_once(' ')?.1).ok()
    }
}

/// The checkpoints of a file, with the numbers of their lines, read one at a time.
pub struct Checkpoints {
    lines: BufReader<Take<File>>,
    key: VerifyingKey,
    chain: &'static str,
    line: usize,
    seq: i64,
}

impl Checkpoints {
    /// The checkpoints of a chain that are in the file now: what is appended later may be of entries that somebody who looks
    /// at the database now does not see yet.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(file: &Path, key: VerifyingKey, chain: &'static str) -> io::Result<Self> {
        let file = File::open(file)?;
        let length = file.metadata()?.len();
        Ok(Self { lines: BufReader::new(file.take(length)), key, chain, line: 0, seq: 0 })
    }

    fn read(&mut self) -> io::Result<Option<Result<Checkpoint, Flaw>>> {
        let mut line = Vec::new();
        self.lines.read_until(b'\n', &mut line)?;
        // A line without an end is one that is being written, or never was: its writer cuts it off.
        if line.pop() != Some(b'\n') {
            return Ok(None);
        }
        self.line += 1;
        let line = str::from_utf8(&line).map_err(|_| Flaw::NoCheckpoint);
        Ok(Some(line.and_then(|line| Checkpoint::from_line(line, &self.key)).and_then(|checkpoint| {
            if checkpoint.chain != self.chain {
                return Err(Flaw::Foreign);
            }
            if checkpoint.seq < self.seq {
                return Err(Flaw::Backwards);
            }
            self.seq = checkpoint.seq;
            Ok(checkpoint)
        })))
    }
}

impl Iterator for Checkpoints {
    type Item = io::Result<(usize, Result<Checkpoint, Flaw>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read().transpose()?;
        Some(read.map(|checkpoint| (self.line, checkpoint)))
    }
}
