use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object};
use healthbridge_graphql::{ApiError, Connection, Cursor, Date, PageArgs, Time, caller, parse_id, total};

use super::{
    loaders::Loaders,
    matching::{PatientMatch, PatientMatchInput},
    patient::{AdministrativeGender, Patient},
    staff::{MedicalStaff, StaffProfession},
    user::{SystemRole, User, UserKind},
};
use crate::{
    Service,
    domain::{self, folded, matching::Person},
    store::{AccountFilter, AccountKey, AccountOrder, PatientFilter, PatientOrder, SortKey, StaffFilter},
};

/// The queries of the subgraph.
pub(crate) struct Query;

/// How a list of patients is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "PatientOrder")]
pub(crate) enum Order {
    /// By family name, then given names.
    FamilyNameAsc,
    /// The newest record first.
    CreatedAtDesc,
    /// The record that was changed last first.
    UpdatedAtDesc,
}

/// Which patients a list shows; what is left out filters nothing.
#[derive(Default, InputObject)]
#[graphql(name = "PatientFilter")]
pub(crate) struct Filter {
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
    /// Gender for administration.
    gender: Option<AdministrativeGender>,
    /// Whether the record is in use; null shows both.
    #[graphql(default_with = "Some(true)")]
    active: Option<bool>,
    /// Changed at this time or later.
    updated_since: Option<Time>,
}

impl From<Filter> for PatientFilter {
    fn from(filter: Filter) -> Self {
        // A whole record number is found by it; everything else is the beginning of a name.
        let (mrn, search) = match filter.search {
            Some(text) if domain::Mrn::parse(text.trim()).is_ok() => (Some(text.trim().to_owned()), None),
            other => (None, other),
        };
        Self {
            name: longer(search, filter.family),
            mrn: filter.mrn.or(mrn),
            given: filter.given,
            updated_since: filter.updated_since.map(Into::into),
            birth_date: filter.birth_date.map(|date| date.0),
            gender: filter.gender.map(Into::into),
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

/// The namespace of our medical record numbers.
const MRN_SYSTEM: &str = "urn:healthbridge:mrn";

/// The ordering's name in cursors.
const STAFF_NEWEST_FIRST: &str = "staff";

/// Which members of the staff a list shows; what is left out filters nothing.
#[derive(InputObject)]
#[graphql(name = "StaffFilter")]
pub(crate) struct StaffFilterInput {
    /// With this profession.
    profession: Option<StaffProfession>,
    /// Of this department.
    department: Option<String>,
    /// Whether they work here.
    active: Option<bool>,
    /// The beginning of the family name, with or without accents and case.
    search: Option<String>,
}

impl From<StaffFilterInput> for StaffFilter {
    fn from(filter: StaffFilterInput) -> Self {
        Self {
            profession: filter.profession.map(Into::into),
            department: filter.department,
            active: filter.active,
            search: filter.search,
        }
    }
}

/// How a list of accounts is ordered.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "AccountOrder")]
pub(crate) enum UserOrder {
    /// The oldest account first.
    CreatedAtAsc,
    /// The newest account first.
    CreatedAtDesc,
    /// By email address.
    EmailAsc,
}

/// Which accounts a list shows; what is left out filters nothing.
#[derive(InputObject)]
pub(crate) struct UserFilter {
    /// Of this kind.
    kind: Option<UserKind>,
    /// Whether they may sign in.
    active: Option<bool>,
    /// With this role.
    role: Option<SystemRole>,
    /// The beginning of the email address, in any case.
    search: Option<String>,
}

impl From<UserFilter> for AccountFilter {
    fn from(filter: UserFilter) -> Self {
        Self {
            kind: filter.kind.map(Into::into),
            active: filter.active,
            role: filter.role.map(Into::into),
            search: filter.search.map(|text| text.to_lowercase()),
        }
    }
}

async fn patient(ctx: &Context<'_>, id: &ID) -> Result<Option<Patient>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::patient(ctx, id).await?.map(Patient)),
        None => Ok(None),
    }
}

async fn user(ctx: &Context<'_>, id: &ID) -> Result<Option<User>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::account(ctx, id).await?.map(User)),
        None => Ok(None),
    }
}

async fn staff_member(ctx: &Context<'_>, id: &ID) -> Result<Option<MedicalStaff>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::staff(ctx, id).await?.map(MedicalStaff)),
        None => Ok(None),
    }
}

/// The queries of the subgraph.
#[Object]
impl Query {
    /// The caller's own account; null for the anonymous.
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<User>, ApiError> {
        match caller(ctx).account() {
            Some(account) => Ok(Loaders::account(ctx, account.user_id).await?.map(User)),
            None => Ok(None),
        }
    }

    /// An account.
    #[graphql(requires_scopes = "user/User.r", requires_scopes = "system/User.r")]
    async fn user(&self, ctx: &Context<'_>, id: ID) -> Result<Option<User>, ApiError> {
        user(ctx, &id).await
    }

    /// A patient; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/Patient.r",
        requires_scopes = "patient/Patient.r",
        requires_scopes = "system/Patient.r"
    )]
    async fn patient(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Patient>, ApiError> {
        patient(ctx, &id).await
    }

    /// The patients that the caller may search.
    #[graphql(requires_scopes = "user/Patient.s", requires_scopes = "system/Patient.s")]
    #[expect(clippy::too_many_arguments, reason = "Relay's paging arguments")]
    async fn patients(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; then pass `first: null`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Which patients; those whose records are in use where it is left out.")] filter: Option<
            Filter,
        >,
        #[graphql(default_with = "Order::FamilyNameAsc", desc = "The order.")] order_by: Order,
    ) -> Result<Option<Connection<Patient>>, ApiError> {
        // The default of `first` must not forbid reading backwards.
        let first = if last.is_some() && first == Some(25) { None } else { first };
        let order = match order_by {
            Order::FamilyNameAsc => PatientOrder::FamilyNameAsc,
            Order::CreatedAtDesc => PatientOrder::CreatedAtDesc,
            Order::UpdatedAtDesc => PatientOrder::UpdatedAtDesc,
        };
        let filter =
            filter.map_or_else(|| PatientFilter { active: Some(true), ..PatientFilter::default() }, Into::into);
        let window = PageArgs::new(first, after, last, before, 25)?.window(order.kind())?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (page, total) = tokio::try_join!(
            service.search_patients(caller(ctx), &filter, order, &window),
            total(ctx, || service.count_patients(caller(ctx), &filter)),
        )?;
        let cursor = |row: &Arc<_>| Cursor::write(order.kind(), &SortKey::of(row));
        let connection = Connection::new(page.map(Arc::new), cursor, Patient);
        Ok(Some(connection.counted(total)))
    }

    /// A member of the medical staff.
    #[graphql(
        requires_scopes = "user/Practitioner.r",
        requires_scopes = "patient/Practitioner.r",
        requires_scopes = "system/Practitioner.r"
    )]
    async fn staff_member(&self, ctx: &Context<'_>, id: ID) -> Result<Option<MedicalStaff>, ApiError> {
        staff_member(ctx, &id).await
    }

    /// A patient by an identifier: the medical record number (`system` `urn:healthbridge:mrn`) or any further one. Null
    /// where there is none or the caller may not see it; the oldest record where several have it.
    #[graphql(requires_scopes = "user/Patient.s", requires_scopes = "system/Patient.s")]
    async fn patient_by_identifier(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The namespace's URI.")] system: String,
        #[graphql(desc = "The value in it.")] value: String,
    ) -> Result<Option<Patient>, ApiError> {
        let id = if system == MRN_SYSTEM {
            Loaders::patient_id_by_mrn(ctx, value).await?
        } else {
            ctx.data_unchecked::<Arc<Service>>().patient_id_by_identifier(caller(ctx), &system, &value).await?
        };
        match id {
            Some(id) => Ok(Loaders::patient(ctx, id).await?.map(Patient)),
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
    ) -> Result<Option<Vec<PatientMatch>>, ApiError> {
        let most = usize::try_from(PageArgs::forward(first, None, 10)?.size).unwrap_or_default();
        let identifiers: Vec<_> = input.identifiers.into_iter().flatten().map(domain::Identifier::from).collect();
        let name = domain::HumanName::from(input.name);
        let person = Person {
            name: &name,
            birth_date: input.birth_date.map(|date| date.0),
            gender: input.gender.map(Into::into),
            identifiers: &identifiers,
            contacts: Vec::new(),
        };
        let found = ctx.data_unchecked::<Arc<Service>>().patient_matches(caller(ctx), &person, most).await?;
        Ok(Some(found.into_iter().map(PatientMatch::from).collect()))
    }

    /// The medical staff, the newest record first.
    #[graphql(requires_scopes = "user/Practitioner.s", requires_scopes = "system/Practitioner.s")]
    async fn staff(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which members.")] filter: Option<StaffFilterInput>,
    ) -> Result<Option<Connection<MedicalStaff>>, ApiError> {
        let window = PageArgs::forward(first, after, 25)?.window(STAFF_NEWEST_FIRST)?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let filter = filter.map(StaffFilter::from).unwrap_or_default();
        let page = service.search_staff(caller(ctx), &filter, &window).await?;
        let cursor = |staff: &Arc<domain::Staff>| Cursor::write(STAFF_NEWEST_FIRST, &staff.id);
        Ok(Some(Connection::new(page.map(Arc::new), cursor, MedicalStaff)))
    }

    /// The accounts.
    #[graphql(requires_scopes = "user/User.s", requires_scopes = "system/User.s")]
    #[expect(clippy::too_many_arguments, reason = "Relay's paging arguments")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size from the beginning, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; then pass `first: null`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends.")] before: Option<String>,
        #[graphql(desc = "Which accounts.")] filter: Option<UserFilter>,
        #[graphql(default_with = "UserOrder::CreatedAtDesc", desc = "The order.")] order_by: UserOrder,
    ) -> Result<Option<Connection<User>>, ApiError> {
        // The default of `first` must not forbid reading backwards.
        let first = if last.is_some() && first == Some(25) { None } else { first };
        let order = AccountOrder::from(order_by);
        let filter = filter.map(AccountFilter::from).unwrap_or_default();
        let window = PageArgs::new(first, after, last, before, 25)?.window(order.kind())?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let (page, total) = tokio::try_join!(
            service.search_accounts(caller(ctx), &filter, order, &window),
            total(ctx, || service.count_accounts(caller(ctx), &filter)),
        )?;
        let cursor = |account: &Arc<domain::Account>| {
            Cursor::write(order.kind(), &AccountKey { email: account.email.clone(), id: account.id })
        };
        Ok(Some(Connection::new(page.map(Arc::new), cursor, User).counted(total)))
    }

    #[graphql(entity)]
    async fn find_patient_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Patient>, ApiError> {
        patient(ctx, &id).await
    }

    #[graphql(entity)]
    async fn find_patient_by_mrn(&self, ctx: &Context<'_>, mrn: String) -> Result<Option<Patient>, ApiError> {
        match Loaders::patient_id_by_mrn(ctx, mrn).await? {
            Some(id) => Ok(Loaders::patient(ctx, id).await?.map(Patient)),
            None => Ok(None),
        }
    }

    #[graphql(entity)]
    async fn find_user_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<User>, ApiError> {
        user(ctx, &id).await
    }

    #[graphql(entity)]
    async fn find_medical_staff_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<MedicalStaff>, ApiError> {
        staff_member(ctx, &id).await
    }
}
