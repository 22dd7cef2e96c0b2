//! The order in which activities count.

use std::cmp::Ordering;

use chrono::NaiveTime;

use crate::activity::{Activity, ActivityType};

/// Sorts activities, which are in the order of recording, into the order in which they count. The order of recording stays
/// among those of equal day, time and direction.
pub fn sort(activities: &mut [&Activity]) {
    activities.sort_by(|left, right| compare(left, right));
}

/// Splits come first on their day: what is dated on it is in new units.
fn compare(left: &Activity, right: &Activity) -> Ordering {
    let phase = |activity: &Activity| u8::from(activity.activity_type() != ActivityType::Split);
    let brings = |activity: &Activity| activity.event.brings_units();
    (left.date, phase(left))
        .cmp(&(right.date, phase(right)))
        .then_with(|| moment(left).cmp(&moment(right)))
        .then_with(|| brings(right).cmp(&brings(left)))
}

/// The time of the day; without one, its end for what takes units or only cash, and its start for the rest.
fn moment(activity: &Activity) -> (bool, NaiveTime) {
    let event = &activity.event;
    match activity.time {
        Some(time) => (false, time),
        None => (event.takes_units() || (!event.is_of_units() && !event.brings_cash()), NaiveTime::MIN),
    }
}
