use proptest::prelude::*;

use super::*;
use crate::examples::{day, id, units};
use crate::fx::realized_in_base;

const EUR: &str = "EUR";

fn money(cents: i64, currency: Currency) -> Money {
    Money::new(Decimal::new(cents, 2), currency).unwrap()
}

fn euro() -> Currency {
    EUR.parse().unwrap()
}

fn rate(text: &str) -> ExchangeRate {
    text.parse().unwrap()
}

/// A part of the lot of this number, bought in that month of 2011: units, cost and proceeds in cents.
fn part(number: u32, quantity: &str, cost: Option<i64>, proceeds: i64, currency: Currency) -> TakenPart {
    TakenPart {
        lot_id: id(u128::from(number)),
        acquired_on: Some(day(&format!("2011-{number:02}-01"))),
        quantity: units(quantity),
        cost: cost.map(|cost| money(cost, currency)),
        proceeds: money(proceeds, currency),
    }
}

fn terms(proceeds: i64, fee: i64, tax: i64, currency: Currency) -> SaleTerms {
    SaleTerms { proceeds: money(proceeds, currency), fee: money(fee, currency), tax: money(tax, currency) }
}

/// Cost, proceeds, fee, tax and gain of each part.
fn shown(amounts: impl Iterator<Item = PartAmounts>) -> Vec<String> {
    let text = |money: Option<Money>| money.map_or("?".to_owned(), |money| money.to_string());
    let line = |part: PartAmounts| {
        [part.cost, Some(part.proceeds), Some(part.fee), Some(part.tax), part.gain].map(text).join(" ")
    };
    amounts.map(line).collect()
}

#[test]
fn the_fee_and_the_tax_of_a_sale_are_shared_out_by_units() {
    let taken = [part(1, "1", Some(500), 333, Currency::USD), part(2, "2", None, 667, Currency::USD)];
    let listed = list(&taken, &terms(1_000, 10, 100, Currency::USD), None, Currency::USD).unwrap();
    assert_eq!(shown(listed.iter().map(|part| part.amounts)), ["5.00 3.33 0.03 0.33 -1.67", "? 6.67 0.07 0.67 ?"]);
    assert!(listed.iter().all(|part| part.in_base.is_none()));
}

#[test]
fn each_side_is_converted_at_the_rate_of_its_own_day() {
    let taken = [part(1, "2", Some(30_000), 30_000, euro())];
    let rates = [(rate("1.5"), rate("1.2"))];
    let listed = list(&taken, &terms(30_000, 100, 0, euro()), Some(&rates), Currency::USD).unwrap();
    assert_eq!(shown(listed.iter().filter_map(|part| part.in_base)), ["360.00 450.00 1.50 0.00 90.00"]);
}

#[test]
fn parts_that_round_to_nothing_still_sum_to_the_whole() {
    let taken = [1, 2, 3].map(|number| part(number, "1", Some(0), 1, euro()));
    let rates = [(rate("1/2"), rate("1/2")); 3];
    let listed = list(&taken, &terms(3, 0, 0, euro()), Some(&rates), Currency::USD).unwrap();
    // The sums are 0.005, 0.010 and 0.015, half-even 0.00, 0.01 and 0.02.
    let gains: Vec<String> = listed.iter().filter_map(|part| Some(part.in_base?.gain?.to_string())).collect();
    assert_eq!(gains, ["0.00", "0.01", "0.01"]);
}

#[test]
fn a_sale_at_average_cost_is_listed_by_the_oldest_lots() {
    // Half of two lots of ten units; the oldest one alone would have been enough.
    let taken = [part(1, "5", Some(500), 1_000, Currency::USD), part(2, "5", Some(701), 1_000, Currency::USD)];
    let listed = list(
        &taken,
        &terms(2_000, 3, 0, Currency::USD),
        Some(&[(ExchangeRate::ONE, ExchangeRate::ONE); 2]),
        Currency::USD,
    );
    let oldest = [part(1, "10", None, 0, Currency::USD)];
    let by_age = by_age(&listed.unwrap(), &oldest).unwrap();
    assert_eq!((by_age.len(), by_age[0].lot_id, by_age[0].quantity), (1, Some(id(1)), units("10")));
    for amounts in [Some(by_age[0].amounts), by_age[0].in_base] {
        assert_eq!(shown(amounts.into_iter()), ["12.01 20.00 0.03 0.00 7.99"]);
    }
}

#[test]
fn what_rests_on_an_unknown_cost_in_the_pool_has_no_gain() {
    let taken = [part(1, "5", Some(500), 1_000, Currency::USD), part(2, "5", None, 1_000, Currency::USD)];
    let listed = list(&taken, &terms(2_000, 0, 0, Currency::USD), None, Currency::USD).unwrap();
    let oldest = [part(1, "7", None, 0, Currency::USD), part(2, "3", None, 0, Currency::USD)];
    let by_age = by_age(&listed, &oldest).unwrap();
    assert_eq!(shown(by_age.iter().map(|part| part.amounts)), ["? 14.00 0.00 0.00 ?", "? 6.00 0.00 0.00 ?"]);
}

#[test]
fn nothing_older_leaves_the_list_as_it_is() {
    let taken = [part(1, "5", Some(500), 1_000, Currency::USD)];
    let listed = list(&taken, &terms(1_000, 0, 0, Currency::USD), None, Currency::USD).unwrap();
    assert_eq!(by_age(&listed, &[]).unwrap(), listed);
    assert_eq!(by_age(&[], &taken).unwrap(), []);
}

fn parts() -> impl Strategy<Value = Vec<(TakenPart, PartRates)>> {
    let rates = (1_u32..500, 1_u32..500).prop_map(|(times, over)| rate(&format!("{times}/{over}")));
    let amounts = (1_u64..1_000_000, prop::option::weighted(0.9, 0_i64..1_000_000), -500_i64..1_000_000);
    let one = (amounts, rates.clone(), rates).prop_map(|((quantity, cost, proceeds), sold, bought)| {
        let quantity = Decimal::new(i64::try_from(quantity).unwrap(), 4).to_string();
        (part(1, &quantity, cost, proceeds, euro()), (sold, bought))
    });
    prop::collection::vec(one, 1..20)
}

proptest! {
    #[test]
    fn the_parts_of_a_list_sum_to_the_sale_in_both_currencies(parts in parts(), fee in 0_i64..500, tax in 0_i64..500) {
        let (taken, rates): (Vec<TakenPart>, Vec<PartRates>) = parts.into_iter().unzip();
        let proceeds: Decimal = taken.iter().map(|part| part.proceeds.amount()).sum();
        let terms = SaleTerms { proceeds: Money::new(proceeds, euro()).unwrap(), ..terms(0, fee, tax, euro()) };
        let listed = list(&taken, &terms, Some(&rates), Currency::USD).unwrap();
        let known = taken.iter().zip(&rates).filter_map(|(part, &(sold, bought))| {
            Some(((part.proceeds, sold), (part.cost?, bought)))
        });
        let realized = realized_in_base(known, Currency::USD).unwrap();
        let in_base = || listed.iter().filter_map(|part| part.in_base);
        prop_assert_eq!(in_base().filter_map(|part| Some(part.gain?.amount())).sum::<Decimal>(), realized.amount());
        for part in in_base().chain(listed.iter().map(|part| part.amounts)) {
            let gain = part.cost.map(|cost| exact::minus(part.proceeds, cost).unwrap());
            prop_assert_eq!(part.gain, gain);
        }
        let oldest: Vec<TakenPart> = taken.iter().rev().copied().collect();
        for spread in [listed.clone(), by_age(&listed, &oldest).unwrap()] {
            let sum = |of: fn(&PartAmounts) -> Money| -> Decimal { spread.iter().map(|part| of(&part.amounts).amount()).sum() };
            prop_assert_eq!(sum(|part| part.proceeds), proceeds);
            prop_assert_eq!(sum(|part| part.fee), terms.fee.amount());
            prop_assert_eq!(sum(|part| part.tax), terms.tax.amount());
            if taken.iter().all(|part| part.cost.is_some()) {
                let base: Decimal = spread.iter().filter_map(|part| Some(part.in_base?.gain?.amount())).sum();
                prop_assert_eq!(base, realized.amount());
            }
        }
    }
}
