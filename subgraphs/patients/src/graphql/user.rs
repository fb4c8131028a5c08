mod mutation;
mod permission;
mod query;

use std::{collections::BTreeSet, sync::Arc};

use async_graphql::{Context, ID, Object, Union};
use healthbridge_graphql::{Code, Connection, Time, batch, below, one, service};
use healthbridge_outcome::{Fault, PageArgs};
use healthbridge_rights::{Permission, Role};

pub(super) use mutation::{UserMutation, UserPayload, user_payload};
pub(super) use query::UserQuery;

use permission::PermissionCode;

use super::{
    patient::{Patient, PatientById},
    staff::{MedicalStaff, StaffById},
    version::{UserVersion, VersionsOfRecord},
};
use crate::{
    domain::{Account, UserKind},
    service::Accounts,
};

/// Whom an account belongs to.
#[derive(Union)]
pub(crate) enum UserProfile {
    /// A patient.
    Patient(Patient),
    /// A member of the medical staff.
    MedicalStaff(MedicalStaff),
}

/// An account that somebody, or a machine, signs in with.
pub(crate) struct User(pub(crate) Arc<Account>);

/// An account that somebody, or a machine, signs in with.
#[Object]
impl User {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Whom an account is for.
    async fn kind(&self) -> Code<UserKind> {
        Code(self.0.kind)
    }

    /// Email address, in lower case.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// Whether the account may sign in.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// The roles, which give the account its scopes.
    async fn roles(&self) -> Vec<Code<Role>> {
        self.0.roles.iter().copied().map(Code).collect()
    }

    /// The scopes that the account's tokens have (SMART App Launch v2, such as `user/Patient.r`): its roles' and, of a
    /// SERVICE account, its own.
    async fn scopes(&self, ctx: &Context<'_>) -> BTreeSet<String> {
        service::<Accounts>(ctx).granted(&self.0)
    }

    /// What the account may do, by its scopes. Ask `me` for it, and show what will not be refused.
    async fn permissions(&self, ctx: &Context<'_>) -> Vec<PermissionCode> {
        let scopes = service::<Accounts>(ctx).granted(&self.0);
        Permission::given_by(&scopes).into_iter().map(PermissionCode).collect()
    }

    /// Whether it is asked for a one-time password at sign-in, too.
    async fn totp_enabled(&self) -> bool {
        self.0.totp_enabled
    }

    /// When the account last signed in; null where it never did.
    async fn last_login_at(&self) -> Option<Time> {
        self.0.last_login_at.map(Time::from)
    }

    /// When the account was created.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// When the account was last changed.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// The changes of the account that somebody else made, the newest first.
    #[graphql(requires_scopes = "policy:records.audit")]
    async fn history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
    ) -> Result<Option<Connection<UserVersion>>, Fault> {
        below::<VersionsOfRecord, _>(ctx, self.0.id, &PageArgs::new(first, after, last, before)?, ()).await
    }

    /// The person whose account it is; null where it is linked to nobody, or the caller may not see that record.
    async fn profile(&self, ctx: &Context<'_>) -> Result<Option<UserProfile>, Fault> {
        match (self.0.patient_id, self.0.staff_id) {
            (Some(id), _) => Ok(one::<PatientById>(ctx, id).await?.map(Patient).map(UserProfile::Patient)),
            (None, Some(id)) => Ok(one::<StaffById>(ctx, id).await?.map(MedicalStaff).map(UserProfile::MedicalStaff)),
            (None, None) => Ok(None),
        }
    }
}

batch! {
    /// The accounts with these ids.
    pub(super) UserById = Accounts::by_id() -> Account, by |account| account.id
}

batch! {
    /// The accounts of these patients.
    pub(super) UserOfPatient = Accounts::of_patients() -> Account, by |account| account.patient_id.unwrap_or_default()
}

batch! {
    /// The accounts of these members of the staff, who may be patients, too.
    pub(super) UserOfStaff = Accounts::of_staff() -> Account, by |account| account.staff_id.unwrap_or_default()
}
