//! The symbols that the refresh keeps current, with what is stored of each.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Symbol;
use store::bars::{Outline, outlines};
use store::{Query, keys};

use super::budget::{self, Work};
use crate::error::ServiceError;
use crate::history::RETRY_MINUTES;
use crate::last_quote::{self, LastQuote};
use crate::{App, market_clock};

/// Symbols read from one part of the directory at a time.
const PAGE: usize = 1_000;

/// A symbol that is held, watched or subscribed.
#[derive(Clone, Debug)]
pub(super) struct Followed {
    pub symbol: Symbol,
    pub quote: Option<LastQuote>,
    pub outline: Option<Outline>,
}

impl Followed {
    /// When it was last asked for to do this work; never sorts before any time.
    fn asked_at(&self, work: Work) -> Option<DateTime<Utc>> {
        let bars = self.outline.as_ref().map(|outline| outline.head.fetched_at);
        match work {
            Work::Quotes { .. } => self.quote.as_ref().map(|quote| quote.fetched_at),
            Work::Bars => bars,
        }
    }

    /// Whether this work may bring anything newer than what is stored.
    fn is_due(&self, app: &App, work: Work) -> bool {
        let now = app.now();
        match work {
            Work::Quotes { .. } => self.quote.as_ref().is_none_or(|quote| budget::is_due(quote.fetched_at, now)),
            Work::Bars => self.outline.as_ref().is_none_or(|outline| {
                let has_last = outline.last.is_some_and(|last| last >= market_clock::market_day(app));
                let asked_just_now = now - outline.head.fetched_at < TimeDelta::minutes(RETRY_MINUTES);
                !(has_last || asked_just_now) || !self.has_quote_of_bars(outline)
            }),
        }
    }

    /// Whether the quote is no older than the last bar: bars that somebody looked at bring none.
    fn has_quote_of_bars(&self, outline: &Outline) -> bool {
        let Some(last) = outline.last else { return true };
        let of_last = (last, market_clock::close_of(last));
        self.quote.as_ref().is_some_and(|quote| (quote.day, quote.as_of) >= of_last)
    }
}

/// All symbols of the directory with their quotes and the outlines of their bars, as far as they are of the provider's
/// own; a hundred take two reads.
pub(super) async fn all(app: &App) -> Result<Vec<Followed>, ServiceError> {
    let symbols = symbols(app).await?;
    let mut quotes = last_quote::read_many(app, &symbols).await?;
    let outlines = outlines(app.table(), &symbols).await?;
    let gives = |source: &str| app.provider().gives(source);
    let with_what_is_stored = |(symbol, outline): (Symbol, Option<Outline>)| Followed {
        quote: quotes.remove(&symbol).filter(|quote| !quote.replay && gives(&quote.source)),
        outline: outline.filter(|outline| gives(&outline.head.source)),
        symbol,
    };
    Ok(symbols.into_iter().zip(outlines).map(with_what_is_stored).collect())
}

/// All symbols of the directory.
pub(super) async fn symbols(app: &App) -> Result<Vec<Symbol>, ServiceError> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for list in keys::directory_symbols() {
        let mut query = Query::forward(list.partition, list.range, PAGE);
        loop {
            let page = app.table().query(&query).await?;
            symbols.extend(page.items.iter().filter_map(|item| item.key.sk.parse::<Symbol>().ok()));
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => break,
            }
        }
    }
    Ok(symbols)
}

/// The symbols that this work may bring anything newer of, those asked for longest ago first.
pub(super) fn due<'a>(app: &App, followed: &'a [Followed], work: Work) -> Vec<&'a Followed> {
    let mut due: Vec<&Followed> = followed.iter().filter(|one| one.is_due(app, work)).collect();
    due.sort_by_key(|one| (one.asked_at(work), &one.symbol));
    due
}
