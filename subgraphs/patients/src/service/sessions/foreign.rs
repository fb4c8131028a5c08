//! People whom another issuer vouches for: its token is exchanged for ours (RFC 8693 in spirit).

use chrono::{DateTime, Utc};
use healthbridge_auth::{ForeignError, ForeignIdentity};
use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Fault, Outcome, Stop, UserErrorCode};
use healthbridge_rights::{Caller, Role};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Open, Sessions, SignedIn, begin};
use crate::{
    domain::{Account, UserKind},
    store::{
        accounts,
        credentials::{self, ForeignLink},
        patients, sessions,
    },
};

impl Sessions {
    /// Begins a session for somebody whom another issuer vouches for. The account is made when the person comes for the
    /// first time; its roles and patient record follow the issuer's word each time.
    pub(crate) async fn sign_in_with_token(&self, token: &str, now: DateTime<Utc>) -> Outcome<SignedIn> {
        let mut identity = match self.proof.identity.foreign.verify(token).await {
            Ok(identity) => identity,
            Err(error @ ForeignError::Invalid) => return Err(refused(&error.to_string())),
            Err(ForeignError::Unavailable(error)) => {
                tracing::warn!(error = healthbridge_telemetry::causes(&error), "an issuer's keys cannot be had");
                return Err(Fault::IdentityProvider.into());
            }
        };
        if identity.patient.is_some() && !identity.roles.contains(&Role::Patient) {
            identity.roles.push(Role::Patient);
        }
        let patient_id = self.patient_of(&identity).await?;
        let open = self.changes.make(&VouchedFor { identity, patient_id }, &Caller::Anonymous, now).await?;
        Ok(self.tokens(open, now))
    }

    /// The record that the issuer says is the person's own.
    async fn patient_of(&self, identity: &ForeignIdentity) -> Result<Option<Uuid>, sqlx::Error> {
        let ids: Vec<Uuid> = match &identity.patient {
            None => Vec::new(),
            Some((None, mrn)) => {
                let found = patients::by_mrn(&self.pool, std::slice::from_ref(mrn), None).await?;
                found.into_iter().map(|patient| patient.id).collect()
            }
            Some((Some(system), value)) => patients::ids_by_identifier(&self.searches, system, value, None).await?,
        };
        // Of two records with one identifier neither is shown.
        Ok(if let [only] = ids[..] { Some(only) } else { None })
    }
}

fn refused(message: &str) -> Stop {
    Stop::refuse("token", UserErrorCode::NotAllowed, message)
}

/// Somebody whom an issuer vouches for.
struct VouchedFor {
    identity: ForeignIdentity,
    /// The record that the issuer says is the person's own.
    patient_id: Option<Uuid>,
}

impl Change for VouchedFor {
    const NAME: &'static str = "signInWithToken";
    type Made = Open;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Open> {
        let account = self.account(making).await?;
        if !account.active {
            return Err(refused("The account is not active"));
        }
        let now = making.now;
        begin(making.connection(), account.id, now).await
    }
}

impl VouchedFor {
    /// The account, locked, made or changed as the issuer's word says.
    async fn account(&self, making: &mut Making<'_>) -> Outcome<Account> {
        let (identity, now) = (&self.identity, making.now);
        let found =
            credentials::lock_foreign_identity(making.connection(), &identity.issuer, &identity.subject).await?;
        let link = match found {
            Some(link) => link,
            None => self.link(making).await?,
        };
        let account = accounts::lock(making.connection(), link.account_id).await?;
        let mut account = account.ok_or(Fault::Forbidden)?;
        if !link.provisioned {
            // An account that was ours before keeps the roles that we gave it.
            return Ok(account);
        }
        if identity.roles.is_empty() {
            return Err(refused("The issuer gives you no role here"));
        }
        if let Some(patient) = self.patient_id {
            // Of two accounts that get it at once one finds the other.
            patients::lock(making.connection(), patient).await?;
            let owner = accounts::id_of_patient(making.connection(), patient).await?;
            if owner.is_some_and(|owner| owner != account.id) {
                return Err(refused("The patient's record belongs to another account"));
            }
        }
        if account.roles != identity.roles || account.patient_id != self.patient_id {
            account.roles.clone_from(&identity.roles);
            account.patient_id = self.patient_id;
            account.version += 1;
            account.token_version += 1;
            account.updated_at = now;
            accounts::update(making.connection(), &account).await?;
            sessions::revoke_account(making.connection(), account.id, account.token_version, now).await?;
        }
        Ok(account)
    }

    /// Makes an account for somebody who comes for the first time, or takes the one with the same verified address.
    async fn link(&self, making: &mut Making<'_>) -> Outcome<ForeignLink> {
        let (identity, now) = (&self.identity, making.now);
        let taken = match &identity.verified_email {
            Some(email) => accounts::id_by_email(making.connection(), email).await?,
            None => None,
        };
        let link = match taken {
            Some(account_id) if identity.may_link_by_email => {
                // Before a row is added that refers to it: the lock that this takes would stand in the way of our own.
                accounts::lock(making.connection(), account_id).await?;
                ForeignLink { account_id, provisioned: false }
            }
            // Whoever controls an address at the issuer must not get the account that has it here.
            Some(_) => return Err(refused("An account with this email address exists: sign in by its password")),
            None if identity.roles.is_empty() => return Err(refused("The issuer gives you no role here")),
            None => {
                let account = new_account(making.id, identity, now);
                if !accounts::insert(making.connection(), &account, None).await? {
                    return Err(refused("An account with this email address exists: sign in by its password"));
                }
                ForeignLink { account_id: account.id, provisioned: true }
            }
        };
        let (issuer, subject) = (&identity.issuer, &identity.subject);
        if !credentials::insert_foreign_identity(making.connection(), issuer, subject, &link, now).await? {
            return Err(refused("Another issuer vouches for the account with this email address"));
        }
        Ok(link)
    }
}

fn new_account(id: Uuid, identity: &ForeignIdentity, now: DateTime<Utc>) -> Account {
    let digest = || hex::encode(&Sha256::digest([&identity.issuer, "\0", &identity.subject].concat())[..16]);
    // An address that nobody can have (RFC 2606) where the issuer has verified none.
    let email = identity.verified_email.clone().unwrap_or_else(|| format!("{}@foreign.invalid", digest()));
    let kind = if identity.roles == [Role::Patient] { UserKind::Patient } else { UserKind::Staff };
    Account::new(id, kind, email, identity.roles.clone(), now)
}
