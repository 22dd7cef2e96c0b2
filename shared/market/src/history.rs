//! A provider's answer: checked bars and what a reader must know about them.

use std::fmt;

use domain::{Bar, Bars, Currency, Day};
use serde::{Deserialize, Serialize};

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

/// Something a reader must know about a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Note {
    /// The close moved by more than half against the bar before, and no split explains it. The bar is served.
    UnexplainedMove {
        /// Day of the bar.
        date: Day,
        /// The move as a fraction: −0.5187 is a fall of 51.87 %.
        fraction: f64,
    },
    /// The newest bar moved like that. It is left out until the next bar or a second source confirms it.
    NewestBarHeldBack {
        /// Day of the bar.
        date: Day,
        /// The move as a fraction.
        fraction: f64,
    },
    /// Rows that cannot be bars were left out.
    RowsDropped {
        /// Number of rows.
        count: usize,
        /// Why, each reason once.
        reasons: Vec<DropReason>,
    },
    /// The source tells nothing of splits: none is applied.
    SplitsUnknown,
    /// Total returns lack the dividends: the adjusted close was made without them.
    DividendsNotIncluded,
    /// Only the latest bars: the source did not give the whole history.
    CompactHistory,
}

impl Note {
    /// The stable name, as it stands in JSON.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnexplainedMove { .. } => "unexplained_move",
            Self::NewestBarHeldBack { .. } => "newest_bar_held_back",
            Self::RowsDropped { .. } => "rows_dropped",
            Self::SplitsUnknown => "splits_unknown",
            Self::DividendsNotIncluded => "dividends_not_included",
            Self::CompactHistory => "compact_history",
        }
    }
}

/// What the note means, in a sentence for a reader.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnexplainedMove { date, fraction } => {
                write!(f, "The close of {date} moved by {:.2} % and no split explains it.", fraction * 100.0)
            }
            Self::NewestBarHeldBack { date, fraction } => {
                let percent = fraction * 100.0;
                write!(f, "The bar of {date} moved by {percent:.2} % and waits for the next one to confirm it.")
            }
            Self::RowsDropped { count, .. } => {
                write!(f, "{count} rows of the source cannot be bars and were left out.")
            }
            Self::SplitsUnknown => f.write_str("The source tells nothing of splits: none is applied."),
            Self::DividendsNotIncluded => f.write_str("Dividends: not included."),
            Self::CompactHistory => f.write_str("The source gives the latest bars only."),
        }
    }
}

/// Why a row was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// A price is missing, zero, negative or not finite.
    NotAPrice,
    /// A volume, dividend or split ratio is negative or not finite.
    NotAnAmount,
    /// Its day does not come after the row before.
    OutOfOrder,
    /// Another row of the same day says something else.
    DuplicateDay,
}
