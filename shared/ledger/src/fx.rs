//! A realised gain in another currency than the instrument's.

use domain::{Currency, ExchangeRate, Money};
use rust_decimal::Decimal;

use crate::refusal::Refusal;

/// An amount, and that day's rate of its currency into another one.
pub type AtRate = (Money, ExchangeRate);

/// The gain of a sale in `base`: the sum over its lots of proceeds × rate at the sale − cost × rate at the purchase,
/// rounded half-even once. Each pair is the proceeds and the cost of a lot.
///
/// The exchange gain between the two days is included.
pub fn realized_in_base(lots: impl IntoIterator<Item = (AtRate, AtRate)>, base: Currency) -> Result<Money, Refusal> {
    let exchanged = |(money, rate): AtRate| rate.exchange(money.amount()).ok_or(Refusal::TooLarge);
    let gain = lots.into_iter().try_fold(Decimal::ZERO, |sum, (proceeds, cost)| {
        let gain = exchanged(proceeds)?.checked_sub(exchanged(cost)?);
        gain.and_then(|gain| sum.checked_add(gain)).ok_or(Refusal::TooLarge)
    })?;
    Ok(Money::new(gain.round_dp(base.decimals()), base)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> Money {
        Money::parse(amount, currency.parse().unwrap()).unwrap()
    }

    #[test]
    fn each_side_is_converted_at_the_rate_of_its_own_day() {
        let rate = |text: &str| text.parse::<ExchangeRate>().unwrap();
        // Two units with a cost of 100 USD each, sold at 150 EUR each while a euro costs 1.5 USD.
        for (proceeds, at_sale, cost, at_purchase, gain) in [
            (money("300", "EUR"), "1.5", money("200", "USD"), "1", "250.00"),
            (money("300", "EUR"), "1.5", money("300", "EUR"), "1.2", "90.00"),
            (money("0.01", "EUR"), "0.5", money("0", "EUR"), "1", "0.00"),
            (money("0.03", "EUR"), "0.5", money("0", "EUR"), "1", "0.02"),
        ] {
            let lot = ((proceeds, rate(at_sale)), (cost, rate(at_purchase)));
            assert_eq!(realized_in_base([lot], Currency::USD).unwrap().to_string(), gain);
        }
    }

    #[test]
    fn the_lots_of_a_sale_are_rounded_together() {
        // 0.005 of each rounds to zero on its own.
        let lot = ((money("0.01", "EUR"), "1/2".parse().unwrap()), (money("0", "EUR"), ExchangeRate::ONE));
        assert_eq!(realized_in_base([lot; 3], Currency::USD).unwrap().to_string(), "0.02");
        assert_eq!(realized_in_base([], Currency::USD).unwrap().to_string(), "0.00");
    }

    #[test]
    fn a_fractional_rate_is_applied_exactly_and_rounded_once() {
        // Nine yen at 120 per dollar are exactly seven and a half cents.
        let lot = ((money("9", "JPY"), "1/120".parse().unwrap()), (money("0", "JPY"), ExchangeRate::ONE));
        assert_eq!(realized_in_base([lot], Currency::USD).unwrap().to_string(), "0.08");
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let most = money("1000000000000", "USD");
        let refused =
            realized_in_base([((most, ExchangeRate::quoted(1e18).unwrap()), (most, ExchangeRate::ONE))], Currency::USD);
        assert_eq!(refused, Err(Refusal::TooLarge));
    }
}
