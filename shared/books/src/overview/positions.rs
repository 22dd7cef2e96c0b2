//! The positions of a customer over all portfolios.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use domain::{Currency, Day, ExchangeRate, Price, Quantity, Symbol};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use valuation::shares;

use super::exchange::exchanged_parts;
use crate::holdings::{HeldSymbol, PortfolioHoldings};

/// The most positions that are listed one by one.
pub const MAX_POSITIONS: usize = 50;

/// The holdings of one symbol in all portfolios together. Prices are in the currency of the instrument.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OverviewPosition {
    /// Symbol of the instrument.
    pub symbol: Symbol,
    /// Its name; null if it is unknown.
    #[schema(example = "Apple Inc.", required)]
    pub name: Option<String>,
    /// The currency of its price.
    pub price_currency: Currency,
    /// Units of all portfolios that have a value for them.
    pub quantity: Quantity,
    /// Last price per unit.
    #[schema(required)]
    pub price: Option<Price>,
    /// Day of that price.
    #[schema(required)]
    pub price_as_of: Option<Day>,
    /// Whether that day is older than the market clock allows.
    pub stale: bool,
    /// The value of the units.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub value: Option<Decimal>,
    /// The effect of the last session on the value.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub day_change: Option<Decimal>,
    /// Unrealised and realised gain of the symbol, without dividends.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub gain: Option<Decimal>,
    /// Share of the value of all portfolios, a fraction with three decimals; with that of `other` they sum to 1.
    #[schema(required)]
    pub allocation: Option<f64>,
}

/// What is not listed one by one: positions beyond the fifty largest, and gains of symbols that are not held any more or
/// whose units have no value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct OtherPositions {
    /// How many positions are not listed.
    pub positions: usize,
    /// The value of those positions, and of the cash of portfolios that track it.
    #[schema(value_type = domain::schema::DecimalString)]
    pub value: Decimal,
    /// The effect of the last session on it.
    #[schema(value_type = domain::schema::DecimalString)]
    pub day_change: Decimal,
    /// Their gain, and that of symbols that are not held any more. Null if any gain is.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub gain: Option<Decimal>,
    /// Share of the value of all portfolios.
    pub allocation: f64,
}

/// The sums that the positions are part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    pub value: Decimal,
    pub day_change: Decimal,
    pub gain: Option<Decimal>,
}

/// The positions found so far, by symbol.
#[derive(Default)]
pub(super) struct Positions(BTreeMap<Symbol, OverviewPosition>);

impl Positions {
    /// Adds the holdings of a portfolio, with its amounts at this rate of its base currency; nothing if an amount is too
    /// large.
    pub(super) fn add(&mut self, holdings: &PortfolioHoldings, rate: ExchangeRate, currency: Currency) -> Option<()> {
        let column = |part: fn(&HeldSymbol) -> Option<Decimal>| {
            let parts: Vec<Decimal> = holdings.items.iter().map(|item| part(item).unwrap_or_default()).collect();
            let exchanged = exchanged_parts(&parts, rate, currency)?;
            let kept = holdings.items.iter().zip(exchanged).map(|(item, amount)| part(item).map(|_| amount));
            Some(kept.collect::<Vec<_>>())
        };
        let values = column(|item| item.holding.value)?;
        let changes = column(|item| item.holding.value.and(item.holding.day_change))?;
        let gains = column(gain_of)?;
        for (item, ((value, day_change), gain)) in holdings.items.iter().zip(values.into_iter().zip(changes).zip(gains))
        {
            self.add_one(item, value, day_change, gain)?;
        }
        Some(())
    }

    fn add_one(
        &mut self,
        item: &HeldSymbol,
        value: Option<Decimal>,
        day_change: Option<Decimal>,
        gain: Option<Decimal>,
    ) -> Option<()> {
        let holding = &item.holding;
        let position = OverviewPosition {
            symbol: holding.symbol.clone(),
            name: item.name.clone(),
            price_currency: holding.currency,
            quantity: holding.quantity,
            price: holding.price,
            price_as_of: holding.price_as_of,
            stale: holding.stale,
            value,
            day_change,
            gain,
            allocation: None,
        };
        match self.0.entry(position.symbol.clone()) {
            Entry::Vacant(free) => drop(free.insert(position)),
            Entry::Occupied(mut known) => known.get_mut().merge(position)?,
        }
        Some(())
    }

    /// The largest positions, and the rest of the sums.
    pub(super) fn largest(self, all: Sums) -> (Vec<OverviewPosition>, OtherPositions) {
        let mut listed: Vec<OverviewPosition> = self.0.into_values().collect();
        // The sort is stable: equals stay in the order of their symbols, and those without a value come last.
        listed.sort_by_key(|position| std::cmp::Reverse(position.value));
        let positions = listed.len().saturating_sub(MAX_POSITIONS);
        listed.truncate(MAX_POSITIONS);
        let sum = |part: fn(&OverviewPosition) -> Option<Decimal>| listed.iter().filter_map(part).sum::<Decimal>();
        let mut other = OtherPositions {
            positions,
            value: all.value - sum(|position| position.value),
            day_change: all.day_change - sum(|position| position.day_change),
            gain: all.gain.map(|gain| gain - sum(|position| position.gain)),
            allocation: 0.0,
        };
        let values = listed.iter().map(|position| position.value.unwrap_or_default()).chain([other.value]);
        let mut allocations = shares(&values.collect::<Vec<_>>());
        other.allocation = allocations.pop().unwrap_or_default();
        for (position, share) in listed.iter_mut().zip(allocations) {
            position.allocation = position.value.map(|_| share);
        }
        (listed, other)
    }
}

impl OverviewPosition {
    /// Adds the same symbol of another portfolio; `None` if there are too many units. Units without a value are counted
    /// only while none has one, so that units and value are always those of the same portfolios.
    fn merge(&mut self, other: Self) -> Option<()> {
        match (self.value, other.value) {
            (Some(_), None) => {}
            (None, Some(_)) => *self = other,
            (Some(_), Some(_)) | (None, None) => {
                self.quantity = self.quantity.plus(other.quantity).ok()?;
                self.value = self.value.zip(other.value).map(|(one, other)| one + other);
                self.day_change = of_either(self.day_change, other.day_change);
                self.gain = of_either(self.gain, other.gain);
            }
        }
        Some(())
    }
}

/// What a holding that has a value has gained, realised or not.
fn gain_of(item: &HeldSymbol) -> Option<Decimal> {
    let (unrealized, realized) = item.holding.unrealized_gain.zip(item.holding.realized_gain)?;
    Some(unrealized + realized)
}

/// The sum of those that are there.
fn of_either(one: Option<Decimal>, other: Option<Decimal>) -> Option<Decimal> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(number: usize) -> (Symbol, OverviewPosition) {
        let symbol: Symbol = format!("S{number}").parse().unwrap();
        let amount = (number > 0).then(|| Decimal::new(i64::try_from(number).unwrap() * 100, 2));
        let position = OverviewPosition {
            symbol: symbol.clone(),
            name: None,
            price_currency: Currency::USD,
            quantity: Quantity::ZERO,
            price: None,
            price_as_of: None,
            stale: false,
            value: amount,
            day_change: amount,
            gain: amount,
            allocation: None,
        };
        (symbol, position)
    }

    #[test]
    fn units_without_a_value_are_not_added_to_those_with_one() {
        let of = |units: i64, value: Option<i64>| {
            let value = value.map(|value| Decimal::new(value, 2));
            let quantity = Quantity::new(Decimal::from(units)).unwrap();
            OverviewPosition { quantity, value, day_change: value, gain: value, ..position(1).1 }
        };
        for (one, other, units, value) in [
            (of(1, Some(100)), of(2, Some(200)), 3, Some(300)),
            (of(1, Some(100)), of(2, None), 1, Some(100)),
            (of(1, None), of(2, Some(200)), 2, Some(200)),
            (of(1, None), of(2, None), 3, None),
        ] {
            let mut merged = one;
            merged.merge(other).unwrap();
            let expected = of(units, value);
            assert_eq!(
                (merged.quantity, merged.value, merged.gain),
                (expected.quantity, expected.value, expected.gain)
            );
        }
    }

    #[test]
    fn the_largest_positions_are_listed_and_the_others_summed() {
        // Sixty positions worth 1 to 60, one without a value, and a gain of 5 from what is not held any more.
        let positions = Positions((0..=60).map(position).collect());
        let all = Decimal::new(183_000, 2);
        let sums = Sums { value: all, day_change: all, gain: Some(all + Decimal::new(500, 2)) };
        let (listed, other) = positions.largest(sums);
        let names: Vec<&str> = listed.iter().map(|position| position.symbol.as_str()).collect();
        assert_eq!((names.len(), names[0], names[49]), (MAX_POSITIONS, "S60", "S11"));
        let amounts = [other.value, other.day_change, other.gain.unwrap()].map(|amount| amount.to_string());
        assert_eq!((other.positions, amounts), (11, ["55.00", "55.00", "60.00"].map(str::to_owned)));
        let tenths = |share: f64| (share * 1_000.0).round() as i64;
        let listed: i64 = listed.iter().filter_map(|position| position.allocation).map(tenths).sum();
        assert_eq!((listed + tenths(other.allocation), tenths(other.allocation)), (1_000, 30));
    }
}
