use chrono::{DateTime, NaiveTime, Utc};
use domain::{Currency, LongTerm, LotMethod, Quantity};
use import_files::fields::FIELDS;
use import_files::{Choices, RowContent};
use ledger::{ActivityFields, ActivitySource, ActivityType, LotPick};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use super::*;

const PORTFOLIO: Uuid = Uuid::from_u128(7);

fn portfolio() -> Portfolio {
    serde_json::from_value(json!({
        "id": PORTFOLIO, "customer_id": Uuid::from_u128(8), "name": "Old broker", "type": "brokerage",
        "base_currency": "USD", "lot_method": LotMethod::Hifo, "long_term": LongTerm::NONE, "state": "open",
        "investment_profile": null, "created_at": "2026-11-30T02:10:10.123Z",
        "updated_at": "2026-11-30T02:10:10.123Z", "version": 3,
    }))
    .unwrap()
}

/// An activity of these fields that was recorded as the one of this number.
fn made(
    number: u128,
    time: Option<NaiveTime>,
    fields: &ActivityFields,
    note: Option<&str>,
    external_id: Option<&str>,
) -> Activity {
    let date = "2012-06-01".parse().unwrap();
    let at: DateTime<Utc> = "2026-11-30T02:10:10.123Z".parse().unwrap();
    Activity {
        id: Uuid::from_u128((0x019b_2c6e_8f00_7000_8000 << 48) | number),
        portfolio_id: PortfolioId(PORTFOLIO),
        date,
        time,
        event: fields.event(date, Currency::USD, note).unwrap(),
        note: note.map(str::to_owned),
        external_id: external_id.map(str::to_owned),
        source: ActivitySource::Recorded,
        created_at: at,
        updated_at: at,
        version: 2,
    }
}

/// One of each type, with all fields that it can have.
fn each_type() -> Vec<Activity> {
    let number = |text: &str| text.parse::<Decimal>().ok();
    let fields = |kind| ActivityFields { symbol: "BRK.B".parse().ok(), ..ActivityFields::new(kind) };
    let lots = vec![LotPick { lot_id: Uuid::from_u128(5), quantity: Quantity::parse("1.000000000001").unwrap() }];
    let (price, amount, charge) = (number("190.10"), number("285.15"), Decimal::new(495, 2));
    let quantity = number("1.5");
    let trade = |kind| ActivityFields { quantity, unit_price: price, amount, fee: charge, tax: charge, ..fields(kind) };
    let all = [
        trade(ActivityType::Buy),
        ActivityFields {
            quantity: number("1.000000000001"),
            lots: lots.clone(),
            unit_price: price,
            ..fields(ActivityType::Sell)
        },
        ActivityFields {
            quantity,
            unit_price: price,
            acquired_on: "2009-01-02".parse().ok(),
            ..fields(ActivityType::TransferIn)
        },
        ActivityFields { quantity, cost_unknown: true, ..fields(ActivityType::TransferIn) },
        ActivityFields { quantity: number("1.000000000001"), lots, ..fields(ActivityType::TransferOut) },
        ActivityFields { quantity: number("-0.5"), ..fields(ActivityType::Adjustment) },
        ActivityFields { ratio: "1/3".parse().ok(), ..fields(ActivityType::Split) },
        ActivityFields { amount, tax: charge, ..ActivityFields::new(ActivityType::Deposit) },
        ActivityFields {
            amount,
            currency: Some(Currency::USD),
            to_amount: number("250.01"),
            to_currency: "EUR".parse().ok(),
            fee: charge,
            ..ActivityFields::new(ActivityType::Exchange)
        },
        ActivityFields {
            quantity: number("10"),
            amount,
            currency: "EUR".parse().ok(),
            fx_rate: number("1.1"),
            ..fields(ActivityType::Buy)
        },
        ActivityFields { amount: number("-10"), reverses: Some(Uuid::from_u128(6)), ..fields(ActivityType::Dividend) },
    ];
    let made = |(number, fields): (usize, &ActivityFields)| {
        let time = (number % 2 == 0).then(|| NaiveTime::from_hms_opt(15, 30, 5).unwrap());
        made(number as u128, time, fields, Some("why"), Some("T-1"))
    };
    all.iter().enumerate().map(made).collect()
}

/// The activities that an import reads in a file, in its order.
fn read(file: &[u8], is_json: bool) -> Vec<Activity> {
    let read = import_files::read(file, is_json, import_files::FileFormat::Auto, &Choices::default()).unwrap();
    assert_eq!((read.format, read.ignored_columns), (sextant::NAME, Vec::<String>::new()));
    let rows = read.rows.into_iter().map(|row| match row.content {
        RowContent::Activity(entry) => entry,
        other => panic!("line {}: {other:?}", row.line),
    });
    let made = rows.map(|entry| {
        let (note, external_id) = (entry.note.as_deref(), entry.external_id.as_deref());
        let number = entry.id.unwrap().as_u128() & 0xffff_ffff_ffff;
        Activity {
            id: entry.id.unwrap(),
            date: entry.date,
            ..made(number, entry.time, &entry.fields, note, external_id)
        }
    });
    made.collect()
}

fn assert_round_trip(activities: &[Activity]) {
    let csv = csv_file(activities).unwrap();
    let json = json_file(&portfolio(), activities).unwrap();
    let (of_csv, of_json) = (read(&csv, false), read(&json, true));
    assert_eq!(of_csv, activities);
    assert_eq!(of_json, activities);
    assert_eq!(csv_file(&of_csv).unwrap(), csv);
    assert_eq!(json_file(&portfolio(), &of_json).unwrap(), json);
}

#[test]
fn what_is_exported_and_read_again_is_exported_as_the_same_bytes() {
    assert_round_trip(&each_type());
    let none = csv_file(&[]).unwrap();
    assert_eq!(String::from_utf8(none).unwrap().lines().count(), 1, "a header alone");
    assert_eq!(read(&json_file(&portfolio(), &[]).unwrap(), true), []);
}

#[test]
fn texts_that_a_spreadsheet_would_compute_come_back_as_they_were() {
    let fields = ActivityFields {
        symbol: "AAPL".parse().ok(),
        quantity: Some(Decimal::ONE),
        unit_price: Some(Decimal::ONE),
        ..ActivityFields::new(ActivityType::Buy)
    };
    let texts = ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''=1", "'quoted'", "=\"0042\"", "true", "[]", "0042", "1e3"];
    for (number, text) in texts.into_iter().enumerate() {
        let activities = [made(number as u128, None, &fields, Some(text), Some(text))];
        assert_round_trip(&activities);
        let csv = String::from_utf8(csv_file(&activities).unwrap()).unwrap();
        let is_formula = text.starts_with(['=', '+', '@']);
        assert!(!is_formula || !csv.contains(&format!(",{text}")), "{csv}");
    }
    assert_round_trip(&[made(1, None, &fields, Some("two\r\nlines, \"quoted\"; and | \t".trim()), None)]);
}

#[test]
fn a_reader_knows_each_exported_column() {
    let known: Vec<&str> = FIELDS.iter().map(|field| field.name).chain(["id"]).collect();
    let unknown: Vec<&str> = columns().filter(|column| !known.contains(column)).collect();
    assert_eq!(unknown, Vec::<&str>::new());
    assert!(columns().all(|column| column == "id" || !GENERATED.contains(&column)));
}

#[test]
fn a_file_says_its_format_and_the_settings_of_the_portfolio() {
    let json: Value = serde_json::from_slice(&json_file(&portfolio(), &each_type()[..1]).unwrap()).unwrap();
    let settings = json!({
        "name": "Old broker", "type": "brokerage", "base_currency": "USD", "lot_method": "hifo", "cash": "ignored",
        "long_term": "none",
    });
    assert_eq!((&json["format"], &json["version"], &json["portfolio"]), (&json!("sextant"), &json!(1), &settings));
    let activity = json!({
        "id": each_type()[0].id, "type": "buy", "date": "2012-06-01", "time": "15:30:05", "symbol": "BRK.B",
        "quantity": "1.5", "unit_price": "190.1", "amount": "285.15", "fee": "4.95", "tax": "4.95",
        "currency": "USD", "note": "why", "external_id": "T-1",
    });
    assert_eq!(json["activities"], json!([activity]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_purchase_with_any_note_survives(
        note in "\\PC{0,40}", quantity in 1_i64..=i64::MAX / 1_000, cents in 0_i64..1_000_000_000, fee in 0_i64..10_000
    ) {
        let note = ledger::activity::read_note(&note).unwrap();
        let fields = ActivityFields {
            symbol: "AAPL".parse().ok(),
            quantity: Some(Decimal::new(quantity, 12)),
            unit_price: Some(Decimal::new(cents.max(1), 2)),
            fee: Decimal::new(fee, 2),
            ..ActivityFields::new(ActivityType::Buy)
        };
        assert_round_trip(&[made(1, None, &fields, note.as_deref(), note.as_deref())]);
    }
}
