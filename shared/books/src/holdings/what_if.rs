//! Lots and sales as a replay of the trades and activities gives them: as of an earlier day, or by another lot method.

use std::collections::BTreeMap;

use app::App;
use app::error::ServiceError;
use domain::{Currency, Day, Portfolio, PortfolioId, Split, Symbol};
use ledger::replay::replay;
use ledger::{Activity, AutomaticLotMethod, FoldedSplits, LotMovement, Position, Refusal, Side, Trade};
use market::CallBudget;
use market_data::MarketData;
use market_data::market_clock::market_day;
use market_data::splits::KnownSplits;
use store::retry::{Retry, retry};

use super::lots::{PortfolioLots, Sale, StoredLots};
use crate::activities::{History, replay_all};
use crate::positions;

/// The trades of one symbol and what a replay of them needs.
struct ReplayedTrades {
    symbol: Symbol,
    currency: Currency,
    movements: Vec<LotMovement>,
    splits: Vec<Split>,
}

/// The lots of a portfolio at the market's clock, from its trades and activities up to then, as if every sale had used
/// `method`; without one, each sale takes what its record says. Lots dated later do not exist yet. Nothing is written.
pub(super) async fn replay_lots(
    market: &MarketData,
    portfolio: &Portfolio,
    method: Option<AutomaticLotMethod>,
    budget: CallBudget,
) -> Result<PortfolioLots, ServiceError> {
    let (id, today) = (portfolio.id, market_day(market));
    let is_past = market.is_in_the_past();
    let mut trades = positions::read_trades(&market.app, id).await?;
    trades.retain(|trade| !is_past || trade.market_day <= today);
    let mut by_symbol = replay_trades(market, id, &trades, method).await?;
    let history = retry(Retry::within(app::CONFLICT_BUDGET), || History::read(&market.app, id)).await?;
    let exists = |activity: &&Activity| !is_past || activity.date <= today;
    let activities = history.activities().filter(exists).cloned().collect();
    let is_of_cash = |activity: &&Activity| exists(activity) && !activity.event.is_of_units();
    let cash = history.activities().filter(is_of_cash).cloned().collect();
    let method = method.map_or(portfolio.lot_method, Into::into);
    for (symbol, recorded) in replay_all(market, activities, method, today, budget).await? {
        by_symbol.entry(symbol).or_default().recorded = Some(recorded);
    }
    Ok(PortfolioLots { by_symbol, cash, trades: Some(trades) })
}

async fn replay_trades(
    market: &MarketData,
    id: PortfolioId,
    trades: &[Trade],
    method: Option<AutomaticLotMethod>,
) -> Result<BTreeMap<Symbol, StoredLots>, ServiceError> {
    let mut of_symbols: BTreeMap<&Symbol, Vec<&Trade>> = BTreeMap::new();
    for trade in trades {
        of_symbols.entry(&trade.symbol).or_default().push(trade);
    }
    let mut folded = read_folded(&market.app, id, &of_symbols).await?;
    let mut jobs = Vec::with_capacity(of_symbols.len());
    for (symbol, trades) in of_symbols {
        let folded = folded.remove(symbol).unwrap_or_else(|| FoldedSplits::of_trades(trades.iter().copied()));
        let splits = load_splits(market, symbol, &trades, folded).await?;
        let movements = trades.iter().map(|&trade| {
            let made = LotMovement::try_from(trade)?;
            Ok(match method {
                Some(method) => made.by_method(method),
                None => made,
            })
        });
        let movements = movements.collect::<Result<Vec<_>, Refusal>>()?;
        let Some(currency) = trades.first().map(|trade| trade.currency) else { continue };
        jobs.push(ReplayedTrades { symbol: symbol.clone(), currency, movements, splits });
    }
    // Each sale visits every open lot, so thousands take time.
    let work = move || jobs.into_iter().map(|job| job.run(id)).collect::<Result<_, Refusal>>();
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| ServiceError::fault("replaying the trades of a portfolio", error))??)
}

/// The splits folded by the positions, if any of them has sold anything.
async fn read_folded(
    app: &App,
    id: PortfolioId,
    trades: &BTreeMap<&Symbol, Vec<&Trade>>,
) -> Result<BTreeMap<Symbol, FoldedSplits>, ServiceError> {
    if trades.values().flatten().any(|trade| trade.side == Side::Sell) {
        positions::read_folded(app, id).await
    } else {
        Ok(BTreeMap::new())
    }
}

/// The splits by which sales count the units of older lots; without a sale none are needed.
async fn load_splits(
    market: &MarketData,
    symbol: &Symbol,
    trades: &[&Trade],
    folded: FoldedSplits,
) -> Result<Vec<Split>, ServiceError> {
    if trades.iter().all(|trade| trade.side == Side::Buy) {
        return Ok(Vec::new());
    }
    let known = KnownSplits::load_available(market, symbol).await?;
    Ok(known.map_or_else(|| folded.splits.clone(), |known| known.for_units(&folded)))
}

impl ReplayedTrades {
    fn run(self, id: PortfolioId) -> Result<(Symbol, StoredLots), Refusal> {
        let nothing = Position::new(id.0, self.symbol.clone(), self.currency)?;
        let mut sales: Vec<Sale> = Vec::new();
        let position = replay(&nothing, &self.movements, &self.splits, |sale, lots| {
            sales.push(Sale { trade_id: sale.id(), day: sale.day(), lots: lots.to_vec() });
        })?;
        Ok((self.symbol, StoredLots { position: Some(position), sales: Some(sales), recorded: None }))
    }
}

/// The day whose close holdings show, and the lot method that they try.
#[derive(Clone, Copy, Debug, Default)]
pub struct HoldingsRequest {
    /// The day, at most the market's today; the present by default.
    pub as_of: Option<Day>,
    /// A lot method: lots and gains are those that every sale would have left if it had used this one.
    pub lot_method: Option<AutomaticLotMethod>,
}

impl HoldingsRequest {
    /// Whether stored positions do not show it.
    pub(super) fn needs_replay(self) -> bool {
        self.as_of.is_some() || self.lot_method.is_some()
    }
}
