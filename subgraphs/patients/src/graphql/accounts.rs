//! Mutations of accounts and sessions.

use std::{net::IpAddr, sync::Arc};

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_auth::Role;
use healthbridge_graphql::{ApiError, ClientAddress, Outcome, Time, UserError, UserErrorCode, caller, now, parse_id};
use uuid::Uuid;

use super::user::{SystemRole, User, UserKind};
use crate::{
    NewAccount, Service,
    domain::{self, Account},
    service::{AccountChange, ChangeAccount, SignIn, SignedIn},
};

/// The mutations of accounts and sessions.
#[derive(Default)]
pub(crate) struct AccountMutation;

/// What one signs in with.
#[derive(InputObject)]
pub(crate) struct SignInInput {
    /// Email address, in any case.
    email: String,
    /// Password.
    #[graphql(secret)]
    password: String,
    /// The one-time password, where the account asks for one (RFC 6238, six digits).
    #[graphql(secret)]
    totp: Option<String>,
}

/// What a session is refreshed with.
#[derive(InputObject)]
pub(crate) struct RefreshSessionInput {
    /// The refresh token of the last sign-in or refresh; it is used once, and may be sent again for 20 seconds.
    #[graphql(secret)]
    refresh_token: String,
}

/// A session's tokens.
#[derive(SimpleObject)]
pub(crate) struct SignInPayload {
    /// An access token for the header `Authorization: Bearer …`; it lasts 15 minutes.
    access_token: Option<String>,
    /// A token for `refreshSession`, used once. The session ends after 12 hours without a refresh, and after 7 days.
    refresh_token: Option<String>,
    /// When the access token expires.
    expires_at: Option<Time>,
    /// The account.
    user: Option<User>,
    /// Why it was refused. The answer is the same whatever was wrong.
    user_errors: Vec<UserError>,
}

impl From<Outcome<SignedIn>> for SignInPayload {
    fn from(outcome: Outcome<SignedIn>) -> Self {
        match outcome {
            Ok(signed_in) => Self {
                access_token: Some(signed_in.access_token),
                refresh_token: Some(signed_in.refresh_token),
                expires_at: Some(signed_in.expires_at.into()),
                user: Some(User(Arc::new(signed_in.account))),
                user_errors: Vec::new(),
            },
            Err(user_errors) => {
                Self { access_token: None, refresh_token: None, expires_at: None, user: None, user_errors }
            }
        }
    }
}

/// Whether the session ended.
#[derive(SimpleObject)]
pub(crate) struct SignOutPayload {
    /// Whether it ended; the tokens are refused everywhere within five seconds.
    ok: bool,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// An account to be made by the person it is for.
#[derive(InputObject)]
pub(crate) struct RegisterUserInput {
    /// Email address.
    email: String,
    /// Password; one that can be guessed is refused.
    #[graphql(secret)]
    password: String,
    /// Only PATIENT: accounts of the staff are made by an administrator.
    kind: UserKind,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

/// An account, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct RegisterUserPayload {
    /// The account.
    user: Option<User>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

/// An account, or why it was not changed.
#[derive(SimpleObject)]
pub(crate) struct UserPayload {
    /// The account.
    user: Option<User>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl From<Outcome<Account>> for UserPayload {
    fn from(outcome: Outcome<Account>) -> Self {
        match outcome {
            Ok(account) => Self { user: Some(User(Arc::new(account))), user_errors: Vec::new() },
            Err(user_errors) => Self { user: None, user_errors },
        }
    }
}

/// An account to be activated or deactivated.
#[derive(InputObject)]
pub(crate) struct ChangeUserStateInput {
    /// The account.
    user_id: ID,
    /// Why, for the account's history.
    reason: String,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: Option<i32>,
}

/// An account's new roles.
#[derive(InputObject)]
pub(crate) struct SetUserRolesInput {
    /// The account.
    user_id: ID,
    /// All roles that it has from now on.
    roles: Vec<SystemRole>,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
}

/// Which account belongs to which patient.
#[derive(InputObject)]
pub(crate) struct LinkPatientAccountInput {
    /// The account, of the kind PATIENT.
    user_id: ID,
    /// The patient.
    patient_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: Option<i32>,
}

/// A new password.
#[derive(InputObject)]
pub(crate) struct ChangePasswordInput {
    /// The password until now.
    #[graphql(secret)]
    current_password: String,
    /// The password from now on; one that can be guessed is refused.
    #[graphql(secret)]
    new_password: String,
}

async fn change(
    ctx: &Context<'_>,
    user_id: &ID,
    expected_version: Option<i32>,
    reason: Option<String>,
    change: AccountChange,
) -> Result<Option<UserPayload>, ApiError> {
    let service = ctx.data_unchecked::<Arc<Service>>();
    let target = ChangeAccount { user_id: parse_id(user_id), expected_version, reason };
    Ok(Some(service.change_account(caller(ctx), target, change, now()).await?.into()))
}

/// Where the request comes from.
fn address(ctx: &Context<'_>) -> Option<IpAddr> {
    ctx.data_opt::<ClientAddress>().and_then(|ClientAddress(address)| *address)
}

/// The mutations of accounts and sessions.
#[Object]
impl AccountMutation {
    /// Makes an account of a patient, who sees nothing until staff link it to a record. Open to the anonymous.
    async fn register_user(
        &self,
        ctx: &Context<'_>,
        input: RegisterUserInput,
    ) -> Result<RegisterUserPayload, ApiError> {
        let key = input.idempotency_key;
        let refused = |user_errors| RegisterUserPayload { user: None, user_errors };
        if input.kind != UserKind::Patient {
            let message = "Accounts of the staff are made by an administrator";
            return Ok(refused(vec![UserError::at("kind", UserErrorCode::NotAllowed, message)]));
        }
        let service = ctx.data_unchecked::<Arc<Service>>();
        let account = NewAccount {
            kind: domain::UserKind::Patient,
            email: input.email,
            password: input.password.into(),
            roles: vec![Role::Patient],
        };
        Ok(match service.register(account, address(ctx), key, now()).await? {
            Ok(account) => RegisterUserPayload { user: Some(User(Arc::new(account))), user_errors: Vec::new() },
            Err(user_errors) => refused(user_errors),
        })
    }

    /// Begins a session with an email address and a password. Open to the anonymous.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Result<SignInPayload, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (email, totp) = (input.email.as_str(), input.totp.as_deref());
        let input = SignIn { email, password: input.password.into(), totp, address: address(ctx) };
        Ok(service.sign_in(input, now()).await?.into())
    }

    /// Gives new tokens for a refresh token. Sent again within 20 seconds, the same one gives the same next one, if nobody
    /// used that; one that was used before ends the session. Open to the anonymous.
    async fn refresh_session(&self, ctx: &Context<'_>, input: RefreshSessionInput) -> Result<SignInPayload, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(service.refresh_session(&input.refresh_token, now()).await?.into())
    }

    /// Ends the caller's session.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutPayload, ApiError> {
        ctx.data_unchecked::<Arc<Service>>().sign_out(caller(ctx), now()).await?;
        Ok(SignOutPayload { ok: true, user_errors: Vec::new() })
    }

    /// Changes the caller's own password; all other sessions end.
    async fn change_password(&self, ctx: &Context<'_>, input: ChangePasswordInput) -> Result<UserPayload, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (current, new) = (input.current_password.into(), input.new_password.into());
        Ok(service.change_password(caller(ctx), current, new, now()).await?.into())
    }

    /// Lets an account sign in again.
    #[graphql(requires_scopes = "user/User.u", requires_scopes = "system/User.u")]
    async fn activate_user(
        &self,
        ctx: &Context<'_>,
        input: ChangeUserStateInput,
    ) -> Result<Option<UserPayload>, ApiError> {
        change(ctx, &input.user_id, input.expected_version, Some(input.reason), AccountChange::Activate).await
    }

    /// Ends all sessions of an account and lets it sign in no more; its tokens are refused everywhere within five seconds.
    #[graphql(requires_scopes = "user/User.u", requires_scopes = "system/User.u")]
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        input: ChangeUserStateInput,
    ) -> Result<Option<UserPayload>, ApiError> {
        change(ctx, &input.user_id, input.expected_version, Some(input.reason), AccountChange::Deactivate).await
    }

    /// Sets an account's roles; tokens with the former ones are refused everywhere within five seconds.
    #[graphql(requires_scopes = "user/User.u policy:admin")]
    async fn set_user_roles(
        &self,
        ctx: &Context<'_>,
        input: SetUserRolesInput,
    ) -> Result<Option<UserPayload>, ApiError> {
        let roles = input.roles.into_iter().map(Role::from).collect();
        change(ctx, &input.user_id, Some(input.expected_version), None, AccountChange::SetRoles(roles)).await
    }

    /// Links a patient's account to the record that it sees from then on.
    #[graphql(requires_scopes = "user/Patient.u", requires_scopes = "system/Patient.u")]
    async fn link_patient_account(
        &self,
        ctx: &Context<'_>,
        input: LinkPatientAccountInput,
    ) -> Result<Option<UserPayload>, ApiError> {
        let patient = AccountChange::LinkPatient(parse_id(&input.patient_id));
        change(ctx, &input.user_id, input.expected_version, None, patient).await
    }
}
