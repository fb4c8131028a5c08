mod matching;
mod mutation;
mod query;

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use healthbridge_graphql::{Batch, Code, Coding, Connection, Date, Time, batch, below, now, one};
use healthbridge_outcome::{Fault, PageArgs};
use healthbridge_rights::Caller;
use healthbridge_terms::AdministrativeGender;

pub(super) use mutation::PatientMutation;
pub(super) use query::PatientQuery;

use super::{
    each,
    person::{Address, ContactPoint, HumanName, Identifier},
    staff::{MedicalStaff, StaffById},
    user::{User, UserOfPatient},
    version::{PatientVersion, VersionsOfRecord},
};
use crate::{domain, service::Patients};

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
pub(crate) struct Patient(pub(crate) Arc<domain::Patient>);

/// A patient (FHIR Patient). A patient whom the caller may not see looks like one that does not exist.
#[Object]
impl Patient {
    /// The id in this system, a UUIDv7.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// Medical record number (HL7 v2-0203 `MR`): nine digits, the last one a Luhn check digit.
    async fn mrn(&self) -> &str {
        self.0.mrn.as_str()
    }

    /// Identifiers beside the medical record number, such as an insurance number.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn identifiers(&self) -> Option<Vec<Identifier>> {
        Some(each(&self.0.identifiers))
    }

    /// Whether the record is in active use.
    async fn active(&self) -> bool {
        self.0.active
    }

    /// The name.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn name(&self) -> Option<HumanName> {
        Some(HumanName::from(&self.0.name))
    }

    /// The gender for administrative purposes (FHIR Patient.gender).
    async fn gender(&self) -> Code<AdministrativeGender> {
        Code(self.0.gender)
    }

    /// Birth date.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn birth_date(&self) -> Option<Date> {
        self.0.birth_date.map(Date)
    }

    /// The age in completed years, today or at death.
    async fn age_years(&self) -> Option<i32> {
        self.0.age_years(now().date_naive())
    }

    /// When the patient died.
    async fn deceased_at(&self) -> Option<Time> {
        self.0.deceased_at.map(Time::from)
    }

    /// Contact details (FHIR ContactPoint): telephone numbers, email addresses and so on.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn telecom(&self) -> Option<Vec<ContactPoint>> {
        Some(each(&self.0.telecom))
    }

    /// Postal addresses.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn addresses(&self) -> Option<Vec<Address>> {
        Some(each(&self.0.addresses))
    }

    /// The general practitioner.
    async fn general_practitioner(&self, ctx: &Context<'_>) -> Result<Option<MedicalStaff>, Fault> {
        match self.0.general_practitioner_id {
            Some(id) => Ok(one::<StaffById>(ctx, id).await?.map(MedicalStaff)),
            None => Ok(None),
        }
    }

    /// Known conditions.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn conditions(&self) -> Option<Vec<Coding>> {
        Some(each(&self.0.conditions))
    }

    /// When the record was created.
    async fn created_at(&self) -> Time {
        self.0.created_at.into()
    }

    /// When the record was last changed.
    async fn updated_at(&self) -> Time {
        self.0.updated_at.into()
    }

    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// The account that the patient signs in with.
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>, Fault> {
        Ok(one::<UserOfPatient>(ctx, self.0.id).await?.map(User))
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
    ) -> Result<Option<Connection<PatientVersion>>, Fault> {
        below::<VersionsOfRecord, _>(ctx, self.0.id, &PageArgs::new(first, after, last, before)?, ()).await
    }
}

batch! {
    /// The patients with these ids.
    pub(super) PatientById = Patients::by_id() -> domain::Patient, by |patient| patient.id
}

/// The patients with these record numbers.
struct PatientByMrn;

impl Batch for PatientByMrn {
    type Service = Patients;
    type Key = String;
    type Arguments = ();
    type Row = domain::Patient;

    async fn load(patients: &Patients, caller: &Caller, mrns: &[String], (): &()) -> Result<Vec<Self::Row>, Fault> {
        patients.by_mrn(caller, mrns).await
    }

    fn key(patient: &domain::Patient) -> String {
        patient.mrn.to_string()
    }
}
