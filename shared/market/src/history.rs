//! A provider's answer: checked bars and what a reader must know about them.

use domain::{Bar, Bars, Currency};
use serde::{Deserialize, Serialize};

use crate::note::Note;

/// Daily bars of one symbol as a provider gave them, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// The source that gave it, by its name in answers.
    pub source: &'static str,
    /// The bars, oldest first.
    pub bars: Bars,
    /// What the prices mean.
    pub basis: Basis,
    /// Currency of the prices.
    pub currency: Currency,
    /// What a reader must know about these bars.
    pub notes: Vec<Note>,
    /// The newest bar, where it is left out until something confirms it ([`Note::NewestBarHeldBack`]) and would need no
    /// split or dividend besides.
    pub held_back: Option<Bar>,
}

/// How far the closes of two sources for one day may be apart that confirm each other.
const AGREEMENT: f64 = 0.02;

impl History {
    /// Whether this source says the same of a bar that another one has held back.
    pub(crate) fn confirms(&self, other: &History) -> bool {
        let Some(bar) = &other.held_back else { return false };
        let is_of_the_day = |own: &Bar| own.date == bar.date;
        let own = self.bars.get(self.bars.count_before(bar.date)).filter(is_of_the_day);
        let close = own.or(self.held_back.filter(is_of_the_day)).map(|own| own.close);
        self.currency == other.currency && close.is_some_and(|close| (close / bar.close - 1.0).abs() <= AGREEMENT)
    }

    /// The history with the bar that was held back, which another source has confirmed.
    pub(crate) fn with_confirmed_bar(mut self) -> Self {
        if let Some(bar) = self.held_back.take()
            && self.bars.push(bar).is_ok()
        {
            for note in &mut self.notes {
                if let Note::NewestBarHeldBack { date, fraction } = *note {
                    *note = Note::UnexplainedMove { date, fraction };
                }
            }
        }
        self
    }
}

/// What the prices of a series mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// As traded that day: splits and dividends stand in their own columns.
    Quoted,
    /// One scale for the whole series: earlier prices are already divided by later splits.
    SplitAdjusted,
}
