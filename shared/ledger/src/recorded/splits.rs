//! The splits by which recorded units count: those of the market, and those that only the customer knows.

use domain::{Day, Split, SplitRatio};
use uuid::Uuid;

use crate::activity::{Activity, ActivityEvent};

/// A recorded split this many days from a market split of the same ratio is that split.
const SAME_SPLIT_WITHIN_DAYS: i32 = 5;
/// Two ratios are the same if they differ by at most one part in this many.
const SAME_RATIO_PARTS: u128 = 100;

/// The splits of an instrument in one portfolio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MergedSplits {
    /// The splits that count, oldest first.
    pub splits: Vec<Split>,
    /// Those of them that no market data knows, oldest first.
    pub own: Vec<Split>,
    /// The split activities that are splits of the market, which count instead.
    pub of_the_market: Vec<Uuid>,
}

/// The splits of the market, oldest first, and the recorded ones that are none of them.
#[must_use]
pub fn merge_splits(market: &[Split], activities: &[&Activity]) -> MergedSplits {
    let mut merged = MergedSplits { splits: market.to_vec(), ..MergedSplits::default() };
    for activity in activities {
        let ActivityEvent::Split { ratio, .. } = activity.event else { continue };
        if market.iter().any(|known| is_same(known, activity.date, ratio)) {
            merged.of_the_market.push(activity.id);
        } else {
            merged.own.push(Split { day: activity.date, ratio });
        }
    }
    merged.own.sort_by_key(|split| split.day);
    merged.splits.extend(&merged.own);
    merged.splits.sort_by_key(|split| split.day);
    merged
}

fn is_same(known: &Split, day: Day, ratio: SplitRatio) -> bool {
    known.day.days_since(day).unsigned_abs() <= SAME_SPLIT_WITHIN_DAYS.unsigned_abs() && is_near(known.ratio, ratio)
}

/// Whether two ratios differ by at most one in a hundred, compared without division.
fn is_near(left: SplitRatio, right: SplitRatio) -> bool {
    let crossed = |new: u64, old: u64| u128::from(new).saturating_mul(u128::from(old));
    let (left, right) = (crossed(left.new_units(), right.old_units()), crossed(right.new_units(), left.old_units()));
    left.abs_diff(right).saturating_mul(SAME_RATIO_PARTS) <= right
}
