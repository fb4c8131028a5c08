//! The rules: who may, what is valid, what happens together.

mod accounts;
mod import;
mod passwords;
mod patients;
mod record_versions;
mod secrets;
mod sessions;
mod staff;
mod throttle;
mod totp;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use healthbridge_auth::{ForeignIssuers, SigningKeys};
use healthbridge_outcome::Fault;
use sqlx::PgPool;

pub(crate) use accounts::{Accounts, ChangeAccount, CreateUser, Invited, NewState, ResetPassword};
pub use accounts::{NewAccount, create_account, has_administrator};
pub use import::{ForeignPatient, ForeignPractitioner, Imported, Importer};
pub use passwords::Passwords;
pub(crate) use patients::{CreatePatient, Patients, UpdatePatient};
pub(crate) use record_versions::RecordVersions;
pub(crate) use secrets::Secrets;
pub(crate) use sessions::{Reauthenticate, Sessions, SignIn, SignedIn};
pub(crate) use staff::{CreateStaff, StaffMembers, UpdateStaff};
pub use totp::{InvalidTotpKey, TotpKey};

use throttle::Throttle;

/// What identity is made of beside the database.
pub struct Identity {
    /// The keys that sign access tokens.
    pub keys: Arc<SigningKeys>,
    /// The `iss` of the tokens: the deployment's public URL.
    pub issuer: String,
    /// The issuers whose tokens are exchanged for ours.
    pub foreign: ForeignIssuers,
    /// The key that the secrets of one-time passwords are encrypted with; without it nobody has one.
    pub totp: Option<TotpKey>,
    /// Whether the tokens of patients let them book and cancel appointments for their own record.
    pub patients_book: bool,
}

/// By what people prove who they are, for the services that ask for it.
#[derive(Clone)]
struct Proof {
    identity: Arc<Identity>,
    passwords: Arc<Passwords>,
    throttle: Throttle,
}

impl Proof {
    fn new(pool: &PgPool, identity: Identity) -> Self {
        let (passwords, throttle) = (Arc::default(), Throttle::new(pool.clone()));
        Self { identity: Arc::new(identity), passwords, throttle }
    }
}

/// The subgraph's services.
pub(crate) struct Services {
    pub patients: Arc<Patients>,
    pub staff: Arc<StaffMembers>,
    pub accounts: Arc<Accounts>,
    pub sessions: Arc<Sessions>,
    pub secrets: Arc<Secrets>,
    pub record_versions: Arc<RecordVersions>,
}

impl Services {
    pub(crate) fn new(pool: &PgPool, identity: Identity) -> Self {
        let (proof, searches) = (Proof::new(pool, identity), healthbridge_postgres::search_pool(pool));
        Self {
            patients: Arc::new(Patients::new(pool.clone(), searches.clone())),
            staff: Arc::new(StaffMembers::new(pool.clone())),
            accounts: Arc::new(Accounts::new(pool.clone(), searches.clone(), proof.clone())),
            sessions: Arc::new(Sessions::new(pool.clone(), searches, proof.clone())),
            secrets: Arc::new(Secrets::new(pool.clone(), proof)),
            record_versions: Arc::new(RecordVersions::new(pool.clone())),
        }
    }
}

/// A token that cannot be guessed; who keeps it keeps its digest only.
fn random_token() -> Result<String, Fault> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>()?))
}

/// Bytes that nobody can guess.
fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Fault> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|error| Fault::internal(std::io::Error::other(error.to_string())))?;
    Ok(bytes)
}
