//! What a billing's price consists of (FHIR `Invoice.lineItem.priceComponent`).

use healthbridge_terms::{Coding, Money, MoneyError, coded};
use rust_decimal::Decimal;
use serde::Serialize;

coded! {
    /// What a component of a price is (FHIR invoice-priceComponentType).
    pub enum PriceComponentType {
        /// The quantity times the unit price.
        Base,
        /// Added to the base.
        Surcharge,
        /// Taken off what is charged, by a contract.
        Deduction,
        /// Taken off what is charged.
        Discount,
        /// Added to what remains after discounts.
        Tax,
        /// For information only; not part of the price.
        Informational,
    }
}

/// A component that is asked for: a part of what it is taken of, or an amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wanted {
    /// The type of the component (FHIR invoice-priceComponentType).
    pub kind: PriceComponentType,
    /// The code of a discount or a tax.
    pub code: Option<Coding>,
    /// How large.
    pub size: Size,
}

/// How large a component is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Size {
    /// A part of what it is taken of: 0.19 is 19 %.
    Factor(Decimal),
    /// An amount in the billing's currency.
    Amount(Decimal),
}

/// A component of a price, computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceComponent {
    /// The type of the component (FHIR invoice-priceComponentType).
    pub kind: PriceComponentType,
    /// The code of a discount or a tax.
    pub code: Option<Coding>,
    /// The part that it is of what it is taken of, where it was given as one.
    pub factor: Option<Decimal>,
    /// The amount.
    pub amount: Money,
}

/// A price, computed from its components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// All components, the base first.
    pub components: Vec<PriceComponent>,
    /// The base price and all surcharges.
    pub charged: Money,
    /// Discounts and deductions.
    pub discounts: Money,
    /// The sum of taxes.
    pub tax: Money,
    /// What is owed: charged, less discounts, plus tax.
    pub net: Money,
}

/// Why there is no such price. The number is the place of the component.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// The base is made of quantity and unit price, and of them alone.
    #[error("the base is the quantity times the unit price: it is not given as a component")]
    Base(usize),
    /// Below zero.
    #[error("a component is not negative")]
    Negative(usize),
    /// The discounts are more than what is charged.
    #[error("the discounts are more than what is charged")]
    TooMuchDiscount,
    /// An amount cannot be.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Price {
    /// Computes a price: surcharges of the base, discounts of what is charged, taxes of what remains, each rounded by itself
    /// ([`Money::times`]).
    ///
    /// # Errors
    /// When a component is negative or too fine, or the discounts are more than what is charged.
    pub fn compute(unit: Money, quantity: Decimal, wanted: &[Wanted]) -> Result<Self, PriceError> {
        let currency = unit.currency();
        let base = unit.times(quantity)?;
        for (place, one) in wanted.iter().enumerate() {
            let (Size::Factor(size) | Size::Amount(size)) = one.size;
            if one.kind == PriceComponentType::Base {
                return Err(PriceError::Base(place));
            }
            if size.is_sign_negative() && !size.is_zero() {
                return Err(PriceError::Negative(place));
            }
        }
        let mut components =
            vec![PriceComponent { kind: PriceComponentType::Base, code: None, factor: None, amount: base }];
        let mut take = |kinds: &[PriceComponentType], of: Money| -> Result<Money, PriceError> {
            let mut sum = Money::zero(currency);
            for one in wanted.iter().filter(|one| kinds.contains(&one.kind)) {
                let (factor, amount) = match one.size {
                    Size::Factor(factor) => (Some(factor), of.times(factor)?),
                    Size::Amount(amount) => (None, Money::new(amount, currency)?),
                };
                components.push(PriceComponent { kind: one.kind, code: one.code.clone(), factor, amount });
                sum = sum.plus(amount)?;
            }
            Ok(sum)
        };
        let charged = base.plus(take(&[PriceComponentType::Surcharge], base)?)?;
        let discounts = take(&[PriceComponentType::Discount, PriceComponentType::Deduction], charged)?;
        let taxed = charged.minus(discounts)?;
        if taxed.is_negative() {
            return Err(PriceError::TooMuchDiscount);
        }
        let tax = take(&[PriceComponentType::Tax], taxed)?;
        take(&[PriceComponentType::Informational], taxed)?;
        Ok(Self { net: taxed.plus(tax)?, components, charged, discounts, tax })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money::new(amount.parse().expect("a number"), currency.parse().expect("a currency")).expect("fits")
    }

    fn factor(kind: PriceComponentType, factor: &str) -> Wanted {
        Wanted { kind, code: None, size: Size::Factor(factor.parse().expect("a number")) }
    }

    #[test]
    fn surcharges_discounts_and_taxes_are_taken_one_of_the_other() {
        let wanted = [
            factor(PriceComponentType::Tax, "0.19"),
            factor(PriceComponentType::Discount, "0.10"),
            Wanted {
                kind: PriceComponentType::Surcharge,
                code: None,
                size: Size::Amount("5".parse().expect("a number")),
            },
        ];
        let price = Price::compute(money("33.33", "EUR"), Decimal::from(3), &wanted).expect("a price");
        let amounts = [price.charged, price.discounts, price.tax, price.net].map(|money| money.amount().to_string());
        // 99.99 + 5.00; 10.499 is 10.50; 94.49 taxed by 17.9531.
        assert_eq!(amounts, ["104.99", "10.50", "17.95", "112.44"]);
        assert_eq!(price.components.len(), 4);
    }

    #[test]
    fn what_cannot_be_a_price_is_refused() {
        let compute = |wanted: Wanted| Price::compute(money("10", "JPY"), Decimal::ONE, &[wanted]);
        assert_eq!(compute(factor(PriceComponentType::Base, "1")), Err(PriceError::Base(0)));
        assert_eq!(compute(factor(PriceComponentType::Tax, "-0.1")), Err(PriceError::Negative(0)));
        assert_eq!(compute(factor(PriceComponentType::Discount, "1.1")), Err(PriceError::TooMuchDiscount));
        let half =
            Wanted { kind: PriceComponentType::Tax, code: None, size: Size::Amount("0.5".parse().expect("a number")) };
        assert!(matches!(compute(half), Err(PriceError::Money(MoneyError::TooFine { .. }))));
        let free = compute(factor(PriceComponentType::Discount, "1")).expect("a price");
        assert!(free.net.amount().is_zero());
    }
}
