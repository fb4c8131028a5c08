mod acquire;
mod order;
mod reading;
mod report;
mod result;
mod revoke;
mod update;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use healthbridge_change::{Changes, Making, new_id};
use healthbridge_outcome::{Fault, Outcome, Page, Refusals, Stop, Total, UserError, UserErrorCode, Window};
use healthbridge_rights::{Caller, Reach, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    NAME,
    domain::{Entry, ImagingOrder, OrderRefusal, WorkflowAction},
    settings::OrderSettings,
    store::{
        orders::{self, OrderFilter},
        workflow_logs,
    },
};

pub(crate) use acquire::CompleteAcquisition;
pub(crate) use order::OrderImaging;
pub(crate) use reading::{StartReading, StopReading};
pub(crate) use report::{report_begun, report_released, report_withdrawn};
pub(crate) use result::AcknowledgeResult;
pub(crate) use revoke::RevokeOrder;
pub(crate) use update::UpdateOrder;

/// The orders for imaging.
pub(crate) struct Orders {
    pool: PgPool,
    changes: Changes,
    settings: OrderSettings,
}

impl Orders {
    pub(crate) fn new(pool: PgPool, settings: OrderSettings) -> Self {
        Self { changes: Changes::new(pool.clone(), NAME), pool, settings }
    }

    /// The orders that the caller may read, of these.
    pub(crate) async fn by_id(&self, caller: &Caller, ids: &[Uuid]) -> Result<Vec<ImagingOrder>, Fault> {
        let reach = reach(caller);
        match reach.confine() {
            None => Ok(Vec::new()),
            Some(own) => Ok(seen(reach, orders::by_id(&self.pool, ids, own).await?)),
        }
    }

    /// The orders that the caller may read, of those that these images were acquired for; each with its image.
    pub(crate) async fn of_images(&self, caller: &Caller, images: &[Uuid]) -> Result<Vec<(Uuid, ImagingOrder)>, Fault> {
        let reach = reach(caller);
        let Some(own) = reach.confine() else { return Ok(Vec::new()) };
        let found = seen(reach, orders::of_images(&self.pool, images, own).await?);
        let wanted: HashSet<&Uuid> = images.iter().collect();
        let each = |order: ImagingOrder| {
            let images: Vec<Uuid> = order.image_ids.iter().filter(|image| wanted.contains(image)).copied().collect();
            images.into_iter().map(move |image| (image, order.clone()))
        };
        Ok(found.into_iter().flat_map(each).collect())
    }

    /// A page of orders of each of these patients, of those that the caller may read.
    pub(crate) async fn of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &OrderFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<ImagingOrder>, Fault> {
        let (patients, filter) = visible(caller, patients, filter);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(seen(reach(caller), orders::of_patients(&self.pool, &patients, &filter, window).await?))
    }

    /// How many orders of each of these patients the caller may read.
    pub(crate) async fn count_of_patients(
        &self,
        caller: &Caller,
        patients: &[Uuid],
        filter: &OrderFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let (patients, filter) = visible(caller, patients, filter);
        if patients.is_empty() {
            return Ok(Vec::new());
        }
        Ok(orders::count_of_patients(&self.pool, &patients, &filter).await?)
    }

    /// A page of the orders of each of these members of the staff.
    pub(crate) async fn of_staff(
        &self,
        caller: &Caller,
        staff: &[Uuid],
        filter: &OrderFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<ImagingOrder>, Fault> {
        caller.require(Resource::ServiceRequest, Right::Search)?;
        Ok(orders::of_staff(&self.pool, staff, filter, window).await?)
    }

    /// How many orders each of these members of the staff has.
    pub(crate) async fn count_of_staff(
        &self,
        caller: &Caller,
        staff: &[Uuid],
        filter: &OrderFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        caller.require(Resource::ServiceRequest, Right::Search)?;
        Ok(orders::count_of_staff(&self.pool, staff, filter).await?)
    }

    /// A page of the orders of each of these appointments, of those that the caller may read.
    pub(crate) async fn of_appointments(
        &self,
        caller: &Caller,
        appointments: &[Uuid],
        filter: &OrderFilter,
        window: &Window<Uuid>,
    ) -> Result<Vec<ImagingOrder>, Fault> {
        let Some(filter) = confined(caller, filter) else { return Ok(Vec::new()) };
        Ok(seen(reach(caller), orders::of_appointments(&self.pool, appointments, &filter, window).await?))
    }

    /// How many orders of each of these appointments the caller may read.
    pub(crate) async fn count_of_appointments(
        &self,
        caller: &Caller,
        appointments: &[Uuid],
        filter: &OrderFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        let Some(filter) = confined(caller, filter) else { return Ok(Vec::new()) };
        Ok(orders::count_of_appointments(&self.pool, appointments, &filter).await?)
    }

    /// A page of the orders that the caller may search.
    pub(crate) async fn search(
        &self,
        caller: &Caller,
        filter: &OrderFilter,
        window: &Window<Uuid>,
    ) -> Result<Page<ImagingOrder>, Fault> {
        caller.require(Resource::ServiceRequest, Right::Search)?;
        Ok(window.page(orders::list(&self.pool, filter, window).await?))
    }

    /// How many orders the caller would find.
    pub(crate) async fn count(&self, caller: &Caller, filter: &OrderFilter) -> Result<Total, Fault> {
        caller.require(Resource::ServiceRequest, Right::Search)?;
        Ok(orders::count(&self.pool, filter).await?)
    }

    /// Orders an examination.
    pub(crate) async fn order(
        &self,
        caller: &Caller,
        order: OrderImaging,
        key: Uuid,
        now: DateTime<Utc>,
    ) -> Outcome<ImagingOrder> {
        caller.require(Resource::ServiceRequest, Right::Create)?;
        self.changes.make_once(&order.with(self.settings), Some(key), caller, now).await
    }

    /// Changes an order beside its way.
    pub(crate) async fn update(
        &self,
        caller: &Caller,
        update: UpdateOrder,
        now: DateTime<Utc>,
    ) -> Outcome<ImagingOrder> {
        caller.require(Resource::ServiceRequest, Right::Update)?;
        self.changes.make(&update.with(self.settings), caller, now).await
    }

    /// The images are there.
    pub(crate) async fn acquire(
        &self,
        caller: &Caller,
        acquisition: CompleteAcquisition,
        now: DateTime<Utc>,
    ) -> Outcome<ImagingOrder> {
        caller.require(Resource::ServiceRequest, Right::Update)?;
        self.changes.make(&acquisition.with(self.settings), caller, now).await
    }

    /// Takes an order back.
    pub(crate) async fn revoke(
        &self,
        caller: &Caller,
        revocation: RevokeOrder,
        now: DateTime<Utc>,
    ) -> Outcome<ImagingOrder> {
        caller.require(Resource::ServiceRequest, Right::Update)?;
        self.changes.make(&revocation, caller, now).await
    }

    /// Gives an order to the caller alone, for a while.
    pub(crate) async fn start_reading(
        &self,
        caller: &Caller,
        start: StartReading,
        now: DateTime<Utc>,
    ) -> Outcome<ImagingOrder> {
        may_read_images(caller)?;
        self.changes.make(&start.with(self.settings), caller, now).await
    }

    /// Gives an order back before its time has ended.
    pub(crate) async fn stop_reading(
        &self,
        caller: &Caller,
        stop: StopReading,
        now: DateTime<Utc>,
    ) -> Outcome<ImagingOrder> {
        may_read_images(caller)?;
        self.changes.make(&stop, caller, now).await
    }

    /// Takes a result off the worklists.
    pub(crate) async fn acknowledge(
        &self,
        caller: &Caller,
        acknowledgement: AcknowledgeResult,
        now: DateTime<Utc>,
    ) -> Outcome<ImagingOrder> {
        caller.require(Resource::ServiceRequest, Right::Create)?;
        self.changes.make(&acknowledgement, caller, now).await
    }
}

/// Whoever reads images changes the order and begins a report.
fn may_read_images(caller: &Caller) -> Result<(), Fault> {
    caller.require(Resource::ServiceRequest, Right::Update)?;
    caller.require(Resource::DiagnosticReport, Right::Create)?;
    Ok(())
}

fn reach(caller: &Caller) -> Reach {
    caller.reach(Resource::ServiceRequest, Right::Read)
}

/// Orders as whoever has this reach sees them.
fn seen(reach: Reach, orders: Vec<ImagingOrder>) -> Vec<ImagingOrder> {
    match reach {
        Reach::Everyone => orders,
        Reach::Own(_) | Reach::Nobody => orders.into_iter().map(ImagingOrder::for_patient).collect(),
    }
}

/// Of these patients those that the caller reaches, and the filter as it compares for the caller.
fn visible(caller: &Caller, patients: &[Uuid], filter: &OrderFilter) -> (Vec<Uuid>, OrderFilter) {
    let reach = reach(caller);
    let patients = patients.iter().copied().filter(|patient| reach.covers(*patient)).collect();
    (patients, OrderFilter { as_patient: reach != Reach::Everyone, ..filter.clone() })
}

/// The filter as it shows of orders that are found by something else what the caller reaches; `None` where that is nothing.
fn confined(caller: &Caller, filter: &OrderFilter) -> Option<OrderFilter> {
    let own = reach(caller).confine()?;
    let is_other = own.is_some() && filter.patient_id.is_some_and(|patient| Some(patient) != own);
    let patient_id = if is_other { Some(Uuid::nil()) } else { own.or(filter.patient_id) };
    Some(OrderFilter { patient_id, as_patient: own.is_some(), ..filter.clone() })
}

/// An order, locked until the change ends.
async fn locked(making: &mut Making<'_>, id: &str) -> Outcome<ImagingOrder> {
    let found = match Uuid::try_parse(id) {
        Ok(id) => orders::lock(making.connection(), id).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| Stop::refuse("orderId", UserErrorCode::NotFound, "There is no such order"))
}

/// An order of the version that the caller saw, locked until the change ends.
async fn locked_at(making: &mut Making<'_>, id: &str, expected_version: i32) -> Outcome<ImagingOrder> {
    let order = locked(making, id).await?;
    if order.version == expected_version { Ok(order) } else { Err(UserError::version_conflict().into()) }
}

/// Writes what became of a locked order, with an entry of the log where there was an action.
async fn keep(making: &mut Making<'_>, order: &ImagingOrder, action: Option<WorkflowAction>) -> Result<(), Fault> {
    orders::update(making.connection(), order).await?;
    match action {
        Some(action) => log(making, order, action).await,
        None => Ok(()),
    }
}

async fn log(making: &mut Making<'_>, order: &ImagingOrder, action: WorkflowAction) -> Result<(), Fault> {
    let entry = Entry {
        id: new_id(),
        occurred_at: making.now,
        recorded_at: making.now,
        user_id: making.user_id(),
        action,
        note: Some(order.accession_number.clone()),
        patient_id: Some(order.patient_id),
        report_id: None,
        image_id: None,
    };
    Ok(workflow_logs::append(making.connection(), &entry).await?)
}

/// The member of the staff whom the caller is.
fn staff(making: &Making<'_>) -> Outcome<Uuid> {
    let staff = making.caller.account().and_then(|account| account.staff_id);
    let message = "Only members of the medical staff do this";
    staff.ok_or_else(|| Stop::refuse("orderId", UserErrorCode::NotAllowed, message))
}

/// Why an order did not take a step.
fn illegal(refusal: OrderRefusal) -> Stop {
    Stop::refuse("orderId", UserErrorCode::IllegalTransition, refusal.message())
}

/// The id of a member of the staff; whether there is one is for others to know.
fn staff_id(refusals: &mut Refusals, field: &str, id: Option<&str>) -> Option<Uuid> {
    id.map(Uuid::try_parse).transpose().unwrap_or_else(|_| {
        refusals.add(field, UserErrorCode::NotFound, "There is no such member of the staff");
        None
    })
}

/// A text of several lines that must be there.
fn text(refusals: &mut Refusals, field: &str, value: &str) -> String {
    refusals.optional_text(field, Some(value)).unwrap_or_else(|| {
        refusals.add(field, UserErrorCode::Required, "The value is empty");
        String::new()
    })
}
