use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use healthbridge_auth::{Caller, Resource, Right};
use healthbridge_graphql::{ApiError, Outcome, Refusals, UserError, UserErrorCode};
use uuid::Uuid;

use super::{Service, patient_input};
use crate::{
    domain::{
        Address, AdministrativeGender, Changes, Condition, ContactPoint, HumanName, Identifier, Patient, RecordVersion,
    },
    store::Store,
};

/// What changes about a patient: `None` leaves a field as it is, `Some(None)` empties it.
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdatePatient {
    pub patient_id: Option<Uuid>,
    pub expected_version: i32,
    pub name: Option<HumanName>,
    pub gender: Option<AdministrativeGender>,
    pub birth_date: Option<Option<NaiveDate>>,
    pub deceased_at: Option<Option<DateTime<Utc>>>,
    pub telecom: Option<Vec<ContactPoint>>,
    pub addresses: Option<Vec<Address>>,
    pub identifiers: Option<Vec<Identifier>>,
    pub conditions: Option<Vec<Condition>>,
    pub general_practitioner_id: Option<Option<String>>,
    pub active: Option<bool>,
}

impl Service {
    /// Changes a patient's record, and notes who changed which fields. What changes nothing counts no version.
    pub(crate) async fn update_patient(
        &self,
        caller: &Caller,
        input: UpdatePatient,
        now: DateTime<Utc>,
    ) -> Result<Outcome<Patient>, ApiError> {
        let account = caller.require(Resource::Patient, Right::Update)?;
        let now = now.trunc_subsecs(6);
        let mut refusals = Refusals::default();
        let practitioner = match &input.general_practitioner_id {
            Some(id) => Some(self.general_practitioner(&mut refusals, id.as_deref()).await?),
            None => None,
        };
        let mut transaction = self.store.pool().begin().await.map_err(ApiError::internal)?;
        let found = match input.patient_id {
            Some(id) => Store::lock_patient(&mut transaction, id).await.map_err(ApiError::internal)?,
            None => None,
        };
        let Some(mut patient) = found else {
            return Ok(Err(vec![UserError::at("patientId", UserErrorCode::NotFound, "There is no such patient")]));
        };
        if patient.version != input.expected_version {
            return Ok(Err(vec![UserError::version_conflict()]));
        }
        let mut changes = Changes::default();
        let name = input.name.map(|name| patient_input::name(&mut refusals, &name));
        changes.set("name", &mut patient.name, name);
        changes.set("gender", &mut patient.gender, input.gender);
        changes.set("birthDate", &mut patient.birth_date, input.birth_date);
        changes.set("deceasedAt", &mut patient.deceased_at, input.deceased_at);
        let telecom = input.telecom.map(|list| patient_input::telecom(&mut refusals, &list));
        changes.set("telecom", &mut patient.telecom, telecom);
        let addresses = input.addresses.map(|list| patient_input::addresses(&mut refusals, &list));
        changes.set("addresses", &mut patient.addresses, addresses);
        let identifiers = input.identifiers.map(|list| patient_input::identifiers(&mut refusals, &list));
        changes.set("identifiers", &mut patient.identifiers, identifiers);
        let conditions = input.conditions.map(|list| patient_input::conditions(&mut refusals, &list));
        changes.set("conditions", &mut patient.conditions, conditions);
        changes.set("generalPractitioner", &mut patient.general_practitioner_id, practitioner);
        changes.set("active", &mut patient.active, input.active);
        patient_input::birth_date(&mut refusals, patient.birth_date, now.date_naive());
        patient_input::death(&mut refusals, patient.deceased_at, patient.birth_date, now);
        if let Err(refused) = refusals.or(()) {
            return Ok(Err(refused));
        }
        let changed_fields = changes.into_fields();
        if changed_fields.is_empty() {
            return Ok(Ok(patient));
        }
        patient.version += 1;
        patient.updated_at = now;
        Store::update_patient(&mut transaction, &patient).await.map_err(ApiError::internal)?;
        let version = patient.version;
        let version =
            RecordVersion { version, changed_at: now, changed_by: Some(account.user_id), changed_fields, reason: None };
        Store::insert_version(&mut transaction, patient.id, &version).await.map_err(ApiError::internal)?;
        transaction.commit().await.map_err(ApiError::internal)?;
        Ok(Ok(patient))
    }
}
