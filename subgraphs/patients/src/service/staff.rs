use chrono::{DateTime, Utc};
use healthbridge_change::{Change, Changes, Making, Once};
use healthbridge_outcome::{Checked, Fault, Outcome, Page, Refusals, Stop, Total, UserError, UserErrorCode, Window};
use healthbridge_rights::{Caller, Resource, Right};
use healthbridge_terms::HumanName;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::record_versions::note;
use crate::{
    NAME,
    domain::{ChangedFields, Staff, StaffProfession, UserKind, patient_input},
    store::{
        accounts,
        staff::{self, StaffFilter},
    },
};

/// The members of the medical staff.
pub(crate) struct StaffMembers {
    pool: PgPool,
    changes: Changes,
}

impl StaffMembers {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool }
    }

    /// The members of the staff with these ids; a patient, too, reads who treats them.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Staff>, Fault> {
        let scopes = ["user/Practitioner.r", "patient/Practitioner.r", "system/Practitioner.r"];
        if !scopes.iter().any(|scope| caller.holds(scope)) {
            return Ok(Vec::new());
        }
        Ok(staff::by_id(&self.pool, ids).await?)
    }

    /// A page of the staff.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &StaffFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<Staff>, Fault> {
        caller.require(Resource::Practitioner, Right::Search)?;
        Ok(window.page(staff::list(&self.pool, filter, window).await?))
    }

    /// How many members of the staff the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &StaffFilter) -> Result<Total, Fault> {
        caller.require(Resource::Practitioner, Right::Search)?;
        Ok(staff::count(&self.pool, filter).await?)
    }

    /// Adds a member of the staff, and links the account that is named. Its tokens get the new link by a refresh.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        member: CreateStaff,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Outcome<Staff> {
        caller.require(Resource::Practitioner, Right::Create)?;
        self.changes.make_once(&member, key, caller, now).await
    }

    /// Changes the record of a member of the staff, and notes who changed which fields.
    pub(crate) async fn update(&self, caller: &Caller, member: UpdateStaff, now: DateTime<Utc>) -> Outcome<Staff> {
        caller.require(Resource::Practitioner, Right::Update)?;
        self.changes.make(&member, caller, now).await
    }
}

/// A member of the staff to be added, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateStaff {
    pub name: HumanName,
    pub profession: StaffProfession,
    pub licence_number: Option<String>,
    pub department: Option<String>,
    pub user_id: Option<String>,
}

impl Change for CreateStaff {
    const NAME: &'static str = "createStaffMember";
    type Made = Staff;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Staff> {
        let member = self.check(making.id, making.now)?;
        staff::insert(making.connection(), &member).await?;
        if let Some(user_id) = &self.user_id {
            link(making, user_id, member.id).await?;
        }
        let changed_fields = ["name", "profession", "licenceNumber", "department", "user"].map(str::to_owned);
        note(making, member.id, member.version, changed_fields.to_vec(), None).await?;
        Ok(member)
    }
}

impl Once for CreateStaff {
    async fn made(&self, id: Uuid, connection: &mut PgConnection) -> Result<Option<Staff>, Fault> {
        Ok(staff::by_id(connection, &[id]).await?.pop())
    }
}

impl CreateStaff {
    fn check(&self, id: Uuid, now: DateTime<Utc>) -> Checked<Staff> {
        let mut refusals = Refusals::default();
        let member = Staff {
            id,
            name: patient_input::name(&mut refusals, &self.name),
            profession: self.profession,
            specialty: None,
            licence_number: refusals.optional_line("licenceNumber", self.licence_number.as_deref()),
            department: refusals.optional_line("department", self.department.as_deref()),
            active: true,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        refusals.or(member)
    }
}

/// Links an account of the staff that belongs to nobody yet.
async fn link(making: &mut Making<'_>, user_id: &str, member: Uuid) -> Outcome<()> {
    let found = accounts::lock(making.connection(), Uuid::try_parse(user_id).unwrap_or_default()).await?;
    let Some(mut account) = found.filter(|account| account.kind == UserKind::Staff) else {
        return Err(Stop::refuse("userId", UserErrorCode::NotFound, "There is no such account of the staff"));
    };
    if account.staff_id.is_some() {
        let message = "The account belongs to a member of the staff";
        return Err(Stop::refuse("userId", UserErrorCode::AlreadyExists, message));
    }
    account.staff_id = Some(member);
    account.version += 1;
    account.updated_at = making.now;
    Ok(accounts::update(making.connection(), &account).await?)
}

/// What changes about a member of the staff: `None` leaves a field as it is, `Some(None)` empties it.
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateStaff {
    pub staff_id: Uuid,
    pub expected_version: i32,
    pub name: Option<HumanName>,
    pub profession: Option<StaffProfession>,
    pub licence_number: Option<Option<String>>,
    pub department: Option<Option<String>>,
    pub active: Option<bool>,
}

impl Change for UpdateStaff {
    const NAME: &'static str = "updateStaffMember";
    type Made = Staff;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Staff> {
        let Some(mut member) = staff::lock(making.connection(), self.staff_id).await? else {
            return Err(Stop::refuse("staffId", UserErrorCode::NotFound, "There is no such member of the staff"));
        };
        if member.version != self.expected_version {
            return Err(UserError::version_conflict().into());
        }
        let changed_fields = self.apply(&mut member)?;
        if changed_fields.is_empty() {
            return Ok(member);
        }
        member.version += 1;
        member.updated_at = making.now;
        staff::update(making.connection(), &member).await?;
        note(making, member.id, member.version, changed_fields, None).await?;
        Ok(member)
    }
}

impl UpdateStaff {
    /// Gives the names of the fields that change.
    fn apply(&self, member: &mut Staff) -> Checked<Vec<String>> {
        let (mut refusals, mut changes) = (Refusals::default(), ChangedFields::default());
        let name = self.name.as_ref().map(|name| patient_input::name(&mut refusals, name));
        changes.set("name", &mut member.name, name);
        changes.set("profession", &mut member.profession, self.profession);
        let mut line = |field: &str, value: &Option<Option<String>>| {
            value.as_ref().map(|value| refusals.optional_line(field, value.as_deref()))
        };
        let licence = line("licenceNumber", &self.licence_number);
        changes.set("licenceNumber", &mut member.licence_number, licence);
        let department = line("department", &self.department);
        changes.set("department", &mut member.department, department);
        changes.set("active", &mut member.active, self.active);
        refusals.or(changes.into_fields())
    }
}
