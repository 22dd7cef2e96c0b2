//! Telling of new quotes, at least once each.
//!
//! A mark says up to when all quotes that the refresh stored were told. It moves only when every event of a run was
//! taken, and each run tells first what was stored since: quotes whose event was not taken, of a run that died, or that a
//! caller brought between two runs. Whoever listens ignores a `seq` not above the last, so that a repeat does no harm.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::Symbol;
use serde_json::{Value, json};
use store::{StoreError, documents, keys};

use super::followed::Followed;
use crate::App;
use crate::bus::{Event, MAX_EVENT_BYTES, NotPublished};
use crate::error::ServiceError;
use crate::last_quote::{LastQuote, MAX_QUOTES_AN_EVENT, QUOTES_REFRESHED};

/// Bytes of the detail around its quotes: `{"quotes":[]}`.
const AROUND: usize = 13;

/// Quotes that are to be told.
#[derive(Debug, Default)]
pub(super) struct Telling {
    waiting: BTreeMap<Symbol, LastQuote>,
    told: usize,
    refused: bool,
}

impl Telling {
    /// With the quotes of earlier runs that were stored and not told.
    pub(super) async fn of_untold(app: &App, followed: &[Followed]) -> Result<Self, ServiceError> {
        let mark = documents::read::<DateTime<Utc>>(app.table(), &keys::quotes_told()).await?.map(|(mark, _)| mark);
        let stored = followed.iter().filter_map(|one| one.quote.as_ref());
        let untold = stored.filter(|quote| mark.is_none_or(|mark| quote.fetched_at > mark));
        let waiting = untold.map(|quote| (quote.symbol.clone(), quote.clone())).collect();
        Ok(Self { waiting, ..Self::default() })
    }

    /// A quote that was stored just now.
    pub(super) fn add(&mut self, quote: LastQuote) {
        self.waiting.insert(quote.symbol.clone(), quote);
    }

    /// How many quotes were told so far.
    pub(super) fn told(&self) -> usize {
        self.told
    }

    /// Whether there is an event's worth of quotes.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_QUOTES_AN_EVENT
    }

    /// Tells of everything that waits. What is not taken is told by a later run.
    pub(super) async fn tell(&mut self, app: &App) {
        let waiting = std::mem::take(&mut self.waiting);
        for (detail, count) in details(waiting.into_values()) {
            let event = Event { detail_type: QUOTES_REFRESHED, detail };
            match app.bus().publish(event).await {
                Ok(()) => self.told += count,
                Err(error @ NotPublished(_)) => {
                    tracing::error!(%error, quotes = count, "quotes wait for the next slot to be told");
                    self.refused = true;
                }
            }
        }
    }

    /// Tells of what is left and, where every event was taken, moves the mark to now; gives how many quotes were told.
    pub(super) async fn finish(mut self, app: &App) -> usize {
        self.tell(app).await;
        if !self.refused
            && let Err(error) = move_mark(app).await
        {
            tracing::warn!(%error, "these quotes will be told again");
        }
        self.told
    }
}

async fn move_mark(app: &App) -> Result<(), ServiceError> {
    let key = keys::quotes_told();
    let version = documents::read::<DateTime<Utc>>(app.table(), &key).await?.map(|(_, version)| version);
    match documents::put(app.table(), key, &app.now(), version).await {
        // A parallel run of another slot has moved it.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The details of as few events as hold these quotes, each with how many it holds.
fn details(quotes: impl Iterator<Item = LastQuote>) -> Vec<(Value, usize)> {
    let mut events: Vec<Vec<Value>> = Vec::new();
    let mut bytes = 0;
    for quote in quotes {
        // A quote is texts and numbers, which always are JSON.
        let Ok(quote) = serde_json::to_value(quote) else { continue };
        let more = quote.to_string().len() + 1;
        match events.last_mut() {
            Some(event) if event.len() < MAX_QUOTES_AN_EVENT && bytes + more <= MAX_EVENT_BYTES => event.push(quote),
            _ => {
                events.push(vec![quote]);
                bytes = AROUND;
            }
        }
        bytes += more;
    }
    let detail = |quotes: Vec<Value>| {
        let count = quotes.len();
        (json!({ "quotes": quotes }), count)
    };
    events.into_iter().map(detail).collect()
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
            events.into_iter().map(|(_, count)| count).collect::<Vec<_>>()
        };
        assert_eq!(sizes(0, "a"), [0; 0]);
        assert_eq!(sizes(1_000, "a"), [1_000]);
        assert_eq!(sizes(2_001, "a"), [1_000, 1_000, 1]);
        let large = "a".repeat(2_000);
        assert!(sizes(1_000, &large).len() > 8, "bytes decide before the count does");
        assert_eq!(sizes(1_000, &large).iter().sum::<usize>(), 1_000);
    }
}
