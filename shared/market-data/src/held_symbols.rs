//! The symbols that a portfolio holds or has held, read from its items without the rules by which they count.

use std::collections::BTreeSet;

use app::{App, ServiceError, listing};
use domain::{PortfolioId, Symbol, SymbolError};
use ledger::activity_items;
use ledger::position_items::PositionHead;
use serde::Deserialize;
use store::keys::{self, Kind};
use store::{Body, Item, StoreError, documents};

/// What is read of an activity here.
#[derive(Deserialize)]
struct ActivityOutline {
    /// Nothing if it moves cash alone.
    symbol: Option<Symbol>,
}

/// What is read of a lot that was stored before there were activities.
#[derive(Deserialize)]
struct InvestmentOutline {
    ticker_symbol: Symbol,
}

/// The symbols that an item of a portfolio names: a position, activities, or a lot held elsewhere.
///
/// Errors: an item that cannot be read.
pub fn named_by(item: &Item) -> Result<BTreeSet<Symbol>, StoreError> {
    if let Some(symbol) = Kind::Position.id_in(&item.key) {
        let symbol = symbol.parse().map_err(|error: SymbolError| StoreError::corrupt(&item.key, &error))?;
        return Ok(BTreeSet::from([symbol]));
    }
    match (Kind::of(&item.key), &item.body) {
        (Some(Kind::Activities), Body::Bytes(bytes)) => {
            let (_, activities) = activity_items::unpack::<ActivityOutline>(bytes)
                .map_err(|reason| StoreError::corrupt(&item.key, &reason))?;
            Ok(activities.into_iter().filter_map(|activity| activity.symbol).collect())
        }
        (Some(Kind::Investment), _) => Ok(BTreeSet::from([documents::parse::<InvestmentOutline>(item)?.ticker_symbol])),
        _ => Ok(BTreeSet::new()),
    }
}

/// The symbols of all activities of a portfolio: what it holds elsewhere, and what it has held.
pub(crate) async fn read_recorded(app: &App, portfolio: PortfolioId) -> Result<BTreeSet<Symbol>, ServiceError> {
    // In this order: the first change of a history turns these lots into activities.
    let investments = listing::read_all(app, keys::investments(portfolio)).await?;
    let activities = listing::read_all(app, keys::activities(portfolio)).await?;
    let items = if activities.is_empty() { investments } else { activities };
    let mut symbols = BTreeSet::new();
    for item in &items {
        symbols.extend(named_by(item)?);
    }
    Ok(symbols)
}

/// The symbols of the positions that have a lot, and of all activities.
pub(crate) async fn read(app: &App, portfolio: PortfolioId) -> Result<BTreeSet<Symbol>, ServiceError> {
    let mut held = read_recorded(app, portfolio).await?;
    for item in listing::read_all(app, keys::positions(portfolio)).await? {
        if !documents::parse::<PositionHead>(&item)?.is_empty() {
            held.extend(named_by(&item)?);
        }
    }
    Ok(held)
}
