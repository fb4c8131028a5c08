use chrono::NaiveDate;
use healthbridge_terms::{Coding, CurrencyCode, Money};
use uuid::Uuid;

/// A service of the price list (FHIR ChargeItemDefinition).
#[derive(Clone, Debug)]
pub struct ServiceItem {
    /// Our id.
    pub id: Uuid,
    /// The code of the service.
    pub code: Option<Coding>,
    /// The name of the service.
    pub name: String,
    /// The price of one unit, once for each currency.
    pub prices: Vec<Money>,
    /// The first day on which it can be charged.
    pub valid_from: NaiveDate,
    /// The first day on which it can no longer be charged; null where it is offered without end.
    pub valid_to: Option<NaiveDate>,
    /// The version: 1 when it was created, and one more with each change. Changes take it as `expectedVersion`.
    pub version: i32,
}

impl ServiceItem {
    /// Whether a service that was given on this day is charged by it.
    pub fn is_valid_on(&self, day: NaiveDate) -> bool {
        self.valid_from <= day && self.valid_to.is_none_or(|end| day < end)
    }

    /// What one costs: in this currency, or in the only one that there is.
    pub fn price_in(&self, currency: Option<CurrencyCode>) -> Option<Money> {
        match (currency, &self.prices[..]) {
            (Some(currency), prices) => prices.iter().copied().find(|price| price.currency() == currency),
            (None, [only]) => Some(*only),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_found_by_day_and_currency() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        let money =
            |amount: i64, code: &str| Money::new(amount.into(), code.parse().expect("a currency")).expect("fits");
        let mut item = ServiceItem {
            id: Uuid::nil(),
            code: None,
            name: "CT".to_owned(),
            prices: vec![money(10, "EUR")],
            valid_from: day("2026-01-01"),
            valid_to: Some(day("2026-02-01")),
            version: 1,
        };
        let valid = ["2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01"].map(|text| item.is_valid_on(day(text)));
        assert_eq!(valid, [false, true, true, false]);
        assert_eq!(item.price_in(None), Some(money(10, "EUR")));
        item.prices.push(money(11, "USD"));
        assert_eq!((item.price_in(None), item.price_in("USD".parse().ok())), (None, Some(money(11, "USD"))));
        assert_eq!(item.price_in("JPY".parse().ok()), None);
    }
}
