//! People whom another issuer vouches for: its token is exchanged for ours (RFC 8693 in spirit).

use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{ForeignError, ForeignIdentity, Role};
use healthbridge_graphql::{ApiError, Outcome, UserError, UserErrorCode};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Service, SignedIn, sessions::begin_session};
use crate::{
    domain::{Account, UserKind},
    store::{ForeignLink, Store},
};

fn refused<T>(message: &str) -> Outcome<T> {
    Err(vec![UserError::at("token", UserErrorCode::NotAllowed, message)])
}

impl Service {
    /// Begins a session for somebody whom another issuer vouches for. The account is made when the person comes for the
    /// first time; its roles and patient record follow the issuer's word each time.
    pub(crate) async fn sign_in_with_token(
        &self,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Outcome<SignedIn>, ApiError> {
        let now = now.trunc_subsecs(6);
        let mut identity = match self.foreign.verify(token).await {
            Ok(identity) => identity,
            Err(error @ ForeignError::Invalid) => return Ok(refused(&error.to_string())),
            Err(ForeignError::Unavailable(error)) => {
                tracing::warn!(%error, "an issuer's keys cannot be had");
                return Err(ApiError::IdentityProvider);
            }
        };
        if identity.patient.is_some() && !identity.roles.contains(&Role::Patient) {
            identity.roles.push(Role::Patient);
        }
        let patient_id = self.patient_of(&identity).await?;
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let account = match account_of(&mut transaction, &identity, patient_id, now).await? {
            Ok(account) => account,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !account.active {
            return Ok(refused("The account is not active"));
        }
        let account = Store::signed_in(&mut transaction, account.id, now).await.map_err(ApiError::internal)?;
        let (session_id, refresh_token) = begin_session(&mut transaction, account.id, now).await?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(self.tokens(account, session_id, refresh_token, now)))
    }

    /// The record that the issuer says is the person's own.
    async fn patient_of(&self, identity: &ForeignIdentity) -> Result<Option<Uuid>, ApiError> {
        let ids: Vec<Uuid> = match &identity.patient {
            None => Vec::new(),
            Some((None, mrn)) => {
                let found = self.store.patient_ids_by_mrn(std::slice::from_ref(mrn), None).await;
                found.map_err(ApiError::internal)?.into_iter().map(|(_, id)| id).collect()
            }
            Some((Some(system), value)) => {
                self.store.patient_ids_by_identifier(system, value, None).await.map_err(ApiError::internal)?
            }
        };
        // Of two records with one identifier neither is shown.
        Ok(if let [only] = ids[..] { Some(only) } else { None })
    }
}

/// The account of somebody, locked, made or changed as the issuer's word says. `patient_id` is the record that the issuer
/// says is the person's own.
async fn account_of(
    connection: &mut PgConnection,
    identity: &ForeignIdentity,
    patient_id: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<Outcome<Account>, ApiError> {
    let found = Store::lock_foreign_identity(connection, &identity.issuer, &identity.subject).await;
    let link = match found.map_err(ApiError::internal)? {
        Some(link) => link,
        None => match link(connection, identity, now).await? {
            Ok(link) => link,
            Err(refusal) => return Ok(Err(refusal)),
        },
    };
    let account = Store::lock_account(connection, link.account_id).await.map_err(ApiError::internal)?;
    let mut account = account.ok_or(ApiError::Unauthorized)?;
    if !link.provisioned {
        // An account that was ours before keeps the roles that we gave it.
        return Ok(Ok(account));
    }
    if identity.roles.is_empty() {
        return Ok(refused("The issuer gives you no role here"));
    }
    if let Some(patient) = patient_id {
        // Of two accounts that get it at once one finds the other.
        Store::lock_patient(connection, patient).await.map_err(ApiError::internal)?;
        let owner = Store::account_of_patient(connection, patient).await.map_err(ApiError::internal)?;
        if owner.is_some_and(|owner| owner != account.id) {
            return Ok(refused("The patient's record belongs to another account"));
        }
    }
    if account.roles != identity.roles || account.patient_id != patient_id {
        account.roles.clone_from(&identity.roles);
        account.patient_id = patient_id;
        account.version += 1;
        account.token_version += 1;
        account.updated_at = now;
        Store::update_account(connection, &account).await.map_err(ApiError::internal)?;
        let revoked = Store::revoke_account(connection, account.id, account.token_version, now).await;
        revoked.map_err(ApiError::internal)?;
    }
    Ok(Ok(account))
}

/// Makes an account for somebody who comes for the first time, or takes the one with the same verified address.
async fn link(
    connection: &mut PgConnection,
    identity: &ForeignIdentity,
    now: DateTime<Utc>,
) -> Result<Outcome<ForeignLink>, ApiError> {
    let taken = match &identity.verified_email {
        Some(email) => Store::account_by_email(connection, email).await.map_err(ApiError::internal)?,
        None => None,
    };
    let link = match taken {
        Some(account_id) if identity.may_link_by_email => {
            // Before a row is added that refers to it: the lock that this takes would stand in the way of our own.
            Store::lock_account(connection, account_id).await.map_err(ApiError::internal)?;
            ForeignLink { account_id, provisioned: false }
        }
        // Whoever controls an address at the issuer must not get the account that has it here.
        Some(_) => return Ok(refused("An account with this email address exists: sign in by its password")),
        None if identity.roles.is_empty() => return Ok(refused("The issuer gives you no role here")),
        None => {
            let account = new_account(identity, now);
            if !Store::insert_account(connection, &account, None).await.map_err(ApiError::internal)? {
                return Ok(refused("An account with this email address exists: sign in by its password"));
            }
            ForeignLink { account_id: account.id, provisioned: true }
        }
    };
    let kept = Store::insert_foreign_identity(connection, &identity.issuer, &identity.subject, &link, now).await;
    if !kept.map_err(ApiError::internal)? {
        return Ok(refused("Another issuer vouches for the account with this email address"));
    }
    Ok(Ok(link))
}

fn new_account(identity: &ForeignIdentity, now: DateTime<Utc>) -> Account {
    let digest = || hex::encode(&Sha256::digest([&identity.issuer, "\0", &identity.subject].concat())[..16]);
    // An address that nobody can have (RFC 2606) where the issuer has verified none.
    let email = identity.verified_email.clone().unwrap_or_else(|| format!("{}@foreign.invalid", digest()));
    Account {
        id: Uuid::now_v7(),
        kind: if identity.roles == [Role::Patient] { UserKind::Patient } else { UserKind::Staff },
        email,
        roles: identity.roles.clone(),
        scopes: Vec::new(),
        active: true,
        patient_id: None,
        staff_id: None,
        token_version: 1,
        totp_enabled: false,
        last_login_at: None,
        created_at: now,
        updated_at: now,
        version: 1,
    }
}
