use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use argon2::{
    Argon2, PasswordHash, PasswordHasher, PasswordVerifier,
    password_hash::{Error, SaltString},
};
use healthbridge_outcome::{Fault, Outcome};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

use crate::domain::password;

/// Hashes and verifies passwords by Argon2id with the parameters that OWASP names first (19 MiB, 2 passes, 1 lane), and
/// estimates how guessable new ones are.
pub struct Passwords {
    /// Each hash takes 19 MiB and a core: threads of its own do that, half as many as there are cores.
    work: mpsc::SyncSender<Job>,
    /// Verified for accounts that do not exist, so that the time tells nothing.
    decoy: String,
}

type Job = Box<dyn FnOnce() + Send>;

/// How many passwords may wait for each thread: about a second of work. Whoever comes then is turned away at once
/// instead of waiting for longer than anybody would.
const WAITING: usize = 32;

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The operating system gives no random bytes.
    #[error("the password could not be hashed")]
    Failed,
    /// Too many others wait.
    #[error("too many passwords are to be hashed at once")]
    Overloaded,
}

impl From<HashError> for Fault {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded => Self::Overloaded,
            HashError::Failed => Self::internal(error),
        }
    }
}

impl Default for Passwords {
    fn default() -> Self {
        let decoy = hash("no account has this password").unwrap_or_default();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let threads = (cores / 2).max(1);
        let (work, jobs) = mpsc::sync_channel::<Job>(threads * WAITING);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..threads {
            let jobs = jobs.clone();
            thread::spawn(move || {
                // Somebody who guesses must not slow down everything else: charts go first. On Linux this is the thread's
                // own priority; where it cannot be lowered it stays as it is.
                rustix::process::nice(10).ok();
                loop {
                    let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    match job {
                        Ok(job) => job(),
                        Err(mpsc::RecvError) => return,
                    }
                }
            });
        }
        Self { work, decoy }
    }
}

impl Passwords {
    /// Hashes a password that the program chose.
    ///
    /// # Errors
    /// When the operating system gives no random bytes, or too many others wait.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        self.run(move || hash(password.expose_secret())).await?.map_err(|_| HashError::Failed)
    }

    /// Hashes a password that somebody chose, unless it can be guessed; what the account is called counts as known.
    pub(crate) async fn hash_chosen(
        &self,
        field: &'static str,
        password: SecretString,
        email: &str,
    ) -> Outcome<String> {
        let email = email.to_owned();
        let checked = move || {
            password::check_strength(field, password.expose_secret(), &email)?;
            Ok(hash(password.expose_secret()).map_err(|_| HashError::Failed)?)
        };
        self.run(checked).await?
    }

    /// Whether the password is the one that was hashed; takes as long where there is no hash.
    pub(crate) async fn verify(&self, password: SecretString, stored: Option<&str>) -> Result<bool, HashError> {
        let is_real = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).to_owned();
        let matches = move || {
            let parsed = PasswordHash::new(&stored);
            parsed.is_ok_and(|parsed| {
                Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok()
            })
        };
        Ok(self.run(matches).await? && is_real)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, HashError> {
        let (done, result) = oneshot::channel();
        // Who has gone meanwhile needs no answer.
        let job = Box::new(move || {
            if !done.is_closed() {
                drop(done.send(work()));
            }
        });
        self.work.try_send(job).map_err(|_| {
            metrics::counter!("healthbridge_passwords_turned_away_total").increment(1);
            HashError::Overloaded
        })?;
        result.await.map_err(|_| HashError::Failed)
    }
}

fn hash(password: &str) -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::Crypto)?;
    let salt = SaltString::encode_b64(&bytes)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt)?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_of_a_real_account_is_accepted() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".into()).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".into(), Some(&hash)).await.expect("verified"));
        assert!(!passwords.verify("wrong horse".into(), Some(&hash)).await.expect("verified"));
        assert!(!passwords.verify("no account has this password".into(), None).await.expect("verified"));
    }

    #[tokio::test]
    async fn whoever_comes_when_too_many_wait_is_turned_away_at_once_and_nobody_later() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".into()).await.expect("hashed");
        let asked = 4 * WAITING * thread::available_parallelism().map_or(1, usize::from);
        let all = futures::future::join_all((0..asked).map(|_| passwords.verify("correct horse".into(), Some(&hash))));
        let (mut verified, mut turned_away) = (0, 0);
        for answer in all.await {
            match answer {
                Ok(is_right) => verified += usize::from(is_right),
                Err(error) => turned_away += usize::from(matches!(error, HashError::Overloaded)),
            }
        }
        assert!(verified >= WAITING && turned_away > 0, "{verified} verified, {turned_away} turned away");
        assert_eq!(verified + turned_away, asked);
        assert!(
            passwords.verify("correct horse".into(), Some(&hash)).await.expect("verified"),
            "the next one is served"
        );
    }
}
