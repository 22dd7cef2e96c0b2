//! The price of an instrument now: the newer of its stored quote and its last stored bar. It is what an order meets, what
//! holdings are worth, and what whoever asks is told.

mod asking;
mod board;

pub(crate) use asking::ask;
pub(crate) use board::board_within;
pub use board::{Board, BoardQuote, board};

pub use crate::market_clock::close_of;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{Currency, CustomerId, Day, DecimalError, Price, Symbol, calendar};
use market::MarketClock;
use rust_decimal::Decimal;

use crate::error::ServiceError;
use crate::history::Series;
use crate::last_quote::{self, LastQuote};
use crate::market_clock::market_day;
use crate::splits::KnownSplits;
use crate::{App, instruments};

/// A quote older than this, by the market's clock, is no price to trade at.
pub const MAX_AGE_DAYS: i32 = 7;

/// A price to trade at.
#[derive(Clone, Debug)]
pub struct Quote {
    /// The price of one unit.
    pub price: Price,
    /// Its currency.
    pub currency: Currency,
    /// The trading day of the price; it and every quantity traded at it are in units of this day.
    pub day: Day,
    /// Of when it is.
    pub as_of: DateTime<Utc>,
    /// The splits of the instrument.
    pub splits: KnownSplits,
}

/// The price that an order meets.
///
/// Errors: [`ServiceError::PriceUnavailable`] where it is older than [`MAX_AGE_DAYS`], or no price in exact decimals;
/// [`ServiceError::PriceTooSmall`]; [`ServiceError::PriceUnconfirmed`] where the quote does not go with the bars; [`ServiceError::UnknownSymbol`].
pub async fn tradable(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Quote, ServiceError> {
    let series: Arc<Series> = instruments::prices(app, customer, symbol).await?;
    let live = app.provider().clock() == MarketClock::Live;
    // Of files the last bar is the quote, and nothing else is read.
    let quote = if live { last_quote::read(app, symbol).await? } else { None };
    let splits = || KnownSplits::of(&series).map_err(|error| ServiceError::fault("splits", error));
    let (price, day, as_of) = match newest(app, &series, quote.as_ref()) {
        Newest::Unconfirmed(quote) => {
            return Err(ServiceError::PriceUnconfirmed { symbol: symbol.clone(), day: quote.day, last: series.last });
        }
        Newest::Quote(quote) => (Ok(quote.price), quote.day, quote.as_of),
        Newest::Bar => (series.last_close(), series.last, close_of(series.last)),
    };
    if price == Err(DecimalError::PriceTooSmall) {
        return Err(ServiceError::PriceTooSmall { symbol: symbol.clone(), last: day });
    }
    match price.ok().filter(|_| market_day(app).days_since(day) <= MAX_AGE_DAYS) {
        Some(price) => Ok(Quote { price, currency: series.currency, day, as_of, splits: splits()? }),
        None => Err(ServiceError::PriceUnavailable { symbol: symbol.clone(), last: day }),
    }
}

/// The price of now of an instrument with these bars, and its day, or why that is no price in exact decimals. A quote
/// that does not go with the bars is not it.
pub(crate) async fn last_price(app: &App, series: &Series) -> Result<Result<(Price, Day), DecimalError>, ServiceError> {
    let market = app.provider().clock() == MarketClock::Live && !series.symbol.is_own_item();
    let quote = if market { last_quote::read(app, &series.symbol).await? } else { None };
    Ok(match newest(app, series, quote.as_ref()) {
        Newest::Quote(quote) => Ok((quote.price, quote.day)),
        Newest::Bar | Newest::Unconfirmed(_) => series.last_close().map(|close| (close, series.last)),
    })
}

/// Which of an instrument's stored quote and last bar is the price of now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Newest<'a> {
    /// The close of the last bar.
    Bar,
    /// The quote, which is of a later instant.
    Quote(&'a LastQuote),
    /// The quote is of a later instant, but does not go with the bars: there may be a split that is not known yet. The
    /// next bars will tell.
    Unconfirmed(&'a LastQuote),
}

/// Which of a quote and the last bar of a series is the price of now. A quote of another source than the provider's, or
/// of a replay that is over, is none.
pub(crate) fn newest<'a>(app: &App, series: &Series, quote: Option<&'a LastQuote>) -> Newest<'a> {
    match quote.filter(|quote| is_believed(app, quote)) {
        Some(quote) if (quote.day, quote.as_of) >= (series.last, close_of(series.last)) => {
            if confirmed(series, quote) {
                Newest::Quote(quote)
            } else {
                Newest::Unconfirmed(quote)
            }
        }
        _ => Newest::Bar,
    }
}

/// Whether a stored quote is of a source of the provider's, and of the replay that is under way or of none.
pub(crate) fn is_believed(app: &App, quote: &LastQuote) -> bool {
    match app.provider().clock() {
        MarketClock::Live => !quote.replay && app.provider().gives(&quote.source),
        MarketClock::StandsAt(day) => quote.replay && quote.day <= day,
    }
}

/// Whether a quote can be in the units that the bars lead to.
///
/// A split is told by bars only. Between the last bar and a later quote there may be one that nobody knows of yet, and
/// a price in new units must not meet a position in old ones. A close before that is not that of the last bar shows
/// such a split. One that is shows nothing: it may have been taken from the bar, or be told by the provider as it was
/// that day.
fn confirmed(series: &Series, quote: &LastQuote) -> bool {
    let close = series.last_close().ok().map(Price::amount);
    let Some(close) = close.filter(|_| series.currency == quote.currency) else { return false };
    let price = quote.price.amount();
    let near = |one: Decimal, other: Decimal, percent: i64| {
        (one - other).abs().checked_mul(Decimal::ONE_HUNDRED).is_some_and(|off| off <= other * Decimal::from(percent))
    };
    if !near(price, close, 50) {
        return false;
    }
    if quote.day == series.last {
        return true;
    }
    let before = calendar::last_trading_day_on_or_before(quote.day.plus_days(-1));
    let of_the_last_bar = quote.previous_close.filter(|_| before == Some(series.last));
    if of_the_last_bar.is_some_and(|previous| !near(previous.amount(), close, 2)) {
        return false;
    }
    // Two for one and three for two are the splits that a move of less than a half can hide.
    !near(price * Decimal::TWO, close, 5) && !near(price * Decimal::new(15, 1), close, 5)
}
