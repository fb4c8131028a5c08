use std::sync::Arc;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use healthbridge_graphql::{Code, UserError, caller, now, service, settled};
use healthbridge_outcome::{Fault, Outcome};
use uuid::Uuid;

use super::{billing::Billing, invoice::Invoice, ledger::LedgerEntry, money::MoneyInput};
use crate::{
    domain::PaymentMethod,
    service::{Moved, PayBilling, PayInvoice, Payments, RefundPayment},
};

/// Money that is paid for a billing.
#[derive(InputObject)]
pub(crate) struct PayBillingInput {
    /// The billing.
    billing_id: ID,
    /// How much, in the billing's currency; all that is outstanding where it is left out.
    amount: Option<MoneyInput>,
    /// The method of payment.
    method: Code<PaymentMethod>,
    /// A reference in another system, such as a receipt number.
    reference: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer, and moves no money.
    idempotency_key: Uuid,
}

/// Money that is paid for an invoice.
#[derive(InputObject)]
pub(crate) struct PayInvoiceInput {
    /// The invoice.
    invoice_id: ID,
    /// How much, in the invoice's currency; all that is outstanding where it is left out. A part pays the first lines first.
    amount: Option<MoneyInput>,
    /// The method of payment.
    method: Code<PaymentMethod>,
    /// A reference in another system, such as a receipt number.
    reference: Option<String>,
    /// Sent again with the same key and input, the mutation gives its first answer, and moves no money.
    idempotency_key: Uuid,
}

/// Money of a payment that is given back.
#[derive(InputObject)]
pub(crate) struct RefundPaymentInput {
    /// The payment.
    payment_id: ID,
    /// How much, in the payment's currency; all that is left of it where it is left out.
    amount: Option<MoneyInput>,
    /// The reason, in plain text.
    reason: String,
    /// Sent again with the same key and input, the mutation gives its first answer, and moves no money.
    idempotency_key: Uuid,
}

/// A movement of money, or why there is none.
#[derive(SimpleObject)]
pub(crate) struct PaymentPayload {
    /// The movement.
    entry: Option<LedgerEntry>,
    /// The billing, as it is now; the first one of several.
    billing: Option<Billing>,
    /// The invoice that it is on, as it is now.
    invoice: Option<Invoice>,
    /// Why the input was refused; then nothing was changed.
    user_errors: Vec<UserError>,
}

impl PaymentPayload {
    fn of(outcome: Outcome<Moved>) -> Result<Option<Self>, Fault> {
        let (moved, user_errors) = settled(outcome)?;
        Ok(Some(match moved {
            Some(Moved { entry, billing, invoice }) => Self {
                entry: Some(LedgerEntry(Arc::new(entry))),
                billing: billing.map(|billing| Billing(Arc::new(billing))),
                invoice: invoice.map(|invoice| Invoice(Arc::new(invoice))),
                user_errors,
            },
            None => Self { entry: None, billing: None, invoice: None, user_errors },
        }))
    }
}

/// The method of a payment.
#[derive(Default)]
pub(super) struct PaymentMutation;

#[Object]
impl PaymentMutation {
    /// Takes money for a billing: all that is outstanding where no amount is given. It needs no invoice.
    #[graphql(requires_scopes = "user/PaymentNotice.c", requires_scopes = "system/PaymentNotice.c")]
    async fn pay_billing(&self, ctx: &Context<'_>, input: PayBillingInput) -> Result<Option<PaymentPayload>, Fault> {
        let key = input.idempotency_key;
        let payment = PayBilling {
            billing_id: input.billing_id.0,
            amount: input.amount.map(MoneyInput::into_parts),
            method: input.method.0,
            reference: input.reference,
        };
        PaymentPayload::of(service::<Payments>(ctx).pay_billing(caller(ctx), payment, key, now()).await)
    }

    /// Takes money for an invoice: all that is outstanding where no amount is given. One payment may pay several lines.
    #[graphql(requires_scopes = "user/PaymentNotice.c", requires_scopes = "system/PaymentNotice.c")]
    async fn pay_invoice(&self, ctx: &Context<'_>, input: PayInvoiceInput) -> Result<Option<PaymentPayload>, Fault> {
        let key = input.idempotency_key;
        let payment = PayInvoice {
            invoice_id: input.invoice_id.0,
            amount: input.amount.map(MoneyInput::into_parts),
            method: input.method.0,
            reference: input.reference,
        };
        PaymentPayload::of(service::<Payments>(ctx).pay_invoice(caller(ctx), payment, key, now()).await)
    }

    /// Gives money of a payment back: all that is left of it where no amount is given; never more than was paid.
    #[graphql(requires_scopes = "user/PaymentNotice.c policy:billing.refund")]
    async fn refund_payment(
        &self,
        ctx: &Context<'_>,
        input: RefundPaymentInput,
    ) -> Result<Option<PaymentPayload>, Fault> {
        let key = input.idempotency_key;
        let refund = RefundPayment {
            payment_id: input.payment_id.0,
            amount: input.amount.map(MoneyInput::into_parts),
            reason: input.reason,
        };
        PaymentPayload::of(service::<Payments>(ctx).refund(caller(ctx), refund, key, now()).await)
    }
}
