//! The number of flows to be reported.

use domain::Day;
use serde::{Deserialize, Serialize};

/// A number of flows, and the day of the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowCount {
    /// The number.
    pub flows: u32,
    /// Day of the first.
    pub first: Day,
}

impl FlowCount {
    /// Adds flows of a later or the same day.
    pub(crate) fn more(before: Option<Self>, flows: u32, day: Day) -> Option<Self> {
        match before {
            Some(count) => Some(Self { flows: count.flows.saturating_add(flows), ..count }),
            None => (flows > 0).then_some(Self { flows, first: day }),
        }
    }

    /// The sum of a span and the span after it.
    pub(crate) fn then(before: Option<Self>, next: Option<Self>) -> Option<Self> {
        next.map_or(before, |next| Self::more(before, next.flows, next.first))
    }
}
