//! The sums of realised gains: of all, by year and by symbol.

use std::collections::BTreeMap;

use domain::{Currency, Money, Symbol, Term};
use ledger::gains::PartAmounts;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use valuation::Unvalued;

use super::super::lots::{added, written};
use super::rows::Row;

/// Amounts of sales in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GainAmounts {
    /// What the units had cost, fee and tax of their purchase included; null if it is not known.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<Decimal>,
    /// What they brought, after the fee of the sale.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub proceeds: Option<Decimal>,
    /// The fee of the sale, which is taken off the proceeds already.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub fee: Option<Decimal>,
    /// The tax of the sale, which is no part of the gain.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub tax: Option<Decimal>,
    /// Proceeds less cost.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub gain: Option<Decimal>,
}

/// Totals in the portfolio's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GainTotals {
    /// The sums of the rows.
    #[serde(flatten)]
    pub amounts: GainAmounts,
    /// The sum of the gains that are short-term.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub short_term_gain: Option<Decimal>,
    /// The sum of the gains that are long-term.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub long_term_gain: Option<Decimal>,
    /// Why `gain`, `short_term_gain` or `long_term_gain` is null.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// The totals of a year's sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct YearGains {
    /// The year of the sales.
    #[schema(minimum = 1900, maximum = 2199)]
    pub year: i32,
    /// The totals in the portfolio's currency.
    #[serde(flatten)]
    pub totals: GainTotals,
}

/// The totals of an instrument's sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SymbolGains {
    /// The instrument that was sold.
    pub symbol: Symbol,
    /// Currency of the instrument.
    pub currency: Currency,
    /// The totals in that currency.
    #[serde(flatten)]
    pub amounts: GainAmounts,
    /// The totals in the portfolio's currency.
    pub base: GainAmounts,
    /// Why a gain is null: `gain` or `base/gain`.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// An amount, or why it is missing.
type Amount = Result<Decimal, Unvalued>;

/// Amounts in one currency, each with the reason why it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sums {
    cost: Amount,
    proceeds: Amount,
    fee: Amount,
    tax: Amount,
    gain: Amount,
}

impl Sums {
    const ZERO: Self = Self {
        cost: Ok(Decimal::ZERO),
        proceeds: Ok(Decimal::ZERO),
        fee: Ok(Decimal::ZERO),
        tax: Ok(Decimal::ZERO),
        gain: Ok(Decimal::ZERO),
    };

    /// The amounts of a part; `reason` is why its cost or gain is missing.
    pub(super) fn of(part: &PartAmounts, reason: Unvalued) -> Self {
        let known = |money: Option<Money>| money.map(Money::amount).ok_or(reason);
        let PartAmounts { cost, proceeds, fee, tax, gain } = *part;
        Self {
            cost: known(cost),
            proceeds: Ok(proceeds.amount()),
            fee: Ok(fee.amount()),
            tax: Ok(tax.amount()),
            gain: known(gain),
        }
    }

    /// No amounts, for this reason.
    pub(super) fn none(reason: Unvalued) -> Self {
        Self { cost: Err(reason), proceeds: Err(reason), fee: Err(reason), tax: Err(reason), gain: Err(reason) }
    }

    fn plus(self, more: &Self) -> Self {
        Self {
            cost: added(self.cost, more.cost),
            proceeds: added(self.proceeds, more.proceeds),
            fee: added(self.fee, more.fee),
            tax: added(self.tax, more.tax),
            gain: added(self.gain, more.gain),
        }
    }

    /// Why the gain is missing.
    pub(super) fn reason(&self) -> Option<String> {
        self.gain.err().map(|reason| reason.code().to_owned())
    }

    /// The amounts with all decimals of their currency.
    pub(super) fn shown(&self, currency: Currency) -> GainAmounts {
        let shown = |amount: Amount| amount.ok().map(|amount| written(amount, currency));
        GainAmounts {
            cost: shown(self.cost),
            proceeds: shown(self.proceeds),
            fee: shown(self.fee),
            tax: shown(self.tax),
            gain: shown(self.gain),
        }
    }
}

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
