//! The version of the rules that a trade was executed with.

use domain::{Quantity, SplitRatio};
use rust_decimal::RoundingStrategy;
use serde::{Deserialize, Serialize};

use crate::exact;
use crate::refusal::Refusal;

/// The version of the ledger's rules that a trade was executed with and is repeated with: records stay right when the
/// rules change. A record without a version is of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Rules {
    /// Units and the average cost had eight decimals. A sale at average cost took the oldest lots first and spread the
    /// remaining cost over all lots. A record names the splits between the oldest units then held and its day.
    #[default]
    First,
    /// Units and the average cost have twelve decimals. A sale at average cost takes a share of every lot. A record
    /// names every split since the position's first trade.
    Second,
}

/// A version of the rules that this code does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown version {0} of the rules")]
pub struct UnknownRules(u8);

impl Rules {
    /// The rules for new trades.
    pub const CURRENT: Self = Self::Second;

    /// Whether a record is written without a version.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn is_first(&self) -> bool {
        *self == Self::First
    }

    /// Decimals of units after a split, and of an average cost.
    #[must_use]
    pub fn decimals(self) -> u32 {
        match self {
            Self::First => 8,
            Self::Second => domain::decimal::DECIMALS,
        }
    }

    /// Units after a split, truncated to the decimals of these rules.
    pub(crate) fn split(self, units: Quantity, ratio: SplitRatio) -> Result<Quantity, Refusal> {
        match self {
            Self::First => {
                let rounded = exact::times(units, ratio)?.units();
                Ok(Quantity::new(rounded.round_dp_with_strategy(self.decimals(), RoundingStrategy::ToZero))?)
            }
            Self::Second => Ok(units.split(ratio)?),
        }
    }
}

impl From<Rules> for u8 {
    fn from(rules: Rules) -> Self {
        match rules {
            Rules::First => 1,
            Rules::Second => 2,
        }
    }
}

impl TryFrom<u8> for Rules {
    type Error = UnknownRules;

    fn try_from(version: u8) -> Result<Self, UnknownRules> {
        match version {
            1 => Ok(Self::First),
            2 => Ok(Self::Second),
            other => Err(UnknownRules(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::units;

    #[test]
    fn units_are_truncated_to_the_decimals_of_the_rules() {
        let third = SplitRatio::new(1, 3).unwrap();
        let cut = |rules: Rules, held: &str| rules.split(units(held), third).unwrap().to_string();
        assert_eq!((cut(Rules::First, "2"), cut(Rules::Second, "2")), ("0.66666666".into(), "0.666666666666".into()));
        assert_eq!((cut(Rules::First, "3"), cut(Rules::Second, "3")), ("1".into(), "1".into()));
    }

    #[test]
    fn a_version_is_a_number_and_unknown_ones_are_refused() {
        for rules in [Rules::First, Rules::Second] {
            let text = serde_json::to_string(&rules).unwrap();
            assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules);
        }
        assert!(serde_json::from_str::<Rules>("3").is_err());
    }
}
