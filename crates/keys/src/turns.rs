use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, Utc};

use crate::{Key, KeyError, PublicKey, file};

/// The line above a key in the file that says from when on it signs; without it a key always has.
const SIGNS_FROM: &str = "Signs-From:";

/// How often the file is looked at. Much less than a rotation is announced before.
const LOOK: Duration = Duration::from_secs(2);

/// Keys that sign one after the other.
///
/// A rotation adds a key that is published at once and signs from a moment in the future, so that everybody who verifies
/// has it before its first signature. The file is read again when it changes: no part needs to be restarted.
pub struct Turns {
    file: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    /// In the order in which they sign.
    keys: Vec<Dated>,
    modified: Option<SystemTime>,
    looked: Instant,
}

/// A key with the moment from which on it signs.
#[derive(Clone)]
pub struct Dated {
    half: Half,
    /// The moment from which on it signs.
    pub signs_from: DateTime<Utc>,
}

#[derive(Clone)]
enum Half {
    Private(Arc<Key>),
    Public(Arc<PublicKey>),
}

/// What becomes of a key when the next one has signed for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superseded {
    /// It is forgotten: what it signed counts no longer.
    Forgotten(Duration),
    /// Its public half stays: what it signed counts for ever. Nobody can sign with it any more.
    Published(Duration),
}

impl Dated {
    /// The public half.
    pub fn public(&self) -> &PublicKey {
        match &self.half {
            Half::Private(key) => key.public(),
            Half::Public(key) => key,
        }
    }

    /// The whole key, while there is one.
    pub fn key(&self) -> Option<&Arc<Key>> {
        match &self.half {
            Half::Private(key) => Some(key),
            Half::Public(_) => None,
        }
    }

    fn always(key: Arc<Key>) -> Self {
        Self { half: Half::Private(key), signs_from: DateTime::UNIX_EPOCH }
    }

    fn without_private_half(self) -> Self {
        Self { half: Half::Public(Arc::new(self.public().clone())), ..self }
    }
}

impl Turns {
    /// One key, for good.
    pub fn only(key: Arc<Key>) -> Self {
        let keys = vec![Dated::always(key)];
        Self { file: None, state: Mutex::new(State { keys, modified: None, looked: Instant::now() }) }
    }

    /// Reads the file, which only its owner (and for mounted secrets its group) may read; makes it, with one new key and
    /// mode 0600, where there is none.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn open_or_create(path: &Path) -> Result<Self, KeyError> {
        let opened = match read(path) {
            Err(KeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                file::create_private(path, &text(&[Dated::always(Arc::new(Key::generate()?))])?)?;
                read(path)
            }
            other => other,
        };
        let (keys, modified) = opened?;
        let state = State { keys, modified: Some(modified), looked: Instant::now() };
        Ok(Self { file: Some(path.to_owned()), state: Mutex::new(state) })
    }

    /// Adds a key to the file that signs from `signs_from` on, and does with superseded ones what is to be done. Gives the
    /// new key's id.
    ///
    /// # Errors
    /// When the file cannot be used, or the last rotation's key does not sign yet.
    pub fn rotate(
        path: &Path,
        signs_from: DateTime<Utc>,
        superseded: Superseded,
        now: DateTime<Utc>,
    ) -> Result<String, KeyError> {
        let (keys, _) = read(path)?;
        if keys.last().is_some_and(|last| last.signs_from > now) {
            return Err(KeyError::Rotating);
        }
        let mut keys = superseded.applied_to(keys, now);
        let key = Arc::new(Key::generate()?);
        let id = key.id().to_owned();
        keys.push(Dated { half: Half::Private(key), signs_from });
        file::replace_private(path, &text(&keys)?)?;
        Ok(id)
    }

    /// Whether the file still is what it has to be. What was read of it stays in use; but it would be lost with this process.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn check(&self) -> Result<(), KeyError> {
        self.file.as_deref().map_or(Ok(()), |file| read(file).map(drop))
    }

    /// The key whose turn it is.
    pub fn turn(&self, now: DateTime<Utc>) -> Arc<Key> {
        let keys = self.keys();
        let private = || keys.iter().filter_map(|dated| Some((dated.signs_from, dated.key()?)));
        let begun = private().rfind(|(signs_from, _)| *signs_from <= now);
        let (_, turn) = begun.or(private().next()).expect("a file without a private key is refused when it is read");
        turn.clone()
    }

    /// All keys in the order in which they sign, as the file has them now.
    pub fn keys(&self) -> Vec<Dated> {
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

impl Superseded {
    /// What is left of keys that sign one after the other.
    pub fn applied_to(self, keys: Vec<Dated>, now: DateTime<Utc>) -> Vec<Dated> {
        let (Self::Forgotten(after) | Self::Published(after)) = self;
        let next: Vec<_> = keys.iter().skip(1).map(|dated| dated.signs_from).collect();
        let is_over = |place: usize| next.get(place).is_some_and(|signs_from| *signs_from + after <= now);
        let left = keys.into_iter().enumerate().filter_map(|(place, dated)| match (is_over(place), self) {
            (false, _) => Some(dated),
            (true, Self::Forgotten(_)) => None,
            (true, Self::Published(_)) => Some(dated.without_private_half()),
        });
        left.collect()
    }
}

fn read(path: &Path) -> Result<(Vec<Dated>, SystemTime), KeyError> {
    let (text, modified) = file::read_private(path)?;
    let (mut keys, mut signs_from, mut block) = (Vec::new(), DateTime::UNIX_EPOCH, String::new());
    for line in text.lines() {
        if let Some(moment) = line.strip_prefix(SIGNS_FROM) {
            signs_from = moment.trim().parse().map_err(|_| KeyError::Format)?;
        } else if line.starts_with("-----BEGIN") || !block.is_empty() {
            block.push_str(line);
            block.push('\n');
        }
        if line.starts_with("-----END") {
            keys.push(Dated { half: half(&block)?, signs_from });
            signs_from = DateTime::UNIX_EPOCH;
            block.clear();
        }
    }
    keys.sort_by_key(|dated| dated.signs_from);
    let has_private = keys.iter().any(|dated| dated.key().is_some());
    if !has_private || !block.is_empty() { Err(KeyError::Format) } else { Ok((keys, modified)) }
}

fn half(block: &str) -> Result<Half, KeyError> {
    if block.starts_with("-----BEGIN PUBLIC KEY") {
        return PublicKey::from_pem(block).map(|key| Half::Public(Arc::new(key))).map_err(|_| KeyError::Format);
    }
    Ok(Half::Private(Arc::new(Key::from_pem(block)?)))
}

fn text(keys: &[Dated]) -> Result<String, KeyError> {
    let block = |dated: &Dated| {
        let pem = match &dated.half {
            Half::Private(key) => key.to_pem()?,
            Half::Public(key) => key.to_pem().map_err(|_| KeyError::Format)?,
        };
        Ok(format!("{SIGNS_FROM} {}\n{pem}", dated.signs_from.to_rfc3339()))
    };
    let blocks: Result<Vec<String>, KeyError> = keys.iter().map(block).collect();
    Ok(blocks?.concat())
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    fn ids(turns: &Turns) -> Vec<String> {
        turns.keys().iter().map(|dated| dated.public().id().to_owned()).collect()
    }

    #[test]
    fn a_superseded_key_that_stays_published_loses_its_private_half() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("reports.pem");
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
        let minutes = |minutes| now + chrono::Duration::minutes(minutes);
        let policy = Superseded::Published(Duration::from_secs(60));
        let first = ids(&Turns::open_or_create(&file).expect("made")).remove(0);
        let second = Turns::rotate(&file, minutes(2), policy, now).expect("rotated");
        let again = Turns::rotate(&file, minutes(2), policy, minutes(1));
        assert!(matches!(again, Err(KeyError::Rotating)));
        let turns = Turns::open_or_create(&file).expect("read");
        assert_eq!((turns.turn(now).id(), turns.turn(minutes(2)).id()), (first.as_str(), second.as_str()));
        let third = Turns::rotate(&file, minutes(5), policy, minutes(3)).expect("rotated");
        let turns = Turns::open_or_create(&file).expect("read");
        assert_eq!(ids(&turns), [first, second.clone(), third.clone()], "all are published");
        let text = fs::read_to_string(&file).expect("the file");
        let count = |what: &str| text.matches(what).count();
        assert_eq!((count("BEGIN PRIVATE KEY"), count("BEGIN PUBLIC KEY")), (2, 1));
        assert_eq!(turns.turn(now).id(), second, "what cannot sign any more has no turn, whatever the clock says");
        assert_eq!(turns.turn(minutes(5)).id(), third);
    }

    #[test]
    fn the_file_is_closed_to_others_and_whoever_is_second_takes_the_first_ones_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("reports.pem");
        let first = ids(&Turns::open_or_create(&file).expect("made"));
        file::create_private(&file, "something else").expect("left alone");
        assert_eq!(ids(&Turns::open_or_create(&file).expect("read")), first);
        assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1, "nothing half written is left");
        assert_eq!(fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o604)).expect("opened");
        assert!(matches!(Turns::open_or_create(&file), Err(KeyError::Exposed(_))));
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("closed");
        let public = Key::generate().expect("a key").public().to_pem().expect("PEM");
        for content in ["", "nonsense", "-----BEGIN PRIVATE KEY-----\n", public.as_str()] {
            fs::write(&file, content).expect("written");
            assert!(matches!(Turns::open_or_create(&file), Err(KeyError::Format)), "{content}");
        }
    }
}
