use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use uuid::Uuid;

use super::{Service, patient_input};
use crate::{
    NAME,
    domain::{Changes, HumanName, RecordVersion, Staff, StaffProfession, UserKind},
    store::Store,
};

/// A member of the staff to be added, as it was sent.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CreateStaff {
    pub name: HumanName,
    pub profession: &'static str,
    pub licence_number: Option<String>,
    pub department: Option<String>,
    pub user_id: Option<String>,
}

/// What changes about a member of the staff: `None` leaves a field as it is, `Some(None)` empties it.
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateStaff {
    pub staff_id: Option<Uuid>,
    pub expected_version: i32,
    pub name: Option<HumanName>,
    pub profession: Option<StaffProfession>,
    pub licence_number: Option<Option<String>>,
    pub department: Option<Option<String>>,
    pub active: Option<bool>,
}

impl Service {
    /// Adds a member of the staff, and links the account that is named. Its tokens get the new link by a refresh.
    pub(crate) async fn create_staff(
        &self,
        caller: &Caller,
        input: CreateStaff,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Staff>, ApiError> {
        let account = caller.require(Resource::Practitioner, Right::Create)?;
        let now = now.trunc_subsecs(6);
        let id = Uuid::now_v7();
        let key = key.map(|key| idempotency::Key { key, caller: account.user_id, operation: "createStaffMember" });
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::InProgress => return Ok(Err(vec![UserError::key_in_progress()])),
            Begin::Done(id) => {
                let first = self.store.staff_by_id(&[id]).await.map_err(ApiError::internal)?;
                return first.into_iter().next().map(Ok).ok_or(ApiError::Unauthorized);
            }
        };
        let mut refusals = Refusals::default();
        let staff = Staff {
            id,
            name: patient_input::name(&mut refusals, &input.name),
            profession: input.profession.parse().unwrap_or(StaffProfession::Other),
            specialty: None,
            licence_number: refusals.optional_line("licenceNumber", input.licence_number.as_deref()),
            department: refusals.optional_line("department", input.department.as_deref()),
            active: true,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let staff = match refusals.or(staff) {
            Ok(staff) => staff,
            Err(refused) => return Ok(Err(refused)),
        };
        Store::insert_staff(&mut transaction, &staff).await.map_err(ApiError::internal)?;
        if let Some(user_id) = &input.user_id {
            let found = match Uuid::try_parse(user_id) {
                Ok(id) => Store::lock_account(&mut transaction, id).await.map_err(ApiError::internal)?,
                Err(_) => None,
            };
            let refuse = |code, message: &str| Ok(Err(vec![UserError::at("userId", code, message)]));
            let Some(mut account) = found.filter(|account| account.kind == UserKind::Staff) else {
                return refuse(UserErrorCode::NotFound, "There is no such account of the staff");
            };
            if account.staff_id.is_some() {
                return refuse(UserErrorCode::AlreadyExists, "The account belongs to a member of the staff");
            }
            account.staff_id = Some(staff.id);
            account.version += 1;
            account.updated_at = now;
            Store::update_account(&mut transaction, &account).await.map_err(ApiError::internal)?;
        }
        let changed_fields = ["name", "profession", "licenceNumber", "department", "user"].map(str::to_owned).to_vec();
        let version = RecordVersion {
            version: 1,
            changed_at: now,
            changed_by: Some(account.user_id),
            changed_fields,
            reason: None,
        };
        Store::insert_version(&mut transaction, staff.id, &version).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(staff))
    }

    /// Changes the record of a member of the staff, and notes who changed which fields.
    pub(crate) async fn update_staff(
        &self,
        caller: &Caller,
        input: UpdateStaff,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Staff>, ApiError> {
        let account = caller.require(Resource::Practitioner, Right::Update)?;
        let now = now.trunc_subsecs(6);
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let found = match input.staff_id {
            Some(id) => Store::lock_staff(&mut transaction, id).await.map_err(ApiError::internal)?,
            None => None,
        };
        let Some(mut staff) = found else {
            let message = "There is no such member of the staff";
            return Ok(Err(vec![UserError::at("staffId", UserErrorCode::NotFound, message)]));
        };
        if staff.version != input.expected_version {
            return Ok(Err(vec![UserError::version_conflict()]));
        }
        let (mut refusals, mut changes) = (Refusals::default(), Changes::default());
        let name = input.name.map(|name| patient_input::name(&mut refusals, &name));
        changes.set("name", &mut staff.name, name);
        changes.set("profession", &mut staff.profession, input.profession);
        let licence = input.licence_number.map(|value| refusals.optional_line("licenceNumber", value.as_deref()));
        changes.set("licenceNumber", &mut staff.licence_number, licence);
        let department = input.department.map(|value| refusals.optional_line("department", value.as_deref()));
        changes.set("department", &mut staff.department, department);
        changes.set("active", &mut staff.active, input.active);
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let changed_fields = changes.into_fields();
        if changed_fields.is_empty() {
            return Ok(Ok(staff));
        }
        staff.version += 1;
        staff.updated_at = now;
        Store::update_staff(&mut transaction, &staff).await.map_err(ApiError::internal)?;
        let version = staff.version;
        let version =
            RecordVersion { version, changed_at: now, changed_by: Some(account.user_id), changed_fields, reason: None };
        Store::insert_version(&mut transaction, staff.id, &version).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(staff))
    }
}
