//! A split as the records of trades and positions name it.

use domain::{Day, Split, SplitRatio};
use serde::{Deserialize, Serialize};

/// A split that a trade took into account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AppliedSplit {
    /// The first day that is quoted in new units.
    pub day: Day,
    /// New units for each old one.
    #[schema(value_type = String, example = "2")]
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
