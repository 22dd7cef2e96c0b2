//! The splits that the units of a position have folded.

use domain::{Day, Split};

use crate::lots::between;

/// What a position's sales took for granted: the splits by which they counted the units of older lots. Where others are
/// known now, lots and costs are other ones too, and the position is replayed from its trades.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// The day of the first trade.
    pub opened_on: Option<Day>,
    /// The day of the last sale: splits after it change no stored unit.
    pub unit_day: Option<Day>,
    /// The splits after `opened_on` and up to `unit_day` by which sales counted, oldest first.
    pub splits: Vec<Split>,
}

impl Folded {
    /// Whether the units are those that these splits of the instrument, oldest first, make of them.
    #[must_use]
    pub fn is_by(&self, splits: &[Split]) -> bool {
        match (self.opened_on, self.unit_day) {
            (Some(opened_on), Some(unit_day)) => between(splits, opened_on, unit_day).eq(&self.splits),
            _ => true,
        }
    }

    /// The splits by which units of a day are counted: those that are folded, and of `splits` the later ones up to `day`.
    pub(crate) fn and_until(&self, day: Day, splits: &[Split]) -> Vec<Split> {
        let later = self.unit_day.or(self.opened_on).map(|from| between(splits, from, day).copied());
        self.splits.iter().copied().chain(later.into_iter().flatten()).collect()
    }

    pub(crate) fn open(&mut self, day: Day) {
        self.opened_on.get_or_insert(day);
    }

    /// Takes in the splits by which a sale of `day` counted.
    pub(crate) fn fold(&mut self, splits: &[Split], day: Day) {
        self.splits = self.and_until(day, splits);
        self.unit_day = Some(day);
    }
}
