//! What staff change about accounts. Each change revokes the tokens that say otherwise.

use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Refusals, Stop, UserError, UserErrorCode};
use healthbridge_rights::Role;
use uuid::Uuid;

use crate::{
    domain::{Account, UserKind},
    service::record_versions::note,
    store::{
        accounts, patients,
        sessions::{self, EndReason},
    },
};

/// An account that is changed.
#[derive(Clone, Debug)]
pub(crate) struct ChangeAccount {
    pub user_id: Uuid,
    pub expected_version: Option<i32>,
    /// Why, where somebody has to say so.
    pub reason: Option<String>,
    pub state: NewState,
}

/// What is changed.
#[derive(Clone, Debug)]
pub(crate) enum NewState {
    /// Whether it may sign in.
    Active(bool),
    /// All roles that it has from now on.
    Roles(Vec<Role>),
    /// The patient whose record it sees.
    Patient(Uuid),
}

impl Change for ChangeAccount {
    // Four mutations of the graph are this change.
    const NAME: &'static str = "changeAccount";
    type Made = Account;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let mut refusals = Refusals::default();
        let reason = self.reason.as_deref().map(|reason| refusals.line("reason", reason));
        refusals.or(())?;
        let Some(mut account) = accounts::lock(making.connection(), self.user_id).await? else {
            return Err(Stop::refuse("userId", UserErrorCode::NotFound, "There is no such account"));
        };
        if account.id == making.user_id() {
            // Nobody locks the last door behind them.
            return Err(not_allowed("userId", "The own account is changed by somebody else"));
        }
        if self.expected_version.is_some_and(|version| version != account.version) {
            return Err(UserError::version_conflict().into());
        }
        let changed_field = self.apply(&mut account, making).await?;
        let now = making.now;
        account.version += 1;
        account.token_version += 1;
        account.updated_at = now;
        accounts::update(making.connection(), &account).await?;
        note(making, account.id, account.version, vec![changed_field.to_owned()], reason).await?;
        if !account.active {
            sessions::end_all(making.connection(), account.id, None, EndReason::Deactivated, now).await?;
        }
        sessions::revoke_account(making.connection(), account.id, account.token_version, now).await?;
        Ok(account)
    }
}

impl ChangeAccount {
    /// Gives the field of `User` that changes.
    async fn apply(&self, account: &mut Account, making: &mut Making<'_>) -> Outcome<&'static str> {
        match &self.state {
            NewState::Active(active) => {
                account.active = *active;
                Ok("active")
            }
            NewState::Roles(roles) => {
                if account.kind == UserKind::Service || roles.contains(&Role::Service) {
                    let message = "The rights of a SERVICE account are the scopes that it was created with";
                    return Err(not_allowed("roles", message));
                }
                if account.kind == UserKind::Patient && roles.iter().any(|role| *role != Role::Patient) {
                    return Err(not_allowed("roles", "A patient's account has the role PATIENT only"));
                }
                account.roles.clone_from(roles);
                Ok("roles")
            }
            NewState::Patient(id) => {
                // Locked, so that of two accounts that are linked to it at once one finds the other.
                if patients::lock(making.connection(), *id).await?.is_none() {
                    return Err(Stop::refuse("patientId", UserErrorCode::NotFound, "There is no such patient"));
                }
                if account.kind != UserKind::Patient {
                    return Err(not_allowed("userId", "Only a patient's account belongs to a patient"));
                }
                if accounts::id_of_patient(making.connection(), *id).await?.is_some() {
                    let message = "The patient has an account";
                    return Err(Stop::refuse("patientId", UserErrorCode::AlreadyExists, message));
                }
                account.patient_id = Some(*id);
                Ok("profile")
            }
        }
    }
}

fn not_allowed(field: &str, message: &str) -> Stop {
    Stop::refuse(field, UserErrorCode::NotAllowed, message)
}
