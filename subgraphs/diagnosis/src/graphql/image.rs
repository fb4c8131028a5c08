//! What orders and reports add to an image.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use healthbridge_graphql::{Batch, Connection, listed, many, one, parse_id, window};
use healthbridge_outcome::{Fault, PageArgs, Total, Window};
use healthbridge_rights::Caller;
use uuid::Uuid;

use super::{
    order::ImagingOrder,
    report::{DiagnosisReport, ReportFilter},
};
use crate::{
    domain::{self, Report},
    service::{Orders, Reports},
    store::reports,
};

/// A medical image: a file of an imaging study. One that the caller may not see looks like one that does not exist.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct MedicalImage {
    /// The id in this system, a UUIDv7.
    pub id: ID,
}

#[ComplexObject]
impl MedicalImage {
    /// The order that the image was acquired for, once its acquisition is complete.
    #[graphql(
        requires_scopes = "user/ServiceRequest.r",
        requires_scopes = "patient/ServiceRequest.r",
        requires_scopes = "system/ServiceRequest.r"
    )]
    async fn order(&self, ctx: &Context<'_>) -> Result<Option<ImagingOrder>, Fault> {
        let Some(image) = parse_id(&self.id) else { return Ok(None) };
        let found = one::<OrderOfImage>(ctx, image).await?;
        Ok(found.map(|found| ImagingOrder(Arc::new(found.1.clone()))))
    }

    /// The reports that are about this image, the newest first. The patient sees those that were released, from FINAL on.
    #[graphql(
        requires_scopes = "user/DiagnosticReport.r",
        requires_scopes = "patient/DiagnosticReport.r",
        requires_scopes = "system/DiagnosticReport.r"
    )]
    async fn reports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Page size from the beginning, 0 to 100; 25 where `last` is not given either.")] first: Option<
            i32,
        >,
        #[graphql(desc = "The cursor behind which the page begins; goes with `first`.")] after: Option<String>,
        #[graphql(desc = "Page size from the end, 0 to 100; not together with `first`.")] last: Option<i32>,
        #[graphql(desc = "The cursor before which the page ends; goes with `last`.")] before: Option<String>,
        #[graphql(desc = "Which reports.")] filter: Option<ReportFilter>,
    ) -> Result<Option<Connection<DiagnosisReport>>, Fault> {
        let Some(image) = parse_id(&self.id) else { return Ok(None) };
        let window = window::<DiagnosisReport>(&PageArgs::new(first, after, last, before)?)?;
        let filter = reports::ReportFilter::from(filter.unwrap_or_default());
        let page = async {
            let found = many::<ReportsOfImage>(ctx, image, (filter.clone(), window.clone())).await?;
            Ok(window.page(found.iter().map(|found| found.1.clone()).collect()))
        };
        let count = async {
            let counted = many::<TotalOfImage>(ctx, image, filter.clone()).await?;
            Ok(counted.first().map(|counted| counted.1).unwrap_or_default())
        };
        listed(ctx, page, count).await
    }
}

/// The orders that images were acquired for, each with its image.
struct OrderOfImage;

impl Batch for OrderOfImage {
    type Service = Orders;
    type Key = Uuid;
    type Arguments = ();
    type Row = (Uuid, domain::ImagingOrder);

    async fn load(orders: &Orders, caller: &Caller, images: &[Uuid], (): &()) -> Result<Vec<Self::Row>, Fault> {
        orders.of_images(caller, images).await
    }

    fn key((image, _): &Self::Row) -> Uuid {
        *image
    }
}

/// The reports below images. A report is about several images: it comes with the one that it was found by.
struct ReportsOfImage;

impl Batch for ReportsOfImage {
    type Service = Reports;
    type Key = Uuid;
    type Arguments = (reports::ReportFilter, Window<Uuid>);
    type Row = (Uuid, Report);

    async fn load(
        service: &Reports,
        caller: &Caller,
        images: &[Uuid],
        (filter, window): &Self::Arguments,
    ) -> Result<Vec<(Uuid, Report)>, Fault> {
        service.of_images(caller, images, filter, window).await
    }

    fn key((image, _): &(Uuid, Report)) -> Uuid {
        *image
    }
}

/// How many reports there are below images.
struct TotalOfImage;

impl Batch for TotalOfImage {
    type Service = Reports;
    type Key = Uuid;
    type Arguments = reports::ReportFilter;
    type Row = (Uuid, Total);

    async fn load(
        service: &Reports,
        caller: &Caller,
        images: &[Uuid],
        filter: &reports::ReportFilter,
    ) -> Result<Vec<(Uuid, Total)>, Fault> {
        service.count_of_images(caller, images, filter).await
    }

    fn key((image, _): &(Uuid, Total)) -> Uuid {
        *image
    }
}

/// How an image is found.
#[derive(Default)]
pub(super) struct ImageQuery;

#[Object]
impl ImageQuery {
    #[graphql(entity)]
    async fn find_medical_image_by_id(&self, id: ID) -> MedicalImage {
        MedicalImage { id }
    }
}
