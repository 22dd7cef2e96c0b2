//! Lots: units of an instrument that were acquired together, and their cost.
//!
//! A lot counts its units as quoted on its `unit_day`. A command converts them to the units of its own day by the
//! splits in between; the cost stays. Lots are rewritten only when a sale takes part of them. A position stores the
//! splits that its sales counted with ([`FoldedSplits`](crate::folded::FoldedSplits)); if other splits are known later,
//! it is made again from its trades by [`replay`](crate::replay::replay).

use domain::split::Split;
use domain::{Currency, Day, Money, Price, Quantity};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::exact;
use crate::refusal::Refusal;
use crate::rules::Rules;

/// Units that were acquired together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot {
    /// The id of the purchase, or of the investment held elsewhere.
    pub id: Uuid,
    /// Its number in booking order within the position, from 0; determines the item that stores it.
    pub number: u64,
    /// The market day on which the units were acquired.
    pub acquired_on: Day,
    /// The day whose units `quantity` counts: the day of acquisition, or of the last sale that took part of the lot.
    pub unit_day: Day,
    /// Units held, as quoted on `unit_day`.
    pub quantity: Quantity,
    /// The total cost of the units, including the fee of their purchase.
    pub cost: Money,
}

/// A lot that a sale names if the lot method is `specific`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LotPick {
    /// Id of the lot, which is that of the trade or the activity that brought it.
    pub lot_id: Uuid,
    /// Units to take from it, in units of the sale's day.
    pub quantity: Quantity,
}

impl Lot {
    /// A lot held elsewhere: its cost is quantity × purchase price + fee, rounded half-even.
    pub fn held_elsewhere(
        id: Uuid,
        acquired_on: Day,
        quantity: Quantity,
        purchase_price: Price,
        fee: Money,
    ) -> Result<Self, Refusal> {
        let cost = investment_cost(quantity, purchase_price, fee)?;
        Ok(Self { id, number: 0, acquired_on, unit_day: acquired_on, quantity, cost })
    }

    /// The units as quoted on `day`: times the ratio of each split after `unit_day` and up to `day`, in order,
    /// truncated to twelve decimals. `splits` are those of the instrument, oldest first. A day before `unit_day` leaves
    /// the units unchanged.
    pub fn units_on(&self, day: Day, splits: &[Split]) -> Result<Quantity, Refusal> {
        self.units_by(Rules::CURRENT, day, splits)
    }

    /// The same, truncated to the decimals of these rules.
    pub(crate) fn units_by(&self, rules: Rules, day: Day, splits: &[Split]) -> Result<Quantity, Refusal> {
        between(splits, self.unit_day, day).try_fold(self.quantity, |units, split| rules.split(units, split.ratio))
    }
}

/// The value of units at a price: quantity × price, rounded half-even once, to the currency's unit.
pub fn value(quantity: Quantity, price: Price, currency: Currency) -> Result<Money, Refusal> {
    exact::value(quantity, price, currency)
}

/// The cost of an investment: quantity × purchase price, rounded half-even to the unit of the fee's currency, + fee.
pub fn investment_cost(quantity: Quantity, purchase_price: Price, fee: Money) -> Result<Money, Refusal> {
    if fee.is_negative() {
        return Err(Refusal::NegativeFee);
    }
    exact::plus(exact::value(quantity, purchase_price, fee.currency())?, fee)
}

/// The splits after `from` and up to `to`.
pub(crate) fn between(splits: &[Split], from: Day, to: Day) -> impl Iterator<Item = &Split> {
    splits.iter().filter(move |split| from < split.day && split.day <= to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{day, id, price, split, units, usd};

    fn elsewhere(quantity: &str) -> Lot {
        Lot::held_elsewhere(id(1), day("2005-02-27"), units(quantity), price("80"), usd("0")).unwrap()
    }

    #[test]
    fn only_splits_between_the_unit_day_and_the_requested_day_count() {
        let splits = [split("2005-02-27", "3"), split("2005-02-28", "2"), split("2010-01-04", "0.1")];
        for (on, held) in [
            ("2005-02-27", "15"),
            ("2005-02-28", "30"),
            ("2010-01-03", "30"),
            ("2010-01-04", "3"),
            ("2000-01-03", "15"),
        ] {
            assert_eq!(elsewhere("15").units_on(day(on), &splits).unwrap().to_string(), held, "{on}");
        }
    }

    #[test]
    fn a_product_of_thirty_digits_is_rounded_once() {
        let (quantity, price) = (units("18848396530.612242857143"), price("0.000100000007"));
        // 1884839.785000000000000000000001: its first 28 digits end in a half cent, which would be rounded to the even
        // cent below.
        assert_eq!(value(quantity, price, Currency::USD).unwrap().to_string(), "1884839.79");
        assert_eq!(investment_cost(quantity, price, usd("1")).unwrap().to_string(), "1884840.79");
    }

    #[test]
    fn an_investment_costs_its_price_and_its_fee_rounded_half_to_even() {
        let cost = |quantity, at, fee| investment_cost(units(quantity), price(at), usd(fee)).unwrap().to_string();
        assert_eq!(cost("3", "1.115", "0"), "3.34");
        assert_eq!(cost("1", "1.115", "0.01"), "1.13");
        assert_eq!(cost("1", "1.125", "0"), "1.12");
        assert_eq!(investment_cost(units("1"), price("1"), usd("-1")), Err(Refusal::NegativeFee));
        let most = (units("1000000000000"), price("1000000000000"));
        assert_eq!(investment_cost(most.0, most.1, usd("0")), Err(Refusal::TooLarge));
    }
}
