//! Shares of a whole in percent that sum to exactly 100.0.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fixed::whole;

/// Tenths of a percent in the whole.
const TENTHS: i128 = 1_000;
/// The most decimals of a value here: more than any currency has.
const VALUE_SCALE: u32 = 8;

/// The share of a group of holdings, such as a sector or a currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AllocationShare)]
pub struct Share {
    /// The name of the group.
    pub name: String,
    /// Its value in the base currency.
    #[schema(value_type = domain::schema::DecimalString)]
    pub value: Decimal,
    /// Its share of the total, a fraction with three decimals.
    pub allocation: f64,
}

/// The share of each value in their sum, as fractions of three decimals that sum, as percents of one decimal, to
/// exactly 100.0. By largest remainder: each is truncated to a tenth of a percent, and the missing tenths go to those
/// that lost most, the earlier of equals first. All are 0 if the sum is 0; a negative value has no share.
#[must_use]
pub fn shares(values: &[Decimal]) -> Vec<f64> {
    let finest = |value: &Decimal| whole(value.round_dp(VALUE_SCALE), VALUE_SCALE).unwrap_or(0).max(0);
    let values: Vec<i128> = values.iter().map(finest).collect();
    let total: i128 = values.iter().sum();
    if total == 0 {
        return vec![0.0; values.len()];
    }
    let mut tenths: Vec<i128> = values.iter().map(|value| value * TENTHS / total).collect();
    let missing = TENTHS - tenths.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(values[at] * TENTHS % total));
    for &at in order.iter().take(missing as usize) {
        tenths[at] += 1;
    }
    tenths.into_iter().map(|tenths| tenths as f64 / TENTHS as f64).collect()
}

/// Sums values by name and computes their shares, the largest first, equals by name.
pub(crate) fn shares_by_group(values: impl IntoIterator<Item = (String, Decimal)>) -> Vec<Share> {
    let mut groups: Vec<(String, Decimal)> = Vec::new();
    for (name, value) in values {
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += value,
            None => groups.push((name, value)),
        }
    }
    groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let parts = shares(&groups.iter().map(|(_, value)| *value).collect::<Vec<_>>());
    let share = |((name, value), allocation)| Share { name, value, allocation };
    groups.into_iter().zip(parts).map(share).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimals(texts: &[&str]) -> Vec<Decimal> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn three_thirds_make_a_whole() {
        assert_eq!(shares(&decimals(&["10.00", "10.00", "10.00"])), [0.334, 0.333, 0.333]);
        assert_eq!(shares(&decimals(&["1.00", "0.00", "999999.00"])), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn zero_has_no_shares() {
        assert_eq!(shares(&decimals(&["0.00", "0.00"])), [0.0, 0.0]);
        assert!(shares(&[]).is_empty());
    }

    #[test]
    fn groups_are_listed_from_the_largest() {
        let values = [("Energy", "30"), ("Technology", "50"), ("Energy", "30"), ("Banks", "50")];
        let found = shares_by_group(values.map(|(name, value)| (name.to_owned(), value.parse().unwrap())));
        let listed: Vec<(&str, f64)> = found.iter().map(|share| (share.name.as_str(), share.allocation)).collect();
        assert_eq!(listed, [("Energy", 0.375), ("Banks", 0.313), ("Technology", 0.312)]);
    }

    proptest! {
        #[test]
        fn percents_sum_to_a_hundred_and_none_is_a_tenth_off(cents in prop::collection::vec(0_i64..1_000_000_000, 1..60)) {
            let values: Vec<Decimal> = cents.iter().map(|&cents| Decimal::new(cents, 2)).collect();
            let total: i64 = cents.iter().sum();
            prop_assume!(total > 0);
            let found = shares(&values);
            let tenths: i64 = found.iter().map(|share| (share * 1000.0).round() as i64).sum();
            prop_assert_eq!(tenths, 1000);
            for (share, &cents) in found.iter().zip(&cents) {
                prop_assert!((share - cents as f64 / total as f64).abs() < 0.001);
            }
        }
    }
}
