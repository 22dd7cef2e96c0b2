//! Instrument metadata: from the store, else from the provider. `search.rs` finds instruments by text.

mod metadata;
mod new_symbol;
mod search;

pub use metadata::{find, find_described};
pub use new_symbol::look_up;
pub use search::{InstrumentFilter, search};

use app::ServiceError;
use domain::{Currency, CustomerId, Instrument, InstrumentType, Symbol};
use market::{CallBudget, MarketClock};

use crate::market_data::MarketData;
use crate::{custom_instruments, history, new_symbol_lookups};

use metadata::find_stored;
use new_symbol::load_listed;

/// The instrument of a symbol that a customer is about to hold or watch: a custom instrument, or one that the provider
/// has prices of.
///
/// Errors: [`ServiceError::UnknownSymbol`], and the provider's if it cannot answer.
pub async fn load(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Instrument, ServiceError> {
    if symbol.is_custom() {
        return custom_instruments::find(&market.app, customer, symbol).await;
    }
    if market.provider().clock() != MarketClock::Live {
        return load_listed(market, symbol, budget).await;
    }
    // A call for the bars costs as much as one for the name and says more.
    let is_new = history::find_stored(market, symbol).await?.is_none();
    let series = history::load_available(market, symbol, budget).await?;
    let prices_in = Some(series.currency);
    if is_new && new_symbol_lookups::has_few_calls_today(market).await {
        // A new-symbol lookup is one call. The name is requested when the instrument is listed, while calls are left
        // for that.
        let unlisted = || Instrument { currency: series.currency, ..Instrument::unlisted(symbol.clone()) };
        let stored = find_stored(&market.app, symbol, prices_in).await?;
        return Ok(stored.or_else(|| market::describe_by_form(symbol)).unwrap_or_else(unlisted));
    }
    find(market, symbol, prices_in, budget).await
}

/// The kind of an instrument that is held already, as far as it is known without a call of a live provider: a stock is
/// assumed.
pub async fn find_type(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<InstrumentType, ServiceError> {
    if symbol.is_custom() {
        let found = custom_instruments::find(&market.app, customer, symbol).await;
        return match found {
            Err(ServiceError::UnknownSymbol { .. }) => Ok(InstrumentType::Item),
            found => Ok(found?.instrument_type),
        };
    }
    if market.provider().clock() != MarketClock::Live {
        return Ok(find(market, symbol, None, budget).await?.instrument_type);
    }
    let described = find_described(&market.app, symbol).await?.or_else(|| market::describe_by_form(symbol));
    Ok(described.map_or(InstrumentType::Stock, |instrument| instrument.instrument_type))
}

/// The metadata of the instrument that a symbol means to the customer, whether or not it has prices. `prices_in` is the
/// currency of its prices.
///
/// Errors: [`ServiceError::UnknownSymbol`] for a custom instrument that the customer does not have.
pub(crate) async fn describe(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    prices_in: Option<Currency>,
    budget: CallBudget,
) -> Result<Instrument, ServiceError> {
    if symbol.is_custom() {
        custom_instruments::find(&market.app, customer, symbol).await
    } else {
        find(market, symbol, prices_in, budget).await
    }
}
