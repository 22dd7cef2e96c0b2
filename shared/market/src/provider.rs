//! What every source of prices can do.

use std::time::Duration;

use async_trait::async_trait;
use domain::{Day, Instrument, Symbol};

use crate::error::ProviderError;
use crate::history::History;
use crate::quote::Quote;

/// A source of daily bars and of instruments' metadata.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Name of the source as answers print it: `sample`, `folder`, `alpha_vantage` or `yahoo`; of several that stand
    /// in for each other the first.
    fn source(&self) -> &'static str;

    /// Whether prices of the source with this name are this provider's own.
    fn gives(&self, source: &str) -> bool {
        source == self.source()
    }

    /// What "now" means for this source's prices.
    fn clock(&self) -> MarketClock;

    /// A text that changes whenever the source's data for `symbol` may have changed; `None` where only a
    /// call could tell (live sources), and for symbols that the source does not have.
    fn revision(&self, symbol: &Symbol) -> Option<String>;

    /// The whole daily history that the source gives for `symbol`, checked.
    async fn daily(&self, symbol: &Symbol, patience: Patience) -> Result<History, ProviderError>;

    /// The last price of `symbol`. A source without quotes of its own gives the last close of its history.
    async fn quote(&self, symbol: &Symbol, patience: Patience) -> Result<Quote, ProviderError> {
        Quote::of_last_bar(symbol, &self.daily(symbol, patience).await?)
    }

    /// Instruments whose symbol or name has `text` in it, the likeliest first; of a source that lists its symbols all.
    async fn search(&self, text: &str, _patience: Patience) -> Result<Vec<Instrument>, ProviderError> {
        let mut found = Vec::new();
        for symbol in self.listed().await {
            // What is wrong with one instrument says nothing of the others.
            let instrument = self.instrument(&symbol).await.ok();
            found.extend(instrument.filter(|instrument| instrument.mentions(text)));
        }
        Ok(found)
    }

    /// Calls that may still be made now; `None` where nobody counts them.
    async fn calls_left(&self) -> Option<usize> {
        None
    }

    /// How long until more calls may be made than now, where that is known.
    async fn more_calls_in(&self) -> Option<Duration> {
        None
    }

    /// The symbols that the source can list; none where only asking for one tells (live sources).
    async fn listed(&self) -> Vec<Symbol> {
        Vec::new()
    }

    /// Name, kind, currency, exchange and sector of `symbol`.
    async fn instrument(&self, symbol: &Symbol) -> Result<Instrument, ProviderError>;
}

/// What "now" means for prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketClock {
    /// The wall clock: new bars keep coming.
    Live,
    /// The latest bar of all: the data ends there, and time stands still until more is added.
    StandsAt(Day),
}

/// Calls of a counted quota that the schedule leaves for callers: a symbol that somebody looks at for the first time
/// takes one.
pub const CALLERS_RESERVE: usize = 5;

/// How long the one who asks can wait, retries and pacing included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A person waits for an answer: 2 seconds.
    Caller,
    /// A scheduled refresh, where a late price is better than none: 10 seconds. It leaves [`CALLERS_RESERVE`] calls.
    Schedule,
    /// A scheduled refresh that leaves another number of calls, or has had a part of its time.
    Scheduled {
        /// The time that it has.
        within: Duration,
        /// Calls that each counted source keeps.
        leaves: usize,
    },
    /// What is left of somebody's patience after another source has had its turn.
    Left(Duration),
    /// A person who can do without an answer, for which the last calls of a source are not there.
    Sparing {
        /// The time that there is.
        within: Duration,
        /// Calls that each counted source keeps.
        leaves: usize,
    },
}

impl Patience {
    pub(crate) const OF_A_CALLER: Duration = Duration::from_secs(2);
    pub(crate) const OF_A_SCHEDULE: Duration = Duration::from_secs(10);

    /// The time in all.
    #[must_use]
    pub fn total(self) -> Duration {
        match self {
            Self::Caller => Self::OF_A_CALLER,
            Self::Schedule => Self::OF_A_SCHEDULE,
            Self::Left(left) | Self::Scheduled { within: left, .. } | Self::Sparing { within: left, .. } => {
                left.min(Self::OF_A_SCHEDULE)
            }
        }
    }

    /// A scheduled refresh that leaves so many calls of each counted source.
    #[must_use]
    pub fn schedule_that_leaves(leaves: usize) -> Self {
        Self::Scheduled { within: Self::OF_A_SCHEDULE, leaves }
    }

    /// A person who leaves so many calls of each counted source.
    #[must_use]
    pub fn caller_who_leaves(leaves: usize) -> Self {
        Self::Sparing { within: Self::OF_A_CALLER, leaves }
    }

    /// The same of somebody who has this time left.
    #[must_use]
    pub fn within(self, left: Duration) -> Self {
        match self {
            Self::Caller | Self::Left(_) => Self::Left(left),
            Self::Sparing { leaves, .. } => Self::Sparing { within: left, leaves },
            Self::Schedule | Self::Scheduled { .. } => Self::Scheduled { within: left, leaves: self.leaves() },
        }
    }

    /// Calls of a counted quota that are not for the one who asks.
    pub(crate) fn leaves(self) -> usize {
        match self {
            Self::Caller | Self::Left(_) => 0,
            Self::Schedule => CALLERS_RESERVE,
            Self::Scheduled { leaves, .. } | Self::Sparing { leaves, .. } => leaves,
        }
    }

    pub(crate) fn is_scheduled(self) -> bool {
        matches!(self, Self::Schedule | Self::Scheduled { .. })
    }
}
