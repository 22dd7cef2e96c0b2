//! A realised gain in another currency than the instrument's.

use domain::{Currency, ExchangeRate, Money};
use rust_decimal::Decimal;

use crate::refusal::Refusal;

/// An amount, and that day's rate of its currency into another one.
pub type AtRate = (Money, ExchangeRate);

/// The side of a sale that a sum and its rate into `base` are. If the sum was paid in `base`, it is what was paid, and no
/// rate; nothing if there is neither.
#[must_use]
pub fn side(counted: Money, rate: Option<ExchangeRate>, paid: Option<Money>, base: Currency) -> Option<AtRate> {
    match paid.filter(|paid| paid.currency() == base) {
        Some(paid) => Some((paid, ExchangeRate::ONE)),
        None => rate.map(|rate| (counted, rate)),
    }
}

/// The rate between a sum and what was paid for it in `base`, exactly; nothing if it was not paid in `base`, or was or is
/// nothing.
#[must_use]
pub fn rate_as_paid(counted: Money, paid: Option<Money>, base: Currency) -> Option<ExchangeRate> {
    let paid = paid.filter(|paid| paid.currency() == base)?;
    let (mut counted, mut paid) = (counted.amount(), paid.amount());
    let decimals = counted.scale().max(paid.scale());
    counted.rescale(decimals);
    paid.rescale(decimals);
    let is_one_way = counted.is_sign_negative() == paid.is_sign_negative();
    let terms = is_one_way.then_some((paid.mantissa().unsigned_abs(), counted.mantissa().unsigned_abs()));
    terms.and_then(|(times, over)| format!("{times}/{over}").parse().ok())
}

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
    fn a_side_that_was_paid_in_base_needs_no_rate() {
        let (counted, paid) = (money("99", "EUR"), money("100", "USD"));
        let rate = "1.5".parse().ok();
        assert_eq!(side(counted, rate, Some(paid), Currency::USD), Some((paid, ExchangeRate::ONE)));
        assert_eq!(side(counted, None, Some(paid), Currency::USD), Some((paid, ExchangeRate::ONE)));
        let elsewhere = "GBP".parse().unwrap();
        assert_eq!(side(counted, rate, Some(paid), elsewhere), rate.map(|rate| (counted, rate)));
        assert_eq!(side(counted, None, Some(paid), elsewhere), None);
    }

    #[test]
    fn the_rate_at_which_something_was_paid_gives_back_what_was_paid() {
        for (counted, paid) in [("992.20", "902"), ("-0.03", "-0.02"), ("1000000000000", "999999999999.99")] {
            let (counted, paid) = (money(counted, "USD"), money(paid, "EUR"));
            let rate = rate_as_paid(counted, Some(paid), "EUR".parse().unwrap()).unwrap();
            assert_eq!(rate.exchange(counted.amount()).unwrap().round_dp(2), paid.amount());
            assert_eq!(rate_as_paid(counted, Some(paid), Currency::USD), None);
        }
        let (one, none) = (money("1", "EUR"), money("0", "EUR"));
        for (counted, paid) in [(one, None), (one, Some(none)), (none, Some(one)), (money("-1", "EUR"), Some(one))] {
            assert_eq!(rate_as_paid(counted, paid, "EUR".parse().unwrap()), None);
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
