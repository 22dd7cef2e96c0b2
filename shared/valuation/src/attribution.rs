//! Where a change in value came from.

use std::collections::BTreeMap;

use domain::{Currency, Day, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::amount::Amount;
use crate::book::Book;
use crate::error::ValuationError;
use crate::run::Sorted;
use crate::series::{DayValue, Series};
use crate::stream::Totals;

/// The parts of a change in value, in the base currency with its own decimals:
/// `start_value + price_gain + income − fees + fx + flows = end_value`, to the last decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attribution {
    /// Value on the evening before the span.
    #[schema(value_type = String, example = "1000.00")]
    pub start_value: Decimal,
    /// What changes of prices did; it takes the cent that rounding the other parts leaves over.
    #[schema(value_type = String, example = "55.00")]
    pub price_gain: Decimal,
    /// Dividends, which are paid out and so are in `flows` as well, with the other sign.
    #[schema(value_type = String, example = "4.00")]
    pub income: Decimal,
    /// Fees, a positive number that is taken off.
    #[schema(value_type = String, example = "1.00")]
    pub fees: Decimal,
    /// What changes of the rates of exchange did.
    #[schema(value_type = String, example = "0.00")]
    pub fx: Decimal,
    /// Money paid in less money paid out.
    #[schema(value_type = String, example = "196.00")]
    pub flows: Decimal,
    /// Value on the last evening of the span.
    #[schema(value_type = String, example = "1254.00")]
    pub end_value: Decimal,
}

/// The attribution of one symbol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SymbolAttribution {
    /// The symbol.
    pub symbol: Symbol,
    /// Its parts.
    #[serde(flatten)]
    pub attribution: Attribution,
}

/// The attribution of a group of symbols: a sector, a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupAttribution {
    /// The group's name.
    pub name: String,
    /// Its parts.
    #[serde(flatten)]
    pub attribution: Attribution,
}

impl Attribution {
    fn of(totals: &Totals, currency: Currency) -> Self {
        let round = |finest: i128| Amount::new(finest).rounded(currency);
        let (start_value, end_value) = (round(totals.start), round(totals.end));
        let (income, fees, fx) = (round(totals.income), round(totals.fees), round(totals.fx));
        let flows = round(totals.inflow.saturating_sub(totals.outflow));
        let price_gain = end_value - start_value - flows - income + fees - fx;
        Self { start_value, price_gain, income, fees, fx, flows, end_value }
    }

    /// The attribution of days that follow an evening with `start_value`.
    pub(crate) fn of_days(start_value: Amount, days: &[DayValue], currency: Currency) -> Self {
        let sum = |part: fn(&DayValue) -> Amount| days.iter().map(part).sum::<Amount>().finest();
        let totals = Totals {
            start: start_value.finest(),
            inflow: sum(|day| day.inflow),
            outflow: sum(|day| day.outflow),
            income: sum(|day| day.income),
            fees: sum(|day| day.fees),
            fx: sum(|day| day.fx),
            end: days.last().map_or(start_value, |day| day.value).finest(),
        };
        Self::of(&totals, currency)
    }
}

/// The attribution of `from` to `to` by symbol, in order of the symbols; every symbol that was held or moved
/// in the span. `series` saves the days before its last checkpoint ahead of `from`; it is one of this book.
pub fn attribution_by_symbol(
    book: &Book<'_>,
    series: &Series,
    from: Day,
    to: Day,
) -> Result<Vec<SymbolAttribution>, ValuationError> {
    let named = |(symbol, totals): (&Symbol, Totals)| SymbolAttribution {
        symbol: symbol.clone(),
        attribution: Attribution::of(&totals, book.base),
    };
    Ok(totals_by_symbol(&Sorted::new(book)?, series, from, to)?.into_iter().map(named).collect())
}

/// The same by group, in order of the groups' names; `group` names the group of a symbol. Symbols are added
/// up before anything is rounded.
pub fn attribution_by_group(
    book: &Book<'_>,
    series: &Series,
    (from, to): (Day, Day),
    group: impl Fn(&Symbol) -> String,
) -> Result<Vec<GroupAttribution>, ValuationError> {
    let mut groups: BTreeMap<String, Totals> = BTreeMap::new();
    for (symbol, totals) in totals_by_symbol(&Sorted::new(book)?, series, from, to)? {
        let sums = groups.entry(group(symbol)).or_default();
        *sums = sums.plus(&totals).ok_or(ValuationError::TooLarge)?;
    }
    let named =
        |(name, totals): (String, Totals)| GroupAttribution { name, attribution: Attribution::of(&totals, book.base) };
    Ok(groups.into_iter().map(named).collect())
}

fn totals_by_symbol<'a>(
    sorted: &Sorted<'a>,
    series: &Series,
    from: Day,
    to: Day,
) -> Result<Vec<(&'a Symbol, Totals)>, ValuationError> {
    let eve = from.plus_days(-1);
    let known = series.checkpoint_on_or_before(eve).filter(|_| series.base == sorted.base);
    let first = known.map_or_else(|| sorted.first_flow(), |checkpoint| Some(checkpoint.day.plus_days(1)));
    let Some(first) = first else { return Ok(Vec::new()) };
    if first > eve {
        return Ok(sorted.run(known, first, to)?.totals);
    }
    let before = sorted.run(known, first, eve)?;
    Ok(sorted.run(Some(&before.checkpoint), from, to)?.totals)
}
