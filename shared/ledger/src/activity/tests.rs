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
        cash(ActivityType::Deposit, "100"),
        cash(ActivityType::Withdrawal, "0.01"),
        cash(ActivityType::TransferIn, "100"),
        ActivityFields { fee: number("1.5"), tax: number("0.25"), ..cash(ActivityType::TransferOut, "100") },
        cash(ActivityType::Adjustment, "-100"),
        exchange(),
        ActivityFields { tax: number("0.25"), ..paid(ActivityType::Dividend, "1") },
        ActivityFields { reverses: Some(id(7)), ..paid(ActivityType::Dividend, "-1") },
        cash(ActivityType::Interest, "-1"),
        paid(ActivityType::Interest, "1"),
        ActivityFields { currency: Some("JPY".parse().unwrap()), ..cash(ActivityType::Fee, "100") },
        cash(ActivityType::Tax, "-2.50"),
        abroad("1.10", "0.8", "CHF"),
        abroad("1.10", "", ""),
        abroad("", "0.8", ""),
        abroad("", "", "CHF"),
        ActivityFields { base_rate: Some(number("0.8")), ..cash(ActivityType::Deposit, "100") },
        ActivityFields { fee_currency: Some("CHF".parse().unwrap()), ..exchange() },
    ]
}

/// A purchase in euros, with a rate into the instrument's currency, one into that of the portfolio, and a currency of the
/// fee.
fn abroad(fx_rate: &str, base_rate: &str, fee_currency: &str) -> ActivityFields {
    ActivityFields {
        currency: Some("EUR".parse().unwrap()),
        fee: number("3"),
        fee_currency: fee_currency.parse().ok(),
        fx_rate: fx_rate.parse().ok(),
        base_rate: base_rate.parse().ok(),
        ..given(ActivityType::Buy, "3", "10")
    }
}

/// Dollars for the instrument, pounds for the portfolio, and rates of the day.
fn rates() -> DayRates {
    let (instrument, fee) = ("1/3".parse().ok(), "1.5".parse().ok());
    DayRates { currency: Currency::USD, base: "GBP".parse().unwrap(), instrument, fee }
}

/// Cash without an instrument.
fn cash(kind: ActivityType, amount: &str) -> ActivityFields {
    ActivityFields { amount: Some(number(amount)), ..ActivityFields::new(kind) }
}

/// Cash of an instrument, in another currency.
fn paid(kind: ActivityType, amount: &str) -> ActivityFields {
    ActivityFields {
        symbol: Some("AAPL".parse().unwrap()),
        currency: Some("EUR".parse().unwrap()),
        ..cash(kind, amount)
    }
}

fn exchange() -> ActivityFields {
    ActivityFields {
        currency: Some(Currency::USD),
        to_amount: Some(number("8000")),
        to_currency: Some("JPY".parse().unwrap()),
        fee: number("1"),
        ..cash(ActivityType::Exchange, "100")
    }
}

#[test]
fn every_type_is_stored_and_read_back_with_all_of_its_fields() {
    for fields in one_of_each() {
        let event = fields.event_at(day(), &rates(), Some("why")).unwrap();
        assert_eq!(event.fields().event_at(day(), &rates(), Some("why")).as_ref(), Ok(&event), "{fields:?}");
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
fn units_that_leave_are_in_the_currency_of_the_instrument() {
    let fields = ActivityFields { currency: Some("EUR".parse().unwrap()), ..given(ActivityType::TransferOut, "1", "") };
    assert_eq!(mistakes(&fields), [("currency", "must be USD, in which AAPL is priced".to_owned())]);
}

#[test]
fn cash_needs_an_amount_that_is_above_zero_unless_it_can_be_taken_back() {
    let amount = |detail: &str| vec![("amount", detail.to_owned())];
    for kind in [
        ActivityType::Deposit,
        ActivityType::Withdrawal,
        ActivityType::TransferIn,
        ActivityType::TransferOut,
        ActivityType::Exchange,
    ] {
        let fields = |amount| match kind {
            ActivityType::Exchange => ActivityFields { amount: Some(number(amount)), ..exchange() },
            _ => cash(kind, amount),
        };
        assert_eq!(mistakes(&fields("0")), amount("must be above zero"), "{kind}");
        assert_eq!(mistakes(&fields("-1")), amount("must be above zero"), "{kind}");
    }
    for kind in [ActivityType::Interest, ActivityType::Fee, ActivityType::Tax, ActivityType::Dividend] {
        assert_eq!(mistakes(&paid(kind, "0")), amount("must not be zero"), "{kind}");
        assert_eq!(mistakes(&paid(kind, "0.001")), amount("must have at most 2 decimals, as EUR has"), "{kind}");
        assert_eq!(mistakes(&paid(kind, "-1000000000001")), amount("must be at most 1000000000000"), "{kind}");
        let nothing = ActivityFields { amount: None, ..paid(kind, "1") };
        assert_eq!(mistakes(&nothing), amount(&format!("{kind} needs it")));
    }
}

#[test]
fn cash_takes_no_field_of_units_and_units_take_none_of_cash() {
    let fields = |fields: &ActivityFields| mistakes(fields).into_iter().map(|(field, _)| field).collect::<Vec<_>>();
    let symbol = Some("AAPL".parse().unwrap());
    for kind in [ActivityType::Deposit, ActivityType::Withdrawal] {
        assert_eq!(fields(&ActivityFields { symbol: symbol.clone(), ..cash(kind, "1") }), ["symbol"], "{kind}");
    }
    let everything = ActivityFields {
        quantity: Some(number("1")),
        unit_price: Some(number("1")),
        acquired_on: Some(day()),
        to_amount: Some(number("1")),
        ..cash(ActivityType::Interest, "1")
    };
    assert_eq!(fields(&everything), ["quantity", "unit_price", "to_amount", "acquired_on"]);
    let reversal = ActivityFields { reverses: Some(id(1)), ..cash(ActivityType::Deposit, "1") };
    assert_eq!(fields(&reversal), ["reverses"]);
    let both = ActivityFields { amount: Some(number("5")), ..given(ActivityType::TransferOut, "1", "") };
    assert_eq!(fields(&both), ["amount"], "a transfer is one of units or one of cash");
    let without = ActivityFields { symbol: None, ..paid(ActivityType::Dividend, "1") };
    assert_eq!(fields(&without), ["symbol"]);
    assert_eq!(fields(&cash(ActivityType::Adjustment, "1")), ["note"]);
    assert_eq!(fields(&ActivityFields { fee: number("-1"), ..cash(ActivityType::Fee, "-1") }), ["fee"]);
}

#[test]
fn an_exchange_names_both_currencies_and_what_came_in() {
    let bare = ActivityFields { currency: None, to_amount: None, to_currency: None, ..exchange() };
    let found: Vec<_> = mistakes(&bare).into_iter().map(|(field, _)| field).collect();
    assert_eq!(found, ["currency", "to_amount", "to_currency"]);
    let same = ActivityFields { to_currency: Some(Currency::USD), ..exchange() };
    let detail = "must be another currency than the one given for it";
    assert_eq!(mistakes(&same), [("to_currency", detail.to_owned())]);
    let too_fine = ActivityFields { to_amount: Some(number("0.5")), ..exchange() };
    assert_eq!(mistakes(&too_fine), [("to_amount", "must have at most 0 decimals, as JPY has".to_owned())]);
    let nothing = ActivityFields { to_amount: Some(number("0")), ..exchange() };
    assert_eq!(mistakes(&nothing), [("to_amount", "must be above zero".to_owned())]);
}

#[test]
fn cash_is_in_the_currency_of_its_instrument_or_the_one_given() {
    let currency = |fields: &ActivityFields| event(fields).currency().to_string();
    assert_eq!(currency(&paid(ActivityType::Dividend, "1")), "EUR");
    assert_eq!(currency(&ActivityFields { currency: None, ..paid(ActivityType::Dividend, "1") }), "USD");
    assert_eq!(currency(&cash(ActivityType::Deposit, "1")), "USD");
}
