//! What was asked about the jumps of compact series: a jump stays in such a series for a hundred days, and the answer
//! about it stays the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use domain::{Day, Symbol};

use super::MAX_REMEMBERED;
use crate::events::Event;

/// Answers about jumps, by symbol.
#[derive(Debug, Default)]
pub(super) struct Explained {
    by_symbol: Mutex<HashMap<Symbol, Explanation>>,
}

/// What is known of a symbol's jumps.
#[derive(Clone, Debug, Default)]
pub(super) struct Explanation {
    /// The days of the jumps that were asked about.
    pub(super) days: BTreeSet<Day>,
    /// The last day of the series when its events were asked for; what came later is not among them.
    pub(super) through: Option<Day>,
    pub(super) splits: Told,
    pub(super) dividends: Told,
}

/// What one of the two functions said.
#[derive(Clone, Debug, Default)]
pub(super) enum Told {
    /// Nothing yet, or the call failed.
    #[default]
    Nothing,
    /// The plan does not cover it, so there is no use in asking again.
    Refused,
    Events(Vec<Event>),
}

impl Told {
    pub(super) fn events(&self) -> Option<&[Event]> {
        match self {
            Self::Events(events) => Some(events),
            Self::Nothing | Self::Refused => None,
        }
    }
}

impl Explained {
    /// What is known of these jumps; nothing, if one of them was not asked about.
    pub(super) fn of(&self, symbol: &Symbol, jumps: &BTreeSet<Day>) -> Explanation {
        let by_symbol = self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner);
        by_symbol.get(symbol).filter(|known| jumps.is_subset(&known.days)).cloned().unwrap_or_default()
    }

    pub(super) fn remember(&self, symbol: &Symbol, explanation: Explanation) {
        let mut by_symbol = self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner);
        if by_symbol.len() < MAX_REMEMBERED || by_symbol.contains_key(symbol) {
            by_symbol.insert(symbol.clone(), explanation);
        }
    }
}
