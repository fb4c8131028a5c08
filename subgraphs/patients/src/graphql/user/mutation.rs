use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{Code, Time, UserError, caller, codes, now, parse_id, service, settled};
use healthbridge_outcome::{Fault, Outcome, Stop, UserErrorCode};
use healthbridge_rights::Role;
use uuid::Uuid;

use super::User;
use crate::{
    domain::{Account, UserKind},
    graphql::address,
    service::{Accounts, ChangeAccount, CreateUser, Invited, NewAccount, NewState, ResetPassword},
};

/// An account to be made by the person it is for.
#[derive(InputObject)]
pub(crate) struct RegisterUserInput {
    /// Email address.
    email: String,
    /// Password; one that can be guessed is refused.
    #[graphql(secret)]
    password: String,
    /// Only PATIENT: accounts of the staff are made by an administrator.
    kind: Code<UserKind>,
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

/// An account to be made for somebody else.
#[derive(InputObject)]
pub(crate) struct CreateUserInput {
    /// Email address.
    email: String,
    /// Whom an account is for.
    kind: Code<UserKind>,
    /// Roles: PATIENT for a patient, SERVICE for a machine, any others for the staff.
    roles: Vec<Code<Role>>,
    /// Only for a machine: the `system/` scopes that it may use, such as `system/Patient.r`.
    scopes: Option<Vec<String>>,
    /// Sent again with the same key and input, the mutation gives the account again, but not the token.
    idempotency_key: Option<Uuid>,
}

impl From<CreateUserInput> for CreateUser {
    fn from(input: CreateUserInput) -> Self {
        Self {
            email: input.email,
            kind: input.kind.0,
            roles: codes(Some(input.roles)),
            scopes: input.scopes.unwrap_or_default(),
        }
    }
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

fn token_payload(outcome: Outcome<Invited>) -> Result<Option<OneTimeTokenPayload>, Fault> {
    let (invited, user_errors) = settled(outcome)?;
    let (account, token) = invited.map(|invited| (invited.account, invited.token)).unzip();
    let (one_time_token, expires_at) = token.flatten().unzip();
    let user = account.map(|account| User(Arc::new(account)));
    Ok(Some(OneTimeTokenPayload { user, one_time_token, expires_at: expires_at.map(Into::into), user_errors }))
}

/// An account to be activated or deactivated.
#[derive(InputObject)]
pub(crate) struct ChangeUserStateInput {
    /// The account.
    user_id: ID,
    /// The reason, in plain text, kept in the account's history.
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
    roles: Vec<Code<Role>>,
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

/// An account, or why it was not changed.
#[derive(SimpleObject)]
pub(crate) struct UserPayload {
    /// The account.
    user: Option<User>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

pub(crate) fn user_payload(outcome: Outcome<Account>) -> Result<UserPayload, Fault> {
    let (account, user_errors) = settled(outcome)?;
    Ok(UserPayload { user: account.map(|account| User(Arc::new(account))), user_errors })
}

async fn change(
    ctx: &Context<'_>,
    user_id: &ID,
    expected_version: Option<i32>,
    reason: Option<String>,
    state: NewState,
) -> Result<Option<UserPayload>, Fault> {
    let change = ChangeAccount { user_id: parse_id(user_id).unwrap_or_default(), expected_version, reason, state };
    user_payload(service::<Accounts>(ctx).change(caller(ctx), change, now()).await).map(Some)
}

/// What is done with accounts.
#[derive(Default)]
pub(crate) struct UserMutation;

#[Object]
impl UserMutation {
    /// Makes an account of a patient, who sees nothing until staff link it to a record. Open to the anonymous.
    async fn register_user(&self, ctx: &Context<'_>, input: RegisterUserInput) -> Result<RegisterUserPayload, Fault> {
        let (kind, key) = (input.kind.0, input.idempotency_key);
        let (email, password, roles) = (input.email, input.password.into(), vec![Role::Patient]);
        let outcome = if kind == UserKind::Patient {
            let account = NewAccount { kind, email, password, roles };
            service::<Accounts>(ctx).register(account, address(ctx), key, now()).await
        } else {
            let message = "Accounts of the staff are made by an administrator";
            Err(Stop::refuse("kind", UserErrorCode::NotAllowed, message))
        };
        let UserPayload { user, user_errors } = user_payload(outcome)?;
        Ok(RegisterUserPayload { user, user_errors })
    }

    /// Makes an account for somebody else, who sets its password by the one-time token.
    #[graphql(requires_scopes = "user/User.c", requires_scopes = "system/User.c")]
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        input: CreateUserInput,
    ) -> Result<Option<OneTimeTokenPayload>, Fault> {
        let key = input.idempotency_key;
        token_payload(service::<Accounts>(ctx).create(caller(ctx), input.into(), key, now()).await)
    }

    /// Gives a one-time token by which an account's owner sets a new password. Until it is used everything stays as it is;
    /// `deactivateUser` shuts somebody out at once.
    #[graphql(requires_scopes = "user/User.u policy:admin")]
    async fn reset_user_password(
        &self,
        ctx: &Context<'_>,
        input: ResetUserPasswordInput,
    ) -> Result<Option<OneTimeTokenPayload>, Fault> {
        let user_id = parse_id(&input.user_id).unwrap_or_default();
        let reset = ResetPassword { user_id, clears_totp: input.disable_totp };
        token_payload(service::<Accounts>(ctx).reset_password(caller(ctx), reset, now()).await)
    }

    /// Lets an account sign in again.
    #[graphql(requires_scopes = "user/User.u", requires_scopes = "system/User.u")]
    async fn activate_user(
        &self,
        ctx: &Context<'_>,
        input: ChangeUserStateInput,
    ) -> Result<Option<UserPayload>, Fault> {
        change(ctx, &input.user_id, input.expected_version, Some(input.reason), NewState::Active(true)).await
    }

    /// Ends all sessions of an account and lets it sign in no more; its tokens are refused everywhere within five seconds.
    #[graphql(requires_scopes = "user/User.u", requires_scopes = "system/User.u")]
    async fn deactivate_user(
        &self,
        ctx: &Context<'_>,
        input: ChangeUserStateInput,
    ) -> Result<Option<UserPayload>, Fault> {
        change(ctx, &input.user_id, input.expected_version, Some(input.reason), NewState::Active(false)).await
    }

    /// Sets an account's roles; tokens with the former ones are refused everywhere within five seconds.
    #[graphql(requires_scopes = "user/User.u policy:admin")]
    async fn set_user_roles(&self, ctx: &Context<'_>, input: SetUserRolesInput) -> Result<Option<UserPayload>, Fault> {
        let roles = NewState::Roles(codes(Some(input.roles)));
        change(ctx, &input.user_id, Some(input.expected_version), None, roles).await
    }

    /// Links a patient's account to the record that it sees from then on.
    #[graphql(requires_scopes = "user/Patient.u", requires_scopes = "system/Patient.u")]
    async fn link_patient_account(
        &self,
        ctx: &Context<'_>,
        input: LinkPatientAccountInput,
    ) -> Result<Option<UserPayload>, Fault> {
        let patient = NewState::Patient(parse_id(&input.patient_id).unwrap_or_default());
        change(ctx, &input.user_id, input.expected_version, None, patient).await
    }
}
