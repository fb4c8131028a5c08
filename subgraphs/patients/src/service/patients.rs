mod create;
mod update;

use chrono::{DateTime, Utc};
use healthbridge_change::Changes;
use healthbridge_outcome::{Fault, Outcome, Page, Refusals, Total, UserErrorCode, Window};
use healthbridge_rights::{Caller, Resource, Right};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

pub(crate) use create::CreatePatient;
pub(crate) use update::UpdatePatient;

use crate::{
    NAME,
    domain::{
        Patient, PatientMatch,
        matching::{self, Person},
    },
    store::{
        patients::{self, PatientFilter, PatientOrder, SortKey},
        staff,
    },
};

/// The patients' records.
pub(crate) struct Patients {
    pool: PgPool,
    searches: PgPool,
    changes: Changes,
}

impl Patients {
    pub(crate) fn new(pool: PgPool, searches: PgPool) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, searches }
    }

    /// The patients that the caller may read, of these.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<Patient>, Fault> {
        match caller.reach(Resource::Patient, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(patients::by_id(&self.pool, ids, own).await?),
        }
    }

    /// The patients with these record numbers, of those that the caller may read.
    pub(crate) async fn by_mrn(&self, caller: &Caller, mrns: &[String]) -> Result<Vec<Patient>, Fault> {
        match caller.reach(Resource::Patient, Right::Read).confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(patients::by_mrn(&self.pool, mrns, own).await?),
        }
    }

    /// The id of a patient with an identifier, if the caller may search for it: the oldest record's, if several have it.
    pub(crate) async fn id_by_identifier(
        &self,
        caller: &Caller,
        system: &str,
        value: &str,
    ) -> Result<Option<Uuid>, Fault> {
        match caller.reach(Resource::Patient, Right::Search).confine() {
            None => Ok(None),
            Some(own) => Ok(patients::ids_by_identifier(&self.searches, system, value, own).await?.first().copied()),
        }
    }

    /// A page of the patients that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &PatientFilter,
        order: PatientOrder,
        window: &Window<SortKey>,
    ) -> Result<Page<Patient>, Fault> {
        match caller.reach(Resource::Patient, Right::Search).confine() {
            None => Ok(Page::default()),
            Some(own) => Ok(window.page(patients::list(&self.searches, filter, order, window, own).await?)),
        }
    }

    /// How many patients the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &PatientFilter) -> Result<Total, Fault> {
        match caller.reach(Resource::Patient, Right::Search).confine() {
            None => Ok(Total::default()),
            Some(own) => Ok(patients::count(&self.searches, filter, own).await?),
        }
    }

    /// Who might be the same person, the most alike first.
    pub(crate) async fn matches(
        &self,
        caller: &Caller,
        person: &Person<'_>,
        most: usize,
    ) -> Result<Vec<PatientMatch>, Fault> {
        caller.require(Resource::Patient, Right::Search)?;
        let mut found = matching::matches(person, patients::match_candidates(&self.pool, person).await?);
        found.truncate(most);
        Ok(found)
    }

    /// Registers a patient, and says who might be the same person. Somebody who is probably registered already is so once
    /// more only if that is allowed.
    pub(crate) async fn create(
        &self,
        caller: &Caller,
        patient: CreatePatient,
        key: Option<Uuid>,
        now: DateTime<Utc>,
    ) -> (Outcome<Patient>, Vec<PatientMatch>) {
        let outcome = match caller.require(Resource::Patient, Right::Create) {
            Ok(_) => self.changes.make_once(&patient, key, caller, now).await,
            Err(denied) => Err(denied.into()),
        };
        (outcome, patient.possible_duplicates.into_inner().unwrap_or_default())
    }

    /// Changes a patient's record, and notes who changed which fields. What changes nothing counts no version.
    pub(crate) async fn update(&self, caller: &Caller, patient: UpdatePatient, now: DateTime<Utc>) -> Outcome<Patient> {
        caller.require(Resource::Patient, Right::Update)?;
        self.changes.make(&patient, caller, now).await
    }
}

/// Reads the id of a general practitioner, who must be one of the staff.
async fn general_practitioner(
    connection: &mut PgConnection,
    refusals: &mut Refusals,
    id: Option<&str>,
) -> Result<Option<Uuid>, sqlx::Error> {
    let Some(id) = id else { return Ok(None) };
    let id = Uuid::try_parse(id).unwrap_or_default();
    if !staff::by_id(connection, &[id]).await?.is_empty() {
        return Ok(Some(id));
    }
    refusals.add("generalPractitionerId", UserErrorCode::NotFound, "There is no such member of the staff");
    Ok(None)
}
