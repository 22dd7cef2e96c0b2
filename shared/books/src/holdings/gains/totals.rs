//! The sums of realised gains: of all, by year and by symbol.

use std::collections::BTreeMap;

use domain::{Currency, Symbol, Term};
use rust_decimal::Decimal;

use super::super::lots::{added, written};
use super::amounts::{Amount, Sums};
use super::answer::{GainTotals, SymbolGains, YearGains};
use super::rows::Row;

/// The totals of all rows.
pub(super) fn of_all(rows: &[Row], base: Currency) -> GainTotals {
    totals(rows.iter(), base)
}

/// The totals of each year in which something was sold, oldest first.
pub(super) fn by_year(rows: &[Row], base: Currency) -> Vec<YearGains> {
    let mut years: BTreeMap<i32, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        years.entry(row.sold_on.year()).or_default().push(row);
    }
    years.into_iter().map(|(year, rows)| YearGains { year, totals: totals(rows.into_iter(), base) }).collect()
}

/// The totals of each symbol of which something was sold.
pub(super) fn by_symbol(rows: &[Row], base: Currency) -> Vec<SymbolGains> {
    let mut symbols: BTreeMap<&Symbol, (Currency, Sums, Sums)> = BTreeMap::new();
    for row in rows {
        let (_, amounts, in_base) = symbols.entry(&row.symbol).or_insert((row.currency, Sums::ZERO, Sums::ZERO));
        (*amounts, *in_base) = (amounts.plus(&row.amounts), in_base.plus(&row.in_base));
    }
    let shown = |(symbol, (currency, amounts, in_base)): (&Symbol, (Currency, Sums, Sums))| SymbolGains {
        symbol: symbol.clone(),
        currency,
        amounts: amounts.shown(currency),
        base: in_base.shown(base),
        unavailable: reasons([("gain", amounts.gain), ("base/gain", in_base.gain)]),
    };
    symbols.into_iter().map(shown).collect()
}

fn totals<'a>(rows: impl Iterator<Item = &'a Row>, base: Currency) -> GainTotals {
    let (mut sums, mut short, mut long) = (Sums::ZERO, Ok(Decimal::ZERO), Ok(Decimal::ZERO));
    for row in rows {
        sums = sums.plus(&row.in_base);
        match row.term {
            Some(Term::Short) => short = added(short, row.in_base.gain),
            Some(Term::Long) => long = added(long, row.in_base.gain),
            None => {}
        }
    }
    let shown = |amount: Amount| amount.ok().map(|amount| written(amount, base));
    GainTotals {
        amounts: sums.shown(base),
        short_term_gain: shown(short),
        long_term_gain: shown(long),
        unavailable: reasons([("gain", sums.gain), ("short_term_gain", short), ("long_term_gain", long)]),
    }
}

fn reasons<const N: usize>(figures: [(&str, Amount); N]) -> BTreeMap<String, String> {
    let missing = figures.into_iter().filter_map(|(figure, amount)| Some((figure.to_owned(), amount.err()?)));
    missing.map(|(figure, reason)| (figure, reason.code().to_owned())).collect()
}
