use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object};
use healthbridge_graphql::{Code, Connection, Date, Time, caller, entity, one, service, total};
use healthbridge_outcome::{Cursor, Fault, PageArgs};
use healthbridge_terms::{AdministrativeGender, HumanName, Identifier, folded};

use super::{
    Patient, PatientById, PatientByMrn,
    matching::{PatientMatch, PatientMatchInput},
};
use crate::{
    domain::{Mrn, matching::Person},
    graphql::each,
    service::Patients,
    store::patients::{self, PatientOrder, SortKey},
};

/// The namespace of our medical record numbers.
const MRN_SYSTEM: &str = "urn:healthbridge:mrn";

/// Which patients a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
pub(crate) struct PatientFilter {
    /// The beginning of the name, family name first, with or without accents and case; or a whole medical record number.
    search: Option<String>,
    /// A whole medical record number.
    mrn: Option<String>,
    /// The beginning of the family name, with or without accents and case.
    family: Option<String>,
    /// The beginning of the first given name, with or without accents and case.
    given: Option<String>,
    /// Birth date.
    birth_date: Option<Date>,
    /// The gender for administrative purposes (FHIR Patient.gender).
    gender: Option<Code<AdministrativeGender>>,
    /// Whether the record is in use; null shows both.
    #[graphql(default_with = "Some(true)")]
    active: Option<bool>,
    /// Changed at this time or later.
    updated_since: Option<Time>,
}

impl From<PatientFilter> for patients::PatientFilter {
    fn from(filter: PatientFilter) -> Self {
        // A whole record number is found by it; everything else is the beginning of a name.
        let (mrn, search) = match filter.search {
            Some(text) if text.trim().parse::<Mrn>().is_ok() => (Some(text.trim().to_owned()), None),
            other => (None, other),
        };
        Self {
            name: longer(search, filter.family),
            mrn: filter.mrn.or(mrn),
            given: filter.given,
            updated_since: filter.updated_since.map(Into::into),
            birth_date: filter.birth_date.map(|date| date.0),
            gender: filter.gender.map(|Code(gender)| gender),
            active: filter.active,
        }
    }
}

/// Of two beginnings of one text the longer one, if it begins with the other; else one that no text has.
fn longer(one: Option<String>, two: Option<String>) -> Option<String> {
    match (one, two) {
        (Some(one), Some(two)) => {
            let (one, two) = (folded(&one), folded(&two));
            let (short, long) = if one.len() < two.len() { (one, two) } else { (two, one) };
            Some(if long.starts_with(&short) { long } else { NO_NAME.to_owned() })
        }
        (one, two) => one.or(two),
    }
}

/// Names have no control characters.
const NO_NAME: &str = "\u{1}";

/// How patients are found.
#[derive(Default)]
pub(crate) struct PatientQuery;

#[Object]
impl PatientQuery {
    /// A patient; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn patient(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Patient>, Fault> {
        Ok(entity::<PatientById>(ctx, &id).await?.map(Patient))
    }

    /// The patients that the caller may search.
    #[graphql(requires_scopes = "user/Patient.s", requires_scopes = "system/Patient.s")]
    #[expect(clippy::too_many_arguments, reason = "Relay's paging arguments")]
    async fn patients(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which patients; those whose records are in use where it is left out.")] filter: Option<
            PatientFilter,
        >,
        #[graphql(default_with = "Code(PatientOrder::FamilyNameAsc)", desc = "The order of the list.")] order_by: Code<
            PatientOrder,
        >,
    ) -> Result<Option<Connection<Patient>>, Fault> {
        let Code(order) = order_by;
        let filter = filter.unwrap_or_else(|| PatientFilter { active: Some(true), ..PatientFilter::default() }).into();
        let window = PageArgs::new(first, after, last, before)?.window(order.kind())?;
        let patients = service::<Patients>(ctx);
        let (page, total) = tokio::join!(
            patients.search(caller(ctx), &filter, order, &window),
            total(ctx, patients.count(caller(ctx), &filter)),
        );
        let cursor = |row: &Arc<_>| Cursor::write(order.kind(), &SortKey::of(row));
        let connection = Connection::new(page?.map(Arc::new), cursor, Patient);
        Ok(Some(connection.counted(total)))
    }

    /// A patient by an identifier: the medical record number (`system` `urn:healthbridge:mrn`) or any further one. Null
    /// where there is none or the caller may not see it; the oldest record where several have it.
    #[graphql(requires_scopes = "user/Patient.s", requires_scopes = "system/Patient.s")]
    async fn patient_by_identifier(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The URI of the identifier's namespace (FHIR Identifier.system).")] system: String,
        #[graphql(desc = "The value of the identifier within its system.")] value: String,
    ) -> Result<Option<Patient>, Fault> {
        if system == MRN_SYSTEM {
            return Ok(one::<PatientByMrn>(ctx, value).await?.map(Patient));
        }
        match service::<Patients>(ctx).id_by_identifier(caller(ctx), &system, &value).await? {
            Some(id) => Ok(one::<PatientById>(ctx, id).await?.map(Patient)),
            None => Ok(None),
        }
    }

    /// Records that may be a person's (FHIR Patient `$match`), the most alike first.
    #[graphql(requires_scopes = "user/Patient.s", requires_scopes = "system/Patient.s")]
    async fn patient_matches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who is looked for.")] input: PatientMatchInput,
        #[graphql(default = 10, desc = "How many at the most, 0 to 100.")] first: Option<i32>,
    ) -> Result<Option<Vec<PatientMatch>>, Fault> {
        let most = usize::try_from(PageArgs::new(first.or(Some(10)), None, None, None)?.size).unwrap_or_default();
        let identifiers: Vec<Identifier> = each(input.identifiers.unwrap_or_default());
        let name = HumanName::from(input.name);
        let person = Person {
            name: &name,
            birth_date: input.birth_date.map(|date| date.0),
            gender: input.gender.map(|Code(gender)| gender),
            identifiers: &identifiers,
            contacts: Vec::new(),
        };
        let found = service::<Patients>(ctx).matches(caller(ctx), &person, most).await?;
        Ok(Some(each(found)))
    }

    #[graphql(entity)]
    async fn find_patient_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Patient>, Fault> {
        Ok(entity::<PatientById>(ctx, &id).await?.map(Patient))
    }

    #[graphql(entity)]
    async fn find_patient_by_mrn(&self, ctx: &Context<'_>, mrn: String) -> Result<Option<Patient>, Fault> {
        Ok(one::<PatientByMrn>(ctx, mrn).await?.map(Patient))
    }
}
