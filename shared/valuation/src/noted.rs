//! How many flows of a kind there are.

use domain::Day;
use serde::{Deserialize, Serialize};

/// How many flows there are of a kind, and the day of the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// How many.
    pub flows: u32,
    /// Day of the first.
    pub first: Day,
}

impl Noted {
    /// More flows of a later or the same day.
    pub(crate) fn more(before: Option<Self>, flows: u32, day: Day) -> Option<Self> {
        match before {
            Some(noted) => Some(Self { flows: noted.flows.saturating_add(flows), ..noted }),
            None => (flows > 0).then_some(Self { flows, first: day }),
        }
    }

    /// Those of a span and of the span after it.
    pub(crate) fn then(before: Option<Self>, next: Option<Self>) -> Option<Self> {
        next.map_or(before, |next| Self::more(before, next.flows, next.first))
    }
}
