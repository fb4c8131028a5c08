use chrono::{DateTime, Duration, SecondsFormat, Utc};
use uuid::Uuid;

use super::{ImagingOrder, OrderStage, OrderStatus};
use crate::domain::ReportPriority;

/// Why an order cannot take a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRefusal {
    /// Nobody acts on it: it has this status.
    NotActive(OrderStatus),
    /// The images are not there.
    NotAcquired,
    /// The images are there already.
    Acquired,
    /// A report of it was begun.
    ReportBegun,
    /// No report of it was begun.
    NoReport,
    /// A radiologist has it alone.
    ReadBy {
        /// The radiologist.
        radiologist_id: Uuid,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// The caller does not have it.
    NotTheReader,
    /// Its report was not released, or the result was seen.
    NoResult,
}

impl OrderRefusal {
    /// The reason, for people.
    pub fn message(self) -> String {
        let text = match self {
            Self::NotActive(OrderStatus::OnHold) => "The order is on hold",
            Self::NotActive(OrderStatus::Revoked) => "The order was revoked",
            Self::NotActive(OrderStatus::Completed) => "The order is completed",
            Self::NotActive(_) => "The order is not active",
            Self::NotAcquired => "The images are not there yet",
            Self::Acquired => "The images are there already",
            Self::ReportBegun => "A report of the order was begun: cancel that first",
            Self::NoReport => "No report of the order was begun",
            Self::ReadBy { radiologist_id, until } => {
                let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
                return format!("The member of the staff {radiologist_id} reads it until {until}");
            }
            Self::NotTheReader => "The caller is not reading the order",
            Self::NoResult => "There is no result that nobody has seen",
        };
        text.to_owned()
    }
}

/// What may be changed of an order beside its way; what is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderChange {
    /// Who is to read the images.
    pub radiologist_id: Option<Uuid>,
    /// The priority, with how long after the acquisition it lets the report be due.
    pub priority: Option<(ReportPriority, Duration)>,
    /// Why it was ordered, in plain text.
    pub reason: Option<String>,
    /// Whether it rests.
    pub on_hold: Option<bool>,
}

/// What becomes of an order by a step.
type Step = Result<ImagingOrder, OrderRefusal>;

impl ImagingOrder {
    /// The statuses that an order can be moved to by whoever may change it.
    pub fn next_statuses(&self) -> &'static [OrderStatus] {
        match (self.status, self.stage) {
            (OrderStatus::Active, OrderStage::Reading) => &[],
            (OrderStatus::Active, _) => &[OrderStatus::OnHold, OrderStatus::Revoked],
            (OrderStatus::OnHold, _) => &[OrderStatus::Active, OrderStatus::Revoked],
            _ => &[],
        }
    }

    /// Changes what is named. Who is to read it is no longer changed while somebody reads it.
    ///
    /// # Errors
    /// Why not.
    pub fn change(&self, change: &OrderChange, now: DateTime<Utc>) -> Step {
        self.must_be_open()?;
        let mut next = self.clone();
        if let Some(radiologist) = change.radiologist_id.filter(|one| self.radiologist_id != Some(*one)) {
            self.must_not_be_written_about()?;
            self.must_be_free_for(radiologist, now)?;
            next.radiologist_id = Some(radiologist);
            next.reading_until = None;
        }
        if let Some((priority, due_in)) = change.priority.filter(|(priority, _)| self.priority != *priority) {
            next.priority = priority;
            next.due_at = self.base() + due_in;
        }
        if let Some(reason) = &change.reason {
            next.reason.clone_from(reason);
        }
        if let Some(on_hold) = change.on_hold.filter(|on_hold| *on_hold != (self.status == OrderStatus::OnHold)) {
            self.must_not_be_written_about()?;
            next.status = if on_hold { OrderStatus::OnHold } else { OrderStatus::Active };
            next.reading_until = next.reading_until.filter(|_| !on_hold);
        }
        Ok(next.after(self, now))
    }

    /// The images are there: the report is due so long after this moment.
    ///
    /// # Errors
    /// Where they were there before, or nobody acts on the order.
    pub fn acquire(&self, image_ids: Vec<Uuid>, due_in: Duration, now: DateTime<Utc>) -> Step {
        self.must_be_active()?;
        if self.acquired_at.is_some() {
            return Err(OrderRefusal::Acquired);
        }
        let stage = OrderStage::Acquired;
        let next = Self { stage, image_ids, acquired_at: Some(now), due_at: now + due_in, ..self.clone() };
        Ok(next.after(self, now))
    }

    /// Takes the order back.
    ///
    /// # Errors
    /// Where a report of it was begun, or it is at its end.
    pub fn revoke(&self, reason: String, now: DateTime<Utc>) -> Step {
        self.must_be_open()?;
        self.must_not_be_written_about()?;
        let (status, revoke_reason) = (OrderStatus::Revoked, Some(reason));
        Ok(Self { status, revoke_reason, reading_until: None, ..self.clone() }.after(self, now))
    }

    /// Gives the order to a radiologist alone for a while; to one who has it, for longer. Whoever takes it over from somebody
    /// says from whom.
    ///
    /// # Errors
    /// Where somebody else has it, the images are not there, or a report was begun.
    pub fn start_reading(
        &self,
        reader: Uuid,
        take_over_from: Option<Uuid>,
        lock: Duration,
        now: DateTime<Utc>,
    ) -> Step {
        self.must_be_active()?;
        self.must_be_acquired()?;
        self.must_not_be_written_about()?;
        if take_over_from.is_none() || self.reader(now).map(|(holder, _)| holder) != take_over_from {
            self.must_be_free_for(reader, now)?;
        }
        let (radiologist_id, reading_until) = (Some(reader), Some(now + lock));
        Ok(Self { radiologist_id, reading_until, ..self.clone() }.after(self, now))
    }

    /// Gives the order back before its time has ended.
    ///
    /// # Errors
    /// Where somebody else has it, or nobody.
    pub fn stop_reading(&self, reader: Uuid, now: DateTime<Utc>) -> Step {
        if self.reader(now).is_none_or(|(holder, _)| holder != reader) {
            return Err(OrderRefusal::NotTheReader);
        }
        Ok(Self { reading_until: None, ..self.clone() }.after(self, now))
    }

    /// Whoever begins a report is its radiologist.
    ///
    /// # Errors
    /// Where somebody else has it, the images are not there, or a report was begun.
    pub fn begin_report(&self, author: Uuid, now: DateTime<Utc>) -> Step {
        self.must_be_active()?;
        self.must_be_acquired()?;
        self.must_not_be_written_about()?;
        self.must_be_free_for(author, now)?;
        let (stage, radiologist_id) = (OrderStage::Reading, Some(author));
        Ok(Self { stage, radiologist_id, reading_until: None, ..self.clone() }.after(self, now))
    }

    /// The report was released: the order is carried out.
    ///
    /// # Errors
    /// Where none was begun.
    pub fn report_released(&self, now: DateTime<Utc>) -> Step {
        if self.stage != OrderStage::Reading {
            return Err(OrderRefusal::NoReport);
        }
        let (status, stage) = (OrderStatus::Completed, OrderStage::Reported);
        Ok(Self { status, stage, ..self.clone() }.after(self, now))
    }

    /// The report was cancelled, or entered in error: the images are to be read again.
    ///
    /// # Errors
    /// Where there was none.
    pub fn report_withdrawn(&self, now: DateTime<Utc>) -> Step {
        if !matches!(self.stage, OrderStage::Reading | OrderStage::Reported) {
            return Err(OrderRefusal::NoReport);
        }
        let (status, stage) = (OrderStatus::Active, OrderStage::Acquired);
        Ok(Self { status, stage, result_seen_at: None, ..self.clone() }.after(self, now))
    }

    /// Somebody who orders has seen the result.
    ///
    /// # Errors
    /// Where there is none, or it was seen.
    pub fn see_result(&self, now: DateTime<Utc>) -> Step {
        if self.stage != OrderStage::Reported || self.result_seen_at.is_some() {
            return Err(OrderRefusal::NoResult);
        }
        Ok(Self { result_seen_at: Some(now), ..self.clone() }.after(self, now))
    }

    /// Counts the versions on behind a step; that of the patient where the patient may know of it.
    fn after(mut self, before: &Self, now: DateTime<Utc>) -> Self {
        if self == *before {
            return self;
        }
        if self.clone().for_patient() != before.clone().for_patient() {
            self.shown_version += 1;
            self.shown_at = now;
        }
        self.version += 1;
        self.updated_at = now;
        self
    }

    fn must_be_open(&self) -> Result<(), OrderRefusal> {
        if self.is_open() { Ok(()) } else { Err(OrderRefusal::NotActive(self.status)) }
    }

    fn must_be_active(&self) -> Result<(), OrderRefusal> {
        if self.status == OrderStatus::Active { Ok(()) } else { Err(OrderRefusal::NotActive(self.status)) }
    }

    fn must_be_acquired(&self) -> Result<(), OrderRefusal> {
        self.acquired_at.map(drop).ok_or(OrderRefusal::NotAcquired)
    }

    fn must_not_be_written_about(&self) -> Result<(), OrderRefusal> {
        if self.stage == OrderStage::Reading { Err(OrderRefusal::ReportBegun) } else { Ok(()) }
    }

    fn must_be_free_for(&self, reader: Uuid, now: DateTime<Utc>) -> Result<(), OrderRefusal> {
        match self.reader(now) {
            Some((radiologist_id, until)) if radiologist_id != reader => {
                Err(OrderRefusal::ReadBy { radiologist_id, until })
            }
            _ => Ok(()),
        }
    }
}
