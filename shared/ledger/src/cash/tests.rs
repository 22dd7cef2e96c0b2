use domain::PortfolioId;

use super::*;
use crate::activity::{ActivityFields, ActivitySource, ActivityType};
use crate::examples::{day, id};
use crate::recorded;

/// An activity on a day in March 2012: its number gives the order of recording.
fn activity(number: u128, date: u32, kind: ActivityType, amount: &str, more: impl Fn(&mut ActivityFields)) -> Activity {
    let mut fields = ActivityFields { amount: amount.parse().ok(), ..ActivityFields::new(kind) };
    more(&mut fields);
    let (date, at) = (day(&format!("2012-03-{date:02}")), "2026-11-30T02:10:10.123Z".parse().unwrap());
    Activity {
        id: id(number),
        portfolio_id: PortfolioId(id(1_000)),
        date,
        time: None,
        event: fields.event(date, Currency::USD, Some("counted")).unwrap(),
        note: Some("counted".to_owned()),
        external_id: None,
        source: ActivitySource::Recorded,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

fn charge(fields: &mut ActivityFields) {
    (fields.fee, fields.tax) = ("1.5".parse().unwrap(), "0.25".parse().unwrap());
}

fn units(fields: &mut ActivityFields) {
    (fields.symbol, fields.quantity) = ("AAPL".parse().ok(), "2".parse().ok());
}

fn moved(activity: &Activity) -> Vec<(CashMovementKind, String)> {
    let all = movements([activity]).unwrap();
    all.iter().map(|one| (one.kind, format!("{} {}", one.amount, one.amount.currency()))).collect()
}

#[test]
fn each_type_moves_the_cash_that_it_should() {
    use CashMovementKind::{Cost, ExternalFlow, Income, Tax, Trade};
    for (kind, amount, expected, moves) in [
        (ActivityType::Buy, "100", Trade, "-100.00"),
        (ActivityType::Sell, "100", Trade, "100.00"),
        (ActivityType::Deposit, "100", ExternalFlow, "100.00"),
        (ActivityType::Withdrawal, "100", ExternalFlow, "-100.00"),
        (ActivityType::TransferIn, "100", ExternalFlow, "100.00"),
        (ActivityType::TransferOut, "100", ExternalFlow, "-100.00"),
        (ActivityType::Adjustment, "-100", ExternalFlow, "-100.00"),
        (ActivityType::Dividend, "100", Income, "100.00"),
        (ActivityType::Dividend, "-100", Income, "-100.00"),
        (ActivityType::Interest, "100", Income, "100.00"),
        (ActivityType::Interest, "-100", Income, "-100.00"),
        (ActivityType::Fee, "100", Cost, "-100.00"),
        (ActivityType::Fee, "-100", Cost, "100.00"),
        (ActivityType::Tax, "100", Tax, "-100.00"),
        (ActivityType::Tax, "-100", Tax, "100.00"),
    ] {
        let with = |fields: &mut ActivityFields| match kind {
            ActivityType::Buy | ActivityType::Sell => units(fields),
            ActivityType::Dividend => fields.symbol = "AAPL".parse().ok(),
            _ => {}
        };
        let free = activity(1, 1, kind, amount, with);
        assert_eq!(moved(&free), [(expected, format!("{moves} USD"))], "{kind} {amount}");
        let charged = activity(1, 1, kind, amount, |fields| {
            with(fields);
            charge(fields);
        });
        let charges = [(Cost, "-1.50 USD".to_owned()), (Tax, "-0.25 USD".to_owned())];
        assert_eq!(moved(&charged)[1..], charges, "{kind} {amount}");
    }
}

#[test]
fn an_exchange_moves_two_currencies_and_its_fee_is_paid_in_the_one_that_was_given() {
    let exchanged = activity(1, 1, ActivityType::Exchange, "110", |fields| {
        (fields.currency, fields.to_currency) = (Some(Currency::USD), "EUR".parse().ok());
        (fields.to_amount, fields.fee) = ("100".parse().ok(), "2".parse().unwrap());
    });
    let expected = [
        (CashMovementKind::Exchange, "-110.00 USD".to_owned()),
        (CashMovementKind::Exchange, "100.00 EUR".to_owned()),
        (CashMovementKind::Cost, "-2.00 USD".to_owned()),
    ];
    assert_eq!(moved(&exchanged), expected);
}

#[test]
fn units_that_are_moved_and_splits_move_no_cash() {
    let in_units = |kind: ActivityType, more: fn(&mut ActivityFields)| {
        activity(1, 1, kind, "", |fields| {
            units(fields);
            more(fields);
        })
    };
    for moved_units in [
        in_units(ActivityType::TransferIn, |fields| fields.unit_price = "7".parse().ok()),
        in_units(ActivityType::TransferOut, |_| {}),
        in_units(ActivityType::Adjustment, |_| {}),
        in_units(ActivityType::Split, |fields| (fields.quantity, fields.ratio) = (None, "2".parse().ok())),
    ] {
        assert_eq!(moved(&moved_units), []);
    }
}

#[test]
fn a_balance_is_that_of_each_currency_and_day_and_the_first_day_below_zero_is_named() {
    let euros = |fields: &mut ActivityFields| fields.currency = "EUR".parse().ok();
    let history = [
        activity(1, 5, ActivityType::Withdrawal, "30", |_| {}),
        activity(2, 1, ActivityType::Deposit, "100", charge),
        activity(3, 2, ActivityType::Buy, "98.25", units),
        activity(4, 5, ActivityType::Interest, "0.10", |_| {}),
        activity(5, 1, ActivityType::Deposit, "7", euros),
        activity(6, 1, ActivityType::Withdrawal, "7", euros),
        activity(7, 9, ActivityType::Fee, "1", |_| {}),
    ];
    let mut sorted: Vec<&Activity> = history.iter().collect();
    recorded::sort(&mut sorted);
    let all = movements(sorted).unwrap();
    let found = balances(&all);
    let read = |balance: &CashBalance| -> Vec<(String, String)> {
        balance.days.iter().map(|day| (day.date.to_string(), day.balance.to_string())).collect()
    };
    let on = |date: &str, balance: &str| (format!("2012-03-{date}"), balance.to_owned());
    assert_eq!(found.iter().map(|one| one.currency.code()).collect::<Vec<_>>(), ["EUR", "USD"]);
    assert_eq!(read(&found[0]), [on("01", "0")]);
    assert!(found[0].days[0].changes.is_empty(), "what came in left on the same day: {:?}", found[0]);
    assert_eq!(read(&found[1]), [on("01", "98.25"), on("02", "0.00"), on("05", "-29.9"), on("09", "-30.9")]);
    assert_eq!(
        found.iter().map(|one| one.first_negative().map(|day| day.date)).collect::<Vec<_>>(),
        [None, Some(day("2012-03-05"))]
    );
    let first = &found[1].days[0].changes;
    let expected =
        [(CashMovementKind::ExternalFlow, "100"), (CashMovementKind::Cost, "-1.5"), (CashMovementKind::Tax, "-0.25")];
    assert_eq!(*first, expected.map(|(kind, change)| (kind, change.parse().unwrap())).into());
}

#[test]
fn within_a_day_cash_comes_in_first_and_leaves_last_unless_it_has_a_time() {
    let at = |number, kind, amount: &str, hour: Option<u32>| Activity {
        time: hour.and_then(|hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0)),
        ..activity(number, 1, kind, amount, |_| {})
    };
    let history = [
        at(1, ActivityType::Withdrawal, "1", None),
        at(2, ActivityType::Fee, "-1", None),
        at(3, ActivityType::Fee, "1", Some(9)),
        at(4, ActivityType::Adjustment, "-1", None),
        at(5, ActivityType::Deposit, "1", Some(12)),
        at(6, ActivityType::Deposit, "1", None),
        at(7, ActivityType::Interest, "-1", None),
        activity(8, 1, ActivityType::Sell, "5", units),
        activity(9, 1, ActivityType::Buy, "5", units),
    ];
    let mut sorted: Vec<&Activity> = history.iter().collect();
    recorded::sort(&mut sorted);
    let order: Vec<u128> = sorted.iter().map(|activity| activity.id.as_u128()).collect();
    assert_eq!(order, [9, 2, 6, 3, 5, 1, 4, 7, 8]);
}
