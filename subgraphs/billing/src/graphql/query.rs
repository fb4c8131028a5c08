use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use healthbridge_graphql::{ApiError, Connection, Cursor, PageArgs, Time, caller, now, parse_id};

use super::{
    billing::{Billing, BillingFilter, NEWEST_FIRST, filter},
    invoice::{self, Invoice, InvoiceFilter},
    ledger::LedgerEntry,
    loaders::Loaders,
    reference::{Appointment, DiagnosisReport, MedicalImage, Patient},
    service_item::{self, ServiceItem, ServiceItemFilter},
    statistics::{AgedReceivables, BillingStatistics, MonthlyRevenue},
};
use crate::{Service, domain};

/// The queries of the subgraph.
pub(crate) struct Query;

async fn billing(ctx: &Context<'_>, id: &ID) -> Result<Option<Billing>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::billing(ctx, id).await?.map(Billing)),
        None => Ok(None),
    }
}

async fn invoice(ctx: &Context<'_>, id: &ID) -> Result<Option<Invoice>, ApiError> {
    match parse_id(id) {
        Some(id) => Ok(Loaders::invoice(ctx, id).await?.map(Invoice)),
        None => Ok(None),
    }
}

/// The queries of the subgraph.
#[Object]
impl Query {
    /// A billing; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/ChargeItem.r",
        requires_scopes = "patient/ChargeItem.r",
        requires_scopes = "system/ChargeItem.r"
    )]
    async fn billing(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Billing>, ApiError> {
        billing(ctx, &id).await
    }

    /// The billings of all patients, the newest first.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
    async fn billings(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which billings.")] filter: Option<BillingFilter>,
    ) -> Result<Option<Connection<Billing>>, ApiError> {
        let window = PageArgs::forward(first, after, 25)?.window(NEWEST_FIRST)?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let page = service.search(caller(ctx), &self::filter(filter), &window).await?;
        let cursor = |billing: &Arc<domain::Billing>| Cursor::write(NEWEST_FIRST, &billing.id);
        Ok(Some(Connection::new(page.map(Arc::new), cursor, Billing)))
    }

    /// An invoice or a credit note; null where there is none or the caller may not see it.
    #[graphql(
        requires_scopes = "user/Invoice.r",
        requires_scopes = "patient/Invoice.r",
        requires_scopes = "system/Invoice.r"
    )]
    async fn invoice(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Invoice>, ApiError> {
        invoice(ctx, &id).await
    }

    /// The invoices and credit notes of all patients, the newest first.
    #[graphql(requires_scopes = "user/Invoice.s", requires_scopes = "system/Invoice.s")]
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which invoices.")] filter: Option<InvoiceFilter>,
    ) -> Result<Option<Connection<Invoice>>, ApiError> {
        let window = PageArgs::forward(first, after, 25)?.window(invoice::NEWEST_FIRST)?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let page = service.search_invoices(caller(ctx), &invoice::filter(filter), &window).await?;
        let cursor = |invoice: &Arc<domain::Invoice>| Cursor::write(invoice::NEWEST_FIRST, &invoice.id);
        Ok(Some(Connection::new(page.map(Arc::new), cursor, Invoice)))
    }

    /// The price list, the newest service first.
    #[graphql(requires_scopes = "user/ChargeItem.r", requires_scopes = "system/ChargeItem.r")]
    async fn service_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 25, desc = "Page size, 0 to 100.")] first: Option<i32>,
        #[graphql(desc = "The cursor behind which the page begins.")] after: Option<String>,
        #[graphql(desc = "Which services.")] filter: Option<ServiceItemFilter>,
    ) -> Result<Option<Connection<ServiceItem>>, ApiError> {
        let window = PageArgs::forward(first, after, 25)?.window(service_item::NEWEST_FIRST)?;
        let service = ctx.data_unchecked::<Arc<Service>>();
        let page = service.service_items(caller(ctx), &service_item::filter(filter), &window).await?;
        let cursor = |item: &domain::ServiceItem| Cursor::write(service_item::NEWEST_FIRST, &item.id);
        Ok(Some(Connection::new(page, cursor, ServiceItem::from)))
    }

    /// What moved in a time, by the ledger, a line for each currency; since the beginning where nothing is given.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
    async fn billing_statistics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Recorded then or later.")] from: Option<Time>,
        #[graphql(desc = "Recorded before.")] to: Option<Time>,
    ) -> Result<Option<Vec<BillingStatistics>>, ApiError> {
        let sums = ctx
            .data_unchecked::<Arc<Service>>()
            .statistics(caller(ctx), from.map(Into::into), to.map(Into::into))
            .await?;
        Ok(Some(sums.into_iter().map(BillingStatistics::from).collect()))
    }

    /// The revenue of the last months, the present one included, a line for each month and currency in which something
    /// moved.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
    async fn monthly_revenue(
        &self,
        ctx: &Context<'_>,
        #[graphql(default = 12, desc = "How many months, 1 to 120.")] months: i32,
    ) -> Result<Option<Vec<MonthlyRevenue>>, ApiError> {
        let months = u32::try_from(months).ok().filter(|months| (1..=120).contains(months));
        let months = months.ok_or_else(|| ApiError::BadInput("`months` is 1 to 120".to_owned()))?;
        let revenue = ctx.data_unchecked::<Arc<Service>>().monthly_revenue(caller(ctx), months, now()).await?;
        Ok(Some(revenue.into_iter().map(MonthlyRevenue::from).collect()))
    }

    /// What is outstanding now, by the days since the service was given, a line for each currency.
    #[graphql(requires_scopes = "user/ChargeItem.s", requires_scopes = "system/ChargeItem.s")]
    async fn aged_receivables(&self, ctx: &Context<'_>) -> Result<Option<Vec<AgedReceivables>>, ApiError> {
        let now = now();
        let aged = ctx.data_unchecked::<Arc<Service>>().aged_receivables(caller(ctx), now).await?;
        Ok(Some(aged.into_iter().map(|aged| AgedReceivables::new(aged, now.into())).collect()))
    }

    #[graphql(entity)]
    async fn find_patient_by_id(&self, id: ID) -> Patient {
        Patient { id }
    }

    #[graphql(entity)]
    async fn find_diagnosis_report_by_id(&self, id: ID) -> DiagnosisReport {
        DiagnosisReport { id }
    }

    #[graphql(entity)]
    async fn find_medical_image_by_id(&self, id: ID) -> MedicalImage {
        MedicalImage { id }
    }

    #[graphql(entity)]
    async fn find_appointment_by_id(&self, id: ID) -> Appointment {
        Appointment { id }
    }

    #[graphql(entity)]
    async fn find_ledger_entry_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<LedgerEntry>, ApiError> {
        match parse_id(&id) {
            Some(id) => Ok(Loaders::ledger_entry(ctx, id).await?.map(LedgerEntry)),
            None => Ok(None),
        }
    }

    #[graphql(entity)]
    async fn find_invoice_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Invoice>, ApiError> {
        invoice(ctx, &id).await
    }

    #[graphql(entity)]
    async fn find_billing_by_id(&self, ctx: &Context<'_>, id: ID) -> Result<Option<Billing>, ApiError> {
        billing(ctx, &id).await
    }
}
