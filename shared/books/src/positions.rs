//! Positions as stored in the table: a head with the younger lots, and older lots in separate items.
//!
//! A position stores the splits folded into its units. If other splits are known now, it is replayed from its trades
//! and written at its version, so that holdings, performance and what can be sold agree.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use app::error::ServiceError;
use app::{App, listing};
use domain::{Currency, PortfolioId, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ledger::position_items::{OlderLots, PositionHead};
use ledger::replay::replay;
use ledger::{FoldedSplits, LotMovement, Position, Refusal, Trade};
use market_data::MarketData;
use market_data::splits::KnownSplits;
use store::{DeleteExpect, Item, StoreError, Version, Write, documents, keys};

/// Histories read concurrently.
const AT_ONCE: usize = 16;

/// A position as read, with the versions of its items.
#[derive(Clone, Debug)]
pub struct StoredPosition {
    /// The position.
    pub position: Position,
    /// The stored position, if this one was replayed since and is not written yet.
    stored: Option<Position>,
    /// The version of its head; without one it has never been written.
    head: Option<Version>,
    /// The versions of its items of older lots, by their numbers.
    older: BTreeMap<u64, Version>,
}

/// A portfolio's position in one instrument, with the splits known now; an empty one in `currency` if it was never
/// traded. A replayed position is written with the next write.
pub async fn find(
    app: &App,
    portfolio: PortfolioId,
    symbol: &Symbol,
    currency: Currency,
    known: &KnownSplits,
) -> Result<StoredPosition, ServiceError> {
    if let Some(item) = app.table().get(&keys::position(portfolio, symbol)).await? {
        let stored = read(app, portfolio, symbol, &item).await?;
        return Trades::new(app, portfolio).replay_if_outdated(stored, known).await;
    }
    let position = Position::new(portfolio.0, symbol.clone(), currency)?;
    Ok(StoredPosition { position, stored: None, head: None, older: BTreeMap::new() })
}

/// Every position of a portfolio, including closed ones, by symbol, with the available splits.
pub async fn read_all(market: &MarketData, portfolio: PortfolioId) -> Result<Vec<Position>, ServiceError> {
    let stored = read_stored(&market.app, portfolio).await?;
    bring_up_to_date(market, portfolio, stored).await
}

/// The symbols of which sales took more units than there were, with the available splits. Usually the heads state it;
/// if one has folded other splits, the positions are updated.
pub(crate) async fn find_in_conflict(
    market: &MarketData,
    portfolio: PortfolioId,
) -> Result<BTreeSet<Symbol>, ServiceError> {
    let mut found = BTreeSet::new();
    for item in listing::read_all(&market.app, keys::positions(portfolio)).await? {
        let head: PositionHead = documents::parse(&item)?;
        let symbol = symbol_of(&item)?;
        let folded = head.folded();
        if folded.as_ref().is_some_and(|folded| folded.unit_day.is_none()) {
            continue;
        }
        let known = KnownSplits::load_available(market, &symbol).await?;
        let is_current =
            |folded: &FoldedSplits| known.as_ref().is_none_or(|known| folded.is_by(&known.for_units(folded)));
        if !folded.as_ref().is_some_and(is_current) {
            let positions = read_all(market, portfolio).await?;
            let conflicts = positions.into_iter().filter(|position| position.split_conflict);
            return Ok(conflicts.map(|position| position.symbol).collect());
        }
        if head.is_in_conflict() {
            found.insert(symbol);
        }
    }
    Ok(found)
}

/// The splits that the positions of a portfolio have folded, by symbol; none of a position that does not record them.
pub(crate) async fn read_folded(
    app: &App,
    portfolio: PortfolioId,
) -> Result<BTreeMap<Symbol, FoldedSplits>, ServiceError> {
    let mut folded = BTreeMap::new();
    for item in listing::read_all(app, keys::positions(portfolio)).await? {
        let head: PositionHead = documents::parse(&item)?;
        if let Some(of_position) = head.folded() {
            folded.insert(symbol_of(&item)?, of_position);
        }
    }
    Ok(folded)
}

/// Every position of a portfolio as stored in the table, by symbol.
pub async fn read_stored(app: &App, portfolio: PortfolioId) -> Result<Vec<StoredPosition>, ServiceError> {
    let mut positions = Vec::new();
    for item in listing::read_all(app, keys::positions(portfolio)).await? {
        let symbol = symbol_of(&item)?;
        positions.push(read(app, portfolio, &symbol, &item).await?);
    }
    Ok(positions)
}

/// These positions of a portfolio with the available splits; replayed ones are written.
pub async fn bring_up_to_date(
    market: &MarketData,
    portfolio: PortfolioId,
    stored: Vec<StoredPosition>,
) -> Result<Vec<Position>, ServiceError> {
    let splits = stored.iter().map(|one| {
        let symbol = has_sold(&one.position).then(|| one.position.symbol.clone());
        async move {
            match symbol {
                Some(symbol) => KnownSplits::load_available(market, &symbol).await,
                None => Ok(None),
            }
        }
    });
    let splits: Vec<Option<KnownSplits>> =
        stream::iter(splits.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await?;
    let mut trades = Trades::new(&market.app, portfolio);
    let mut positions = Vec::with_capacity(stored.len());
    for (one, known) in stored.into_iter().zip(splits) {
        let one = match known {
            Some(known) => trades.replay_if_outdated(one, &known).await?,
            None => one,
        };
        if one.stored.is_some() {
            match market.app.table().transact(writes(&one, &one.position)?).await {
                // Another reader has written it, or a trade, which replays it itself.
                Ok(_) | Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        positions.push(one.position);
    }
    Ok(positions)
}

/// The writes of the position that a command led to from this one.
pub(crate) fn writes(before: &StoredPosition, after: &Position) -> Result<Vec<Write>, StoreError> {
    let portfolio = PortfolioId(after.portfolio_id);
    let key = keys::position(portfolio, &after.symbol);
    let body = documents::body(&key, &after.head())?;
    let mut writes = vec![Write::Put { key, body, expires_at: None, expect: before.head.into() }];
    let stored = before.stored.as_ref().unwrap_or(&before.position);
    for older in after.older_lots_changed_since(stored) {
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

/// Whether its units may have folded splits: something was sold, or it is not recorded.
fn has_sold(position: &Position) -> bool {
    position.folded.as_ref().is_none_or(|folded| folded.unit_day.is_some())
}

/// The trades of a portfolio, read when the first position needs them.
struct Trades<'a> {
    app: &'a App,
    portfolio: PortfolioId,
    read: Option<Vec<Trade>>,
}

impl<'a> Trades<'a> {
    fn new(app: &'a App, portfolio: PortfolioId) -> Self {
        Self { app, portfolio, read: None }
    }

    /// The trades of a symbol, oldest first.
    async fn read_of(&mut self, symbol: &Symbol) -> Result<Vec<&Trade>, ServiceError> {
        let read = match self.read.take() {
            Some(read) => read,
            None => read_trades(self.app, self.portfolio).await?,
        };
        Ok(self.read.insert(read).iter().filter(|trade| trade.symbol == *symbol).collect())
    }

    /// The position with the known splits: unchanged, or replayed.
    async fn replay_if_outdated(
        &mut self,
        stored: StoredPosition,
        known: &KnownSplits,
    ) -> Result<StoredPosition, ServiceError> {
        let is_current = |folded: &FoldedSplits| folded.is_by(&known.for_units(folded));
        if stored.position.folded.as_ref().is_some_and(is_current) {
            return Ok(stored);
        }
        let trades = self.read_of(&stored.position.symbol).await?;
        match (trades.len() as u64).cmp(&stored.position.trades) {
            Ordering::Equal => {}
            // Another trade was made since the position was read.
            Ordering::Greater => return Err(StoreError::Conflict { write: 0 }.into()),
            Ordering::Less => {
                tracing::error!(symbol = %stored.position.symbol, "a position has more trades than are stored");
                return Ok(stored);
            }
        }
        match by_splits(&stored.position, &trades, known) {
            Ok(position) => {
                let before = stored.stored.unwrap_or(stored.position);
                Ok(StoredPosition { position, stored: Some(before), ..stored })
            }
            Err(error) => {
                tracing::error!(symbol = %stored.position.symbol, %error, "a position could not be replayed");
                Ok(stored)
            }
        }
    }
}

/// The trades of a portfolio in order: no trade is dated before the last one.
pub(crate) async fn read_trades(app: &App, portfolio: PortfolioId) -> Result<Vec<Trade>, ServiceError> {
    let items = listing::read_all(app, keys::trades(portfolio)).await?;
    let mut trades: Vec<Trade> = items.iter().map(documents::parse).collect::<Result<_, _>>()?;
    trades.sort_by_key(|trade| (trade.market_day, trade.id));
    Ok(trades)
}

/// A position of these trades with the known splits. A position stored before it recorded its folded splits has folded
/// those that its trades name.
fn by_splits(position: &Position, trades: &[&Trade], known: &KnownSplits) -> Result<Position, Refusal> {
    let folded = position.folded.clone().unwrap_or_else(|| FoldedSplits::of_trades(trades.iter().copied()));
    let splits = known.for_units(&folded);
    if folded.is_by(&splits) {
        return Ok(Position { folded: Some(folded), ..position.clone() });
    }
    let movements = trades.iter().map(|&trade| LotMovement::try_from(trade)).collect::<Result<Vec<_>, _>>()?;
    replay(position, &movements, &splits, |_, _| ())
}

fn symbol_of(head: &Item) -> Result<Symbol, StoreError> {
    let symbol = keys::Kind::Position.id_in(&head.key).unwrap_or_default().parse();
    symbol.map_err(|error: domain::SymbolError| StoreError::corrupt(&head.key, &error))
}

async fn read(app: &App, portfolio: PortfolioId, symbol: &Symbol, item: &Item) -> Result<StoredPosition, ServiceError> {
    let head: PositionHead = documents::parse(item)?;
    let wanted: Vec<_> = head.older_items().iter().map(|&number| keys::older_lots(portfolio, symbol, number)).collect();
    let mut older = Vec::with_capacity(wanted.len());
    let mut versions = BTreeMap::new();
    if !wanted.is_empty() {
        // An item removed since is found missing by the ledger, and the head that named it has changed too.
        for item in app.table().get_many(&wanted).await?.into_iter().flatten() {
            let lots: OlderLots = documents::parse(&item)?;
            versions.insert(lots.item, item.version);
            older.push(lots);
        }
    }
    let position = Position::from_items(head, older).map_err(|error| moved_on(item, &error))?;
    Ok(StoredPosition { position, stored: None, head: Some(item.version), older: versions })
}

/// A head and items that do not match were read during a concurrent trade: the reader starts over.
fn moved_on(item: &Item, error: &ledger::position_items::PositionItemsError) -> StoreError {
    use ledger::position_items::PositionItemsError::{Amount, OlderItems};
    match error {
        OlderItems { .. } => StoreError::Conflict { write: 0 },
        Amount(_) => StoreError::corrupt(&item.key, error),
    }
}
