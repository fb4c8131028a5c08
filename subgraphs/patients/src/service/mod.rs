//! The rules: who may, what is valid, what happens together.

mod accounts;
mod create_patient;
mod foreign;
mod identity;
mod import;
mod invitations;
mod passwords;
mod patient_input;
mod sessions;
mod staff;
mod throttle;
mod totp;
mod update_patient;

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use healthbridge_auth::{Caller, ForeignIssuers, Reach, Resource, Right, SigningKeys};
use healthbridge_graphql::{ApiError, Page, Window};
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) use accounts::{AccountChange, ChangeAccount};
pub(crate) use create_patient::{CreatePatient, Registered};
pub use identity::NewAccount;
pub use import::{ForeignPatient, ForeignPractitioner, Imported, Importer};
pub(crate) use invitations::{CreateUser, Invited};
pub use passwords::Passwords;
pub(crate) use sessions::{SignIn, SignedIn};
pub(crate) use staff::{CreateStaff, UpdateStaff};
pub(crate) use totp::Enrolment;
pub use totp::{InvalidTotpKey, TotpKey};
pub(crate) use update_patient::UpdatePatient;

use crate::{
    domain::{Account, Patient, RecordVersion, Staff},
    store::{AccountFilter, AccountKey, AccountOrder, PatientFilter, PatientOrder, SortKey, StaffFilter, Store},
};

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
}

/// The subgraph's service.
pub struct Service {
    store: Store,
    keys: Arc<SigningKeys>,
    issuer: String,
    foreign: ForeignIssuers,
    totp: Option<TotpKey>,
    passwords: Passwords,
}

/// A token that cannot be guessed; who keeps it keeps its digest only.
fn random_token() -> Result<String, ApiError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| ApiError::internal(std::io::Error::other(error.to_string())))?;
    Ok(URL_SAFE_NO_PAD.encode(random))
}

impl Service {
    /// A service on this database.
    pub fn new(pool: PgPool, identity: Identity) -> Self {
        let Identity { keys, issuer, foreign, totp } = identity;
        Self { store: Store::new(pool), keys, issuer, foreign, totp, passwords: Passwords::default() }
    }

    /// The patients that the caller may read, of these.
    pub(crate) async fn patients(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Patient>, ApiError> {
        match caller.reach(Resource::Patient, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => self.store.patients_by_id(ids, own).await.map_err(ApiError::internal),
        }
    }

    /// The ids of the patients with these record numbers, of those that the caller may read.
    pub(crate) async fn patient_ids(&self, caller: &Caller, mrns: &[String]) -> Result<Vec<(String, Uuid)>, ApiError> {
        match caller.reach(Resource::Patient, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => self.store.patient_ids_by_mrn(mrns, own).await.map_err(ApiError::internal),
        }
    }

    /// The id of a patient with an identifier, if the caller may search for it: the oldest record's, if several have it.
    pub(crate) async fn patient_id_by_identifier(
        &self,
        caller: &Caller,
        system: &str,
        value: &str,
    ) -> Result<Option<Uuid>, ApiError> {
        match caller.reach(Resource::Patient, Right::Search).confine() {
            None => Ok(None),
            Some(own) => {
                let ids = self.store.patient_ids_by_identifier(system, value, own).await;
                Ok(ids.map_err(ApiError::internal)?.first().copied())
            }
        }
    }

    /// One page of the changes of these records, for whoever audits records.
    pub(crate) async fn versions(
        &self,
        caller: &Caller,
        records: &[Uuid],
        window: &Window<i32>,
    ) -> Result<Vec<(Uuid, RecordVersion)>, ApiError> {
        if !caller.holds("policy:records.audit") {
            return Ok(Vec::new());
        }
        self.store.versions_of(records, window).await.map_err(ApiError::internal)
    }

    /// The accounts of these patients or members of the staff that the caller may see: the own one always.
    pub(crate) async fn accounts_of(&self, caller: &Caller, people: &[Uuid]) -> Result<Vec<Account>, ApiError> {
        let own = match caller.reach(Resource::User, Right::Read) {
            Reach::Everyone => None,
            _ => match caller.account() {
                Some(account) => Some(account.user_id),
                None => return Ok(Vec::new()),
            },
        };
        self.store.accounts_of(people, own).await.map_err(ApiError::internal)
    }

    /// A page of the patients that the caller may search.
    pub(crate) async fn search_patients(
        &self,
        caller: &Caller,
        filter: &PatientFilter,
        order: PatientOrder,
        window: &Window<SortKey>,
    ) -> Result<Page<Patient>, ApiError> {
        match caller.reach(Resource::Patient, Right::Search).confine() {
            None => Ok(Page::default()),
            Some(own) => {
                let rows = self.store.list_patients(filter, order, window, own).await;
                rows.map(|rows| window.page(rows)).map_err(ApiError::internal)
            }
        }
    }

    /// How many patients the caller would find.
    pub(crate) async fn count_patients(&self, caller: &Caller, filter: &PatientFilter) -> Result<i64, ApiError> {
        match caller.reach(Resource::Patient, Right::Search).confine() {
            None => Ok(0),
            Some(own) => self.store.count_patients(filter, own).await.map_err(ApiError::internal),
        }
    }

    /// The members of the staff with these ids; a patient, too, reads who treats them.
    pub(crate) async fn staff(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Staff>, ApiError> {
        let scopes = ["user/Practitioner.r", "patient/Practitioner.r", "system/Practitioner.r"];
        if !scopes.iter().any(|scope| caller.holds(scope)) {
            return Ok(Vec::new());
        }
        self.store.staff_by_id(ids).await.map_err(ApiError::internal)
    }

    /// A page of the staff.
    pub(crate) async fn search_staff(
        &self,
        caller: &Caller,
        filter: &StaffFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Staff>, ApiError> {
        caller.require(Resource::Practitioner, Right::Search)?;
        self.store.list_staff(filter, window).await.map(|rows| window.page(rows)).map_err(ApiError::internal)
    }

    /// A page of the accounts.
    pub(crate) async fn search_accounts(
        &self,
        caller: &Caller,
        filter: &AccountFilter,
        order: AccountOrder,
        window: &Window<AccountKey>,
    ) -> Result<Page<Account>, ApiError> {
        caller.require(Resource::User, Right::Search)?;
        self.store.list_accounts(filter, order, window).await.map(|rows| window.page(rows)).map_err(ApiError::internal)
    }

    /// How many accounts the caller would find.
    pub(crate) async fn count_accounts(&self, caller: &Caller, filter: &AccountFilter) -> Result<i64, ApiError> {
        caller.require(Resource::User, Right::Search)?;
        self.store.count_accounts(filter).await.map_err(ApiError::internal)
    }

    /// The accounts with these ids that the caller may see: the own one always.
    pub(crate) async fn accounts(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Account>, ApiError> {
        let sees_all = caller.reach(Resource::User, Right::Read) == Reach::Everyone;
        let own = caller.account().map(|account| account.user_id);
        let visible: Vec<Uuid> = ids.iter().copied().filter(|id| sees_all || Some(*id) == own).collect();
        if visible.is_empty() {
            return Ok(Vec::new());
        }
        self.store.accounts_by_id(&visible).await.map_err(ApiError::internal)
    }
}
