use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use healthbridge_graphql::{Time, UserError, caller, now, service, settled};
use healthbridge_outcome::{Fault, Outcome};

use super::{address, user::User};
use crate::service::{Reauthenticate, Sessions, SignIn, SignedIn};

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

/// A token of another issuer.
#[derive(InputObject)]
pub(crate) struct SignInWithTokenInput {
    /// A JSON Web Token of an issuer that this installation trusts.
    #[graphql(secret)]
    token: String,
}

/// What a session is refreshed with.
#[derive(InputObject)]
pub(crate) struct RefreshSessionInput {
    /// The refresh token of the last sign-in or refresh; it is used once, and may be sent again for 20 seconds.
    #[graphql(secret)]
    refresh_token: String,
}

/// What a person proves by to be there: exactly one of these.
#[derive(InputObject)]
pub(crate) struct ReauthenticateInput {
    /// The password. A session that began with a one-time password is asked for the next one instead.
    #[graphql(secret)]
    password: Option<String>,
    /// The one-time password that the authenticator app shows now (RFC 6238, six digits), where the session began with one.
    #[graphql(secret)]
    one_time_password: Option<String>,
    /// A JSON Web Token of the issuer that vouches for the account, which has asked the person within the last five minutes
    /// (`auth_time` of OpenID Connect): for accounts without a password.
    #[graphql(secret)]
    identity_token: Option<String>,
}

/// A proof that the person was asked again.
#[derive(SimpleObject)]
pub(crate) struct ReauthenticatePayload {
    /// The proof, for mutations that sign: it lasts five minutes, and counts for this session of this account alone. It gives
    /// no access.
    reauth_token: Option<String>,
    /// When the proof expires.
    expires_at: Option<Time>,
    /// Why it was refused; then there is no proof.
    user_errors: Vec<UserError>,
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

fn payload(outcome: Outcome<SignedIn>) -> Result<SignInPayload, Fault> {
    let (signed_in, user_errors) = settled(outcome)?;
    let Some(signed_in) = signed_in else {
        return Ok(SignInPayload {
            access_token: None,
            refresh_token: None,
            expires_at: None,
            user: None,
            user_errors,
        });
    };
    Ok(SignInPayload {
        access_token: Some(signed_in.access_token),
        refresh_token: Some(signed_in.refresh_token),
        expires_at: Some(signed_in.expires_at.into()),
        user: Some(User(Arc::new(signed_in.account))),
        user_errors,
    })
}

/// Whether the session ended.
#[derive(SimpleObject)]
pub(crate) struct SignOutPayload {
    /// Whether it ended; the tokens are refused everywhere within five seconds.
    ok: bool,
    /// Why it was refused.
    user_errors: Vec<UserError>,
}

/// What is done with sessions.
#[derive(Default)]
pub(super) struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Begins a session with an email address and a password. Open to the anonymous.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Result<SignInPayload, Fault> {
        let (email, totp) = (input.email.as_str(), input.totp.as_deref());
        let input = SignIn { email, password: input.password.into(), totp, address: address(ctx) };
        payload(service::<Sessions>(ctx).sign_in(input, now()).await)
    }

    /// Begins a session with a token of another issuer, such as Keycloak or Entra, that this installation trusts (token
    /// exchange, RFC 8693 in spirit). Open to the anonymous: the token is the proof. Fails with
    /// `IDENTITY_PROVIDER_UNAVAILABLE` while the issuer's keys cannot be had.
    async fn sign_in_with_token(
        &self,
        ctx: &Context<'_>,
        input: SignInWithTokenInput,
    ) -> Result<Option<SignInPayload>, Fault> {
        payload(service::<Sessions>(ctx).sign_in_with_token(&input.token, now()).await).map(Some)
    }

    /// Gives new tokens for a refresh token. Sent again within 20 seconds, the same one gives the same next one, if nobody
    /// used that; one that was used before ends the session. Open to the anonymous.
    async fn refresh_session(&self, ctx: &Context<'_>, input: RefreshSessionInput) -> Result<SignInPayload, Fault> {
        payload(service::<Sessions>(ctx).refresh(&input.refresh_token, now()).await)
    }

    /// Asks the person again who is signed in, for what must not be done by a token alone: the proof that it gives is asked for
    /// where somebody signs. Fails with `IDENTITY_PROVIDER_UNAVAILABLE` while the keys of the account's issuer cannot be had.
    async fn reauthenticate(
        &self,
        ctx: &Context<'_>,
        input: ReauthenticateInput,
    ) -> Result<Option<ReauthenticatePayload>, Fault> {
        let given = Reauthenticate {
            password: input.password.map(Into::into),
            one_time_password: input.one_time_password.as_deref(),
            identity_token: input.identity_token.as_deref(),
        };
        let (proven, user_errors) = settled(service::<Sessions>(ctx).reauthenticate(caller(ctx), given, now()).await)?;
        let (reauth_token, expires_at) = proven.map(|proven| (proven.token, proven.expires_at.into())).unzip();
        Ok(Some(ReauthenticatePayload { reauth_token, expires_at, user_errors }))
    }

    /// Ends the caller's session.
    async fn sign_out(&self, ctx: &Context<'_>) -> Result<SignOutPayload, Fault> {
        let (ended, user_errors) = settled(service::<Sessions>(ctx).sign_out(caller(ctx), now()).await)?;
        Ok(SignOutPayload { ok: ended.is_some(), user_errors })
    }
}
