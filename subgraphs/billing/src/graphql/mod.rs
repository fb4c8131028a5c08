//! The GraphQL face: thin types over the services, a file for each aggregate.

mod billing;
mod export;
mod invoice;
mod ledger;
mod money;
mod occasion;
mod patient;
mod payment;
mod price;
mod reference;
mod service_item;
mod statistics;

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject, Schema};
use sqlx::PgPool;

use crate::service::{Billings, Exports, Invoices, Payments, ServiceItems, Statistics};

/// Everything that can be read.
#[derive(Default, MergedObject)]
struct Query(
    billing::BillingQuery,
    invoice::InvoiceQuery,
    ledger::LedgerQuery,
    service_item::PriceListQuery,
    statistics::StatisticsQuery,
    occasion::OccasionQuery,
    patient::PatientQuery,
);

/// Everything that can be changed.
#[derive(Default, MergedObject)]
struct Mutation(
    billing::BillingMutation,
    invoice::InvoiceMutation,
    payment::PaymentMutation,
    service_item::PriceListMutation,
    export::ExportMutation,
);

/// The subgraph's SDL, which the supergraph is composed from.
pub(crate) fn sdl() -> String {
    healthbridge_graphql::sdl(Schema::build(Query::default(), Mutation::default(), EmptySubscription))
}

pub(crate) fn schema(pool: &PgPool, exports: Arc<Exports>) -> impl async_graphql::Executor {
    let builder = Schema::build(Query::default(), Mutation::default(), EmptySubscription)
        .data(Arc::new(Billings::new(pool.clone())))
        .data(Arc::new(Invoices::new(pool.clone())))
        .data(Arc::new(Payments::new(pool.clone())))
        .data(Arc::new(ServiceItems::new(pool.clone())))
        .data(Arc::new(Statistics::new(pool.clone())))
        .data(exports);
    healthbridge_graphql::finish(builder, &sdl())
}
