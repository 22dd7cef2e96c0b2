use super::*;
use crate::examples::{day, id, no_position, pick, split, units, usd};

/// The golden position: 109 units for 3149.20, then 52 for 1684.92 (Portfolio Performance's tests of cost methods).
fn golden() -> Position {
    let mut position = no_position();
    position.purchase(id(1), day("2010-01-04"), units("109"), usd("3149.20")).unwrap();
    position.purchase(id(2), day("2010-02-01"), units("52"), usd("1684.92")).unwrap();
    position
}

fn sale<'a>(quantity: &str, proceeds: &str, method: LotMethod) -> Sale<'a> {
    let (quantity, proceeds) = (units(quantity), usd(proceeds));
    Sale { day: day("2010-03-01"), splits: &[], method, rules: Rules::CURRENT, picks: &[], quantity, proceeds }
}

#[test]
fn the_methods_agree_with_the_golden_values() {
    for (method, remaining, realized) in [
        (LotMethod::Fifo, "4400.74", "98.12"),
        (LotMethod::Average, "4383.74", "81.12"),
        (LotMethod::Lifo, "4348.09", "45.47"),
        (LotMethod::Hifo, "4348.09", "45.47"),
    ] {
        let mut position = golden();
        let lots = position.sale(&sale("15", "531.50", method)).unwrap();
        assert_eq!(position.cost().unwrap().to_string(), remaining, "{method}");
        assert_eq!(position.realized_gain.to_string(), realized, "{method}");
        assert_eq!(lots.len(), if method == LotMethod::Average { 2 } else { 1 }, "{method}");
        assert_eq!(position.units_on(day("2010-03-01"), &[]).unwrap(), units("146"), "{method}");
    }
}

#[test]
fn a_sale_of_the_whole_position_leaves_no_cost() {
    for method in [LotMethod::Fifo, LotMethod::Average, LotMethod::Lifo, LotMethod::Hifo] {
        let mut position = golden();
        position.sale(&sale("0.33333333", "10", method)).unwrap();
        position.sale(&sale("160.66666667", "5000", method)).unwrap();
        assert!(position.lots.is_empty(), "{method}");
        assert_eq!(position.cost().unwrap(), usd("0"), "{method}");
        assert_eq!(position.realized_gain, usd("175.88"), "{method}: 5010 less 4834.12");
    }
}

#[test]
fn proceeds_are_divided_among_lots_without_losing_a_cent() {
    let mut position = golden();
    let lots = position.sale(&sale("120", "100.01", LotMethod::Fifo)).unwrap();
    let shown: Vec<_> =
        lots.iter().map(|lot| [lot.quantity.to_string(), lot.cost.to_string(), lot.proceeds.to_string()]).collect();
    assert_eq!(shown, [["109", "3149.20", "90.84"], ["11", "356.43", "9.17"]]);
}

#[test]
fn a_sale_counts_in_units_of_its_day_and_keeps_other_lots() {
    let mut position = golden();
    let splits = [split("2010-01-20", "2"), split("2010-02-15", "10")];
    let lots = position.sale(&Sale { splits: &splits, ..sale("2200", "1", LotMethod::Fifo) }).unwrap();
    assert_eq!(lots.iter().map(|lot| lot.quantity.to_string()).collect::<Vec<_>>(), ["2180", "20"]);
    let left = position.lots[0];
    assert_eq!((left.quantity, left.unit_day, left.cost), (units("500"), day("2010-03-01"), usd("1620.12")));

    let mut position = golden();
    position.sale(&Sale { splits: &splits, ..sale("1", "1", LotMethod::Lifo) }).unwrap();
    assert_eq!(position.lots[0], golden().lots[0]);
    assert_eq!(position.units_on(day("2010-03-01"), &splits).unwrap(), units("2699"));
}

#[test]
fn a_lot_without_units_after_a_split_leaves_with_the_last_units() {
    let mut position = no_position();
    position.purchase(id(1), day("2010-01-04"), units("0.000000000001"), usd("0.07")).unwrap();
    position.purchase(id(2), day("2010-02-01"), units("10"), usd("50")).unwrap();
    let splits = [split("2010-02-15", "0.1")];
    for method in [LotMethod::Fifo, LotMethod::Average, LotMethod::Specific] {
        let mut position = position.clone();
        let picks = if method == LotMethod::Specific { vec![pick(2, "1")] } else { Vec::new() };
        let whole = Sale { splits: &splits, picks: &picks, ..sale("1", "60", method) };
        let lots = position.sale(&whole).unwrap();
        assert_eq!(lots.len(), 2, "{method}");
        assert!(position.lots.is_empty(), "{method}");
        assert_eq!(position.realized_gain, usd("9.93"), "{method}");
    }
    position.sale(&Sale { splits: &splits, ..sale("0.5", "30", LotMethod::Fifo) }).unwrap();
    assert_eq!(position.lots.len(), 2, "a lot without units waits for the rest");
}

#[test]
fn a_sale_at_average_cost_takes_a_share_of_every_lot() {
    let mut position = golden();
    let lots = position.sale(&sale("15", "531.50", LotMethod::Average)).unwrap();
    let taken: Vec<_> = lots.iter().map(|lot| (lot.quantity.to_string(), lot.cost.to_string())).collect();
    let owned = |quantity: &str, cost: &str| (quantity.to_owned(), cost.to_owned());
    assert_eq!(taken, [owned("10.155279503106", "293.40"), owned("4.844720496894", "156.98")]);
    let kept: Vec<_> = position.lots.iter().map(|lot| (lot.quantity.to_string(), lot.cost.to_string())).collect();
    assert_eq!(kept, [owned("98.844720496894", "2855.80"), owned("47.155279503106", "1527.94")]);
    let days: Vec<_> = position.lots.iter().map(|lot| lot.acquired_on).collect();
    assert_eq!(days, [day("2010-01-04"), day("2010-02-01")]);
}

#[test]
fn a_pool_paid_at_two_rates_keeps_its_cost_in_the_base_currency() {
    // 10 units for 1,000 USD at 1.00 francs and 10 for 2,000 USD at 0.50: 1,000 CHF each. 10 are sold for 1,000 CHF.
    let mut position = no_position();
    position.purchase(id(1), day("2010-01-04"), units("10"), usd("1000")).unwrap();
    position.purchase(id(2), day("2010-02-01"), units("10"), usd("2000")).unwrap();
    let lots = position.sale(&sale("10", "2000", LotMethod::Average)).unwrap();
    let francs: domain::Currency = "CHF".parse().unwrap();
    let rate = |on: Day| if on == day("2010-01-04") { domain::ExchangeRate::ONE } else { "1/2".parse().unwrap() };
    let sold_at: domain::ExchangeRate = "1/2".parse().unwrap();
    let exchanged = lots.iter().map(|lot| ((lot.proceeds, sold_at), (lot.cost, rate(lot.acquired_on))));
    assert_eq!(crate::fx::realized_in_base(exchanged, francs).unwrap().to_string(), "0.00");
    let left = position.lots.iter().map(|lot| rate(lot.acquired_on).exchange(lot.cost.amount()).unwrap());
    assert_eq!(left.sum::<rust_decimal::Decimal>(), "1000".parse().unwrap());
}

#[test]
fn a_pool_keeps_the_cost_of_a_lot_whose_last_unit_was_sold() {
    let mut position = no_position();
    position.purchase(id(1), day("2010-01-04"), units("0.000000000001"), usd("0.10")).unwrap();
    position.purchase(id(2), day("2010-02-01"), units("3"), usd("30")).unwrap();
    position.sale(&sale("2", "30", LotMethod::Average)).unwrap();
    let kept: Vec<_> = position.lots.iter().map(|lot| (lot.quantity.to_string(), lot.cost.to_string())).collect();
    assert_eq!(kept, [("0".to_owned(), "0.03".to_owned()), ("1.000000000001".to_owned(), "10.00".to_owned())]);
    position.sale(&sale("1.000000000001", "15", LotMethod::Average)).unwrap();
    assert!(position.lots.is_empty());
    assert_eq!(position.realized_gain, usd("14.90"), "45 less 30.10");
}

#[test]
fn a_refused_command_leaves_the_position_as_it_was() {
    let mut position = golden();
    let (available, requested) = (units("161"), units("162"));
    let refused = position.sale(&sale("162", "1", LotMethod::Fifo)).map(|_| ());
    assert_eq!(refused, Err(Refusal::InsufficientUnits { available, requested }));
    let back_dated = position.purchase(id(3), day("2010-01-31"), units("1"), usd("1"));
    let (latest, requested) = (day("2010-02-01"), day("2010-01-31"));
    assert_eq!(back_dated, Err(Refusal::BackDated { latest, requested }));
    assert_eq!(position, golden());
}
