//! The recorded book of a portfolio, as its daily values need it.

use std::collections::BTreeSet;

use app::error::ServiceError;
use domain::{Day, Portfolio, Symbol};
use market::CallBudget;
use market_data::MarketData;
use market_data::price_lines::PriceLines;
use store::retry::{Retry, retry};

use super::flows::TradeFlow;
use crate::activities::{History, RecordedPositions, replay_all};
use ledger::Activity;

/// A whole history.
#[derive(Clone, Debug, Default)]
pub(super) struct RecordedHistory {
    /// What it leaves of each instrument.
    pub positions: RecordedPositions,
    /// The activities that move cash alone, in the order of recording.
    pub cash: Vec<Activity>,
}

/// The whole history of a portfolio.
pub(super) async fn read(
    market: &MarketData,
    portfolio: &Portfolio,
    budget: CallBudget,
) -> Result<RecordedHistory, ServiceError> {
    let history = retry(Retry::within(app::CONFLICT_BUDGET), || History::read(&market.app, portfolio.id)).await?;
    let cash = history.activities().filter(|activity| !activity.event.is_of_units()).cloned().collect();
    let activities = history.activities().cloned().collect();
    let positions = replay_all(market, activities, portfolio.lot_method, Day::LAST, budget).await?;
    Ok(RecordedHistory { positions, cash })
}

/// Adds the splits up to `today` that no market data knows to the prices, so that they multiply units there too.
pub(super) fn add_own_splits(recorded: &RecordedPositions, today: Day, prices: &mut PriceLines) {
    for (symbol, of_symbol) in recorded {
        let splits = of_symbol.own_splits();
        let splits = splits.get(..splits.partition_point(|split| split.day <= today)).unwrap_or_default();
        if let Some(line) = prices.get_mut(symbol).filter(|_| !splits.is_empty()) {
            *line = line.with_splits(splits);
        }
    }
}

/// The symbols of which more units left than were held, by the splits known now. A split that no market data knows is not
/// one of units bought from the wallet before it, so these are in conflict too.
pub(super) fn in_conflict(recorded: &RecordedPositions, trades: &[TradeFlow]) -> BTreeSet<Symbol> {
    let mut found = BTreeSet::new();
    for (symbol, of_symbol) in recorded {
        let last = of_symbol.own_splits().last().map(|split| split.day);
        let is_before = |trade: &TradeFlow| trade.symbol == *symbol && last.is_some_and(|last| trade.market_day < last);
        if of_symbol.position.lacks_units() || (last.is_some() && trades.iter().any(is_before)) {
            found.insert(symbol.clone());
        }
    }
    found
}

/// Whether values after `eve` need the history again: something of it is dated later, or a split that no market data
/// knows or a conflict has an effect on what trades alone do not show.
pub(super) fn is_needed_again(recorded: &RecordedHistory, eve: Day) -> bool {
    let RecordedHistory { positions, cash } = recorded;
    cash.iter().any(|activity| activity.date > eve)
        || positions.values().any(|of_symbol| {
            of_symbol.after(eve).next().is_some()
                || !of_symbol.own_splits().is_empty()
                || of_symbol.position.lacks_units()
        })
}
