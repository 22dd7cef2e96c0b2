use chrono::NaiveTime;
use domain::{Currency, Day, LotMethod, Money, PortfolioId, Split};

use super::*;
use crate::activity::{Activity, ActivityFields, ActivitySource, ActivityType};
use crate::examples::{day, id, pick, split, usd};

/// An activity of AAPL: its number gives the order of recording.
fn activity(
    number: u128,
    kind: ActivityType,
    date: &str,
    quantity: &str,
    more: impl Fn(&mut ActivityFields),
) -> Activity {
    let mut fields = ActivityFields {
        symbol: Some("AAPL".parse().unwrap()),
        quantity: Some(quantity.parse().unwrap()),
        ..ActivityFields::new(kind)
    };
    more(&mut fields);
    let at = "2026-11-30T02:10:10.123Z".parse().unwrap();
    Activity {
        id: id(number),
        portfolio_id: PortfolioId(id(1_000)),
        date: day(date),
        time: None,
        event: fields.event(day(date), Currency::USD, Some("why")).unwrap(),
        note: Some("why".to_owned()),
        external_id: None,
        source: ActivitySource::Recorded,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

fn traded(number: u128, kind: ActivityType, date: &str, quantity: &str, amount: &str) -> Activity {
    activity(number, kind, date, quantity, |fields| fields.amount = Some(amount.parse().unwrap()))
}

fn bought(number: u128, date: &str, quantity: &str, amount: &str) -> Activity {
    traded(number, ActivityType::Buy, date, quantity, amount)
}

fn sold(number: u128, date: &str, quantity: &str, amount: &str) -> Activity {
    traded(number, ActivityType::Sell, date, quantity, amount)
}

fn replayed(activities: &[Activity], splits: &[Split], method: LotMethod) -> RecordedPosition {
    let mut sorted: Vec<&Activity> = activities.iter().collect();
    sort(&mut sorted);
    let splits = merge_splits(splits, &sorted).splits;
    replay(&"AAPL".parse().unwrap(), Currency::USD, &sorted, &splits, method, Day::LAST).unwrap()
}

fn total(amounts: impl Iterator<Item = Option<Money>>) -> String {
    let zero = usd("0");
    amounts.map(Option::unwrap).fold(zero, |sum, amount| crate::exact::plus(sum, amount).unwrap()).to_string()
}

fn cost(position: &RecordedPosition) -> String {
    total(position.lots.iter().map(|lot| lot.cost))
}

fn gain(position: &RecordedPosition) -> String {
    total(position.removals.iter().flat_map(|removal| &removal.parts).map(|part| part.gain))
}

/// `lot:units:cost` of each open lot.
fn held(position: &RecordedPosition) -> Vec<String> {
    let cost = |lot: &RecordedLot| lot.cost.map_or("unknown".to_owned(), |cost| cost.to_string());
    position.lots.iter().map(|lot| format!("{:x}:{}:{}", lot.id.as_u128(), lot.quantity, cost(lot))).collect()
}

#[test]
fn golden_value_1_the_cost_left_after_a_sale_between_purchases() {
    let history = [
        bought(1, "2012-01-03", "109", "3149.20"),
        sold(2, "2012-02-01", "15", "531.50"),
        bought(3, "2012-03-01", "52", "1684.92"),
        bought(4, "2012-04-02", "32", "959.30"),
    ];
    for method in [LotMethod::Fifo, LotMethod::Average] {
        assert_eq!(cost(&replayed(&history, &[], method)), "5360.04", "{method}");
    }
}

#[test]
fn golden_value_3_of_the_ledger_holds_for_recorded_sales() {
    let history = [
        bought(1, "2012-01-03", "109", "3149.20"),
        bought(2, "2012-02-01", "52", "1684.92"),
        sold(3, "2012-03-01", "15", "531.50"),
    ];
    for (method, left, realized) in [
        (LotMethod::Fifo, "4400.74", "98.12"),
        (LotMethod::Average, "4383.74", "81.12"),
        (LotMethod::Lifo, "4348.09", "45.47"),
        (LotMethod::Hifo, "4348.09", "45.47"),
    ] {
        let position = replayed(&history, &[], method);
        assert_eq!((cost(&position), gain(&position)), (left.to_owned(), realized.to_owned()), "{method}");
    }
}

#[test]
fn the_order_of_recording_matters_only_where_day_time_and_direction_are_equal() {
    let at = |activity: Activity, time: &str| Activity { time: Some(time.parse::<NaiveTime>().unwrap()), ..activity };
    let history = [
        // On one day: bought without a time, sold at ten, bought at nine, and all sold without a time.
        sold(1, "2012-01-03", "4", "40"),
        at(sold(2, "2012-01-03", "3", "30"), "10:00:00"),
        at(bought(3, "2012-01-03", "5", "50"), "09:00:00"),
        bought(4, "2012-01-03", "2", "20"),
    ];
    let position = replayed(&history, &[], LotMethod::Fifo);
    assert!(position.lots.is_empty() && position.shortages.is_empty(), "{position:?}");
    let order: Vec<_> = position.removals.iter().map(|removal| removal.activity_id).collect();
    assert_eq!(order, [id(2), id(1)]);
}

#[test]
fn what_is_dated_on_the_day_of_a_split_is_in_new_units() {
    let history =
        [bought(1, "2012-01-03", "10", "100"), bought(2, "2012-01-04", "4", "20"), sold(3, "2012-01-04", "24", "200")];
    let position = replayed(&history, &[split("2012-01-04", "2")], LotMethod::Fifo);
    assert!(position.lots.is_empty() && position.shortages.is_empty(), "{position:?}");
}

#[test]
fn a_recorded_split_counts_only_if_no_market_split_is_the_same() {
    let recorded = |date: &str, ratio: &str| {
        let ratio = domain::SplitRatio::parse(ratio).unwrap();
        activity(9, ActivityType::Split, date, "1", |fields| (fields.quantity, fields.ratio) = (None, Some(ratio)))
    };
    let market = [split("2012-01-10", "0.333")];
    for (activity, is_of_the_market) in [
        (recorded("2012-01-05", "1/3"), true),
        (recorded("2012-01-15", "0.335"), true),
        (recorded("2012-01-16", "1/3"), false),
        (recorded("2012-01-10", "1/2"), false),
        (recorded("2012-01-10", "3"), false),
    ] {
        let merged = merge_splits(&market, &[&activity]);
        assert_eq!(merged.of_the_market.is_empty(), !is_of_the_market, "{activity:?}");
        assert_eq!(merged.splits.len(), if is_of_the_market { 1 } else { 2 });
    }
    let history =
        [bought(1, "2012-01-03", "10", "100"), recorded("2012-02-01", "3"), sold(2, "2012-02-02", "30", "300")];
    assert!(replayed(&history, &[], LotMethod::Fifo).lots.is_empty());
}

#[test]
fn a_transfer_takes_lots_and_realises_nothing() {
    let history = [
        bought(1, "2012-01-03", "10", "100"),
        activity(2, ActivityType::TransferOut, "2012-01-04", "4", |_| ()),
        activity(3, ActivityType::Adjustment, "2012-01-05", "-1", |_| ()),
    ];
    let position = replayed(&history, &[], LotMethod::Fifo);
    assert_eq!(held(&position), ["1:5:50.00"]);
    let parts: Vec<_> = position.removals.iter().flat_map(|removal| &removal.parts).collect();
    assert!(parts.iter().all(|part| part.proceeds.is_none() && part.gain.is_none() && part.cost.is_some()));
}

#[test]
fn units_that_came_in_are_as_old_as_they_were() {
    let history = [
        bought(1, "2012-01-03", "10", "100"),
        activity(2, ActivityType::TransferIn, "2012-02-01", "10", |fields| {
            (fields.unit_price, fields.acquired_on) = ("7".parse().ok(), Some(day("2010-05-03")));
        }),
        sold(3, "2012-03-01", "10", "120"),
    ];
    assert_eq!(held(&replayed(&history, &[], LotMethod::Fifo)), ["1:10:100.00"]);
    assert_eq!(held(&replayed(&history, &[], LotMethod::Lifo)), ["2:10:70.00"]);
}

#[test]
fn lots_of_unknown_cost_come_last_and_their_gain_is_not_known() {
    let history = [
        activity(1, ActivityType::TransferIn, "2012-01-03", "10", |fields| fields.cost_unknown = true),
        bought(2, "2012-01-04", "10", "100"),
        sold(3, "2012-03-01", "10", "120"),
    ];
    for (method, left, has_gain) in [
        (LotMethod::Fifo, vec!["2:10:100.00"], false),
        (LotMethod::Lifo, vec!["1:10:unknown"], true),
        (LotMethod::Hifo, vec!["1:10:unknown"], true),
        (LotMethod::Average, vec!["1:5:unknown", "2:5:50.00"], false),
    ] {
        let position = replayed(&history, &[], method);
        assert_eq!(held(&position), left, "{method}");
        assert_eq!(position.removals[0].parts.iter().all(|part| part.gain.is_some()), has_gain, "{method}");
    }
}

#[test]
fn a_sale_names_its_lots_and_without_them_takes_the_oldest_and_says_so() {
    let named = |lots: Vec<crate::LotPick>| {
        activity(3, ActivityType::Sell, "2012-03-01", "6", |fields| {
            (fields.unit_price, fields.lots) = ("12".parse().ok(), lots.clone());
        })
    };
    let history = |sale| [bought(1, "2012-01-03", "10", "100"), bought(2, "2012-01-04", "10", "200"), sale];
    let position = replayed(&history(named(vec![pick(2, "5"), pick(1, "1")])), &[], LotMethod::Specific);
    assert_eq!(held(&position), ["1:9:90.00", "2:5:100.00"]);
    assert!(!position.removals[0].is_by_default_order);
    let position = replayed(&history(named(vec![])), &[], LotMethod::Specific);
    assert_eq!((held(&position)[0].as_str(), position.removals[0].is_by_default_order), ("1:4:40.00", true));
    let position = replayed(&history(named(vec![pick(8, "6")])), &[], LotMethod::Specific);
    assert_eq!(position.shortages[0].lot_id, Some(id(8)));
    assert_eq!(held(&position)[0], "1:4:40.00");
}

#[test]
fn a_sale_of_more_than_is_held_takes_all_and_leaves_a_shortage() {
    let history =
        [bought(1, "2012-01-03", "10", "100"), sold(2, "2012-03-01", "11", "120"), bought(3, "2012-03-02", "1", "9")];
    let position = replayed(&history, &[], LotMethod::Fifo);
    assert_eq!(held(&position), ["3:1:9.00"]);
    let Shortage { activity_id, held, needed, lot_id, .. } = position.shortages[0];
    assert_eq!((activity_id, held.to_string(), needed.to_string(), lot_id), (id(2), "10".into(), "11".into(), None));
}

#[test]
fn selling_what_fractional_splits_left_of_many_lots_lacks_nothing() {
    let history = [
        bought(1, "2012-01-03", "1", "5"),
        bought(2, "2012-01-03", "1", "5"),
        bought(3, "2012-01-03", "1", "5"),
        sold(4, "2012-03-01", "1", "12"),
    ];
    let position = replayed(&history, &[split("2012-02-01", "0.333")], LotMethod::Fifo);
    assert!(position.lots.is_empty() && position.shortages.is_empty(), "{position:?}");
    assert_eq!(gain(&position), "-3.00");
}

#[test]
fn fees_and_taxes_of_a_purchase_are_cost_and_a_fee_of_a_sale_lowers_its_proceeds() {
    let charged = |number, kind, date| {
        activity(number, kind, date, "10", |fields| {
            (fields.unit_price, fields.fee, fields.tax) =
                ("10".parse().ok(), "1.5".parse().unwrap(), "0.25".parse().unwrap());
        })
    };
    let history = [charged(1, ActivityType::Buy, "2012-01-03"), charged(2, ActivityType::Sell, "2012-02-01")];
    let position = replayed(&history, &[], LotMethod::Fifo);
    assert_eq!(gain(&position), "-3.25", "98.50 for what cost 101.75; the tax of the sale is no part of it");
}

#[test]
fn what_is_dated_later_does_not_exist_yet() {
    let history = [bought(1, "2012-01-03", "10", "100"), sold(2, "2012-03-01", "10", "120")];
    let mut sorted: Vec<&Activity> = history.iter().collect();
    sort(&mut sorted);
    let symbol = "AAPL".parse().unwrap();
    let before = replay(&symbol, Currency::USD, &sorted, &[], LotMethod::Fifo, day("2012-02-29")).unwrap();
    assert_eq!(held(&before), ["1:10:100.00"]);
    assert_eq!(before.units_on(day("2012-02-29"), &[split("2012-02-01", "2")]).unwrap().to_string(), "20");
}
