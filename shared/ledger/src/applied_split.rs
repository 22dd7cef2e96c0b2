//! A split as it is stored in trades and positions.

use domain::{Day, Split, SplitRatio};
use serde::{Deserialize, Serialize};

/// A split that a trade took into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AppliedSplit {
    /// The first day quoted in new units.
    pub day: Day,
    /// New units per old unit.
    #[schema(value_type = domain::schema::DecimalString)]
    pub ratio: SplitRatio,
}

impl From<&Split> for AppliedSplit {
    fn from(split: &Split) -> Self {
        Self { day: split.day, ratio: split.ratio }
    }
}

impl From<&AppliedSplit> for Split {
    fn from(applied: &AppliedSplit) -> Self {
        Self { day: applied.day, ratio: applied.ratio }
    }
}
