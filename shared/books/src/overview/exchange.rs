//! Amounts of portfolios in the currency of the overview.

use domain::{Currency, ExchangeRate};
use rust_decimal::Decimal;

/// An amount in another currency, rounded half-even and written with its decimals; none if it is too large.
pub(super) fn exchanged(amount: Decimal, rate: ExchangeRate, currency: Currency) -> Option<Decimal> {
    let mut exchanged = rate.exchange(amount)?.round_dp(currency.decimals());
    exchanged.rescale(currency.decimals());
    Some(exchanged)
}

/// The parts of a sum in another currency, rounded so that they add up to the rounded sum: each is the difference of two
/// rounded running sums. At the rate of one they stay as they are.
pub(super) fn exchanged_parts(parts: &[Decimal], rate: ExchangeRate, currency: Currency) -> Option<Vec<Decimal>> {
    let (mut sum, mut before) = (Decimal::ZERO, exchanged(Decimal::ZERO, rate, currency)?);
    let mut all = Vec::with_capacity(parts.len());
    for part in parts {
        sum = sum.checked_add(*part)?;
        let through = exchanged(sum, rate, currency)?;
        all.push(through - before);
        before = through;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchanged_parts_add_up_to_the_exchanged_sum() {
        let decimals = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Decimal>>();
        let rate = ExchangeRate::quoted(1.5).unwrap();
        let parts = decimals(&["0.01", "0.01", "-0.01", "0.03"]);
        // 0.015, 0.030, 0.015 and 0.060, each to the even cent.
        let exchanged = exchanged_parts(&parts, rate, Currency::USD).unwrap();
        assert_eq!(exchanged, decimals(&["0.02", "0.01", "-0.01", "0.04"]));
        assert_eq!(exchanged.iter().sum::<Decimal>(), "0.06".parse().unwrap());
        assert_eq!(exchanged_parts(&parts, ExchangeRate::ONE, Currency::USD), Some(parts));
    }
}
