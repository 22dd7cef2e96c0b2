//! A realised gain in another currency than the instrument's.

use domain::{Currency, Money};
use rust_decimal::Decimal;

use crate::refusal::Refusal;

/// proceeds × rate at the sale − cost × rate at the purchase, rounded half-even once, in `base`.
///
/// A rate is the price in `base`, on its day, of one unit of the currency of the amount beside it. What the exchange
/// rate gained between the two days is part of the result.
pub fn realized_in_base(
    proceeds: Money,
    rate_at_sale: Decimal,
    cost: Money,
    rate_at_purchase: Decimal,
    base: Currency,
) -> Result<Money, Refusal> {
    let received = proceeds.amount().checked_mul(rate_at_sale).ok_or(Refusal::TooLarge)?;
    let paid = cost.amount().checked_mul(rate_at_purchase).ok_or(Refusal::TooLarge)?;
    let gain = received.checked_sub(paid).ok_or(Refusal::TooLarge)?;
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
        let rate = |text: &str| text.parse::<Decimal>().unwrap();
        // Two units with a cost of 100 USD each, sold at 150 EUR each while a euro costs 1.5 USD.
        for (proceeds, at_sale, cost, at_purchase, gain) in [
            (money("300", "EUR"), "1.5", money("200", "USD"), "1", "250.00"),
            (money("300", "EUR"), "1.5", money("300", "EUR"), "1.2", "90.00"),
            (money("0.01", "EUR"), "0.5", money("0", "EUR"), "1", "0.00"),
            (money("0.03", "EUR"), "0.5", money("0", "EUR"), "1", "0.02"),
        ] {
            let realized = realized_in_base(proceeds, rate(at_sale), cost, rate(at_purchase), Currency::USD).unwrap();
            assert_eq!(realized.to_string(), gain);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let most = money("1000000000000", "USD");
        let refused = realized_in_base(most, Decimal::MAX, most, Decimal::ONE, Currency::USD);
        assert_eq!(refused, Err(Refusal::TooLarge));
    }
}
