use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
};

use argon2::{
    Argon2, PasswordHash, PasswordHasher, PasswordVerifier,
    password_hash::{Error, SaltString},
};
use healthbridge_graphql::{UserError, UserErrorCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::oneshot;

/// Hashes and verifies passwords by Argon2id with the parameters that OWASP names first (19 MiB, 2 passes, 1 lane).
pub struct Passwords {
    /// Each hash takes 19 MiB and a core: threads of its own do that, half as many as there are cores.
    work: mpsc::Sender<Job>,
    /// Verified for accounts that do not exist, so that the time tells nothing.
    decoy: String,
}

type Job = Box<dyn FnOnce() + Send>;

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed")]
pub struct HashError;

impl Default for Passwords {
    fn default() -> Self {
        let decoy = hash("no account has this password").unwrap_or_default();
        let (work, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..(cores / 2).max(1) {
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
    /// Hashes a new password.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        self.run(move || hash(password.expose_secret())).await.ok_or(HashError)?.map_err(|_| HashError)
    }

    /// Whether the password is the one that was hashed; takes as long where there is no hash.
    pub(crate) async fn verify(&self, password: SecretString, stored: Option<&str>) -> bool {
        let is_real = stored.is_some();
        let stored = stored.unwrap_or(&self.decoy).to_owned();
        let matches = move || {
            let parsed = PasswordHash::new(&stored);
            parsed.is_ok_and(|parsed| {
                Argon2::default().verify_password(password.expose_secret().as_bytes(), &parsed).is_ok()
            })
        };
        self.run(matches).await.unwrap_or(false) && is_real
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = oneshot::channel();
        // Who has gone meanwhile needs no answer.
        let job = Box::new(move || {
            if !done.is_closed() {
                drop(done.send(work()));
            }
        });
        self.work.send(job).ok()?;
        result.await.ok()
    }
}

/// The lowest zxcvbn score that is taken: "safely unguessable, moderate protection from an offline attack".
const LOWEST_SCORE: zxcvbn::Score = zxcvbn::Score::Three;

/// Refuses a password that can be guessed; what the account is called counts as known.
pub(crate) fn check_strength(field: &str, password: &SecretString, email: &str) -> Result<(), UserError> {
    let password = password.expose_secret();
    // Longer ones would make the estimate slow and the hash no stronger.
    if password.chars().count() > 128 {
        return Err(UserError::at(field, UserErrorCode::OutOfRange, "A password has at most 128 characters"));
    }
    if zxcvbn::zxcvbn(password, &[email, "healthbridge"]).score() < LOWEST_SCORE {
        let message = "The password can be guessed: take a longer one, such as four words that have nothing in common";
        return Err(UserError::at(field, UserErrorCode::OutOfRange, message));
    }
    Ok(())
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

    #[test]
    fn a_guessable_password_is_refused() {
        for weak in ["password", "healthbridge1", "doctor@example.test", "qwertyuiop", ""] {
            assert!(check_strength("password", &weak.into(), "doctor@example.test").is_err(), "{weak}");
        }
        assert!(check_strength("password", &"correct horse battery staple".into(), "doctor@example.test").is_ok());
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_real_account_is_accepted() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse".into()).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse".into(), Some(&hash)).await);
        assert!(!passwords.verify("wrong horse".into(), Some(&hash)).await);
        assert!(!passwords.verify("no account has this password".into(), None).await);
    }
}
