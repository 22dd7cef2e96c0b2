//! What was asked about the jumps of compact series: a jump stays in such a series for a hundred days, and the answer
//! about it stays the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use domain::{Day, Symbol};
use serde::{Deserialize, Serialize};

use crate::call_limits::{EXPLAINED, NOT_IN_THE_PLAN};
use crate::events::Event;
use crate::memory::{self, Memory};

/// Symbols of which something is kept in memory.
pub(super) const MAX_REMEMBERED: usize = 10_000;

/// Answers about jumps, by symbol.
#[derive(Debug, Default)]
pub(super) struct Explained {
    by_symbol: Mutex<HashMap<Symbol, Explanation>>,
}

/// What is known of a symbol's jumps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Explanation {
    /// The days of the jumps that were asked about.
    pub(super) days: BTreeSet<Day>,
    /// The last day of the series when its events were asked for; what came later is not among them.
    pub(super) through: Option<Day>,
    pub(super) splits: Told,
    pub(super) dividends: Told,
}

/// What one of the two functions said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    pub(super) async fn recall(&self, memory: &dyn Memory, symbol: &Symbol, jumps: &BTreeSet<Day>) -> Explanation {
        if let Some(known) = self.known(symbol).filter(|known| jumps.is_subset(&known.days)) {
            return known;
        }
        let recalled = memory::recall::<Explanation>(memory, &name(symbol)).await;
        recalled.filter(|known| jumps.is_subset(&known.days)).unwrap_or_default()
    }

    fn known(&self, symbol: &Symbol) -> Option<Explanation> {
        self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner).get(symbol).cloned()
    }

    /// Keeps an answer that was paid for just now, beyond this process too.
    pub(super) async fn learn(&self, memory: &dyn Memory, symbol: &Symbol, explanation: Explanation) {
        let is_refused = |told: &Told| matches!(told, Told::Refused);
        // A plan may change.
        let may_change = is_refused(&explanation.splits) || is_refused(&explanation.dividends);
        let keep = if may_change { NOT_IN_THE_PLAN } else { EXPLAINED };
        memory::remember(memory, &name(symbol), &explanation, keep).await;
        self.remember(symbol, explanation);
    }

    pub(super) fn remember(&self, symbol: &Symbol, explanation: Explanation) {
        let mut by_symbol = self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner);
        if by_symbol.len() < MAX_REMEMBERED || by_symbol.contains_key(symbol) {
            by_symbol.insert(symbol.clone(), explanation);
        }
    }
}

fn name(symbol: &Symbol) -> String {
    format!("JUMPS#{symbol}")
}
