//! Positions as they lie in the table: a head with the younger lots, and older lots in items of their own.

use std::collections::BTreeMap;

use domain::{Currency, PortfolioId, Symbol};
use ledger::Position;
use ledger::position_items::{OlderLots, PositionHead};
use store::{DeleteExpect, Item, StoreError, Version, Write, documents, keys};

use crate::App;
use crate::error::ServiceError;
use crate::listing;

/// A position as read, with the versions of its items.
#[derive(Clone, Debug)]
pub struct StoredPosition {
    /// The position.
    pub position: Position,
    /// The version of its head; without one it has never been written.
    head: Option<Version>,
    /// The versions of its items of older lots, by their numbers.
    older: BTreeMap<u64, Version>,
}

/// A portfolio's position in one instrument; an empty one in `currency` where nothing was ever traded.
pub async fn find(
    app: &App,
    portfolio: PortfolioId,
    symbol: &Symbol,
    currency: Currency,
) -> Result<StoredPosition, ServiceError> {
    if let Some(item) = app.table().get(&keys::position(portfolio, symbol)).await? {
        return read(app, portfolio, symbol, &item).await;
    }
    let position = Position::new(portfolio.0, symbol.clone(), currency)?;
    Ok(StoredPosition { position, head: None, older: BTreeMap::new() })
}

/// Every position of a portfolio, closed ones too, by symbol.
pub async fn all(app: &App, portfolio: PortfolioId) -> Result<Vec<Position>, ServiceError> {
    let mut positions = Vec::new();
    for item in listing::items(app, keys::positions(portfolio)).await? {
        let symbol = item.key.sk.trim_start_matches(keys::POSITION_PREFIX).parse();
        let symbol = symbol.map_err(|error: domain::SymbolError| StoreError::corrupt(&item.key, &error))?;
        positions.push(read(app, portfolio, &symbol, &item).await?.position);
    }
    Ok(positions)
}

/// The writes of the position that a command led to from this one.
pub(crate) fn writes(before: &StoredPosition, after: &Position) -> Result<Vec<Write>, StoreError> {
    let portfolio = PortfolioId(after.portfolio_id);
    let key = keys::position(portfolio, &after.symbol);
    let body = documents::body(&key, &after.head())?;
    let mut writes = vec![Write::Put { key, body, expires_at: None, expect: before.head.into() }];
    for older in after.older_lots_changed_since(&before.position) {
        let key = keys::older_lots(portfolio, &after.symbol, older.item);
        if older.is_empty() {
            writes.push(Write::Delete { key, expect: DeleteExpect::Any });
            continue;
        }
        let body = documents::body(&key, &older)?;
        let expect = before.older.get(&older.item).copied().into();
        writes.push(Write::Put { key, body, expires_at: None, expect });
    }
    Ok(writes)
}

async fn read(app: &App, portfolio: PortfolioId, symbol: &Symbol, item: &Item) -> Result<StoredPosition, ServiceError> {
    let head: PositionHead = documents::parse(item)?;
    let wanted: Vec<_> = head.older_items().iter().map(|&number| keys::older_lots(portfolio, symbol, number)).collect();
    let mut older = Vec::with_capacity(wanted.len());
    let mut versions = BTreeMap::new();
    if !wanted.is_empty() {
        // One that was taken away since is missed by the ledger, and the head that named it has changed too.
        for item in app.table().get_many(&wanted).await?.into_iter().flatten() {
            let lots: OlderLots = documents::parse(&item)?;
            versions.insert(lots.item, item.version);
            older.push(lots);
        }
    }
    let position = Position::from_items(head, older).map_err(|error| moved_on(item, &error))?;
    Ok(StoredPosition { position, head: Some(item.version), older: versions })
}

/// Head and items that do not fit were read around somebody else's trade: the reader starts over.
fn moved_on(item: &Item, error: &ledger::position_items::PositionItemsError) -> StoreError {
    use ledger::position_items::PositionItemsError::{Amount, OlderItems};
    match error {
        OlderItems { .. } => StoreError::Conflict { write: 0 },
        Amount(_) => StoreError::corrupt(&item.key, error),
    }
}
