//! A cache of the splits and dividends behind the jumps of compact series. A jump stays in such a series for a hundred
//! trading days, and its events do not change.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use domain::{Day, Symbol};
use serde::{Deserialize, Serialize};

use crate::call_limits::{EXPLAINED, NOT_IN_THE_PLAN};
use crate::events::Event;
use crate::memory::{self, Memory};

/// Symbols that are held in memory.
pub(super) const MAX_REMEMBERED: usize = 10_000;

/// Splits and dividends behind jumps, by symbol.
#[derive(Debug, Default)]
pub(super) struct JumpCache {
    by_symbol: Mutex<HashMap<Symbol, JumpEvents>>,
}

/// What is known about the jumps of one symbol.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct JumpEvents {
    /// The days of the jumps that were looked up.
    pub(super) days: BTreeSet<Day>,
    /// The last day of the series when its events were fetched; later events are not included.
    pub(super) through: Option<Day>,
    pub(super) splits: EventLookup,
    pub(super) dividends: EventLookup,
}

/// The result of one of the two functions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EventLookup {
    /// Not called yet, or the call failed.
    #[default]
    Nothing,
    /// The plan does not cover the function, so it is not called again.
    Refused,
    Events(Vec<Event>),
}

impl EventLookup {
    pub(super) fn events(&self) -> Option<&[Event]> {
        match self {
            Self::Events(events) => Some(events),
            Self::Nothing | Self::Refused => None,
        }
    }
}

impl JumpCache {
    /// What is known about these jumps; empty if any of them was not looked up.
    pub(super) async fn recall(&self, memory: &dyn Memory, symbol: &Symbol, jumps: &BTreeSet<Day>) -> JumpEvents {
        if let Some(known) = self.known(symbol).filter(|known| jumps.is_subset(&known.days)) {
            return known;
        }
        let recalled = memory::recall::<JumpEvents>(memory, &name(symbol)).await;
        recalled.filter(|known| jumps.is_subset(&known.days)).unwrap_or_default()
    }

    fn known(&self, symbol: &Symbol) -> Option<JumpEvents> {
        self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner).get(symbol).cloned()
    }

    /// Stores what was just fetched, in this process and in `memory`.
    pub(super) async fn learn(&self, memory: &dyn Memory, symbol: &Symbol, events: JumpEvents) {
        let is_refused = |lookup: &EventLookup| matches!(lookup, EventLookup::Refused);
        // The plan may change.
        let may_change = is_refused(&events.splits) || is_refused(&events.dividends);
        let keep = if may_change { NOT_IN_THE_PLAN } else { EXPLAINED };
        memory::remember(memory, &name(symbol), &events, keep).await;
        self.remember(symbol, events);
    }

    pub(super) fn remember(&self, symbol: &Symbol, events: JumpEvents) {
        let mut by_symbol = self.by_symbol.lock().unwrap_or_else(PoisonError::into_inner);
        if by_symbol.len() < MAX_REMEMBERED || by_symbol.contains_key(symbol) {
            by_symbol.insert(symbol.clone(), events);
        }
    }
}

fn name(symbol: &Symbol) -> String {
    format!("JUMPS#{symbol}")
}
