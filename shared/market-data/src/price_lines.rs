//! Instruments with their prices, many at once, as portfolios are valued by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use app::ServiceError;
use domain::{Bars, Currency, CustomerId, Day, DecimalError, Instrument, Split, Symbol};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use market::call_limits::AT_ONCE_VALUED;
use market::{CallBudget, MarketClock};

use crate::market_data::MarketData;
use crate::newest::{Newest, newest};
use crate::quote_record::LastQuote;
use crate::series::PriceSeries;
use crate::{instruments, prices, quote_store, staleness};

/// The code of a symbol that has no price to value it by.
pub const PRICE_UNAVAILABLE: &str = "price_unavailable";
/// The code of a symbol whose prices cannot be converted into the portfolio's currency.
pub const FX_UNAVAILABLE: &str = "fx_unavailable";

/// The code of a symbol whose price is below the smallest one that the books allow.
pub const PRICE_TOO_SMALL: &str = "price_too_small";

/// The code of an error in converting a last price to an exact decimal.
pub(crate) fn code_of(error: DecimalError) -> &'static str {
    if error == DecimalError::PriceTooSmall { PRICE_TOO_SMALL } else { PRICE_UNAVAILABLE }
}

static NO_BARS: LazyLock<Bars> = LazyLock::new(Bars::default);

/// An instrument and its prices, if any are available.
#[derive(Clone, Debug)]
pub struct PriceLine {
    /// The instrument of the symbol.
    pub instrument: Instrument,
    /// Its prices.
    pub series: Option<Arc<PriceSeries>>,
    /// The stored quote of a live provider. With files the last bar is the quote.
    pub quote: Option<LastQuote>,
}

/// Price lines by symbol.
pub type PriceLines = BTreeMap<Symbol, PriceLine>;

impl PriceLine {
    /// The bars; none if there is no price.
    #[must_use]
    pub fn bars(&self) -> &Bars {
        self.series.as_ref().map_or(&NO_BARS, |series| &series.bars)
    }

    /// The series, if its prices are in this currency.
    #[must_use]
    pub fn series_in(&self, currency: Currency) -> Option<&Arc<PriceSeries>> {
        self.series.as_ref().filter(|series| series.currency == currency)
    }

    /// The quote, if it and not the last bar is the current price.
    #[must_use]
    pub fn newer_quote(&self, market: &MarketData) -> Option<&LastQuote> {
        match newest(market, self.series.as_ref()?, self.quote.as_ref()) {
            Newest::Quote(quote) => Some(quote),
            Newest::Bar | Newest::Unconfirmed(_) => None,
        }
    }

    /// The line with more splits, which the source of its prices does not know. Without prices if one of them is too
    /// small in new units.
    #[must_use]
    pub fn with_splits(&self, splits: &[Split]) -> Self {
        let series = self.series.as_ref().and_then(|series| series.with_splits(splits).ok().map(Arc::new));
        Self { instrument: self.instrument.clone(), series, quote: self.quote.clone() }
    }

    /// The line as it is seen at the market's clock: as of an earlier day, without later prices.
    #[must_use]
    pub fn seen(&self, market: &MarketData) -> Self {
        if !market.is_in_the_past() {
            return self.clone();
        }
        let series = self.series.clone().and_then(|series| market.seen(series));
        Self { instrument: self.instrument.clone(), series, quote: None }
    }

    /// The day of the current price.
    #[must_use]
    pub fn last_day(&self, market: &MarketData) -> Option<Day> {
        self.newer_quote(market).map(|quote| quote.day).or_else(|| self.series.as_ref().map(|series| series.last))
    }

    /// Whether a newer price should exist.
    #[must_use]
    pub fn is_stale(&self, market: &MarketData) -> bool {
        self.series.as_ref().is_some_and(|series| staleness::of_price(market, series, self.quote.as_ref()))
    }
}

/// The lines of these symbols. A symbol whose prices are not available has a line without prices. All together they
/// take no longer than the budget allows.
pub async fn load(
    market: &MarketData,
    customer: CustomerId,
    symbols: &BTreeSet<Symbol>,
    budget: CallBudget,
) -> Result<PriceLines, ServiceError> {
    let read = |symbol: Symbol| {
        let market = market.clone();
        // One task each, so that decoding uses all cores.
        async move {
            let line = tokio::spawn(async move { load_line(&market, customer, symbol, budget).await }).await;
            line.map_err(|error| ServiceError::fault("reading prices", error))?
        }
    };
    let mut lines: PriceLines =
        stream::iter(symbols.iter().cloned().map(read)).buffered(AT_ONCE_VALUED).try_collect().await?;
    if market.clock() == MarketClock::Live {
        let listed: Vec<Symbol> = symbols.iter().filter(|symbol| !symbol.is_custom()).cloned().collect();
        for (symbol, quote) in quote_store::read_many(&market.app, &listed).await? {
            if let Some(line) = lines.get_mut(&symbol) {
                line.quote = Some(quote);
            }
        }
    }
    Ok(lines)
}

async fn load_line(
    market: &MarketData,
    customer: CustomerId,
    symbol: Symbol,
    budget: CallBudget,
) -> Result<(Symbol, PriceLine), ServiceError> {
    let series = match prices::load(market, customer, &symbol, budget).await {
        Ok(series) => Some(series),
        Err(
            ServiceError::UnknownSymbol { .. } | ServiceError::Provider(_) | ServiceError::TooManyNewSymbols { .. },
        ) => None,
        Err(error) => return Err(error),
    };
    let present = &market.at_present();
    let prices_in = series.as_ref().map(|series| series.currency);
    let instrument = match instruments::describe(present, customer, &symbol, prices_in, budget).await {
        Err(ServiceError::UnknownSymbol { .. }) => Instrument::unlisted(symbol.clone()),
        found => found?,
    };
    Ok((symbol, PriceLine { instrument, series, quote: None }))
}
