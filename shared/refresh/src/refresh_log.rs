//! The refresh log: when runs last requested each symbol, with whatever result, and up to which number its quotes were
//! published.
//!
//! A stored quote only says when the last *newer* price came, which may be long ago if a symbol fails or is not traded.
//! The log consists of as many items as the symbol registry has parts. So a run of thousands of symbols needs only
//! sixteen more writes, and each item is far below its limit: with 5,000 symbols it has some 20 KB.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use app::App;
use app::error::ServiceError;
use chrono::{DateTime, Utc};
use domain::Symbol;
use serde::{Deserialize, Serialize};
use store::retry::{Retry, retry};
use store::{Key, documents, keys};

use super::budget::Work;

/// The longest time for storing one part if parallel runs write it too.
const RETRY_DEADLINE: Duration = Duration::from_secs(3);

/// When the quote and the bars were last requested, in milliseconds since 1970, and the number of the last published
/// quote. The form is short, because an item holds hundreds of symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SymbolProgress(Option<i64>, Option<i64>, u64);

impl SymbolProgress {
    /// The later of each: times and numbers only grow.
    fn joined(self, other: Self) -> Self {
        Self(self.0.max(other.0), self.1.max(other.1), self.2.max(other.2))
    }
}

/// The log, and which of it is not stored yet.
#[derive(Debug, Default)]
pub(super) struct RefreshLog {
    done: BTreeMap<Symbol, SymbolProgress>,
    unsaved: BTreeSet<Symbol>,
}

impl RefreshLog {
    /// The log as earlier runs left it; one read.
    pub(super) async fn read(app: &App) -> Result<Self, ServiceError> {
        let mut done = BTreeMap::new();
        for item in app.table().get_many(&keys::refresh_ledgers()).await?.into_iter().flatten() {
            done.append(&mut documents::parse::<BTreeMap<Symbol, SymbolProgress>>(&item)?);
        }
        Ok(Self { done, unsaved: BTreeSet::new() })
    }

    /// When a run last requested this, successfully or not.
    pub(super) fn asked_at(&self, symbol: &Symbol, work: Work) -> Option<DateTime<Utc>> {
        let done = self.done.get(symbol)?;
        let at = match work {
            Work::Quotes { .. } => done.0,
            Work::Bars => done.1,
            Work::Rest => None,
        };
        at.and_then(DateTime::from_timestamp_millis)
    }

    /// This has just been requested.
    pub(super) fn asked(&mut self, symbol: &Symbol, work: Work, now: DateTime<Utc>) {
        let now = Some(now.timestamp_millis());
        let done = match work {
            Work::Quotes { .. } => SymbolProgress(now, None, 0),
            Work::Bars => SymbolProgress(None, now, 0),
            Work::Rest => return,
        };
        self.join(symbol, done);
    }

    /// The number of the last published quote; 0 if there is none.
    pub(super) fn published_up_to(&self, symbol: &Symbol) -> u64 {
        self.done.get(symbol).map_or(0, |done| done.2)
    }

    /// The quote of this number was published.
    pub(super) fn published(&mut self, symbol: &Symbol, seq: u64) {
        self.join(symbol, SymbolProgress(None, None, seq));
    }

    fn join(&mut self, symbol: &Symbol, more: SymbolProgress) {
        let done = self.done.entry(symbol.clone()).or_default();
        *done = done.joined(more);
        self.unsaved.insert(symbol.clone());
    }

    /// Stores what is not stored yet, and drops symbols that are no longer tracked from the parts that it writes. If
    /// that fails, symbols are requested and quotes are published once more, which does no harm; so the run does not
    /// fail.
    pub(super) async fn save(&mut self, app: &App, tracked: &BTreeSet<&Symbol>) {
        let mut parts: BTreeMap<Key, Vec<Symbol>> = BTreeMap::new();
        for symbol in std::mem::take(&mut self.unsaved) {
            parts.entry(keys::refresh_ledger(&symbol)).or_default().push(symbol);
        }
        for (key, symbols) in parts {
            if let Err(error) = self.save_part(app, &key, &symbols, tracked).await {
                tracing::warn!(%error, symbols = symbols.len(), "the refresh log was not stored");
                self.unsaved.extend(symbols);
            }
        }
    }

    async fn save_part(
        &self,
        app: &App,
        key: &Key,
        symbols: &[Symbol],
        tracked: &BTreeSet<&Symbol>,
    ) -> Result<(), ServiceError> {
        retry(Retry::within(RETRY_DEADLINE), || async move {
            let stands = documents::read::<BTreeMap<Symbol, SymbolProgress>>(app.table(), key).await?;
            let (mut part, version) = stands.map_or((BTreeMap::new(), None), |(part, version)| (part, Some(version)));
            for symbol in symbols {
                let done = self.done.get(symbol).copied().unwrap_or_default();
                let stood: &mut SymbolProgress = part.entry(symbol.clone()).or_default();
                *stood = stood.joined(done);
            }
            part.retain(|symbol, _| tracked.contains(symbol));
            documents::put(app.table(), key.clone(), &part, version).await?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_five_thousand_symbols_each_part_is_far_below_the_limit_of_an_item() {
        let done = SymbolProgress(Some(1_795_195_800_123), Some(1_795_195_800_123), u64::from(u32::MAX));
        let mut parts: BTreeMap<Key, BTreeMap<Symbol, SymbolProgress>> = BTreeMap::new();
        for number in 0..5_000 {
            let longest: Symbol = format!("{number:0>20}").parse().unwrap();
            parts.entry(keys::refresh_ledger(&longest)).or_default().insert(longest, done);
        }
        assert_eq!(parts.len(), 16);
        for part in parts.values() {
            let text = serde_json::to_string(part).unwrap();
            assert!(text.len() * 10 < store::limits::MAX_ITEM_BYTES, "{}", text.len());
            assert_eq!(&serde_json::from_str::<BTreeMap<Symbol, SymbolProgress>>(&text).unwrap(), part);
        }
    }

    #[test]
    fn progress_of_parallel_runs_is_merged_to_the_later_of_each() {
        let (one, other) = (SymbolProgress(Some(5), None, 3), SymbolProgress(Some(4), Some(1), 7));
        assert_eq!(one.joined(other), SymbolProgress(Some(5), Some(1), 7));
        assert_eq!(one.joined(other), other.joined(one));
    }
}
