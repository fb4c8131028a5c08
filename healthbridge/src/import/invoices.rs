//! What is taken over of Invoice: the lines of a bill, and whether it is paid.

use anyhow::{Context, bail};
use healthbridge_billing::{
    ForeignLine, ForeignPayment,
    domain::{PaymentMethod, Price, PriceComponentType, Size, Wanted},
};
use healthbridge_fhir::{Amount, Concept, Invoice, LineItem};
use healthbridge_terms::Money;
use rust_decimal::Decimal;

use super::bills::{Bill, Priced, line, mismatch, only};

/// Reads an Invoice. One that is balanced is paid.
pub(super) fn invoice(source: &str, json: &str) -> anyhow::Result<Bill> {
    let invoice: Invoice = serde_json::from_str(json)?;
    only(invoice.status.as_deref(), "status", &["issued", "balanced"])?;
    let is_paid = invoice.status.as_deref() == Some("balanced");
    let payment = ForeignPayment { source: source.to_owned(), amount: None, method: PaymentMethod::Other };
    Ok(Bill {
        resource: source.to_owned(),
        source: source.to_owned(),
        patient: invoice.subject.as_ref().context("subject: it has none")?.resolved(source)?,
        lines: invoice_lines(&invoice),
        payment: is_paid.then_some(payment),
    })
}

fn invoice_lines(invoice: &Invoice) -> anyhow::Result<Vec<ForeignLine>> {
    let serviced_at = invoice.date.as_ref().context("date: it has none")?.moment().context("date")?;
    let mut lines = Vec::new();
    let mut sum: Option<Money> = None;
    for (item, number) in invoice.line_item.iter().zip(1..) {
        let price = invoice_line(item).with_context(|| format!("line {number}"))?;
        sum = Some(sum.map_or(Ok(price.net), |sum| sum.plus(price.net))?);
        let named = item.charge_item_reference.as_ref().and_then(|named| named.display.clone());
        let named = named.unwrap_or_else(|| format!("Line {number}"));
        lines.push(line(item.charge_item_codeable_concept.as_ref(), named, price, serviced_at));
    }
    let total = invoice.total_gross.as_ref().map(Amount::money).transpose()?;
    match (sum, total) {
        (Some(sum), Some(total)) if sum != total => Err(mismatch(sum, total)),
        _ => Ok(lines),
    }
}

/// What a line costs.
fn invoice_line(item: &LineItem) -> anyhow::Result<Priced> {
    let (mut base, mut components): (Option<Money>, Vec<Wanted>) = (None, Vec::new());
    for one in &item.price_component {
        let kind = match one.kind.as_str() {
            "base" => {
                let amount = one.amount.as_ref().context("its base has no amount")?.money()?;
                base = Some(base.map_or(Ok(amount), |base| base.plus(amount))?);
                continue;
            }
            "surcharge" => PriceComponentType::Surcharge,
            "deduction" => PriceComponentType::Deduction,
            "discount" => PriceComponentType::Discount,
            "tax" => PriceComponentType::Tax,
            _ => continue,
        };
        // FHIR leaves the sign of what is taken off open.
        let is_taken_off = matches!(kind, PriceComponentType::Deduction | PriceComponentType::Discount);
        let sized = |size: Decimal| if is_taken_off { size.abs() } else { size };
        let size = match (&one.amount, &one.factor) {
            (Some(amount), _) => Size::Amount(sized(amount.money()?.amount())),
            (None, Some(factor)) => Size::Factor(sized(factor.exact()?)),
            (None, None) => bail!("its {} has neither an amount nor a factor", one.kind),
        };
        components.push(Wanted { kind, code: one.code.as_ref().and_then(Concept::coding), size });
    }
    let unit = base.context("it has no base price")?;
    let price = Price::compute(unit, Decimal::ONE, &components)?;
    Ok(Priced { quantity: Decimal::ONE, unit, components, net: price.net })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(total: &str) -> anyhow::Result<Bill> {
        let eur = |value: &str| format!(r#"{{"value":{value},"currency":"EUR"}}"#);
        let json = format!(
            r#"{{"status":"balanced","subject":{{"reference":"Patient/1"}},"date":"2026-01-02","totalGross":{},"lineItem":[
                {{"chargeItemReference":{{"display":"MRI"}},"priceComponent":[{{"type":"base","amount":{}}},
                    {{"type":"deduction","amount":{}}},{{"type":"tax","factor":0.1}}]}},
                {{"chargeItemCodeableConcept":{{"coding":[{{"system":"urn:s","code":"c","display":"Report"}}]}},
                    "priceComponent":[{{"type":"base","amount":{}}},{{"type":"informational"}}]}}]}}"#,
            eur(total),
            eur("100"),
            eur("-20"),
            eur("5.5")
        );
        invoice("Invoice/1", &json)
    }

    #[test]
    fn an_invoices_lines_have_its_price_components_and_a_balanced_one_is_paid() {
        let bill = read("93.50").expect("readable");
        assert!(bill.payment.is_some_and(|payment| payment.amount.is_none()));
        let lines = bill.lines.expect("lines");
        let named: Vec<_> = lines.iter().map(|line| (line.description.as_str(), line.components.len())).collect();
        assert_eq!(named, [("MRI", 2), ("Report", 0)]);
        assert_eq!(lines[1].code.as_ref().map(|code| code.code.as_str()), Some("c"));
    }

    #[test]
    fn an_invoice_whose_lines_do_not_come_to_its_total_is_refused() {
        let refused = read("93.51").expect("readable").lines.expect_err("refused");
        assert_eq!(refused.to_string(), "its lines come to 93.50 EUR, its total is 93.51");
    }
}
