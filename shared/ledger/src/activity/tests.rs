use chrono::NaiveTime;
use domain::{Currency, Day, PortfolioId, SplitRatio};
use rust_decimal::Decimal;

use super::*;
use crate::examples::{id, pick};

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day() -> Day {
    "2012-06-01".parse().unwrap()
}

/// Fields of a type that needs these.
fn given(kind: ActivityType, quantity: &str, unit_price: &str) -> ActivityFields {
    ActivityFields {
        symbol: Some("AAPL".parse().unwrap()),
        quantity: Some(number(quantity)).filter(|_| !quantity.is_empty()),
        unit_price: (!unit_price.is_empty()).then(|| number(unit_price)),
        ..ActivityFields::new(kind)
    }
}

fn event(fields: &ActivityFields) -> ActivityEvent {
    fields.event(day(), Currency::USD, Some("why")).unwrap()
}

fn mistakes(fields: &ActivityFields) -> Vec<(&'static str, String)> {
    let mistakes = fields.event(day(), Currency::USD, None).unwrap_err();
    mistakes.iter().map(|mistake| (mistake.field(), mistake.to_string())).collect()
}

/// One valid activity of each type.
fn one_of_each() -> Vec<ActivityFields> {
    let sale = ActivityFields {
        fee: number("1.5"),
        tax: number("0.25"),
        lots: vec![pick(7, "1"), pick(8, "2")],
        ..given(ActivityType::Sell, "3", "10")
    };
    let unknown = ActivityFields { cost_unknown: true, ..given(ActivityType::TransferIn, "3", "") };
    let split = ActivityFields {
        ratio: Some(SplitRatio::parse("3:2").unwrap()),
        quantity: None,
        ..given(ActivityType::Split, "1", "")
    };
    let moved = ActivityFields {
        acquired_on: Some("2010-01-04".parse().unwrap()),
        ..given(ActivityType::TransferIn, "3", "0.000000001")
    };
    vec![
        given(ActivityType::Buy, "0.000000000001", "10"),
        sale,
        moved,
        unknown,
        given(ActivityType::TransferOut, "3", ""),
        given(ActivityType::Adjustment, "-3", ""),
        given(ActivityType::Adjustment, "3", "4"),
        given(ActivityType::Adjustment, "3", ""),
        split,
    ]
}

#[test]
fn every_type_is_stored_and_read_back_with_all_of_its_fields() {
    for fields in one_of_each() {
        let event = event(&fields);
        assert_eq!(event.fields().event(day(), Currency::USD, Some("why")).as_ref(), Ok(&event), "{fields:?}");
        let at = "2026-11-30T02:10:10.123Z".parse().unwrap();
        let activity = Activity {
            id: id(1),
            portfolio_id: PortfolioId(id(2)),
            date: day(),
            time: Some(NaiveTime::from_hms_opt(9, 30, 1).unwrap()),
            event,
            note: Some("why".to_owned()),
            external_id: Some("17".to_owned()),
            source: ActivitySource::Recorded,
            created_at: at,
            updated_at: at,
            version: 3,
        };
        let json = serde_json::to_string(&activity).unwrap();
        assert_eq!(serde_json::from_str::<Activity>(&json).unwrap(), activity, "{json}");
    }
}

#[test]
fn a_trade_has_a_price_and_an_amount_whichever_was_given() {
    let bought = |quantity, price, amount: Option<&str>| {
        let fields = ActivityFields { amount: amount.map(number), ..given(ActivityType::Buy, quantity, price) };
        let fields = event(&fields).fields();
        (fields.unit_price.unwrap().to_string(), fields.amount.unwrap().to_string())
    };
    assert_eq!(bought("3", "1.115", None), ("1.115".into(), "3.34".into()), "half a cent goes to the even one");
    assert_eq!(bought("3", "", Some("10")), ("3.333333333333".into(), "10".into()));
    assert_eq!(bought("3", "3.33", Some("10")), ("3.33".into(), "10".into()), "within a cent");
    assert_eq!(bought("100", "10", Some("1004.99")), ("10".into(), "1004.99".into()), "within half a percent");
    assert_eq!(bought("0.0001", "1", None), ("1".into(), "0".into()));
}

#[test]
fn an_amount_that_is_not_quantity_times_price_is_a_mistake() {
    let fields = ActivityFields { amount: Some(number("1010")), ..given(ActivityType::Buy, "100", "10") };
    let expected = "is 1010, but quantity × unit_price is 1000: correct one of the three";
    assert_eq!(mistakes(&fields), [("amount", expected.to_owned())]);
}

#[test]
fn a_field_that_a_type_does_not_take_is_named_but_a_zero_is_taken_everywhere() {
    let split = |fee: &str, tax: &str| ActivityFields {
        quantity: None,
        ratio: Some(SplitRatio::ONE),
        fee: number(fee),
        tax: number(tax),
        ..given(ActivityType::Split, "1", "")
    };
    assert!(split("0", "0.00").event(day(), Currency::USD, None).is_ok());
    assert_eq!(
        mistakes(&split("1", "2")),
        [("fee", "split does not take it".to_owned()), ("tax", "split does not take it".to_owned())]
    );
    let fields = ActivityFields { acquired_on: Some(day()), ..given(ActivityType::Buy, "1", "1") };
    assert_eq!(mistakes(&fields), [("acquired_on", "buy does not take it".to_owned())]);
}

#[test]
fn every_mistake_is_found_at_once() {
    let fields = ActivityFields { fee: number("-1"), tax: number("0.001"), ..given(ActivityType::Sell, "0", "-2") };
    let found: Vec<_> = mistakes(&fields).into_iter().map(|(field, _)| field).collect();
    assert_eq!(found, ["quantity", "fee", "tax", "unit_price"]);
    let nothing = mistakes(&ActivityFields::new(ActivityType::Buy));
    let needed = ["symbol", "quantity", "unit_price"].map(|field| (field, "buy needs it".to_owned()));
    assert_eq!(nothing, needed);
}

#[test]
fn numbers_that_the_ledger_cannot_hold_are_refused() {
    for (quantity, price, field) in [
        ("-1", "1", "quantity"),
        ("0.0000000000001", "1", "quantity"),
        ("1000000000001", "1", "quantity"),
        ("1", "0.0000000001", "unit_price"),
        ("1000000000000", "1000000000000", "quantity"),
    ] {
        let found = mistakes(&given(ActivityType::Buy, quantity, price));
        assert_eq!(found.iter().map(|(field, _)| *field).collect::<Vec<_>>(), [field], "{quantity} at {price}");
    }
}

#[test]
fn units_come_in_with_their_cost_or_the_word_that_it_is_not_known() {
    let transfer = |price, cost_unknown| ActivityFields { cost_unknown, ..given(ActivityType::TransferIn, "1", price) };
    assert!(transfer("1", false).event(day(), Currency::USD, None).is_ok());
    assert!(transfer("", true).event(day(), Currency::USD, None).is_ok());
    for fields in [transfer("", false), transfer("1", true)] {
        assert_eq!(mistakes(&fields), [("unit_price", "give either unit_price or cost_unknown=true".to_owned())]);
    }
    let later = ActivityFields { acquired_on: Some(day().plus_days(1)), ..transfer("1", false) };
    assert_eq!(mistakes(&later), [("acquired_on", "must not be after the date of the activity".to_owned())]);
}

#[test]
fn named_lots_are_named_once_and_give_all_units() {
    let sale = |lots| ActivityFields { lots, ..given(ActivityType::Sell, "3", "1") };
    assert!(sale(vec![pick(1, "1"), pick(2, "2")]).event(day(), Currency::USD, None).is_ok());
    for (lots, detail) in [
        (vec![pick(1, "1"), pick(1, "2")], "must name each lot once"),
        (vec![pick(1, "1")], "add up to 1 units, but 3 leave"),
        (vec![pick(1, "3"), pick(2, "0")], "must be above zero"),
    ] {
        assert_eq!(mistakes(&sale(lots)), [("lots", detail.to_owned())]);
    }
}

#[test]
fn an_adjustment_says_why_and_what_is_removed_has_no_price() {
    let fields = given(ActivityType::Adjustment, "-3", "1");
    let found: Vec<_> = mistakes(&fields).into_iter().map(|(field, _)| field).collect();
    assert_eq!(found, ["note", "unit_price"]);
    let ActivityEvent::Adjustment(details) = event(&given(ActivityType::Adjustment, "-3", "")) else { panic!() };
    assert!(details.is_removal && details.units.quantity.to_string() == "3");
}

#[test]
fn amounts_are_in_the_currency_of_the_instrument() {
    let fields = ActivityFields { currency: Some("EUR".parse().unwrap()), ..given(ActivityType::Buy, "1", "1") };
    assert_eq!(mistakes(&fields), [("currency", "must be USD, in which AAPL is priced".to_owned())]);
}
