//! Instruments with their prices, many at once: what a portfolio is valued by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use domain::{Bars, Currency, CustomerId, Day, DecimalError, Instrument, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use market::MarketClock;

use crate::error::ServiceError;
use crate::history::{Series, Wait};
use crate::last_quote::{self, LastQuote};
use crate::quotes::{self, Newest};
use crate::{App, instruments, staleness};

/// Histories read at the same time.
const AT_ONCE: usize = 16;
/// The code of a symbol that has no price to value it by.
pub(crate) const PRICE_UNAVAILABLE: &str = "price_unavailable";
/// The code of one whose prices cannot be turned into the portfolio's currency.
pub(crate) const FX_UNAVAILABLE: &str = "fx_unavailable";

/// The code of a symbol whose price is below the smallest of the books.
pub(crate) const PRICE_TOO_SMALL: &str = "price_too_small";

/// The code of a symbol whose last price is none in exact decimals.
pub(crate) fn code_of(error: DecimalError) -> &'static str {
    if error == DecimalError::PriceTooSmall { PRICE_TOO_SMALL } else { PRICE_UNAVAILABLE }
}

static NO_BARS: LazyLock<Bars> = LazyLock::new(Bars::default);

/// An instrument and its prices, if any are at hand.
#[derive(Clone, Debug)]
pub(crate) struct PriceLine {
    pub instrument: Instrument,
    pub series: Option<Arc<Series>>,
    /// The stored quote of a live provider; of files the last bar is the quote.
    pub quote: Option<LastQuote>,
}

/// Price lines by symbol.
pub(crate) type PriceLines = BTreeMap<Symbol, PriceLine>;

impl PriceLine {
    /// The bars; none where there is no price.
    pub(crate) fn bars(&self) -> &Bars {
        self.series.as_ref().map_or(&NO_BARS, |series| &series.bars)
    }

    /// The series, where its prices are in this currency.
    pub(crate) fn series_in(&self, currency: Currency) -> Option<&Arc<Series>> {
        self.series.as_ref().filter(|series| series.currency == currency)
    }

    /// The quote, where it is the price of now instead of the last bar.
    pub(crate) fn newer_quote(&self, app: &App) -> Option<&LastQuote> {
        match quotes::newest(app, self.series.as_ref()?, self.quote.as_ref()) {
            Newest::Quote(quote) => Some(quote),
            Newest::Bar | Newest::Unconfirmed(_) => None,
        }
    }

    /// The day of the price of now.
    pub(crate) fn last_day(&self, app: &App) -> Option<Day> {
        self.newer_quote(app).map(|quote| quote.day).or_else(|| self.series.as_ref().map(|series| series.last))
    }

    /// Whether a newer price was to be expected.
    pub(crate) fn is_stale(&self, app: &App) -> bool {
        self.series.as_ref().is_some_and(|series| staleness::of_price(app, series, self.quote.as_ref()))
    }
}

/// The lines of these symbols. A symbol that no prices can be had of has a line without any.
/// All together take no longer than `wait`.
pub(crate) async fn load(
    app: &App,
    customer: CustomerId,
    symbols: &BTreeSet<Symbol>,
    wait: Wait,
) -> Result<PriceLines, ServiceError> {
    let read = |symbol: Symbol| {
        let app = app.clone();
        // A task each, so that decoding uses every core there is.
        async move {
            let line = tokio::spawn(async move { line(&app, customer, symbol, wait).await }).await;
            line.map_err(|error| ServiceError::fault("reading prices", error))?
        }
    };
    let mut lines: PriceLines = stream::iter(symbols.iter().cloned().map(read)).buffered(AT_ONCE).try_collect().await?;
    if app.provider().clock() == MarketClock::Live {
        let market: Vec<Symbol> = symbols.iter().filter(|symbol| !symbol.is_own_item()).cloned().collect();
        for (symbol, quote) in last_quote::read_many(app, &market).await? {
            if let Some(line) = lines.get_mut(&symbol) {
                line.quote = Some(quote);
            }
        }
    }
    Ok(lines)
}

async fn line(
    app: &App,
    customer: CustomerId,
    symbol: Symbol,
    wait: Wait,
) -> Result<(Symbol, PriceLine), ServiceError> {
    let series = match instruments::prices_within(app, customer, &symbol, wait).await {
        Ok(series) => Some(series),
        Err(
            ServiceError::UnknownSymbol { .. } | ServiceError::Provider(_) | ServiceError::TooManyFirstLooks { .. },
        ) => None,
        Err(error) => return Err(error),
    };
    let prices_in = series.as_ref().map(|series| series.currency);
    let instrument = match instruments::described_within(app, customer, &symbol, prices_in, wait).await {
        Err(ServiceError::UnknownSymbol { .. }) => Instrument::unlisted(symbol.clone()),
        found => found?,
    };
    Ok((symbol, PriceLine { instrument, series, quote: None }))
}
