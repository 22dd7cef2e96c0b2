//! The current price of an instrument: the newer of its stored quote and its last stored bar. Trades are executed at
//! it, holdings are valued by it, and responses show it.

mod batch;

pub use batch::{QuoteBatch, QuoteWithAge, load_batch, load_stored_batch};

use std::sync::Arc;

use app::ServiceError;
use chrono::{DateTime, Utc};
use domain::{Currency, CustomerId, Day, DecimalError, Price, Symbol};
use market::{CallBudget, MarketClock};

use crate::exchange_hours::close_of;
use crate::market_clock::{MAX_AGE_DAYS, market_day};
use crate::market_data::MarketData;
use crate::newest::{Newest, newest};
use crate::series::PriceSeries;
use crate::splits::KnownSplits;
use crate::{prices, quote_store};

/// A price to trade at.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The price of one unit.
    pub price: Price,
    /// Its currency.
    pub currency: Currency,
    /// The trading day of the price; it and every quantity traded at it are in units of this day.
    pub day: Day,
    /// The instant of the price.
    pub as_of: DateTime<Utc>,
    /// The splits of the instrument.
    pub splits: KnownSplits,
}

/// The price at which a trade is executed.
///
/// Errors: [`ServiceError::PriceUnavailable`] if it is older than `MAX_AGE_DAYS`, or not a price in exact decimals;
/// [`ServiceError::PriceTooSmall`]; [`ServiceError::PriceUnconfirmed`] if the quote does not match the bars;
/// [`ServiceError::UnknownSymbol`].
pub async fn load_tradable(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    budget: CallBudget,
) -> Result<Quote, ServiceError> {
    let series: Arc<PriceSeries> = prices::load(market, customer, symbol, budget).await?;
    let live = market.provider().clock() == MarketClock::Live;
    // With files the last bar is the quote, and nothing else is read.
    let quote = if live { quote_store::read(&market.app, symbol).await? } else { None };
    let splits = || KnownSplits::of(&series).map_err(|error| ServiceError::fault("splits", error));
    let (price, day, as_of) = match newest(market, &series, quote.as_ref()) {
        Newest::Unconfirmed(quote) => {
            return Err(ServiceError::PriceUnconfirmed { symbol: symbol.clone(), day: quote.day, last: series.last });
        }
        Newest::Quote(quote) => (Ok(quote.price), quote.day, quote.as_of),
        Newest::Bar => (series.last_close(), series.last, close_of(series.last)),
    };
    if price == Err(DecimalError::PriceTooSmall) {
        return Err(ServiceError::PriceTooSmall { symbol: symbol.clone(), last: day });
    }
    match price.ok().filter(|_| market_day(market).days_since(day) <= MAX_AGE_DAYS) {
        Some(price) => Ok(Quote { price, currency: series.currency, day, as_of, splits: splits()? }),
        None => Err(ServiceError::PriceUnavailable { symbol: symbol.clone(), last: day }),
    }
}

/// The current price of an instrument with these bars, and its day, or why it is not a price in exact decimals. A quote
/// that does not match the bars is not used.
pub async fn load_last_price(
    market: &MarketData,
    series: &PriceSeries,
) -> Result<Result<(Price, Day), DecimalError>, ServiceError> {
    let is_live = market.provider().clock() == MarketClock::Live && !series.symbol.is_custom();
    let quote = if is_live { quote_store::read(&market.app, &series.symbol).await? } else { None };
    Ok(match newest(market, series, quote.as_ref()) {
        Newest::Quote(quote) => Ok((quote.price, quote.day)),
        Newest::Bar | Newest::Unconfirmed(_) => series.last_close().map(|close| (close, series.last)),
    })
}
