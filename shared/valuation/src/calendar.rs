//! The days of a series: those on which a held instrument has a bar or something moves.

use domain::Day;

/// Days, strictly increasing.
#[derive(Debug, Default)]
pub(crate) struct Calendar(Vec<Day>);

impl Calendar {
    pub(crate) fn days(&self) -> &[Day] {
        &self.0
    }

    /// Adds strictly increasing days. Instruments of one exchange share nearly all of theirs, so most calls end after a
    /// comparison.
    pub(crate) fn add(&mut self, days: &[Day]) {
        let Some(&first) = days.first() else { return };
        let start = self.0.partition_point(|&day| day < first);
        let known = &self.0[start..];
        if known.starts_with(days) {
            return;
        }
        if days.starts_with(known) {
            self.0.extend_from_slice(&days[known.len()..]);
            return;
        }
        if !holds_all(known, days) {
            let merged = merged(known, days);
            self.0.truncate(start);
            self.0.extend(merged);
        }
    }
}

fn holds_all(known: &[Day], days: &[Day]) -> bool {
    let mut known = known.iter();
    days.iter().all(|day| known.by_ref().find(|&other| other >= day) == Some(day))
}

fn merged(left: &[Day], right: &[Day]) -> Vec<Day> {
    let mut all = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
        if a <= b {
            left.next();
        }
        if b <= a {
            right.next();
        }
        all.push(a.min(b));
    }
    all.extend(left.chain(right));
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_calendar_is_the_union_of_the_days_added(lists in prop::collection::vec(prop::collection::btree_set(0_i32..60, 0..40), 0..6)) {
            let mut calendar = Calendar::default();
            for list in &lists {
                let days: Vec<Day> = list.iter().map(|&after| Day::FIRST.plus_days(after)).collect();
                calendar.add(&days);
            }
            let union: BTreeSet<i32> = lists.into_iter().flatten().collect();
            let expected: Vec<Day> = union.into_iter().map(|after| Day::FIRST.plus_days(after)).collect();
            prop_assert_eq!(calendar.days(), expected);
        }
    }
}
