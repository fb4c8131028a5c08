use chrono::{DateTime, NaiveDate, Utc};
use healthbridge_change::{Change, Making};
use healthbridge_outcome::{Outcome, Refusals, Stop, UserError, UserErrorCode};
use healthbridge_terms::{Address, AdministrativeGender, Coding, ContactPoint, HumanName, Identifier};
use uuid::Uuid;

use super::general_practitioner;
use crate::{
    domain::{ChangedFields, Patient, patient_input},
    service::record_versions::note,
    store::patients,
};

/// What changes about a patient: `None` leaves a field as it is, `Some(None)` empties it.
#[expect(clippy::option_option, reason = "left out, null and a value are three things")]
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdatePatient {
    pub patient_id: Uuid,
    pub expected_version: i32,
    pub name: Option<HumanName>,
    pub gender: Option<AdministrativeGender>,
    pub birth_date: Option<Option<NaiveDate>>,
    pub deceased_at: Option<Option<DateTime<Utc>>>,
    pub telecom: Option<Vec<ContactPoint>>,
    pub addresses: Option<Vec<Address>>,
    pub identifiers: Option<Vec<Identifier>>,
    pub conditions: Option<Vec<Coding>>,
    pub general_practitioner_id: Option<Option<String>>,
    pub active: Option<bool>,
}

impl Change for UpdatePatient {
    const NAME: &'static str = "updatePatient";
    type Made = Patient;

    async fn make(&self, making: &mut Making<'_>) -> Outcome<Patient> {
        let Some(mut patient) = patients::lock(making.connection(), self.patient_id).await? else {
            return Err(Stop::refuse("patientId", UserErrorCode::NotFound, "There is no such patient"));
        };
        if patient.version != self.expected_version {
            return Err(UserError::version_conflict().into());
        }
        let changed_fields = self.apply(&mut patient, making).await?;
        if changed_fields.is_empty() {
            return Ok(patient);
        }
        patient.version += 1;
        patient.updated_at = making.now;
        patients::update(making.connection(), &patient).await?;
        note(making, patient.id, patient.version, changed_fields, None).await?;
        Ok(patient)
    }
}

impl UpdatePatient {
    /// Gives the names of the fields that change.
    async fn apply(&self, patient: &mut Patient, making: &mut Making<'_>) -> Outcome<Vec<String>> {
        let (mut refusals, mut changes, now) = (Refusals::default(), ChangedFields::default(), making.now);
        let practitioner = match &self.general_practitioner_id {
            Some(id) => Some(general_practitioner(making.connection(), &mut refusals, id.as_deref()).await?),
            None => None,
        };
        let name = self.name.as_ref().map(|name| patient_input::name(&mut refusals, name));
        changes.set("name", &mut patient.name, name);
        changes.set("gender", &mut patient.gender, self.gender);
        changes.set("birthDate", &mut patient.birth_date, self.birth_date);
        changes.set("deceasedAt", &mut patient.deceased_at, self.deceased_at);
        let telecom = self.telecom.as_ref().map(|list| patient_input::telecom(&mut refusals, list));
        changes.set("telecom", &mut patient.telecom, telecom);
        let addresses = self.addresses.as_ref().map(|list| patient_input::addresses(&mut refusals, list));
        changes.set("addresses", &mut patient.addresses, addresses);
        let identifiers = self.identifiers.as_ref().map(|list| patient_input::identifiers(&mut refusals, list));
        changes.set("identifiers", &mut patient.identifiers, identifiers);
        let conditions = self.conditions.as_ref().map(|list| patient_input::conditions(&mut refusals, list));
        changes.set("conditions", &mut patient.conditions, conditions);
        changes.set("generalPractitioner", &mut patient.general_practitioner_id, practitioner);
        changes.set("active", &mut patient.active, self.active);
        patient_input::birth_date(&mut refusals, patient.birth_date, now.date_naive());
        patient_input::death(&mut refusals, patient.deceased_at, patient.birth_date, now);
        Ok(refusals.or(changes.into_fields())?)
    }
}
