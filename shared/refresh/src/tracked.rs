//! The tracked symbols, with what is stored of each, and which of them are due.

use std::collections::BTreeSet;

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::Symbol;
use market::call_limits::RETRY;
use market_data::quote_record::LastQuote;
use market_data::{MarketData, exchange_hours, market_clock, quote_store, tracked_symbols};
use store::bars::{Outline, read_outlines};
use store::keys;

use super::budget::{self, Work};
use super::refresh_log::RefreshLog;

/// One of this many requested symbols may be one that has no price yet.
const UNPRICED_EVERY: usize = 4;

/// A symbol that has a tracker.
#[derive(Clone, Debug)]
pub(super) struct TrackedSymbol {
    pub symbol: Symbol,
    pub quote: Option<LastQuote>,
    pub outline: Option<Outline>,
}

impl TrackedSymbol {
    /// When it was last requested for this work, by a run or, successfully, by a customer's request; `None` sorts
    /// first.
    fn asked_at(&self, work: Work, log: &RefreshLog) -> Option<DateTime<Utc>> {
        let stored = match work {
            Work::Quotes { .. } => self.quote.as_ref().map(|quote| quote.fetched_at),
            Work::Bars => self.outline.as_ref().map(|outline| outline.head.fetched_at),
            Work::Rest => None,
        };
        stored.max(log.asked_at(&self.symbol, work))
    }

    /// Whether this work may bring anything newer than what is stored.
    fn is_due(&self, market: &MarketData, work: Work, log: &RefreshLog) -> bool {
        let now = market.app.now();
        let rests = |at: Option<DateTime<Utc>>| at.is_some_and(|at| now - at < RETRY);
        match work {
            Work::Rest => false,
            Work::Quotes { .. } => self.asked_at(work, log).is_none_or(|at| budget::is_due(at, now)),
            Work::Bars if rests(log.asked_at(&self.symbol, work)) => false,
            Work::Bars => self.outline.as_ref().is_none_or(|outline| {
                let has_last = outline.last.is_some_and(|last| last >= market_clock::market_day(market));
                !(has_last || rests(Some(outline.head.fetched_at))) || !self.has_quote_of_bars(outline)
            }),
        }
    }

    /// Whether a provider has ever had a price of it. An invented ticker has none.
    fn is_proven(&self) -> bool {
        self.quote.is_some() || self.outline.is_some()
    }

    /// Whether the quote is no older than the last bar: bars that a customer's request brought do not become a quote.
    fn has_quote_of_bars(&self, outline: &Outline) -> bool {
        let Some(last) = outline.last else { return true };
        let of_last = (last, exchange_hours::close_of(last));
        self.quote.as_ref().is_some_and(|quote| (quote.day, quote.as_of) >= of_last)
    }
}

/// All tracked symbols, with their quotes and the outlines of their bars, if these are of the provider's sources; two
/// reads per hundred symbols.
pub(super) async fn list(market: &MarketData) -> Result<Vec<TrackedSymbol>, ServiceError> {
    let symbols = tracked_symbols::list_tracked(&market.app).await?;
    let mut quotes = quote_store::read_many(&market.app, &symbols).await?;
    let outlines = read_outlines(market.app.table(), &symbols).await?;
    let gives = |source: &str| market.provider().gives(source);
    let with_what_is_stored = |(symbol, outline): (Symbol, Option<Outline>)| TrackedSymbol {
        quote: quotes.remove(&symbol).filter(|quote| !quote.replay && gives(&quote.source)),
        outline: outline.filter(|outline| gives(&outline.head.source)),
        symbol,
    };
    Ok(symbols.into_iter().zip(outlines).map(with_what_is_stored).collect())
}

/// What a run may request.
#[derive(Debug, Default)]
pub(super) struct DueSymbols<'a> {
    /// The symbols for which the work may bring anything newer, in the order in which they are requested.
    pub symbols: Vec<&'a TrackedSymbol>,
    /// Symbols that the provider did not know within the last day.
    pub unknown: usize,
    /// Calls that the evening will need for bars.
    pub evening: usize,
}

/// The symbols for which this work may bring anything newer. Those requested longest ago come first, whatever the
/// result was.
///
/// Symbols that the provider did not know within the last day are left out. Symbols without a price may be invented, so
/// only every [`UNPRICED_EVERY`]th is one of them: however many there are, they take no more calls from the others.
pub(super) async fn select_due<'a>(
    market: &MarketData,
    tracked: &'a [TrackedSymbol],
    work: Work,
    log: &RefreshLog,
) -> Result<DueSymbols<'a>, ServiceError> {
    if work == Work::Rest {
        return Ok(DueSymbols::default());
    }
    let unknown = find_unknown(&market.app, tracked).await?;
    let known = tracked.iter().filter(|one| !unknown.contains(&one.symbol));
    let (all_proven, all_new): (Vec<&TrackedSymbol>, Vec<&TrackedSymbol>) = known.partition(|one| one.is_proven());
    let evening = all_proven.len() + all_new.len().min(all_proven.len().div_ceil(UNPRICED_EVERY - 1));
    let in_turn = |mut some: Vec<&'a TrackedSymbol>| {
        some.retain(|one| one.is_due(market, work, log));
        some.sort_by_key(|one| (one.asked_at(work, log), &one.symbol));
        some.into_iter()
    };
    let (mut proven, mut new) = (in_turn(all_proven), in_turn(all_new));
    let mut symbols = Vec::with_capacity(proven.len() + new.len());
    loop {
        let before = symbols.len();
        symbols.extend(proven.by_ref().take(UNPRICED_EVERY - 1));
        symbols.extend(new.next());
        if symbols.len() == before {
            break;
        }
    }
    Ok(DueSymbols { symbols, unknown: unknown.len(), evening })
}

/// The symbols that the provider did not know within the last day; one read per hundred.
async fn find_unknown<'a>(app: &App, tracked: &'a [TrackedSymbol]) -> Result<BTreeSet<&'a Symbol>, ServiceError> {
    let mut unknown = BTreeSet::new();
    for some in tracked.chunks(store::limits::MAX_KEYS) {
        let marks: Vec<_> = some.iter().map(|one| keys::unknown_symbol(&one.symbol)).collect();
        let found = app.table().get_many(&marks).await?;
        unknown.extend(some.iter().zip(found).filter(|(_, mark)| mark.is_some()).map(|(one, _)| &one.symbol));
    }
    Ok(unknown)
}
