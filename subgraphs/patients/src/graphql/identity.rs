//! Mutations of how people prove who they are: invitations, resets, one-time passwords, other issuers.

use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_auth::Role;
use healthbridge_graphql::{ApiError, Outcome, Time, UserError, caller, now, parse_id};
use uuid::Uuid;

use super::{
    accounts::{SignInPayload, UserPayload},
    user::{SystemRole, User, UserKind},
};
use crate::{
    Service, domain,
    service::{CreateUser, Enrolment, Invited},
};

/// The mutations of how people prove who they are.
#[derive(Default)]
pub(crate) struct IdentityMutation;

/// An account to be made for somebody else.
#[derive(InputObject)]
pub(crate) struct CreateUserInput {
    /// Email address.
    email: String,
    /// Whose account it is.
    kind: UserKind,
    /// Roles: PATIENT for a patient, SERVICE for a machine, any others for the staff.
    roles: Vec<SystemRole>,
    /// Only for a machine: the `system/` scopes that it may use, such as `system/Patient.r`.
    scopes: Option<Vec<String>>,
    /// Sent again with the same key and input, the mutation gives the account again, but not the token.
    idempotency_key: Option<Uuid>,
}

/// An account whose owner is to set a new password.
#[derive(InputObject)]
pub(crate) struct ResetUserPasswordInput {
    /// The account.
    user_id: ID,
    /// Whether one-time passwords are asked for no longer once the token is used: for somebody who has lost the device.
    #[graphql(default)]
    disable_totp: bool,
}

/// An account with a token for its owner.
#[derive(SimpleObject)]
pub(crate) struct OneTimeTokenPayload {
    /// The account.
    user: Option<User>,
    /// The token for `completePasswordReset`, to be handed to the owner. It is shown once and lasts 24 hours.
    one_time_token: Option<String>,
    /// When the token expires.
    expires_at: Option<Time>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl From<Outcome<Invited>> for OneTimeTokenPayload {
    fn from(outcome: Outcome<Invited>) -> Self {
        match outcome {
            Ok(invited) => {
                let (one_time_token, expires_at) = invited.token.unzip();
                let user = Some(User(Arc::new(invited.account)));
                Self { user, one_time_token, expires_at: expires_at.map(Into::into), user_errors: Vec::new() }
            }
            Err(user_errors) => Self { user: None, one_time_token: None, expires_at: None, user_errors },
        }
    }
}

/// A password to be set by a one-time token.
#[derive(InputObject)]
pub(crate) struct CompletePasswordResetInput {
    /// The one-time token.
    #[graphql(secret)]
    token: String,
    /// The password from now on; one that can be guessed is refused.
    #[graphql(secret)]
    new_password: String,
}

/// A token of another issuer.
#[derive(InputObject)]
pub(crate) struct SignInWithTokenInput {
    /// A JSON Web Token of an issuer that this installation trusts.
    #[graphql(secret)]
    token: String,
}

/// The first one-time password of an authenticator app.
#[derive(InputObject)]
pub(crate) struct ConfirmTotpInput {
    /// The six digits that the app shows now.
    #[graphql(secret)]
    code: String,
}

/// The password that proves who it is.
#[derive(InputObject)]
pub(crate) struct DisableTotpInput {
    /// The password.
    #[graphql(secret)]
    password: String,
}

/// A secret for an authenticator app.
#[derive(SimpleObject)]
pub(crate) struct BeginTotpPayload {
    /// The secret in base 32 (RFC 4648), to be typed. It is shown once.
    secret: Option<String>,
    /// The secret as an `otpauth://` URL, to be shown as a QR code.
    url: Option<String>,
    /// Why it was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl From<Outcome<Enrolment>> for BeginTotpPayload {
    fn from(outcome: Outcome<Enrolment>) -> Self {
        match outcome {
            Ok(enrolment) => Self { secret: Some(enrolment.secret), url: Some(enrolment.url), user_errors: Vec::new() },
            Err(user_errors) => Self { secret: None, url: None, user_errors },
        }
    }
}

/// The mutations of how people prove who they are.
#[Object]
impl IdentityMutation {
    /// Makes an account for somebody else, who sets its password by the one-time token.
    #[graphql(requires_scopes = "user/User.c", requires_scopes = "system/User.c")]
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        input: CreateUserInput,
    ) -> Result<Option<OneTimeTokenPayload>, ApiError> {
        let key = input.idempotency_key;
        let input = CreateUser {
            email: input.email,
            kind: domain::UserKind::from(input.kind).into(),
            roles: input.roles.into_iter().map(Role::from).collect(),
            scopes: input.scopes.unwrap_or_default(),
        };
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.create_user(caller(ctx), input, key, now()).await?.into()))
    }

    /// Gives a one-time token by which an account's owner sets a new password. Until it is used everything stays as it is;
    /// `deactivateUser` shuts somebody out at once.
    #[graphql(requires_scopes = "user/User.u policy:admin")]
    async fn reset_user_password(
        &self,
        ctx: &Context<'_>,
        input: ResetUserPasswordInput,
    ) -> Result<Option<OneTimeTokenPayload>, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        let id = parse_id(&input.user_id);
        Ok(Some(service.reset_password(caller(ctx), id, input.disable_totp, now()).await?.into()))
    }

    /// Sets a password by a one-time token; all sessions of the account end. Open to the anonymous: the token is the proof.
    async fn complete_password_reset(
        &self,
        ctx: &Context<'_>,
        input: CompletePasswordResetInput,
    ) -> Result<UserPayload, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(service.complete_reset(&input.token, input.new_password.into(), now()).await?.into())
    }

    /// Begins a session with a token of another issuer, such as Keycloak or Entra, that this installation trusts (token
    /// exchange, RFC 8693 in spirit). Open to the anonymous: the token is the proof. Fails with
    /// `IDENTITY_PROVIDER_UNAVAILABLE` while the issuer's keys cannot be had.
    async fn sign_in_with_token(
        &self,
        ctx: &Context<'_>,
        input: SignInWithTokenInput,
    ) -> Result<Option<SignInPayload>, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(Some(service.sign_in_with_token(&input.token, now()).await?.into()))
    }

    /// Makes a secret for the caller's authenticator app (RFC 6238). It is asked for once `confirmTotp` has its first
    /// one-time password.
    async fn begin_totp(&self, ctx: &Context<'_>) -> Result<BeginTotpPayload, ApiError> {
        Ok(ctx.data_unchecked::<Arc<Service>>().begin_totp(caller(ctx)).await?.into())
    }

    /// Confirms the caller's authenticator app: from then on `signIn` asks for a one-time password, too.
    async fn confirm_totp(&self, ctx: &Context<'_>, input: ConfirmTotpInput) -> Result<UserPayload, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(service.confirm_totp(caller(ctx), &input.code, now()).await?.into())
    }

    /// Asks the caller's account for one-time passwords no longer.
    async fn disable_totp(&self, ctx: &Context<'_>, input: DisableTotpInput) -> Result<UserPayload, ApiError> {
        let service = ctx.data_unchecked::<Arc<Service>>();
        Ok(service.disable_totp(caller(ctx), input.password.into(), now()).await?.into())
    }
}
