//! The version of the rules by which a trade was executed.

use domain::{Quantity, SplitRatio};
use rust_decimal::RoundingStrategy;
use serde::{Deserialize, Serialize};

use crate::exact;
use crate::refusal::Refusal;

/// The version of the ledger's rules by which a trade was executed and by which it is repeated: what was recorded stays
/// right when the rules change. A record without one is of the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Rules {
    /// Units and the average cost had eight decimals, a sale at average cost took the oldest lots first and spread the
    /// cost that stayed over all, and a record names the splits between the oldest units then held and its day.
    #[default]
    First,
    /// Units and the average cost have twelve decimals, a sale at average cost takes a share of every lot, and a record
    /// names every split since the position's first trade.
    Second,
}

/// A version of the rules that this code does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are no rules of version {0}")]
pub struct UnknownRules(u8);

impl Rules {
    /// Those of a new trade.
    pub const CURRENT: Self = Self::Second;

    /// Whether a record is written without a version.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
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

    /// Units after a split, cut to the decimals of these rules.
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
    fn units_are_cut_to_the_decimals_of_the_rules() {
        let third = SplitRatio::new(1, 3).unwrap();
        let cut = |rules: Rules, held: &str| rules.split(units(held), third).unwrap().to_string();
        assert_eq!((cut(Rules::First, "2"), cut(Rules::Second, "2")), ("0.66666666".into(), "0.666666666666".into()));
        assert_eq!((cut(Rules::First, "3"), cut(Rules::Second, "3")), ("1".into(), "1".into()));
    }

    #[test]
    fn a_version_is_a_number_and_another_one_is_no_rules() {
        for rules in [Rules::First, Rules::Second] {
            let text = serde_json::to_string(&rules).unwrap();
            assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules);
        }
        assert!(serde_json::from_str::<Rules>("3").is_err());
    }
}
