//! What an evaluation of quotes did.

use std::ops::AddAssign;

use chrono::TimeDelta;
use serde::Serialize;

/// For how long after a firing an event fails, and is therefore repeated, if the firing cannot be delivered. Lambda
/// repeats an event after one minute and again after two more. Without this limit one customer's address that is always
/// refused would have every event of a symbol repeated for days.
pub const REPEATED_FOR: TimeDelta = TimeDelta::minutes(10);

/// The result of evaluating quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvaluationCounts {
    /// Alerts that this evaluation fired.
    pub fired: usize,
    /// Firings delivered, including those left from earlier evaluations.
    pub delivered: usize,
    /// Firings of the last [`REPEATED_FOR`] that could not be delivered. For these the same quotes must be evaluated
    /// again; older ones wait for the next quote of their symbol.
    pub undelivered: usize,
}

impl AddAssign for EvaluationCounts {
    fn add_assign(&mut self, other: Self) {
        self.fired += other.fired;
        self.delivered += other.delivered;
        self.undelivered += other.undelivered;
    }
}

impl EvaluationCounts {
    /// A firing of this age that was delivered or not.
    pub(super) fn of_delivery(delivered: bool, age: TimeDelta) -> Self {
        let is_young = age < REPEATED_FOR;
        Self { fired: 0, delivered: usize::from(delivered), undelivered: usize::from(!delivered && is_young) }
    }
}
