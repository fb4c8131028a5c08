use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, SimpleObject};
use healthbridge_graphql::{
    Code, Coding, Connection, List, Time, UserError, batch, below, caller, entity, listed, now, one, parse_id, service,
    settled, window,
};
use healthbridge_outcome::{Fault, Outcome, PageArgs};
use uuid::Uuid;

use super::{
    person::{HumanName, HumanNameInput},
    user::{User, UserOfStaff},
    version::{MedicalStaffVersion, VersionsOfRecord},
};
use crate::{
    domain::{Staff, StaffProfession},
    service::{CreateStaff, StaffMembers, UpdateStaff},
    store::staff,
};

/// A member of the medical staff (FHIR Practitioner).
pub(crate) struct MedicalStaff(pub(crate) Arc<Staff>);

/// A member of the medical staff (FHIR Practitioner).
#[Object]
impl MedicalStaff {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The name.
    async fn name(&self) -> HumanName {
        HumanName::from(&self.0.name)
    }

    /// The profession.
    async fn profession(&self) -> Code<StaffProfession> {
        Code(self.0.profession)
    }

    /// The specialty.
    async fn specialty(&self) -> Option<Coding> {
        self.0.specialty.as_ref().map(Coding::from)
    }

    /// National licence number.
    async fn licence_number(&self) -> Option<&str> {
        self.0.licence_number.as_deref()
    }

    /// Department.
    async fn department(&self) -> Option<&str> {
        self.0.department.as_deref()
    }

    /// Whether the person works here.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// When the record was created.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// When the record was last changed.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// The account that the person signs in with.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        Ok(one::<UserOfStaff>(ctx, self.0.id).await?.map(User))
    }

    /// The changes of the record, the newest first.
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
    ) -> Result<Option<Connection<MedicalStaffVersion>>, Fault> {
        below::<VersionsOfRecord, _>(ctx, self.0.id, &PageArgs::new(first, after, last, before)?, ()).await
    }
}

impl List for MedicalStaff {
    const ORDER: &'static str = "staff";
    type Row = Staff;
    type Place = Uuid;

    fn place(member: &Staff) -> Uuid {
        member.id
    }

    fn node(member: Arc<Staff>) -> Self {
        Self(member)
    }
}

/// Which members of the staff a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct StaffFilter {
    /// With this profession.
    profession: Option<Code<StaffProfession>>,
    /// Of this department.
    department: Option<String>,
    /// Whether they work here.
    active: Option<bool>,
    /// The beginning of the family name, with or without accents and case.
    search: Option<String>,
}

impl From<StaffFilter> for staff::StaffFilter {
    fn from(filter: StaffFilter) -> Self {
        Self {
            profession: filter.profession.map(|Code(profession)| profession),
            department: filter.department,
            active: filter.active,
            search: filter.search,
        }
    }
}

batch! {
    /// The members of the staff with these ids.
    pub(super) StaffById = StaffMembers::by_id() -> Staff, by |member| member.id
}

/// How members of the staff are found.
#[derive(Default)]
pub(super) struct StaffQuery;

#[Object]
impl StaffQuery {
    /// A member of the medical staff.
    #[graphql(
        requires_scopes = "user/Practitioner.r",
        requires_scopes = "patient/Practitioner.r",
        requires_scopes = "system/Practitioner.r"
    )]
    async fn staff_member(&self, ctx: &Context<'_>, id: ID) -> Result<Option<MedicalStaff>, Fault> {
        Ok(entity::<StaffById>(ctx, &id).await?.map(MedicalStaff))
    }

    /// The medical staff, the newest record first.
    #[graphql(requires_scopes = "user/Practitioner.s", requires_scopes = "system/Practitioner.s")]
    async fn staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which members.")] filter: Option<StaffFilter>,
    ) -> Result<Option<Connection<MedicalStaff>>, Fault> {
        let window = window::<MedicalStaff>(&PageArgs::new(first, after, last, before)?)?;
        let (staff_members, filter) = (service::<StaffMembers>(ctx), filter.unwrap_or_default().into());
        let page = staff_members.search(caller(ctx), &filter, &window);
        listed(ctx, page, staff_members.count(caller(ctx), &filter)).await
    }

    #[graphql(entity)]
    async fn find_medical_staff_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<MedicalStaff>, Fault> {
        Ok(entity::<StaffById>(ctx, &id).await?.map(MedicalStaff))
    }
}

/// A member of the medical staff to be added.
#[derive(InputObject)]
pub(crate) struct CreateStaffInput {
    /// The name.
    name: HumanNameInput,
    /// The profession.
    profession: Code<StaffProfession>,
    /// National licence number.
    licence_number: Option<String>,
    /// Department.
    department: Option<String>,
    /// The account of the person, of the kind STAFF.
    user_id: Option<ID>,
    /// Sent again with the same key and input, the mutation gives its first answer.
    idempotency_key: Option<Uuid>,
}

impl From<CreateStaffInput> for CreateStaff {
    fn from(input: CreateStaffInput) -> Self {
        Self {
            name: input.name.into(),
            profession: input.profession.0,
            licence_number: input.licence_number,
            department: input.department,
            user_id: input.user_id.map(|id| id.0),
        }
    }
}

/// What changes about a member of the medical staff. A field that is left out stays as it is; null empties it, where it
/// may be empty.
#[derive(InputObject)]
pub(crate) struct UpdateStaffInput {
    /// The member.
    staff_id: ID,
    /// The version that the caller saw; another one is refused with `VERSION_CONFLICT`.
    expected_version: i32,
    /// The name.
    name: Option<HumanNameInput>,
    /// The profession.
    profession: Option<Code<StaffProfession>>,
    /// National licence number.
    licence_number: MaybeUndefined<String>,
    /// Department.
    department: MaybeUndefined<String>,
    /// Whether the person works here.
    active: Option<bool>,
}

impl From<UpdateStaffInput> for UpdateStaff {
    fn from(input: UpdateStaffInput) -> Self {
        Self {
            staff_id: parse_id(&input.staff_id).unwrap_or_default(),
            expected_version: input.expected_version,
            name: input.name.map(Into::into),
            profession: input.profession.map(|Code(profession)| profession),
            licence_number: input.licence_number.into(),
            department: input.department.into(),
            active: input.active,
        }
    }
}

/// A member of the medical staff, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct StaffPayload {
    /// The member.
    staff_member: Option<MedicalStaff>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

fn payload(outcome: Outcome<Staff>) -> Result<Option<StaffPayload>, Fault> {
    let (member, user_errors) = settled(outcome)?;
    Ok(Some(StaffPayload { staff_member: member.map(|member| MedicalStaff(Arc::new(member))), user_errors }))
}

/// What is done with the records of the staff.
#[derive(Default)]
pub(super) struct StaffMutation;

#[Object]
impl StaffMutation {
    /// Adds a member of the medical staff, and links the account that is named.
    #[graphql(requires_scopes = "user/Practitioner.c", requires_scopes = "system/Practitioner.c")]
    async fn create_staff_member(
        &self,
        ctx: &Context<'_>,
        input: CreateStaffInput,
    ) -> Result<Option<StaffPayload>, Fault> {
        let key = input.idempotency_key;
        payload(service::<StaffMembers>(ctx).create(caller(ctx), input.into(), key, now()).await)
    }

    /// Changes the record of a member of the medical staff.
    #[graphql(requires_scopes = "user/Practitioner.u", requires_scopes = "system/Practitioner.u")]
    async fn update_staff_member(
        &self,
        ctx: &Context<'_>,
        input: UpdateStaffInput,
    ) -> Result<Option<StaffPayload>, Fault> {
        payload(service::<StaffMembers>(ctx).update(caller(ctx), input.into(), now()).await)
    }
}
