//! Attribution: the causes of a change in value.

use std::collections::BTreeMap;

use domain::{Currency, Day, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::amount::Amount;
use crate::book::PortfolioBook;
use crate::day_value::DayValue;
use crate::error::ValuationError;
use crate::fixed::{AMOUNT_SCALE, divided};
use crate::run::SortedRecords;
use crate::series::ValueSeries;
use crate::totals::SymbolTotals;

/// The components of a change in value, in the base currency with its own decimals: `start_value + price_gain + income
/// − fees − taxes + fx + flows = end_value`, to the last decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attribution {
    /// Value at the end of the day before the span.
    #[schema(value_type = domain::schema::DecimalString)]
    pub start_value: Decimal,
    /// The effect of price changes; absorbs the rounding of the other components.
    #[schema(value_type = domain::schema::DecimalString)]
    pub price_gain: Decimal,
    /// Dividends and interest before tax. They are paid out, so they are in `flows` too, with the opposite sign.
    #[schema(value_type = domain::schema::DecimalString)]
    pub income: Decimal,
    /// The dividends in `income`.
    #[schema(value_type = domain::schema::DecimalString)]
    pub dividends: Decimal,
    /// The interest in `income`, negative if more was charged than paid.
    #[schema(value_type = domain::schema::DecimalString)]
    pub interest: Decimal,
    /// Fees, a positive number that is subtracted.
    #[schema(value_type = domain::schema::DecimalString)]
    pub fees: Decimal,
    /// Recorded taxes, a positive number that is subtracted.
    #[schema(value_type = domain::schema::DecimalString)]
    pub taxes: Decimal,
    /// The effect of exchange rate changes.
    #[schema(value_type = domain::schema::DecimalString)]
    pub fx: Decimal,
    /// Money paid in less money paid out, taxes included: a purchase with its tax, a sale or a dividend without.
    #[schema(value_type = domain::schema::DecimalString)]
    pub flows: Decimal,
    /// Value at the end of the span.
    #[schema(value_type = domain::schema::DecimalString)]
    pub end_value: Decimal,
}

/// The attribution of one symbol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SymbolAttribution {
    /// The instrument of these components.
    pub symbol: Symbol,
    /// The components of the change.
    #[serde(flatten)]
    pub attribution: Attribution,
}

/// The attribution of a group of symbols, such as a sector or a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupAttribution {
    /// The name of the group.
    pub name: String,
    /// The components of the change.
    #[serde(flatten)]
    pub attribution: Attribution,
}

/// The components that are rounded; the others follow from them.
const PARTS: usize = 8;

/// Sums in the finest unit for days, a symbol or a group: start, dividends, interest, fees, taxes, fx, flows, end.
#[derive(Clone, Copy, Debug, Default)]
struct Sums([i128; PARTS]);

impl Sums {
    fn of(totals: &SymbolTotals) -> Self {
        let SymbolTotals { start, inflow, outflow, income, interest, fees, taxes, fx, end, .. } = *totals;
        let flows = inflow - outflow + taxes;
        Self([start, income - interest, interest, fees, taxes, fx, flows, end].map(Amount::finest))
    }

    fn plus(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|part| self.0[part].saturating_add(other.0[part])))
    }
}

impl Attribution {
    /// From rounded components.
    fn of([start_value, dividends, interest, fees, taxes, fx, flows, end_value]: [Decimal; PARTS]) -> Self {
        let income = dividends + interest;
        let price_gain = end_value - start_value - flows - income + fees + taxes - fx;
        Self { start_value, price_gain, income, dividends, interest, fees, taxes, fx, flows, end_value }
    }

    /// The attribution of days that start with `start_value`.
    pub(crate) fn of_days(start_value: Amount, days: &[DayValue], currency: Currency) -> Self {
        let round = |amount: Amount| amount.rounded(currency);
        let sum = |part: fn(&DayValue) -> Amount| days.iter().map(part).sum::<Amount>();
        let (income, interest, taxes) = (sum(|day| day.income), sum(|day| day.interest), sum(|day| day.taxes));
        let flows = sum(|day| day.inflow) - sum(|day| day.outflow) + taxes;
        let end = days.last().map_or(start_value, |day| day.value);
        let (fees, fx) = (sum(|day| day.fees), sum(|day| day.fx));
        Self::of([start_value, income - interest, interest, fees, taxes, fx, flows, end].map(round))
    }
}

/// The totals of each symbol from `from` to `to`: all symbols that were held or moved in the span. The last checkpoint
/// of `series` before `from` saves computing the days before it; `series` must be one of this book. If the span
/// consists of whole years, [`ValueSeries::totals_of_whole_years`] gives the same without a book.
pub fn totals_by_symbol(
    book: &PortfolioBook<'_>,
    series: &ValueSeries,
    from: Day,
    to: Day,
) -> Result<Vec<SymbolTotals>, ValuationError> {
    let sorted = SortedRecords::new(book)?;
    let eve = from.plus_days(-1);
    let known = series.checkpoint_on_or_before(eve).filter(|_| series.base == sorted.base);
    let first = match known {
        Some(checkpoint) => checkpoint.day.plus_days(1),
        None => sorted.first_flow().unwrap_or(from).min(from),
    };
    let listed =
        |totals: Vec<(&Symbol, _)>| totals.iter().map(|(symbol, sums)| SymbolTotals::new(symbol, sums)).collect();
    if first > eve {
        return Ok(listed(sorted.run(known, from, to)?.totals));
    }
    let before = sorted.run(known, first, eve)?;
    Ok(listed(sorted.run(Some(&before.checkpoint), from, to)?.totals))
}

/// The attribution of each symbol.
///
/// Components are rounded so that rows and columns both add up: the components of a row to its change in value, and the
/// rows to the attribution of the whole span.
#[must_use]
pub fn attribution_by_symbol(totals: &[SymbolTotals], currency: Currency) -> Vec<SymbolAttribution> {
    let rows: Vec<Sums> = totals.iter().map(Sums::of).collect();
    let named =
        |(totals, attribution): (&SymbolTotals, _)| SymbolAttribution { symbol: totals.symbol.clone(), attribution };
    totals.iter().zip(rounded(&rows, currency)).map(named).collect()
}

/// The same by group, in order of the groups' names; `group` gives the group of a symbol. Symbols are summed before
/// anything is rounded.
#[must_use]
pub fn attribution_by_group(
    totals: &[SymbolTotals],
    currency: Currency,
    group: impl Fn(&Symbol) -> String,
) -> Vec<GroupAttribution> {
    let mut groups: BTreeMap<String, Sums> = BTreeMap::new();
    for totals in totals {
        let sums = groups.entry(group(&totals.symbol)).or_default();
        *sums = sums.plus(&Sums::of(totals));
    }
    let rows: Vec<Sums> = groups.values().copied().collect();
    let named = |(name, attribution)| GroupAttribution { name, attribution };
    groups.into_keys().zip(rounded(&rows, currency)).map(named).collect()
}

fn rounded(rows: &[Sums], currency: Currency) -> Vec<Attribution> {
    let column = |part: usize| rounded_column(&rows.iter().map(|row| row.0[part]).collect::<Vec<_>>(), currency);
    let columns: [Vec<Decimal>; PARTS] = std::array::from_fn(column);
    (0..rows.len()).map(|at| Attribution::of(std::array::from_fn(|part| columns[part][at]))).collect()
}

/// Amounts in the currency's unit that sum to the rounded sum: each is truncated, and the missing units go to those
/// that lost most, the earlier of equals first.
fn rounded_column(finest: &[i128], currency: Currency) -> Vec<Decimal> {
    let decimals = currency.decimals().min(AMOUNT_SCALE);
    let unit = 10_i128.pow(AMOUNT_SCALE - decimals);
    let mut units: Vec<i128> = finest.iter().map(|amount| amount.div_euclid(unit)).collect();
    let sum = finest.iter().fold(0_i128, |sum, amount| sum.saturating_add(*amount));
    let missing = divided(sum, unit) - units.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..finest.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(finest[at].rem_euclid(unit)));
    for &at in order.iter().take(usize::try_from(missing).unwrap_or(0)) {
        units[at] += 1;
    }
    let decimal = |units: i128| Decimal::try_from_i128_with_scale(units, decimals).unwrap_or(Decimal::ZERO);
    units.into_iter().map(decimal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_thirds_of_a_cent_adds_up() {
        let third = 10_i128.pow(22) / 3 + 1;
        let cents = |column: &[i128]| {
            rounded_column(column, Currency::USD).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(cents(&[third, third, third]), "0.01 0.00 0.00");
        assert_eq!(cents(&[-third, -third, -third]), "0.00 0.00 -0.01");
        assert_eq!(cents(&[-third, third]), "0.00 0.00");
        assert_eq!(cents(&[]), "");
    }
}
