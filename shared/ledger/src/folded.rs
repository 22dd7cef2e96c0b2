//! The splits that are folded into the units of a position.

use domain::{Day, Split};

use crate::lots::between;

/// The splits by which a position's sales counted the units of older lots. If other splits are known now, lots and
/// costs differ too, and the position is replayed from its trades.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoldedSplits {
    /// The day of the first trade.
    pub opened_on: Option<Day>,
    /// The day of the last sale: later splits change no stored unit.
    pub unit_day: Option<Day>,
    /// The splits after `opened_on` and up to `unit_day` that sales counted with, oldest first.
    pub splits: Vec<Split>,
}

impl FoldedSplits {
    /// Whether the stored units agree with these splits of the instrument, oldest first.
    #[must_use]
    pub fn is_by(&self, splits: &[Split]) -> bool {
        match (self.opened_on, self.unit_day) {
            (Some(opened_on), Some(unit_day)) => between(splits, opened_on, unit_day).eq(&self.splits),
            _ => true,
        }
    }

    /// The splits for counting units on a day: the folded ones, and the later ones of `splits` up to `day`.
    pub(crate) fn and_until(&self, day: Day, splits: &[Split]) -> Vec<Split> {
        let later = self.unit_day.or(self.opened_on).map(|from| between(splits, from, day).copied());
        self.splits.iter().copied().chain(later.into_iter().flatten()).collect()
    }

    pub(crate) fn open(&mut self, day: Day) {
        self.opened_on.get_or_insert(day);
    }

    /// Adds the splits that a sale on `day` counted with.
    pub(crate) fn fold(&mut self, splits: &[Split], day: Day) {
        self.splits = self.and_until(day, splits);
        self.unit_day = Some(day);
    }
}
