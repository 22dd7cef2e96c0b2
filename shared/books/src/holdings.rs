//! Holdings of a portfolio by symbol, at present or as of an earlier day: lots of trades and lots of activities
//! together.

pub mod gains;
mod held_cash;
mod lots;
mod quoted;
mod realized;
mod what_if;

use std::collections::BTreeMap;

use app::error::ServiceError;
use domain::portfolio::LotMethod;
use domain::{Currency, CustomerId, Day, Portfolio, PortfolioId, Symbol};
use market::CallBudget;
use market_data::MarketData;
use market_data::exchange_rates::ExchangeRates;
use market_data::market_clock::{at_close, held_through, market_day};
use market_data::price_lines::{self, PriceLines};
use market_data::warnings::{self, on_rates_of_another_day};
use quant::backtest::Warning;
use rust_decimal::Decimal;
use serde::Serialize;
use store::retry::{Retry, retry};
use utoipa::ToSchema;
use valuation::{FlowCount, HeldPosition, Holding, Share, Unvalued};

use crate::portfolios;

pub use held_cash::HeldCash;
pub use ledger::AutomaticLotMethod;
pub(crate) use lots::PortfolioLots;
pub use lots::{HeldLot, LotOrigin};
use lots::{ReadySymbol, StoredLots, written};
pub use what_if::HoldingsRequest;

/// The holdings of a portfolio. Money is in its base currency, prices in the instruments' own.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PortfolioHoldings {
    /// The portfolio that is valued.
    pub portfolio_id: PortfolioId,
    /// Its base currency.
    pub currency: Currency,
    /// The day that the holdings are of: the market's today, or the day asked for.
    pub as_of: Day,
    /// The lot method that was asked for, if any: lots, costs and gains are those that every sale would have left if it
    /// had used this one. Nothing of it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lot_method: Option<LotMethod>,
    /// The source of the prices.
    pub source: String,
    /// Value of all holdings that have one, and of tracked cash.
    #[schema(value_type = domain::schema::DecimalString)]
    pub value: Decimal,
    /// Cost of those of them whose cost is known, fees included.
    #[schema(value_type = domain::schema::DecimalString)]
    pub cost: Decimal,
    /// Value less cost of the holdings whose cost is known.
    #[schema(value_type = domain::schema::DecimalString)]
    pub unrealized_gain: Decimal,
    /// The realised gain of all sales, including those of symbols no longer held.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub realized_gain: Option<Decimal>,
    /// The effect of the last session on the value; older prices contribute nothing.
    #[schema(value_type = domain::schema::DecimalString)]
    pub day_change: Decimal,
    /// The cash by currency; empty unless the portfolio tracks it.
    pub cash: Vec<HeldCash>,
    /// The holdings by symbol.
    pub items: Vec<HeldSymbol>,
    /// The value by sector, largest first.
    pub sectors: Vec<Share>,
    /// The value by currency of the instruments, largest first.
    pub currencies: Vec<Share>,
    /// The value by kind of instrument, largest first.
    pub instrument_types: Vec<Share>,
    /// Why a symbol has no value, by its name, or cash as `cash/EUR`, and why a figure is null: `realized_gain`, or for one
    /// symbol `AAPL/realized_gain`, `AAPL/day_change`, `AAPL/cost` and `AAPL/unrealized_gain`.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
    /// Warnings about the prices.
    pub warnings: Vec<Warning>,
}

/// One held symbol, with its lots.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeldSymbol {
    /// The name of the instrument; null if it is unknown.
    #[schema(example = "Apple Inc.", required)]
    pub name: Option<String>,
    /// The totals of the symbol.
    #[serde(flatten)]
    pub holding: Holding,
    /// Its lots, oldest first; absent if `include` does not name them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub lots: Option<Vec<HeldLot>>,
}

impl PortfolioHoldings {
    /// The same without the lots.
    #[must_use]
    pub fn without_lots(mut self) -> Self {
        self.items.iter_mut().for_each(|item| item.lots = None);
        self
    }
}

/// The holdings of a customer's portfolio at the last available prices. A symbol without a price never fails the whole
/// request.
///
/// Errors: [`ServiceError::NotFound`].
pub async fn compute(
    market: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
) -> Result<PortfolioHoldings, ServiceError> {
    compute_as(market, customer, id, HoldingsRequest::default()).await
}

/// The same as of an earlier day, or by another lot method.
///
/// Errors: also [`ServiceError::Field`] `as_of` for a day after the market's today.
pub async fn compute_as(
    market: &MarketData,
    customer: CustomerId,
    id: PortfolioId,
    request: HoldingsRequest,
) -> Result<PortfolioHoldings, ServiceError> {
    let market = &at_close(market, request.as_of)?;
    let portfolio = portfolios::find(&market.app, customer, id).await?;
    let budget = market.budget_for(customer);
    let lots = read_lots(market, &portfolio, request, budget).await?;
    let held = lots.held();
    let (lines, rates) = tokio::try_join!(
        price_lines::load(market, customer, &held, budget),
        ExchangeRates::load(market, portfolio.base_currency, lots.currencies(), budget)
    )?;
    let held = value(market, &portfolio, &lots, &lines, &rates).await?;
    Ok(PortfolioHoldings { lot_method: request.lot_method.map(LotMethod::from), ..held })
}

/// The lots of a portfolio: as they are stored, or as a replay gives them.
pub(crate) async fn read_lots(
    market: &MarketData,
    portfolio: &Portfolio,
    request: HoldingsRequest,
    budget: CallBudget,
) -> Result<PortfolioLots, ServiceError> {
    if request.needs_replay() {
        return what_if::replay_lots(market, portfolio, request.lot_method, budget).await;
    }
    retry(Retry::within(app::CONFLICT_BUDGET), || lots::read_stored(market, portfolio, budget)).await
}

/// The holdings that these lots are at these prices, which are at least those of the held symbols, and rates.
pub(crate) async fn value(
    market: &MarketData,
    portfolio: &Portfolio,
    lots: &PortfolioLots,
    lines: &PriceLines,
    rates: &ExchangeRates,
) -> Result<PortfolioHoldings, ServiceError> {
    let (id, base, today) = (portfolio.id, portfolio.base_currency, market_day(market));
    let lots = lots.through_prices(market, lines)?;
    let lines = &*lots.with_own_splits(lines);
    let stored = &lots.by_symbol;
    let realized = realized::compute_by_symbol(market, id, &lots, rates).await?;
    let fills = lots::find_fills(market, id, stored, lines).await?;
    let mut unavailable = reasons(stored, &realized.gains);
    let mut ready = Vec::with_capacity(stored.len());
    for (symbol, stored) in stored {
        let Some(line) = lines.get(symbol) else { continue };
        if !stored.is_held(held_through(market, line.last_day(market))) {
            continue;
        }
        let realized_gain = realized.gains.get(symbol).copied().unwrap_or(Ok(Decimal::ZERO));
        match lots::prepared(market, stored, line, &fills, rates, realized_gain.ok()) {
            Ok(symbol) => ready.push(symbol),
            Err(reason) => {
                unavailable.insert(symbol.to_string(), reason.code().to_owned());
            }
        }
    }
    let positions: Vec<HeldPosition<'_>> =
        ready.iter().map(|symbol| symbol.held(rates.on(symbol.currency, today))).collect();
    let found = valuation::holdings(base, &positions);
    unavailable.extend(found.unavailable);
    let cash = held_cash::compute(portfolio, &lots, rates, today)?;
    unavailable.extend(held_cash::reasons(&cash));
    let realized_gain: Option<Decimal> = realized.gains.values().copied().map(Result::ok).sum();
    let mut warnings = warnings(market, stored, lines, &ready, &realized.without_rate);
    warnings.extend(rates.warnings(ready.iter().map(|symbol| symbol.currency)));
    let item = |(holding, symbol): (Holding, &ReadySymbol<'_>)| HeldSymbol {
        name: symbol.name(),
        holding,
        lots: Some(symbol.lots.clone()),
    };
    Ok(PortfolioHoldings {
        portfolio_id: id,
        currency: base,
        as_of: today,
        lot_method: None,
        source: market.provider().source().to_owned(),
        value: cash.iter().filter_map(|cash| cash.value).fold(found.value, |sum, value| sum + value),
        cost: found.cost,
        unrealized_gain: found.unrealized_gain,
        realized_gain: realized_gain.map(|gain| written(gain, base)),
        day_change: found.day_change,
        cash,
        items: found.items.into_iter().zip(&ready).map(item).collect(),
        sectors: found.sectors,
        currencies: found.currencies,
        instrument_types: found.instrument_types,
        unavailable,
        warnings,
    })
}

/// Why figures of symbols are null, whether or not the symbols are still held.
fn reasons(
    stored: &BTreeMap<Symbol, StoredLots>,
    realized: &BTreeMap<Symbol, Result<Decimal, Unvalued>>,
) -> BTreeMap<String, String> {
    let conflicts = stored.iter().filter(|(_, stored)| stored.is_in_conflict());
    let conflicts = conflicts.map(|(symbol, _)| (symbol.to_string(), Unvalued::SplitConflict));
    let missing = realized.iter().filter_map(|(symbol, gain)| Some((symbol, gain.err()?)));
    let of_symbols = missing.clone().map(|(symbol, reason)| (format!("{symbol}/realized_gain"), reason));
    let of_all = missing.take(1).map(|(_, reason)| ("realized_gain".to_owned(), reason));
    let all = conflicts.chain(of_symbols).chain(of_all);
    all.map(|(figure, reason)| (figure, reason.code().to_owned())).collect()
}

/// Warnings about prices, rates of other days, and lots dated in the future.
fn warnings(
    market: &MarketData,
    stored: &BTreeMap<Symbol, StoredLots>,
    lines: &PriceLines,
    ready: &[ReadySymbol<'_>],
    without_rate: &BTreeMap<Symbol, FlowCount>,
) -> Vec<Warning> {
    let today = market_day(market);
    let mut found = warnings::of_lines(market, ready.iter().map(|symbol| symbol.rests_on(today)));
    found.extend(without_rate.iter().filter_map(|(symbol, &noted)| on_rates_of_another_day(symbol, Some(noted))));
    for (symbol, stored) in stored {
        let through = held_through(market, lines.get(symbol).and_then(|line| line.last_day(market)));
        let (lots, others) = stored.to_come(through);
        found.extend(warnings::on_lots_to_come(symbol, lots, through));
        found.extend(warnings::on_activities_to_come(symbol, others, through));
        let removals = stored.recorded.iter().flat_map(|recorded| &recorded.position.removals);
        found.extend(warnings::on_lots_not_named(
            symbol,
            removals.filter(|removal| removal.is_by_default_order).count(),
        ));
    }
    found
}
