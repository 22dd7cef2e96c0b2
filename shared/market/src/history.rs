//! A provider's history: checked bars and warnings for the reader.

use domain::{Bar, Bars, Currency};
use serde::{Deserialize, Serialize};

use crate::note::Note;

/// Checked daily bars of one symbol from a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Name of the source, as in responses.
    pub source: &'static str,
    /// The bars, oldest first.
    pub bars: Bars,
    /// What the prices mean.
    pub basis: Basis,
    /// Currency of the prices.
    pub currency: Currency,
    /// Warnings for the reader of these bars.
    pub notes: Vec<Note>,
    /// The newest bar, if it is held back until it is confirmed ([`Note::NewestBarHeldBack`]) and brings no split or
    /// dividend.
    pub held_back: Option<Bar>,
}

/// Largest relative difference between two sources' closes of one day that still confirm each other.
const AGREEMENT: f64 = 0.02;

impl History {
    /// Whether this history confirms the bar that another source has held back.
    pub(crate) fn confirms(&self, other: &History) -> bool {
        let Some(bar) = &other.held_back else { return false };
        let is_of_the_day = |own: &Bar| own.date == bar.date;
        let own = self.bars.get(self.bars.count_before(bar.date)).filter(is_of_the_day);
        let close = own.or(self.held_back.filter(is_of_the_day)).map(|own| own.close);
        self.currency == other.currency && close.is_some_and(|close| (close / bar.close - 1.0).abs() <= AGREEMENT)
    }

    /// The history including the held-back bar, which another source has confirmed.
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
#[schema(as = PriceBasis)]
pub enum Basis {
    /// As traded that day; splits and dividends have their own columns.
    Quoted,
    /// Adjusted for splits: earlier prices are already divided by later splits.
    SplitAdjusted,
}
