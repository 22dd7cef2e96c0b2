//! The period that one bar covers.

use serde::{Deserialize, Serialize};

/// Length of a bar: a trading day, a week (Monday to Sunday) or a calendar month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BarInterval)]
pub enum Interval {
    /// One trading day.
    #[default]
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}
