//! Finds the instruments of a file's symbols.

use std::collections::{BTreeSet, HashMap, HashSet};

use app::error::ServiceError;
use domain::{CustomerId, Instrument, Symbol};
use futures::{StreamExt as _, stream};
use market::call_limits::{ASKED_BY_AN_IMPORT, AT_ONCE_BY_A_REQUEST};
use market::{MarketClock, ProviderError};
use market_data::{MarketData, instruments};
use store::bars::read_outlines;
use store::keys;
use store::limits::MAX_KEYS;

/// The instrument of each symbol, none if it is unknown; all lookups together stay within one request's deadline.
///
/// Errors: the provider's, if it fails for one of them, after all have been tried.
pub(super) async fn look_up(
    market: &MarketData,
    customer: CustomerId,
    symbols: BTreeSet<Symbol>,
) -> Result<HashMap<Symbol, Option<Instrument>>, ServiceError> {
    let budget = market.budget_for(customer);
    let put_off = find_beyond_one_import(market, &symbols).await?;
    let looks = symbols.into_iter().filter(|symbol| !put_off.contains(symbol)).map(|symbol| async move {
        let found = match instruments::load(market, customer, &symbol, budget).await {
            Ok(instrument) => Ok(Some(instrument)),
            Err(ServiceError::UnknownSymbol { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        found.map(|found| (symbol, found))
    });
    let looks: Vec<_> = looks.collect();
    let found: Vec<Result<_, ServiceError>> =
        stream::iter(looks).buffer_unordered(AT_ONCE_BY_A_REQUEST).collect().await;
    let found = found.into_iter().collect::<Result<HashMap<_, _>, _>>()?;
    if put_off.is_empty() { Ok(found) } else { Err(ProviderError::TimedOut.into()) }
}

/// The symbols beyond the first ones that a live provider would have to be asked for.
async fn find_beyond_one_import(
    market: &MarketData,
    symbols: &BTreeSet<Symbol>,
) -> Result<HashSet<Symbol>, ServiceError> {
    if market.provider().clock() != MarketClock::Live {
        return Ok(HashSet::new());
    }
    let listed: Vec<Symbol> = symbols.iter().filter(|symbol| !symbol.is_custom()).cloned().collect();
    let outlines = read_outlines(market.app.table(), &listed).await?.into_iter();
    let has_bars = outlines.map(|outline| outline.is_some_and(|outline| market.provider().gives(&outline.head.source)));
    let new: Vec<Symbol> = listed.into_iter().zip(has_bars).filter(|(_, has)| !has).map(|(symbol, _)| symbol).collect();
    let mut asked = Vec::new();
    for some in new.chunks(MAX_KEYS) {
        let keys: Vec<_> = some.iter().map(keys::unknown_symbol).collect();
        let remembered = market.app.table().get_many(&keys).await?;
        asked.extend(some.iter().zip(remembered).filter(|(_, unknown)| unknown.is_none()).map(|(symbol, _)| symbol));
    }
    Ok(asked.into_iter().skip(ASKED_BY_AN_IMPORT).cloned().collect())
}
