//! Exact products and quotients of money, quantities and prices, computed on integers and rounded once.
//!
//! Money is a whole number of the currency's smallest unit; quantities and prices are whole numbers of 10⁻¹². A result
//! that does not fit is refused as [`Refusal::TooLarge`], never wrapped or truncated. When an amount is divided, the
//! last part takes the remainder, so that parts always sum to the whole.
//!
//! A decimal of 28 digits would round the product of an amount and a quantity before the ledger rounds its quotient to
//! the currency: rounded twice, a cent can come out wrong. Integers of 256 bits hold every such product exactly,
//! whatever its size. Nearly all of them fit 128 bits, which divide much faster.

use std::cmp::Ordering;

use domain::decimal::DECIMALS;
use domain::{Currency, Money, Price, Quantity, SplitRatio};
use ethnum::I256;
use rust_decimal::Decimal;

use crate::refusal::Refusal;

/// Zero in this currency.
pub(crate) fn zero(currency: Currency) -> Result<Money, Refusal> {
    Ok(Money::new(Decimal::ZERO, currency)?)
}

/// The sum.
pub(crate) fn plus(left: Money, right: Money) -> Result<Money, Refusal> {
    same_currency(left.currency(), right)?;
    let sum = left.amount().checked_add(right.amount()).ok_or(Refusal::TooLarge)?;
    Ok(Money::new(sum, left.currency())?)
}

/// `left` − `right`, negative if `right` is larger.
pub(crate) fn minus(left: Money, right: Money) -> Result<Money, Refusal> {
    same_currency(left.currency(), right)?;
    let difference = left.amount().checked_sub(right.amount()).ok_or(Refusal::TooLarge)?;
    Ok(Money::new(difference, left.currency())?)
}

/// The negated amount.
pub(crate) fn negative(money: Money) -> Result<Money, Refusal> {
    minus(zero(money.currency())?, money)
}

/// Refuses money of another currency.
pub(crate) fn same_currency(expected: Currency, money: Money) -> Result<(), Refusal> {
    let found = money.currency();
    if found == expected { Ok(()) } else { Err(Refusal::OtherCurrency { expected, found }) }
}

/// The amount as a decimal with all the decimals of its currency: `1234.50`.
pub(crate) fn written(money: Money) -> Decimal {
    let mut amount = money.amount();
    amount.rescale(money.currency().decimals());
    amount
}

/// quantity × price, rounded half-even to the currency's unit.
pub(crate) fn value(quantity: Quantity, price: Price, currency: Currency) -> Result<Money, Refusal> {
    let finer = power_of_ten(scale_between_products_and(currency)?)?;
    let value = quotient_half_even(finest(quantity.units()), finest(price.amount()), finer)?;
    from_minor(value, currency)
}

/// The largest quantity that this amount can buy: amount ÷ price, truncated to twelve decimals.
pub(crate) fn quantity_for(amount: Money, price: Price) -> Result<Quantity, Refusal> {
    let finer = power_of_ten(scale_between_products_and(amount.currency())?)?;
    let dividend = I256::new(minor(amount)).checked_mul(I256::new(finer)).ok_or(Refusal::TooLarge)?;
    let units = dividend.checked_div(I256::new(finest(price.amount()))).ok_or(Refusal::TooLarge)?;
    Ok(Quantity::new(decimal(i128::try_from(units).map_err(|_| Refusal::TooLarge)?, DECIMALS)?)?)
}

/// cost ÷ quantity, rounded half-even to this many decimals; nothing for zero units.
pub(crate) fn cost_per_unit(cost: Money, quantity: Quantity, decimals: u32) -> Result<Option<Decimal>, Refusal> {
    if quantity.is_zero() {
        return Ok(None);
    }
    let of_quotient = DECIMALS.checked_add(decimals).and_then(|scale| scale.checked_sub(cost.currency().decimals()));
    let finer = power_of_ten(of_quotient.ok_or(Refusal::TooLarge)?)?;
    let per_unit = quotient_half_even(minor(cost), finer, finest(quantity.units()))?;
    Ok(Some(decimal(per_unit, decimals)?.normalize()))
}

/// quantity × ratio, rounded half-even to twelve decimals.
pub(crate) fn times(quantity: Quantity, ratio: SplitRatio) -> Result<Quantity, Refusal> {
    let (new, old) = (i128::from(ratio.new_units()), i128::from(ratio.old_units()));
    Ok(Quantity::new(decimal(quotient_half_even(finest(quantity.units()), new, old)?, DECIMALS)?)?)
}

/// total × part ÷ whole, rounded half-even to the currency's unit.
pub(crate) fn share(total: Money, part: Quantity, whole: Quantity) -> Result<Money, Refusal> {
    let share = quotient_half_even(minor(total), finest(part.units()), finest(whole.units()))?;
    from_minor(share, total.currency())
}

/// Splits `total` in proportion to the weights. Each share is the rounded share of the remainder, so that the last
/// weight above zero takes the rest and the shares sum to the total. A weight of zero gets no share.
pub(crate) fn shares(total: Money, weights: &[Quantity]) -> Result<Vec<Money>, Refusal> {
    let weights: Vec<i128> = weights.iter().map(|weight| finest(weight.units())).collect();
    in_money(integer_shares(minor(total), &weights)?, total.currency())
}

/// Splits `total` in proportion to the costs, like [`shares`]. If the total is at most their sum, no share exceeds its
/// cost.
pub(crate) fn shares_by_cost(total: Money, costs: &[Money]) -> Result<Vec<Money>, Refusal> {
    let weights: Vec<i128> = costs.iter().map(|&cost| minor(cost)).collect();
    in_money(integer_shares(minor(total), &weights)?, total.currency())
}

/// Splits `total` units in proportion to the units held, like [`shares`]. If the total is at most their sum, no share
/// exceeds the units held.
pub(crate) fn shares_of_units(total: Quantity, held: &[Quantity]) -> Result<Vec<Quantity>, Refusal> {
    let weights: Vec<i128> = held.iter().map(|held| finest(held.units())).collect();
    let shares = integer_shares(finest(total.units()), &weights)?;
    shares.into_iter().map(|share| Ok(Quantity::new(decimal(share, DECIMALS)?)?)).collect()
}

fn in_money(amounts: Vec<i128>, currency: Currency) -> Result<Vec<Money>, Refusal> {
    amounts.into_iter().map(|amount| from_minor(amount, currency)).collect()
}

fn integer_shares(total: i128, weights: &[i128]) -> Result<Vec<i128>, Refusal> {
    let sum = weights.iter().try_fold(0_i128, |sum, &weight| sum.checked_add(weight));
    let (mut left, mut weight_left) = (total, sum.ok_or(Refusal::TooLarge)?);
    let mut shares = Vec::with_capacity(weights.len());
    for &weight in weights {
        let share = if weight == 0 { 0 } else { quotient_half_even(left, weight, weight_left)? };
        left = left.checked_sub(share).ok_or(Refusal::TooLarge)?;
        weight_left = weight_left.checked_sub(weight).ok_or(Refusal::TooLarge)?;
        shares.push(share);
    }
    Ok(shares)
}

/// The sum of quantities.
pub(crate) fn sum(quantities: &[Quantity]) -> Result<Quantity, Refusal> {
    Ok(quantities.iter().try_fold(Quantity::ZERO, |sum, &quantity| sum.plus(quantity))?)
}

/// Which of two lots, each given as cost and units, cost more per unit; compared without division.
///
/// A cost is below 10¹⁷ of the smallest unit and a quantity at most 10²⁴ of 10⁻¹², so no product here saturates.
pub(crate) fn compare_unit_costs(left: (Money, Quantity), right: (Money, Quantity)) -> Ordering {
    let crossed =
        |cost: Money, units: Quantity| I256::new(minor(cost)).saturating_mul(I256::new(finest(units.units())));
    crossed(left.0, right.1).cmp(&crossed(right.0, left.1))
}

/// a × b ÷ c for c above zero, rounded half to even.
fn quotient_half_even(a: i128, b: i128, c: i128) -> Result<i128, Refusal> {
    let quotient = match a.checked_mul(b) {
        Some(product) => rounded_quotient(product, c),
        None => wide_quotient(a, b, c),
    };
    quotient.ok_or(Refusal::TooLarge)
}

fn rounded_quotient(product: i128, c: i128) -> Option<i128> {
    let floor = product.checked_div_euclid(c)?;
    let rest = product.checked_rem_euclid(c)?;
    floor.checked_add(i128::from(is_rounded_up(rest.cmp(&c.checked_sub(rest)?), floor & 1 == 1)))
}

fn wide_quotient(a: i128, b: i128, c: i128) -> Option<i128> {
    let (product, c) = (I256::new(a).checked_mul(I256::new(b))?, I256::new(c));
    let floor = product.checked_div_euclid(c)?;
    let rest = product.checked_rem_euclid(c)?;
    let up = is_rounded_up(rest.cmp(&c.checked_sub(rest)?), floor & I256::ONE == I256::ONE);
    i128::try_from(floor.checked_add(I256::from(up))?).ok()
}

/// Whether a quotient is rounded up, by comparing its remainder with the distance to the next whole number.
fn is_rounded_up(rest: Ordering, floor_is_odd: bool) -> bool {
    match rest {
        Ordering::Less => false,
        Ordering::Equal => floor_is_odd,
        Ordering::Greater => true,
    }
}

/// The amount in the currency's smallest unit.
fn minor(money: Money) -> i128 {
    written(money).mantissa()
}

fn from_minor(amount: i128, currency: Currency) -> Result<Money, Refusal> {
    Ok(Money::new(decimal(amount, currency.decimals())?, currency)?)
}

/// A quantity or a price in units of 10⁻¹².
fn finest(mut number: Decimal) -> i128 {
    number.rescale(DECIMALS);
    number.mantissa()
}

fn decimal(mantissa: i128, scale: u32) -> Result<Decimal, Refusal> {
    Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| Refusal::TooLarge)
}

/// Decimals that a product of a quantity and a price has in addition to the currency's.
fn scale_between_products_and(currency: Currency) -> Result<u32, Refusal> {
    let of_products = DECIMALS.checked_mul(2).ok_or(Refusal::TooLarge)?;
    of_products.checked_sub(currency.decimals()).ok_or(Refusal::TooLarge)
}

fn power_of_ten(exponent: u32) -> Result<i128, Refusal> {
    10_i128.checked_pow(exponent).ok_or(Refusal::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examples::{price, units, usd};

    #[test]
    fn a_tie_is_rounded_to_the_even_cent_on_both_sides_of_zero() {
        for (quantity, rounded) in [("0.5", "0.00"), ("1.5", "0.02"), ("2.5", "0.02"), ("2.50000001", "0.03")] {
            assert_eq!(value(units(quantity), price("0.01"), Currency::USD).unwrap().to_string(), rounded);
        }
        for (total, half) in [("0.05", "0.02"), ("0.07", "0.04"), ("-0.05", "-0.02"), ("-0.07", "-0.04")] {
            assert_eq!(share(usd(total), units("1"), units("2")).unwrap().to_string(), half, "half of {total}");
        }
    }

    #[test]
    fn a_share_just_above_a_tie_is_rounded_up_at_any_size() {
        // 69963447287432.50000000000000000005… cents: with 28 digits it looks like a tie and is rounded down to the
        // even cent.
        let (part, whole) = (units("62967102558.68987972"), units("90000000000.00000007"));
        assert_eq!(share(usd("999999999999.99"), part, whole).unwrap().to_string(), "699634472874.33");
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        let most = units("1000000000000");
        assert_eq!(value(most, price("1000000000000"), Currency::USD), Err(Refusal::TooLarge));
        assert_eq!(value(most, price("1.00000000001"), Currency::USD), Err(Refusal::TooLarge));
        assert_eq!(plus(usd("1000000000000"), usd("0.01")), Err(Refusal::TooLarge));
        assert_eq!(quantity_for(usd("1000000000000"), price("0.00000001")), Err(Refusal::TooLarge));
        assert_eq!(sum(&[most, most]), Err(Refusal::TooLarge));
    }

    #[test]
    fn an_amount_never_buys_more_than_it_pays_for() {
        for (amount, at, bought) in
            [("100", "3", "33.333333333333"), ("100", "430.47", "0.232304225613"), ("0.01", "1000000000000", "0")]
        {
            let quantity = quantity_for(usd(amount), price(at)).unwrap();
            assert_eq!(quantity.to_string(), bought);
            assert!(value(quantity, price(at), Currency::USD).unwrap().amount() <= usd(amount).amount());
        }
    }

    #[test]
    fn units_at_a_tiny_price_are_worth_what_was_paid() {
        let at = price("0.0000000151");
        let quantity = quantity_for(usd("10000"), at).unwrap();
        assert_eq!(quantity.to_string(), "662251655629.139072847682");
        assert_eq!(value(quantity, at, Currency::USD), Ok(usd("10000.00")));
    }

    #[test]
    fn shares_sum_to_the_whole_and_a_weight_of_zero_gets_none() {
        let weights = [units("1"), units("0"), units("1"), units("1"), units("0")];
        let written: Vec<String> = shares(usd("1.00"), &weights).unwrap().iter().map(Money::to_string).collect();
        assert_eq!(written, ["0.33", "0.00", "0.34", "0.33", "0.00"]);
        let loss: Vec<String> = shares(usd("-0.01"), &weights).unwrap().iter().map(Money::to_string).collect();
        assert_eq!(loss, ["0.00", "0.00", "0.00", "-0.01", "0.00"]);
    }

    #[test]
    fn no_share_exceeds_its_weight_and_no_unit_is_lost() {
        let costs = [usd("0.01"), usd("0.00"), usd("0.01"), usd("99999999999.99")];
        for total in ["0.00", "0.01", "0.02", "50000000000.01", "99999999999.99", "100000000000.00", "100000000000.01"]
        {
            let shares = shares_by_cost(usd(total), &costs).unwrap();
            assert!(shares.iter().zip(costs).all(|(share, cost)| share.amount() <= cost.amount()), "{total}");
            let sum = shares.iter().try_fold(usd("0"), |sum, &share| plus(sum, share));
            assert_eq!(sum, Ok(usd(total)));
        }
        let held = [units("1"), units("0.000000000001"), units("2")];
        let taken: Vec<String> = shares_of_units(units("1"), &held).unwrap().iter().map(Quantity::to_string).collect();
        assert_eq!(taken, ["0.333333333333", "0", "0.666666666667"]);
        assert_eq!(shares_of_units(sum(&held).unwrap(), &held).unwrap(), held);
    }

    #[test]
    fn yen_are_whole_and_dinars_have_three_decimals() {
        for (code, worth) in [("JPY", "12"), ("KWD", "12.346"), ("USD", "12.35")] {
            let value = value(units("1"), price("12.3456"), code.parse().unwrap()).unwrap();
            assert_eq!(value.to_string(), worth, "{code}");
        }
    }

    #[test]
    fn money_of_two_currencies_cannot_be_added() {
        let yen = Money::parse("1", "JPY".parse().unwrap()).unwrap();
        assert!(matches!(plus(usd("1"), yen), Err(Refusal::OtherCurrency { .. })));
        assert!(matches!(minus(usd("1"), yen), Err(Refusal::OtherCurrency { .. })));
    }
}
