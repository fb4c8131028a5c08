//! What is taken over of Claim and ExplanationOfBenefit: the lines of a bill, and what the insurance paid for it.

use anyhow::{Context, bail};
use healthbridge_billing::{
    ForeignLine, ForeignPayment,
    domain::{PaymentMethod, PriceComponentType, Size, Wanted},
};
use healthbridge_fhir::{
    Adjudication, Amount, Claim, Concept, DateTime, ExplanationOfBenefit, Item, Number, Unreadable,
};
use healthbridge_terms::Money;
use rust_decimal::Decimal;

use super::bills::{Bill, Priced, line, mismatch, only};

/// Reads a Claim.
pub(super) fn claim(source: &str, json: &str) -> anyhow::Result<Bill> {
    let claim: Claim = serde_json::from_str(json)?;
    only(claim.status.as_deref(), "status", &["active"])?;
    only(claim.purpose.as_deref(), "use", &["claim"])?;
    let total = claim.total.as_ref().map(Amount::money).transpose()?;
    let serviced = claim.billable_period.and_then(|period| period.start).or(claim.created);
    Ok(Bill {
        resource: source.to_owned(),
        source: source.to_owned(),
        patient: claim.patient.resolved(source)?,
        lines: lines(&claim.item, claim.kind.as_ref(), total, serviced.as_ref()),
        payment: None,
    })
}

/// Reads an ExplanationOfBenefit: what the insurance paid for a claim. Where the claim is not there, it is the bill itself.
pub(super) fn explanation_of_benefit(source: &str, json: &str) -> anyhow::Result<Bill> {
    let explanation: ExplanationOfBenefit = serde_json::from_str(json)?;
    only(explanation.status.as_deref(), "status", &["active"])?;
    only(explanation.purpose.as_deref(), "use", &["claim"])?;
    let submitted = in_category(&explanation.total, "submitted")?;
    let paid = match explanation.payment.as_ref().and_then(|payment| payment.amount.as_ref()) {
        Some(amount) => Some(amount.money()?),
        None => match in_category(&explanation.total, "benefit")? {
            Some(benefit) => Some(benefit),
            None => benefits(&explanation.item)?,
        },
    };
    let paid = paid.filter(|paid| paid.is_positive());
    let serviced = explanation.billable_period.and_then(|period| period.start).or(explanation.created);
    let claim = explanation.claim.and_then(|claim| claim.resolved(source).ok());
    Ok(Bill {
        resource: source.to_owned(),
        source: claim.unwrap_or_else(|| source.to_owned()),
        patient: explanation.patient.resolved(source)?,
        lines: lines(&explanation.item, explanation.kind.as_ref(), submitted, serviced.as_ref()),
        payment: paid.map(|paid| ForeignPayment {
            source: source.to_owned(),
            amount: Some((paid.amount(), paid.currency().to_string())),
            method: PaymentMethod::Insurance,
        }),
    })
}

fn in_category(all: &[Adjudication], code: &str) -> Result<Option<Money>, Unreadable> {
    let found = all.iter().find(|one| one.category.is(code)).and_then(|one| one.amount.as_ref());
    found.map(Amount::money).transpose()
}

/// What the insurance pays for all items.
fn benefits(items: &[Item]) -> Result<Option<Money>, Unreadable> {
    items.iter().try_fold(None, |sum: Option<Money>, item| {
        let Some(benefit) = in_category(&item.adjudication, "benefit")? else { return Ok(sum) };
        Ok(Some(sum.map_or(Ok(benefit), |sum| sum.plus(benefit))?))
    })
}

/// The lines of a claim's items. Items without a price cost what the others leave of the total.
fn lines(
    items: &[Item],
    kind: Option<&Concept>,
    total: Option<Money>,
    serviced: Option<&DateTime>,
) -> anyhow::Result<Vec<ForeignLine>> {
    let at =
        |time: Option<&DateTime>| time.context("it has none").and_then(|time| Ok(time.moment()?)).context("created");
    if items.is_empty() {
        let total = total.context("it has neither items nor a total")?;
        return Ok(vec![line(kind, "Claim".to_owned(), Priced::whole(total), at(serviced)?)]);
    }
    let mut prices = Vec::new();
    for (item, number) in items.iter().zip(1..) {
        prices.push(priced(item).with_context(|| format!("item {number}"))?);
    }
    let currency = prices.iter().flatten().map(|price| price.net.currency()).chain(total.map(Money::currency)).next();
    let currency = currency.context("no item has a price")?;
    let sum = prices.iter().flatten().try_fold(Money::zero(currency), |sum, price| sum.plus(price.net))?;
    let rest = total.unwrap_or(sum).minus(sum)?;
    match (prices.iter().filter(|price| price.is_none()).count(), rest) {
        (0, rest) if !rest.amount().is_zero() => return Err(mismatch(sum, total.unwrap_or(sum))),
        (_, rest) if rest.is_negative() => return Err(mismatch(sum, total.unwrap_or(sum))),
        (1.., _) if total.is_none() => bail!("an item has no price, and the claim no total"),
        (2.., rest) if rest.is_positive() => bail!("several items have no price"),
        _ => {}
    }
    let one = |((item, price), number): ((&Item, Option<Priced>), usize)| {
        let period = item.serviced_period.as_ref().and_then(|period| period.start.as_ref());
        let serviced_at = at(item.serviced_date.as_ref().or(period).or(serviced))?;
        let price = price.unwrap_or(Priced::whole(rest));
        Ok(line(item.product_or_service.as_ref(), format!("Item {number}"), price, serviced_at))
    };
    items.iter().zip(prices).zip(1..).map(one).collect()
}

/// The quantity and the unit price, and what makes them the net amount. A unit price that is finer than its currency (a
/// cent's tenth a pill), or a quantity finer than ours, is none of ours: then the net amount is the price of all.
fn priced(item: &Item) -> anyhow::Result<Option<Priced>> {
    let net = item.net.as_ref().map(Amount::money).transpose()?;
    let number = |exact: Option<&Number>| exact.map_or(Ok(Decimal::ONE), Number::exact);
    let quantity = number(item.quantity.as_ref().and_then(|quantity| quantity.value.as_ref()))?;
    // NUMERIC(12, 4), as the quantity of a billing.
    let is_countable = quantity.is_sign_positive() && !quantity.is_zero() && quantity.normalize().scale() <= 4;
    let unit = match (&item.unit_price, net) {
        (Some(unit), Some(net)) => unit.money().ok().filter(|unit| is_countable && unit.currency() == net.currency()),
        (Some(unit), None) => Some(unit.money()?),
        (None, _) => None,
    };
    let Some(unit) = unit else {
        let net = net.map_or_else(|| in_category(&item.adjudication, "submitted"), |net| Ok(Some(net)))?;
        return Ok(net.map(Priced::whole));
    };
    let base = unit.times(quantity)?;
    let factor = number(item.factor.as_ref())?;
    let net = match net {
        Some(net) => net,
        None => unit.times(quantity.checked_mul(factor).context("its factor is too large")?)?,
    };
    let difference = net.minus(base)?;
    let kind = if difference.is_negative() { PriceComponentType::Discount } else { PriceComponentType::Surcharge };
    let components = vec![Wanted { kind, code: None, size: Size::Amount(difference.absolute().amount()) }];
    let components = if difference.amount().is_zero() { Vec::new() } else { components };
    Ok(Some(Priced { quantity, unit, components, net }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantity, unit price, components and currency of each line.
    fn priced(items: &str, total: &str) -> Result<Vec<(String, String, usize, String)>, String> {
        let json = format!(
            r#"{{"status":"active","use":"claim","patient":{{"reference":"Patient/1"}},"created":"2026-01-02",
                "item":[{items}],"total":{total}}}"#
        );
        let line = |line: ForeignLine| {
            (line.quantity.to_string(), line.unit_price.to_string(), line.components.len(), line.currency)
        };
        let lines = claim("Claim/1", &json).and_then(|bill| bill.lines).map_err(|error| format!("{error:#}"))?;
        Ok(lines.into_iter().map(line).collect())
    }

    fn one(quantity: &str, price: &str, components: usize, currency: &str) -> (String, String, usize, String) {
        (quantity.to_owned(), price.to_owned(), components, currency.to_owned())
    }

    #[test]
    fn quantity_and_unit_price_are_kept_where_they_make_the_net_amount() {
        let usd = |value: &str| format!(r#"{{"value":{value},"currency":"USD"}}"#);
        let item = format!(r#"{{"quantity":{{"value":3}},"unitPrice":{},"net":{}}}"#, usd("10.50"), usd("31.50"));
        assert_eq!(priced(&item, "null"), Ok(vec![one("3", "10.50", 0, "USD")]));
        let cheaper = item.replace("31.50", "30.00");
        assert_eq!(priced(&cheaper, &usd("30")), Ok(vec![one("3", "10.50", 1, "USD")]));
        // A tenth of a cent is no unit price of ours.
        let fine = item.replace("10.50", "10.505").replace("31.50", "31.52");
        assert_eq!(priced(&fine, "null"), Ok(vec![one("1", "31.52", 0, "USD")]));
        let thirds = item.replace(r#""value":3}"#, r#""value":2.99999}"#);
        assert_eq!(priced(&thirds, "null"), Ok(vec![one("1", "31.50", 0, "USD")]));
        let half = format!(r#"{{"quantity":{{"value":2}},"unitPrice":{},"factor":0.5}}"#, usd("10"));
        assert_eq!(priced(&half, &usd("10.0")), Ok(vec![one("2", "10.00", 1, "USD")]));
    }

    #[test]
    fn an_item_without_a_price_costs_what_the_others_leave_of_the_total() {
        let jpy = |value: u32| format!(r#"{{"value":{value},"currency":"JPY"}}"#);
        let items = format!(r#"{{}},{{"net":{}}}"#, jpy(300));
        assert_eq!(priced(&items, &jpy(500)), Ok(vec![one("1", "200", 0, "JPY"), one("1", "300", 0, "JPY")]));
        assert_eq!(priced(&items, &jpy(300)), Ok(vec![one("1", "0", 0, "JPY"), one("1", "300", 0, "JPY")]));
        assert!(priced(&items, &jpy(299)).is_err() && priced(&items, "null").is_err());
        assert!(priced(&format!("{{}},{items}"), &jpy(500)).is_err(), "nobody knows which item costs the rest");
        assert_eq!(priced("", &jpy(500)), Ok(vec![one("1", "500", 0, "JPY")]));
    }

    #[test]
    fn what_is_no_exact_bill_is_refused() {
        let item = |net: &str| priced(&format!(r#"{{"net":{net}}}"#), "null");
        assert!(item(r#"{"value":1.005,"currency":"USD"}"#).is_err());
        assert!(item(r#"{"value":1}"#).is_err());
        assert!(item(r#"{"value":"1","currency":"USD"}"#).is_err());
        assert!(item(r#"{"value":1,"currency":"ZZZ"}"#).is_err());
        assert!(
            priced(r#"{"net":{"value":1,"currency":"USD"}},{"net":{"value":1,"currency":"EUR"}}"#, "null").is_err()
        );
        let huge = r#"{"quantity":{"value":79228162514264337593543950335},"factor":10,"unitPrice":{"value":1,"currency":"USD"}}"#;
        assert!(priced(huge, "null").is_err());
        for (status, purpose) in [("draft", "claim"), ("cancelled", "claim"), ("active", "preauthorization")] {
            let json = format!(r#"{{"status":"{status}","use":"{purpose}","patient":{{"reference":"Patient/1"}}}}"#);
            assert!(claim("Claim/1", &json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_insurance_pays_what_it_says_it_pays() {
        let paid = |more: &str| {
            let json = format!(
                r#"{{"status":"active","use":"claim","patient":{{"reference":"Patient/1"}},"created":"2026-01-02",
                    "claim":{{"reference":"Claim/9"}}{more}}}"#
            );
            let bill = explanation_of_benefit("ExplanationOfBenefit/1", &json).expect("readable");
            assert_eq!(bill.source, "Claim/9");
            bill.payment.and_then(|payment| payment.amount).map(|(amount, _)| amount.to_string())
        };
        let adjudication = |code: &str, value: &str| {
            format!(
                r#"{{"category":{{"coding":[{{"code":"{code}"}}]}},"amount":{{"value":{value},"currency":"EUR"}}}}"#
            )
        };
        let (benefit, more) = (adjudication("benefit", "40"), adjudication("benefit", "2.5"));
        let items = format!(r#","item":[{{"adjudication":[{benefit}]}},{{"adjudication":[{more}]}}]"#);
        assert_eq!(paid(&items).as_deref(), Some("42.50"));
        assert_eq!(paid(&format!(r#"{items},"total":[{benefit}]"#)).as_deref(), Some("40.00"));
        let payment = r#","payment":{"amount":{"value":41,"currency":"EUR"}}"#;
        assert_eq!(paid(&format!("{items}{payment}")).as_deref(), Some("41.00"));
        assert_eq!(paid(&format!(r#","total":[{}]"#, adjudication("benefit", "0.0"))), None);
    }
}
