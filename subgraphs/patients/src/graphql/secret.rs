use async_graphql::{Context, InputObject, Object, SimpleObject};
use healthbridge_graphql::{UserError, caller, now, service, settled};
use healthbridge_outcome::Fault;

use super::user::{UserPayload, user_payload};
use crate::service::Secrets;

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

/// What the owners of accounts do with their passwords and one-time passwords.
#[derive(Default)]
pub(super) struct SecretMutation;

#[Object]
impl SecretMutation {
    /// Changes the caller's own password; all other sessions end.
    async fn change_password(&self, ctx: &Context<'_>, input: ChangePasswordInput) -> Result<UserPayload, Fault> {
        let (current, new) = (input.current_password.into(), input.new_password.into());
        user_payload(service::<Secrets>(ctx).change_password(caller(ctx), current, new, now()).await)
    }

    /// Sets a password by a one-time token; all sessions of the account end. Open to the anonymous: the token is the proof.
    async fn complete_password_reset(
        &self,
        ctx: &Context<'_>,
        input: CompletePasswordResetInput,
    ) -> Result<UserPayload, Fault> {
        user_payload(service::<Secrets>(ctx).complete_reset(&input.token, input.new_password.into(), now()).await)
    }

    /// Makes a secret for the caller's authenticator app (RFC 6238). It is asked for once `confirmTotp` has its first
    /// one-time password.
    async fn begin_totp(&self, ctx: &Context<'_>) -> Result<BeginTotpPayload, Fault> {
        let (enrolment, user_errors) = settled(service::<Secrets>(ctx).begin_totp(caller(ctx), now()).await)?;
        let (secret, url) = enrolment.map(|enrolment| (enrolment.secret, enrolment.url)).unzip();
        Ok(BeginTotpPayload { secret, url, user_errors })
    }

    /// Confirms the caller's authenticator app: from then on `signIn` asks for a one-time password, too.
    async fn confirm_totp(&self, ctx: &Context<'_>, input: ConfirmTotpInput) -> Result<UserPayload, Fault> {
        user_payload(service::<Secrets>(ctx).confirm_totp(caller(ctx), &input.code, now()).await)
    }

    /// Asks the caller's account for one-time passwords no longer.
    async fn disable_totp(&self, ctx: &Context<'_>, input: DisableTotpInput) -> Result<UserPayload, Fault> {
        user_payload(service::<Secrets>(ctx).disable_totp(caller(ctx), input.password.into(), now()).await)
    }
}
