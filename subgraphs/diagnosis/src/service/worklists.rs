use chrono::{DateTime, Utc};
use healthbridge_outcome::{Fault, Page, Total, Window};
use healthbridge_rights::{Caller, Resource, Right};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    domain::{ImagingOrder, ImagingWorklist},
    store::worklists::{self, Place},
};

/// What is to be done with orders next.
pub(crate) struct Worklists {
    pool: PgPool,
}

/// Which orders of a worklist.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub list: ImagingWorklist,
    /// Only those that are the caller's to do.
    pub mine: bool,
    pub now: DateTime<Utc>,
}

impl Worklists {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// A page of a worklist. Nobody has to acquire an image more than another one: that list is everybody's.
    pub(crate) async fn page(
        &self,
        caller: &Caller,
        asked: Asked,
        window: &Window<Place>,
    ) -> Result<Page<ImagingOrder>, Fault> {
        let (pool, me) = (&self.pool, staff(caller)?);
        let own = me.unwrap_or_default();
        let rows = match (asked.list, asked.mine) {
            (ImagingWorklist::ToAcquire, _) => worklists::to_acquire(pool, window).await,
            (ImagingWorklist::ToRead, false) => worklists::to_read(pool, me, asked.now, window).await,
            (ImagingWorklist::ToRead, true) => worklists::to_read_by(pool, own, window).await,
            (ImagingWorklist::Results, false) => worklists::results(pool, window).await,
            (ImagingWorklist::Results, true) => worklists::results_for(pool, own, window).await,
        };
        Ok(window.page(rows?))
    }

    /// How many orders the worklist has.
    pub(crate) async fn count(&self, caller: &Caller, asked: Asked) -> Result<Total, Fault> {
        let (pool, me) = (&self.pool, staff(caller)?);
        let own = me.unwrap_or_default();
        let total = match (asked.list, asked.mine) {
            (ImagingWorklist::ToAcquire, _) => worklists::count_to_acquire(pool).await,
            (ImagingWorklist::ToRead, false) => worklists::count_to_read(pool, me, asked.now).await,
            (ImagingWorklist::ToRead, true) => worklists::count_to_read_by(pool, own).await,
            (ImagingWorklist::Results, false) => worklists::count_results(pool).await,
            (ImagingWorklist::Results, true) => worklists::count_results_for(pool, own).await,
        };
        Ok(total?)
    }
}

/// The member of the staff whom a caller is who may look.
fn staff(caller: &Caller) -> Result<Option<Uuid>, Fault> {
    Ok(caller.require(Resource::ServiceRequest, Right::Search)?.staff_id)
}
