//! Publishes new quotes, at least once each.
//!
//! The log has the number up to which the quotes of each symbol were published; it is updated once the bus has accepted
//! an event. Each run first publishes the stored quotes above that number: quotes whose event was not accepted, quotes
//! of a run that died, and quotes that a request brought, perhaps during another run. Receivers ignore a `seq` that is
//! not above the last one, so repetitions do no harm.

use std::collections::BTreeMap;

use app::App;
use app::bus::{Event, MAX_EVENT_BYTES, NotPublished};
use domain::Symbol;
use market_data::quote_record::{LastQuote, MAX_QUOTES_AN_EVENT, QUOTES_REFRESHED};
use serde_json::{Value, json};

use super::refresh_log::RefreshLog;
use super::tracked::TrackedSymbol;

/// Bytes of the detail around its quotes: `{"quotes":[]}`.
const AROUND: usize = 13;

/// Quotes that are to be published.
#[derive(Debug, Default)]
pub(super) struct QuotePublication {
    waiting: BTreeMap<Symbol, LastQuote>,
    published: usize,
}

impl QuotePublication {
    /// Starts with the quotes that are stored and not published.
    pub(super) fn of_unpublished(tracked: &[TrackedSymbol], log: &RefreshLog) -> Self {
        let stored = tracked.iter().filter_map(|one| one.quote.as_ref());
        let unpublished = stored.filter(|quote| quote.seq > log.published_up_to(&quote.symbol));
        let waiting = unpublished.map(|quote| (quote.symbol.clone(), quote.clone())).collect();
        Self { waiting, published: 0 }
    }

    /// Adds a quote that has just been stored.
    pub(super) fn add(&mut self, quote: LastQuote) {
        self.waiting.insert(quote.symbol.clone(), quote);
    }

    /// The number of quotes published so far.
    pub(super) fn published(&self) -> usize {
        self.published
    }

    /// Whether there is an event's worth of quotes.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_QUOTES_AN_EVENT
    }

    /// Publishes everything that waits. What the bus does not accept is published by a later run.
    pub(super) async fn publish(&mut self, app: &App, log: &mut RefreshLog) {
        let waiting = std::mem::take(&mut self.waiting);
        for (detail, quotes) in details(waiting.into_values()) {
            let event = Event { detail_type: QUOTES_REFRESHED, detail };
            match app.bus().publish(event).await {
                Ok(()) => {
                    self.published += quotes.len();
                    for (symbol, seq) in &quotes {
                        log.published(symbol, *seq);
                    }
                }
                Err(error @ NotPublished(_)) => {
                    tracing::error!(%error, quotes = quotes.len(), "quotes were not published and wait for the next slot");
                }
            }
        }
    }
}

/// The symbols and numbers of an event's quotes.
type SymbolsAndSeqs = Vec<(Symbol, u64)>;

/// The details of as few events as hold these quotes, each with their symbols and numbers.
fn details(quotes: impl Iterator<Item = LastQuote>) -> Vec<(Value, SymbolsAndSeqs)> {
    let mut events: Vec<(Vec<Value>, SymbolsAndSeqs)> = Vec::new();
    let mut bytes = 0;
    for quote in quotes {
        let number = (quote.symbol.clone(), quote.seq);
        // A quote consists of texts and numbers, which are always valid JSON.
        let Ok(quote) = serde_json::to_value(quote) else { continue };
        let more = quote.to_string().len() + 1;
        match events.last_mut() {
            Some((event, published)) if event.len() < MAX_QUOTES_AN_EVENT && bytes + more <= MAX_EVENT_BYTES => {
                event.push(quote);
                published.push(number);
            }
            _ => {
                events.push((vec![quote], vec![number]));
                bytes = AROUND;
            }
        }
        bytes += more;
    }
    events.into_iter().map(|(quotes, published)| (json!({ "quotes": quotes }), published)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotes(count: usize, source: &str) -> impl Iterator<Item = LastQuote> {
        (0..count).map(move |number| LastQuote {
            symbol: format!("A{number:04}").parse().unwrap(),
            price: domain::Price::parse("430.47").unwrap(),
            previous_close: None,
            currency: domain::Currency::USD,
            day: "2013-03-01".parse().unwrap(),
            as_of: "2013-03-01T21:00:00Z".parse().unwrap(),
            source: source.to_owned(),
            seq: 7,
            fetched_at: "2013-03-01T21:00:00Z".parse().unwrap(),
            replay: false,
        })
    }

    #[test]
    fn events_hold_at_most_a_thousand_quotes_and_a_quarter_of_a_megabyte() {
        let sizes = |count, source: &str| {
            let events = details(quotes(count, source));
            assert!(events.iter().all(|(detail, _)| detail.to_string().len() <= MAX_EVENT_BYTES));
            events.into_iter().map(|(_, published)| published.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(0, "a"), [0; 0]);
        assert_eq!(sizes(1_000, "a"), [1_000]);
        assert_eq!(sizes(2_001, "a"), [1_000, 1_000, 1]);
        let large = "a".repeat(2_000);
        assert!(sizes(1_000, &large).len() > 8, "the limit of bytes is reached before the limit of quotes");
        assert_eq!(sizes(1_000, &large).iter().sum::<usize>(), 1_000);
    }
}
