//! What staff change about accounts. Each change revokes the tokens that say otherwise.

use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right, Role};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use uuid::Uuid;

use super::Service;
use crate::{
    domain::{Account, RecordVersion, UserKind},
    store::{EndReason, Store},
};

/// Which account is changed.
#[derive(Clone, Debug)]
pub(crate) struct ChangeAccount {
    pub user_id: Option<Uuid>,
    pub expected_version: Option<i32>,
    /// Why, where somebody has to say so.
    pub reason: Option<String>,
}

/// What is changed.
#[derive(Clone, Debug)]
pub(crate) enum AccountChange {
    Activate,
    Deactivate,
    SetRoles(Vec<Role>),
    LinkPatient(Option<Uuid>),
}

impl AccountChange {
    /// The field of `User` that changes.
    fn field(&self) -> &'static str {
        match self {
            Self::Activate | Self::Deactivate => "active",
            Self::SetRoles(_) => "roles",
            Self::LinkPatient(_) => "profile",
        }
    }
}

impl Service {
    /// Changes an account of somebody else.
    pub(crate) async fn change_account(
        &self,
        caller: &Caller,
        target: ChangeAccount,
        change: AccountChange,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Account>, ApiError> {
        let own = match change {
            AccountChange::LinkPatient(_) => caller.require(Resource::Patient, Right::Update)?,
            _ => caller.require(Resource::User, Right::Update)?,
        };
        let mut refusals = Refusals::default();
        let reason = target.reason.as_deref().map(|reason| refusals.line("reason", reason));
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let changed_field = change.field();
        let now = now.trunc_subsecs(6);
        let refuse = |field, code, message: &str| Ok(Err(vec![UserError::at(field, code, message)]));
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let found = match target.user_id {
            Some(id) => Store::lock_account(&mut transaction, id).await.map_err(ApiError::internal)?,
            None => None,
        };
        let Some(mut account) = found else {
            return refuse("userId", UserErrorCode::NotFound, "There is no such account");
        };
        if account.id == own.user_id {
            // Nobody locks the last door behind them.
            return refuse("userId", UserErrorCode::NotAllowed, "The own account is changed by somebody else");
        }
        if target.expected_version.is_some_and(|version| version != account.version) {
            return Ok(Err(vec![UserError::version_conflict()]));
        }
        match change {
            AccountChange::Activate => account.active = true,
            AccountChange::Deactivate => account.active = false,
            AccountChange::SetRoles(roles) => {
                if account.kind == UserKind::Service || roles.contains(&Role::Service) {
                    let message = "The rights of a SERVICE account are the scopes that it was created with";
                    return refuse("roles", UserErrorCode::NotAllowed, message);
                }
                if account.kind == UserKind::Patient && roles.iter().any(|role| *role != Role::Patient) {
                    return refuse("roles", UserErrorCode::NotAllowed, "A patient's account has the role PATIENT only");
                }
                account.roles = roles;
            }
            AccountChange::LinkPatient(patient_id) => {
                // Locked, so that of two accounts that are linked to it at once one finds the other.
                let found = match patient_id {
                    Some(id) => Store::lock_patient(&mut transaction, id).await.map_err(ApiError::internal)?,
                    None => None,
                };
                let Some(patient) = found else {
                    return refuse("patientId", UserErrorCode::NotFound, "There is no such patient");
                };
                if account.kind != UserKind::Patient {
                    return refuse(
                        "userId",
                        UserErrorCode::NotAllowed,
                        "Only a patient's account belongs to a patient",
                    );
                }
                let owner =
                    Store::account_of_patient(&mut transaction, patient.id).await.map_err(ApiError::internal)?;
                if owner.is_some() {
                    return refuse("patientId", UserErrorCode::AlreadyExists, "The patient has an account");
                }
                account.patient_id = Some(patient.id);
            }
        }
        account.version += 1;
        account.token_version += 1;
        account.updated_at = now;
        Store::update_account(&mut transaction, &account).await.map_err(ApiError::internal)?;
        let changed = RecordVersion {
            version: account.version,
            changed_at: now,
            changed_by: Some(own.user_id),
            changed_fields: vec![changed_field.to_owned()],
            reason,
        };
        Store::insert_version(&mut transaction, account.id, &changed).await.map_err(ApiError::internal)?;
        if !account.active {
            let ended = Store::end_sessions_of(&mut transaction, account.id, None, EndReason::Deactivated, now).await;
            ended.map_err(ApiError::internal)?;
        }
        let revoked = Store::revoke_account(&mut transaction, account.id, account.token_version, now).await;
        revoked.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(account))
    }
}
