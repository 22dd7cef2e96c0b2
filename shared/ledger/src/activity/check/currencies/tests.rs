use domain::{Currency, Day, ExchangeRate};
use rust_decimal::Decimal;

use crate::activity::{ActivityEvent, ActivityFields, ActivityMistake, ActivityType, DayRates, NeededRates};

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// An instrument in dollars, in a portfolio in pounds: a euro is 1.08 dollars, and the fee's currency 1.5 of the activity's.
fn rates() -> DayRates {
    let rate = |text: &str| text.parse::<ExchangeRate>().ok();
    DayRates { currency: Currency::USD, base: currency("GBP"), instrument: rate("1.08"), fee: rate("3/2") }
}

/// Ten units for 900 euros, at a fee of 2.
fn in_euros(kind: ActivityType) -> ActivityFields {
    ActivityFields {
        symbol: "AAPL".parse().ok(),
        quantity: Some(number("10")),
        amount: Some(number("900.00")),
        currency: Some(currency("EUR")),
        fee: number("2"),
        ..ActivityFields::new(kind)
    }
}

fn event(fields: &ActivityFields) -> ActivityEvent {
    fields.event_at(Day::FIRST, &rates(), Some("why")).unwrap()
}

fn mistakes(fields: &ActivityFields) -> Vec<(&'static str, String)> {
    let mistakes = fields.event_at(Day::FIRST, &rates(), Some("why")).unwrap_err();
    mistakes.iter().map(|mistake| (mistake.field(), mistake.to_string())).collect()
}

/// The cost in the instrument's currency, and as it is known in another one.
fn costs(event: &ActivityEvent) -> [Option<String>; 2] {
    [event.cost(), event.paid_cost()].map(|cost| cost.unwrap().map(|cost| format!("{cost} {}", cost.currency())))
}

fn known(cost: &str, paid: &str) -> [Option<String>; 2] {
    [cost, paid].map(|cost| Some(cost.to_owned()))
}

#[test]
fn a_purchase_in_another_currency_counts_at_the_rate_of_its_day_or_the_brokers() {
    let bought = in_euros(ActivityType::Buy);
    assert_eq!(costs(&event(&bought)), known("974.16 USD", "902.00 EUR"));
    let at_the_brokers = ActivityFields { fx_rate: Some(number("1.10")), ..bought.clone() };
    assert_eq!(costs(&event(&at_the_brokers)), known("992.20 USD", "902.00 EUR"));
    let ActivityEvent::Buy(details) = event(&at_the_brokers) else { panic!() };
    assert_eq!((details.unit_price.to_string(), details.amount.to_string()), ("99".into(), "990.00".into()));
    let into_base = ActivityFields { base_rate: Some(number("0.8")), ..at_the_brokers };
    assert_eq!(costs(&event(&into_base)), known("992.20 USD", "721.60 GBP"));
    let in_dollars = ActivityFields { currency: None, base_rate: Some(number("0.8")), ..bought };
    assert_eq!(costs(&event(&in_dollars)), known("902.00 USD", "721.60 GBP"));
}

#[test]
fn what_a_sale_brought_is_known_as_it_was_paid() {
    let sold = event(&ActivityFields { fx_rate: Some(number("1.10")), ..in_euros(ActivityType::Sell) });
    assert_eq!(sold.paid_proceeds().unwrap().unwrap().to_string(), "898.00");
    let in_dollars = event(&ActivityFields { currency: Some(Currency::USD), ..in_euros(ActivityType::Sell) });
    assert_eq!(in_dollars.paid_proceeds(), Ok(None));
}

#[test]
fn units_that_come_in_can_have_cost_another_currency() {
    let fields = ActivityFields {
        amount: None,
        fee: Decimal::ZERO,
        unit_price: Some(number("90")),
        ..in_euros(ActivityType::TransferIn)
    };
    assert_eq!(costs(&event(&fields)), known("972.00 USD", "900.00 EUR"));
    let adjusted = ActivityFields { kind: ActivityType::Adjustment, ..fields };
    assert_eq!(costs(&event(&adjusted)), known("972.00 USD", "900.00 EUR"));
}

#[test]
fn a_fee_in_a_third_currency_is_converted_at_the_rate_of_the_day() {
    let charged = ActivityFields { fee_currency: Some(currency("CHF")), ..in_euros(ActivityType::Buy) };
    let read = event(&charged);
    // 2 francs are 3 euros.
    assert_eq!(costs(&read), known("975.24 USD", "903.00 EUR"));
    assert_eq!((read.fields().fee, read.fields().fee_currency), (number("2"), Some(currency("CHF"))));
    let of_cash = ActivityFields {
        symbol: None,
        quantity: None,
        fee_currency: Some(currency("CHF")),
        ..in_euros(ActivityType::Deposit)
    };
    let ActivityEvent::Cash(cash) = event(&of_cash) else { panic!() };
    assert_eq!((cash.fee.to_string(), cash.fee.currency()), ("3.00".to_owned(), currency("EUR")));
    let same = ActivityFields { fee_currency: Some(currency("EUR")), ..in_euros(ActivityType::Buy) };
    assert_eq!(event(&same).fields().fee_currency, None, "it is the currency of the amounts");
}

#[test]
fn a_rate_is_never_taken_for_1() {
    let bought = in_euros(ActivityType::Buy);
    let none = DayRates { instrument: None, fee: None, ..rates() };
    let unknown = |fields: &ActivityFields| fields.event_at(Day::FIRST, &none, None).unwrap_err();
    let (from, into) = (currency("EUR"), Currency::USD);
    assert_eq!(unknown(&bought), [ActivityMistake::RateUnknown { field: "currency", from, into }]);
    let at_the_brokers = ActivityFields { fx_rate: Some(number("1.1")), ..bought.clone() };
    assert!(at_the_brokers.event_at(Day::FIRST, &none, None).is_ok());
    let charged = ActivityFields { fee_currency: Some(currency("CHF")), ..at_the_brokers };
    let (from, into) = (currency("CHF"), currency("EUR"));
    assert_eq!(unknown(&charged), [ActivityMistake::RateUnknown { field: "fee_currency", from, into }]);
    let needed = |fields: &ActivityFields| fields.needed_rates(Currency::USD);
    let (instrument, fee) = (Some((currency("EUR"), Currency::USD)), Some((currency("CHF"), currency("EUR"))));
    assert_eq!(needed(&bought), NeededRates { instrument, fee: None });
    assert_eq!(needed(&charged), NeededRates { instrument: None, fee });
    assert_eq!(needed(&ActivityFields { currency: None, ..bought }), NeededRates::default());
}

#[test]
fn rates_that_cannot_be_are_refused() {
    let with = |fx_rate: &str, base_rate: &str| ActivityFields {
        fx_rate: Some(fx_rate).filter(|rate| !rate.is_empty()).map(number),
        base_rate: Some(base_rate).filter(|rate| !rate.is_empty()).map(number),
        ..in_euros(ActivityType::Buy)
    };
    for (fields, field, detail) in [
        (with("0", ""), "fx_rate", "must be above zero"),
        (with("-1", ""), "fx_rate", "must be above zero"),
        (with("1.1234567890123", ""), "fx_rate", "must have at most 12 decimals"),
        (with("", "0"), "base_rate", "must be above zero"),
    ] {
        assert_eq!(mistakes(&fields), [(field, detail.to_owned())]);
    }
    let same = ActivityFields { currency: None, ..with("1.1", "") };
    assert_eq!(mistakes(&same), [("fx_rate", "must be 1, because both currencies are USD".to_owned())]);
    let one = ActivityFields { currency: None, ..with("1.00", "") };
    assert_eq!(event(&one).fields().fx_rate, None);
    let in_base = ActivityFields { currency: Some(currency("GBP")), ..with("", "1.1") };
    assert_eq!(mistakes(&in_base), [("base_rate", "must be 1, because both currencies are GBP".to_owned())]);
    let left = ActivityFields { amount: None, fee: Decimal::ZERO, ..in_euros(ActivityType::TransferOut) };
    assert_eq!(mistakes(&left), [("currency", "must be USD, in which AAPL is priced".to_owned())]);
    let deposit = ActivityFields { symbol: None, quantity: None, ..with("1.1", "0.8") };
    let deposit = ActivityFields { kind: ActivityType::Deposit, ..deposit };
    assert_eq!(
        mistakes(&deposit),
        [
            ("fx_rate", "deposit does not take it".to_owned()),
            ("fx_rate", "must be 1, because both currencies are EUR".to_owned())
        ]
    );
}
