//! The cash of a portfolio that tracks it, as a part of its holdings.

use std::collections::BTreeMap;

use domain::portfolio::CashTreatment;
use domain::{Currency, Day, Portfolio};
use ledger::Refusal;
use ledger::cash::{balances, movements};
use market_data::exchange_rates::ExchangeRates;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use valuation::Unvalued;

use super::lots::{PortfolioLots, written};

/// The tracked cash of a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HeldCash {
    /// The currency of the balance.
    pub currency: Currency,
    /// What is there; below zero if more left than came in.
    #[schema(value_type = domain::schema::DecimalString)]
    pub balance: Decimal,
    /// The same in the base currency at the rate of the day; null without a rate.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub value: Option<Decimal>,
}

/// The cash by currency, if the portfolio tracks it: what the activities up to `today` leave, and of those of an instrument
/// the ones that its units count.
pub(super) fn compute(
    portfolio: &Portfolio,
    lots: &PortfolioLots,
    rates: &ExchangeRates,
    today: Day,
) -> Result<Vec<HeldCash>, Refusal> {
    if portfolio.cash == CashTreatment::Ignored {
        return Ok(Vec::new());
    }
    let recorded = lots.by_symbol.values().filter_map(|stored| stored.recorded.as_ref());
    let of_units =
        recorded.flat_map(|recorded| recorded.activities.iter().filter(move |one| one.date <= recorded.through()));
    let of_cash = lots.cash.iter().filter(|activity| activity.date <= today);
    let held = balances(&movements(of_units.chain(of_cash))?);
    let cash = held.iter().filter_map(|held| {
        let (currency, balance) = (held.currency, held.days.last()?.balance);
        let exchanged = rates.on(currency, today).and_then(|rate| rate.exchange(balance));
        let value = exchanged.map(|value| written(value.round_dp(rates.base().decimals()), rates.base()));
        (!balance.is_zero()).then_some(HeldCash { currency, balance: written(balance, currency), value })
    });
    Ok(cash.collect())
}

/// Why cash has no value, by `cash/` and its currency.
pub(super) fn reasons(cash: &[HeldCash]) -> BTreeMap<String, String> {
    let without = cash.iter().filter(|cash| cash.value.is_none());
    without.map(|cash| (format!("cash/{}", cash.currency), Unvalued::FxUnavailable.code().to_owned())).collect()
}
