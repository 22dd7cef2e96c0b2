//! Income and charges of instruments, and the cash of a portfolio that tracks it, from its activities.

use std::collections::{BTreeMap, BTreeSet};

use domain::portfolio::CashTreatment;
use domain::{Currency, Day, Symbol};
use ledger::activity::{CashDetails, CashType};
use ledger::cash::{CashBalance, CashMovement, CashMovementKind, balances, currencies, movements};
use ledger::{Activity, ActivityEvent, Refusal};
use market_data::exchange_rates::ExchangeRates;
use market_data::price_lines::PriceLines;
use market_data::warnings;
use quant::backtest::Warning;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use valuation::{CashMove, CashMoveKind, CashRecords, Income, IncomeKind};

use super::flows::{Flows, SymbolFlows};
use super::recorded::RecordedHistory;

/// What the name of a currency's cash begins with among the names of instruments; no instrument has such a name.
const CASH_PREFIX: &str = "^CASH=";
/// The most days from the ex-date of a dividend to its payment.
const PAID_WITHIN_DAYS: i32 = 100;

/// The tracked cash of a currency.
#[derive(Clone, Debug)]
pub(super) struct TrackedCurrency {
    pub symbol: Symbol,
    pub currency: Currency,
    pub moves: Vec<CashMove>,
}

impl TrackedCurrency {
    /// The cash of a currency that has not moved; none if its name is no valid one.
    pub(super) fn without_moves(currency: Currency) -> Option<Self> {
        let symbol = format!("{CASH_PREFIX}{currency}").parse().ok()?;
        Some(Self { symbol, currency, moves: Vec::new() })
    }

    pub(super) fn records(&self) -> CashRecords<'_> {
        CashRecords { symbol: &self.symbol, currency: self.currency, moves: &self.moves }
    }
}

/// The currency whose cash has this name; none for an instrument.
pub(super) fn currency_of_cash(symbol: &Symbol) -> Option<Currency> {
    symbol.as_str().strip_prefix(CASH_PREFIX)?.parse().ok()
}

/// Adds the recorded income and charges of instruments to their flows. Of a dividend that the market data has, only fee and
/// tax count: the dividend itself counts on its ex-date. Where the currency is not the instrument's, cash
/// that is not tracked is converted at the rates of the day, or as near to it as there are; tracked cash counts it itself.
pub(super) fn add_incomes(
    flows: &mut Flows,
    activities: &[Activity],
    prices: &PriceLines,
    rates: &ExchangeRates,
    is_tracked: bool,
) {
    for activity in activities {
        let Some((symbol, mut income)) = income_of(activity) else { continue };
        if is_of_the_market(activity, prices) {
            income.amount = Decimal::ZERO;
        }
        let paid_in = activity.currency();
        let quoted = prices.get(symbol).and_then(|line| Some(line.series.as_ref()?.currency));
        let currency = flows.get(symbol).map(|owned| owned.currency).or(quoted).unwrap_or(paid_in);
        let Some(income) = in_currency(income, paid_in, currency, rates, is_tracked) else { continue };
        let fresh = || SymbolFlows { currency, ..SymbolFlows::default() };
        flows.entry(symbol.clone()).or_insert_with(fresh).incomes.push(income);
    }
    for owned in flows.values_mut() {
        owned.incomes.sort_by_key(|income| income.day);
    }
}

/// Whether an activity is a dividend that the market data has too: one with an ex-date at most [`PAID_WITHIN_DAYS`] before.
fn is_of_the_market(activity: &Activity, prices: &PriceLines) -> bool {
    let ActivityEvent::Cash(CashDetails { kind: CashType::Dividend, symbol: Some(symbol), .. }) = &activity.event
    else {
        return false;
    };
    let Some(line) = prices.get(symbol) else { return false };
    let bars = line.bars();
    let before = bars.count_through(activity.date.plus_days(-PAID_WITHIN_DAYS - 1));
    let through = bars.count_through(activity.date);
    bars.dividend().get(before..through).is_some_and(|dividends| dividends.iter().any(|dividend| *dividend > 0.0))
}

/// The instrument and its income, if an activity is one of an instrument.
fn income_of(activity: &Activity) -> Option<(&Symbol, Income)> {
    let ActivityEvent::Cash(CashDetails { kind, symbol: Some(symbol), amount, fee, tax, .. }) = &activity.event else {
        return None;
    };
    let kind = income_kind(*kind)?;
    let (day, amount, fee, tax) = (activity.date, amount.amount(), fee.amount(), tax.amount());
    Some((symbol, Income { day, kind, amount, fee, tax }))
}

fn income_kind(kind: CashType) -> Option<IncomeKind> {
    match kind {
        CashType::Dividend => Some(IncomeKind::Dividend),
        CashType::Interest => Some(IncomeKind::Interest),
        CashType::Fee => Some(IncomeKind::Fee),
        CashType::Tax => Some(IncomeKind::Tax),
        _ => None,
    }
}

fn in_currency(
    income: Income,
    from: Currency,
    to: Currency,
    rates: &ExchangeRates,
    is_tracked: bool,
) -> Option<Income> {
    if from == to {
        return Some(income);
    }
    if is_tracked {
        return None;
    }
    let rate = rates.of_flow(from, income.day)?.per(rates.of_flow(to, income.day)?);
    let exchanged = |amount: Decimal| Some(rate.exchange(amount)?.round_dp(to.decimals()));
    let (amount, fee, tax) = (exchanged(income.amount)?, exchanged(income.fee)?, exchanged(income.tax)?);
    Some(Income { amount, fee, tax, ..income })
}

/// The tracked cash by currency. What is paid for instruments without a value leaves, and what they pay comes in, like a
/// withdrawal and a deposit. So does a dividend that the market data has: it left the portfolio on its ex-date.
pub(super) fn tracked(
    history: &RecordedHistory,
    flows: &Flows,
    prices: &PriceLines,
    is_valued: impl Fn(&Symbol) -> bool,
) -> Result<Vec<TrackedCurrency>, Refusal> {
    let of_units = history.positions.values().flat_map(|of| &of.activities);
    let mut all: BTreeMap<&'static str, TrackedCurrency> = BTreeMap::new();
    for movement in movements(of_units.chain(&history.cash))? {
        let CashMovement { activity, amount, .. } = movement;
        let currency = amount.currency();
        let counted = activity.symbol().is_some_and(|symbol| {
            let is_in_its_currency = flows.get(symbol).is_some_and(|owned| owned.currency == currency);
            is_valued(symbol) && is_in_its_currency
        });
        let kind = if movement.kind == CashMovementKind::Income && is_of_the_market(activity, prices) {
            CashMoveKind::Flow
        } else if counted {
            CashMoveKind::OfInstrument
        } else {
            kind_of(&movement)
        };
        let one = CashMove { day: activity.date, kind, amount: amount.amount() };
        if !all.contains_key(currency.code()) {
            let Some(fresh) = TrackedCurrency::without_moves(currency) else { continue };
            all.insert(currency.code(), fresh);
        }
        all.entry(currency.code()).and_modify(|cash| cash.moves.push(one));
    }
    for cash in all.values_mut() {
        cash.moves.sort_by_key(|one| one.day);
    }
    Ok(all.into_values().collect())
}

/// How cash counts that no valued instrument counts.
fn kind_of(movement: &CashMovement<'_>) -> CashMoveKind {
    let is_of_units = movement.activity.event.is_of_units();
    match movement.kind {
        CashMovementKind::ExternalFlow | CashMovementKind::Trade => CashMoveKind::Flow,
        CashMovementKind::Cost | CashMovementKind::Tax if is_of_units => CashMoveKind::Flow,
        CashMovementKind::Income => match &movement.activity.event {
            ActivityEvent::Cash(CashDetails { kind: CashType::Dividend, .. }) => {
                CashMoveKind::Income(IncomeKind::Dividend)
            }
            _ => CashMoveKind::Income(IncomeKind::Interest),
        },
        CashMovementKind::Cost => CashMoveKind::Income(IncomeKind::Fee),
        CashMovementKind::Tax => CashMoveKind::Income(IncomeKind::Tax),
        CashMovementKind::Exchange => CashMoveKind::Exchange,
    }
}

/// The instruments and the currencies of activities that move cash alone.
pub(super) fn symbols_and_currencies(activities: &[Activity]) -> (BTreeSet<Symbol>, Vec<Currency>) {
    let symbols = activities.iter().filter(|activity| income_of(activity).is_some()).filter_map(Activity::symbol);
    (symbols.cloned().collect(), currencies(activities).collect())
}

/// A warning about cash, from a day on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CashNote {
    pub from: Day,
    pub warning: Warning,
}

/// The first day with a debt of each tracked currency; where cash is not tracked, that activities are in no figure. What is
/// dated after `today` does not exist yet.
pub(super) fn notes(history: &RecordedHistory, treatment: CashTreatment, today: Day) -> Result<Vec<CashNote>, Refusal> {
    let exists = |activity: &&Activity| activity.date <= today;
    if treatment == CashTreatment::Ignored {
        let days = || history.cash.iter().filter(exists).filter(|one| income_of(one).is_none()).map(|one| one.date);
        let warning = warnings::on_cash_not_counted(days().count());
        return Ok(days().min().zip(warning).map(|(from, warning)| CashNote { from, warning }).into_iter().collect());
    }
    let of_units = history.positions.values().flat_map(|of| &of.activities);
    let held = balances(&movements(of_units.chain(&history.cash).filter(exists))?);
    let debt = |held: &CashBalance| {
        let from = held.first_negative()?.date;
        Some(CashNote { from, warning: warnings::on_debt(held.currency, from) })
    };
    Ok(held.iter().filter_map(debt).collect())
}
