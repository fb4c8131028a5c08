use chrono::{DateTime, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use healthbridge_postgres::idempotency::{self, Begin};
use serde::Serialize;
use uuid::Uuid;

use super::{Service, create_patient::check_name};
use crate::{
    NAME,
    domain::{HumanName, Staff, StaffProfession, UserKind},
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
        let mut refusals = Refusals::default();
        let staff = Staff {
            id: Uuid::now_v7(),
            name: check_name(&mut refusals, &input.name),
            profession: input.profession.parse().unwrap_or(StaffProfession::Other),
            specialty: None,
            licence_number: refusals.optional_line("licenceNumber", input.licence_number.as_deref()),
            department: refusals.optional_line("department", input.department.as_deref()),
            active: true,
            created_at: now.trunc_subsecs(6),
            version: 1,
        };
        let staff = match refusals.or(staff) {
            Ok(staff) => staff,
            Err(refused) => return Ok(Err(refused)),
        };
        let key = key.map(|key| idempotency::Key { key, caller: account.user_id, operation: "createStaffMember" });
        let begun = idempotency::begin(self.store.pool(), NAME, key, &input, staff.id).await;
        let mut transaction = match begun.map_err(ApiError::internal)? {
            Begin::New(transaction) => transaction,
            Begin::Reused => return Ok(Err(vec![UserError::key_reused()])),
            Begin::Done(id) => {
                let first = self.store.staff_by_id(&[id]).await.map_err(ApiError::internal)?;
                return first.into_iter().next().map(Ok).ok_or(ApiError::Unauthorized);
            }
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
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(staff))
    }
}
