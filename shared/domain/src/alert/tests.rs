use proptest::prelude::*;

use super::*;
use crate::Bar;
use crate::split::splits_of;

const MADE_ON: &str = "2013-01-02";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn price(text: &str) -> Price {
    Price::parse(text).unwrap()
}

fn percent_move(percent: &str, direction: Direction) -> Condition {
    Condition::PercentMove { percent: Percent::parse(percent).unwrap(), direction }
}

fn crosses_sma(window: u16, direction: Direction) -> Condition {
    Condition::CrossesSma { window: window.try_into().unwrap(), direction }
}

fn rule(condition: Condition, repeat: Repeat) -> AlertRuleState {
    AlertRuleState { condition, repeat, units_of: day(MADE_ON), fired_on: None }
}

/// Bars of consecutive days that end on 2013-01-31, none of them with a dividend.
fn bars(closes: &[f64]) -> Bars {
    let first = day("2013-01-31").plus_days(1 - closes.len() as i32);
    Bars::from_rows(closes.iter().enumerate().map(|(index, &close)| bar(first.plus_days(index as i32), close))).unwrap()
}

fn bar(date: Day, close: f64) -> Bar {
    Bar {
        date,
        open: close,
        high: close,
        low: close,
        close,
        volume: 1.0,
        adjusted_close: close,
        split_ratio: 1.0,
        dividend: 0.0,
    }
}

/// Whether a recurring alert fires at this price on 2013-02-01.
fn fires(condition: Condition, now: &str, previous_close: Option<&str>, bars: &Bars) -> bool {
    let splits = splits_of(bars).unwrap();
    let context = EvaluationContext {
        price: price(now),
        day: day("2013-02-01"),
        previous_close: previous_close.map(price),
        bars,
        splits: &splits,
    };
    rule(condition, Repeat::Recurring).fires(&context)
}

#[test]
fn a_threshold_is_passed_only_beyond_it() {
    let (above, below) = (Condition::Above { price: price("450") }, Condition::Below { price: price("450.00") });
    for (now, expected_above, expected_below) in [
        ("449.99999999", false, true),
        ("450", false, false),
        ("450.00", false, false),
        ("450.00000001", true, false),
        ("1000000000000", true, false),
        ("0.00000001", false, true),
    ] {
        assert_eq!(fires(above, now, None, &Bars::default()), expected_above, "above at {now}");
        assert_eq!(fires(below, now, None, &Bars::default()), expected_below, "below at {now}");
    }
}

#[test]
fn a_threshold_is_adjusted_for_splits_since_the_alert_was_made() {
    // Seven for one on 2013-01-30: 700 becomes 100.
    let mut rows: Vec<Bar> = bars(&[690.0, 700.0, 100.0, 101.0]).iter().collect();
    rows[2].split_ratio = 7.0;
    let bars = Bars::from_rows(rows).unwrap();
    let below = Condition::Below { price: price("650") };
    assert!(!fires(below, "100", None, &bars), "the split caused the fall");
    assert!(fires(below, "92.85", None, &bars));
    assert!(fires(Condition::Above { price: price("714") }, "102.01", None, &bars));
    assert!(!fires(Condition::Above { price: price("714") }, "102", None, &bars), "102 is exactly 714");
    let (splits, context_day) = (splits_of(&bars).unwrap(), day("2013-02-01"));
    let context =
        EvaluationContext { price: price("100"), day: context_day, previous_close: None, bars: &bars, splits: &splits };
    let since =
        |units_of: &str| AlertRuleState { units_of: day(units_of), ..rule(below, Repeat::Once) }.fires(&context);
    assert!(since("2013-01-30"), "made in new units");
    assert!(!since("2013-01-29"), "made in old ones");
}

#[test]
fn a_split_of_the_same_day_shows_in_the_previous_close() {
    // 2013-01-31 was a Thursday; on Friday the shares are split seven for one, and no bar reports it yet.
    let bars = bars(&[690.0, 700.0, 690.0, 700.0]);
    let (below, above) = (Condition::Below { price: price("650") }, Condition::Above { price: price("714") });
    assert!(!fires(below, "100", Some("100"), &bars), "the split caused the fall");
    assert!(fires(below, "92.85", Some("100"), &bars));
    assert!(fires(above, "102.01", Some("100"), &bars));
    assert!(!fires(above, "102", Some("100"), &bars));
    assert!(!fires(crosses_sma(4, Direction::Either), "100", Some("100"), &bars));
    assert!(fires(crosses_sma(4, Direction::Down), "99", Some("100"), &bars));
    // Differences between two sources of one close are no split, and neither is a fall of the price itself.
    assert!(fires(below, "649", Some("693"), &bars));
    assert!(fires(below, "100", Some("700"), &bars));
    assert!(fires(below, "100", None, &bars));
}

#[test]
fn a_one_for_three_split_keeps_a_threshold_exact() {
    let mut rows: Vec<Bar> = bars(&[10.0, 30.0]).iter().collect();
    rows[1].split_ratio = 1.0 / 3.0;
    let bars = Bars::from_rows(rows).unwrap();
    assert!(!fires(Condition::Above { price: price("10") }, "30", None, &bars));
    assert!(!fires(Condition::Below { price: price("10") }, "30", None, &bars));
    assert!(fires(Condition::Above { price: price("10") }, "30.01", None, &bars));
}

#[test]
fn a_move_of_exactly_the_percentage_counts() {
    use Direction::{Down, Either, Up};
    let none = Bars::default();
    for (percent, direction, close, now, expected) in [
        ("5", Up, "100", "105", true),
        ("5", Up, "100", "104.99999999", false),
        ("5", Up, "100", "95", false),
        ("5", Down, "100", "95", true),
        ("5", Down, "100", "95.00000001", false),
        ("5", Down, "100", "105", false),
        ("5", Either, "100", "95", true),
        ("5", Either, "100", "105", true),
        ("5", Either, "100", "104.99", false),
        // 3 % of 0.7 is 0.021: in binary floating point (0.721 − 0.7) / 0.7 falls short of 0.03.
        ("3", Up, "0.7", "0.721", true),
        ("0.0001", Either, "430.47", "430.47", false),
        ("0.0001", Up, "430.47", "430.47043047", true),
        ("0.0001", Up, "430.47", "430.47043046", false),
        ("1000", Up, "1", "11", true),
        ("100", Down, "1", "0.00000001", false),
        ("1", Up, "1000000000000", "1000000000000", false),
    ] {
        let condition = percent_move(percent, direction);
        assert_eq!(fires(condition, now, Some(close), &none), expected, "{condition:?}: {close} → {now}");
    }
    assert!(!fires(percent_move("5", Either), "1", None, &none), "without a previous close there is no move");
}

#[test]
fn an_average_is_crossed_from_the_side_of_the_day_before() {
    use Direction::{Down, Either, Up};
    // The averages of three days: (10 + 11 + 9) / 3 = 10 the day before, (11 + 9 + x) / 3 now, which x crosses at 10.
    let below_before = bars(&[10.0, 11.0, 9.0]);
    // (10 + 9 + 11) / 3 = 10 the day before; (9 + 11 + x) / 3 now.
    let above_before = bars(&[10.0, 9.0, 11.0]);
    // Exactly on it the day before: it can be crossed to either side.
    let on_it_before = bars(&[10.0, 10.0, 10.0]);
    for (bars, direction, now, expected) in [
        (&below_before, Up, "10.01", true),
        (&below_before, Up, "10", false),
        (&below_before, Up, "9.99", false),
        (&below_before, Down, "9.99", false),
        (&below_before, Either, "10.01", true),
        (&above_before, Down, "9.99", true),
        (&above_before, Down, "10", false),
        (&above_before, Up, "12", false),
        (&above_before, Either, "9.99", true),
        (&on_it_before, Up, "10.01", true),
        (&on_it_before, Down, "9.99", true),
        (&on_it_before, Either, "10", false),
    ] {
        let condition = crosses_sma(3, direction);
        assert_eq!(fires(condition, now, None, bars), expected, "{condition:?} {:?} → {now}", bars.close());
    }
    assert!(!fires(crosses_sma(4, Either), "99", None, &below_before), "an average of four days needs four days");
}

#[test]
fn averages_are_on_the_scale_of_the_last_day() {
    // Two for one on 2013-01-31: 22 and 18 are 11 and 9 in new units, and (9 + 9 + x) / 3 is crossed at 9.
    let mut rows: Vec<Bar> = bars(&[20.0, 22.0, 18.0, 9.0]).iter().collect();
    for bar in &mut rows[..3] {
        bar.adjusted_close /= 2.0;
    }
    rows[3].split_ratio = 2.0;
    let split = Bars::from_rows(rows.clone()).unwrap();
    assert!(fires(crosses_sma(3, Direction::Up), "9.01", None, &split));
    assert!(!fires(crosses_sma(3, Direction::Up), "9", None, &split));
    // The same if the quote is of the day of the split, and its bar is there already.
    rows.push(Bar { date: day("2013-02-01"), close: 4.5, adjusted_close: 4.5, split_ratio: 2.0, ..rows[3] });
    for bar in &mut rows[..4] {
        bar.adjusted_close /= 2.0;
    }
    let split = Bars::from_rows(rows).unwrap();
    assert!(fires(crosses_sma(3, Direction::Up), "4.51", None, &split));
    assert!(!fires(crosses_sma(3, Direction::Up), "4.5", None, &split));
}

#[test]
fn an_alert_fires_once_or_once_a_day() {
    let mut once = rule(Condition::Above { price: price("1") }, Repeat::Once);
    assert!(once.is_due(day("2013-02-01")));
    once.fired_on = Some(day("2013-02-01"));
    assert!(!once.is_due(day("2013-02-01")) && !once.is_due(day("2013-02-04")));
    let recurring = AlertRuleState { repeat: Repeat::Recurring, ..once };
    assert!(!recurring.is_due(day("2013-02-01")));
    assert!(recurring.is_due(day("2013-02-04")));
    assert!(!recurring.is_due(day("2013-01-31")), "a late quote belongs to a day that is over");
}

#[test]
fn bars_are_needed_only_when_they_decide() {
    let above = rule(Condition::Above { price: price("1") }, Repeat::Once);
    assert!(!above.needs_bars(day(MADE_ON)), "there is no split between a day and itself");
    assert!(above.needs_bars(day("2013-01-03")));
    assert!(!rule(percent_move("5", Direction::Up), Repeat::Once).needs_bars(day("2013-01-03")));
    assert!(rule(crosses_sma(20, Direction::Up), Repeat::Once).needs_bars(day(MADE_ON)));
}

#[test]
fn percentages_and_windows_are_bounded() {
    assert_eq!(Percent::parse("2.50").unwrap(), Percent::parse("2.5").unwrap());
    for (text, error) in [
        ("0", ConditionError::PercentRange),
        ("-5", ConditionError::PercentRange),
        ("1000.0001", ConditionError::PercentRange),
        ("10000000000000", ConditionError::PercentRange),
        ("0.00001", ConditionError::PercentTooFine),
        ("0.000000001", ConditionError::PercentTooFine),
        ("five", ConditionError::NotANumber),
        ("", ConditionError::NotANumber),
    ] {
        assert_eq!(Percent::parse(text), Err(error), "{text}");
    }
    for days in [0, 1, 401, u16::MAX] {
        assert_eq!(Window::try_from(days), Err(ConditionError::Window), "{days}");
    }
    assert_eq!(u16::from(Window::try_from(400).unwrap()), 400);
}

#[test]
fn conditions_serialize_as_documented() {
    for (json, said) in [
        (r#"{"type":"above","price":"450"}"#, "is above 450"),
        (r#"{"type":"below","price":"0.5"}"#, "is below 0.5"),
        (r#"{"type":"percent_move","percent":"2.5","direction":"either"}"#, "has moved by 2.5 % or more"),
        (r#"{"type":"crosses_sma","window":50,"direction":"down"}"#, "has crossed its 50-day average downwards"),
    ] {
        let condition: Condition = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&condition).unwrap(), json);
        assert_eq!(condition.to_string(), said);
    }
    for json in [
        r#"{"type":"above"}"#,
        r#"{"type":"above","price":"0"}"#,
        r#"{"type":"above","price":"1","direction":"up"}"#,
        r#"{"type":"crosses_sma","window":1,"direction":"up"}"#,
        r#"{"type":"touches","price":"1"}"#,
    ] {
        assert!(serde_json::from_str::<Condition>(json).is_err(), "{json}");
    }
}

/// Quotes: a day of February 2013 and a price in cents.
fn quotes() -> impl Strategy<Value = Vec<(i32, i64)>> {
    prop::collection::vec((0..5_i32, 900..1_100_i64), 0..40)
}

fn conditions() -> impl Strategy<Value = Condition> {
    let direction = || prop_oneof![Just(Direction::Up), Just(Direction::Down), Just(Direction::Either)];
    let price = || (900..1_100_i64).prop_map(|cents| Price::new(Decimal::new(cents, 2)).unwrap());
    prop_oneof![
        price().prop_map(|price| Condition::Above { price }),
        price().prop_map(|price| Condition::Below { price }),
        (1..10_i64, direction()).prop_map(|(percent, direction)| Condition::PercentMove {
            percent: Percent::new(Decimal::from(percent)).unwrap(),
            direction
        }),
        (2..8_u16, direction()).prop_map(|(window, direction)| crosses_sma(window, direction)),
    ]
}

/// The days on which an alert fires if it receives these quotes one after the other.
fn fired_days(condition: Condition, repeat: Repeat, quotes: &[(i32, i64)]) -> Vec<Day> {
    let bars = bars(&[9.5, 10.5, 10.0, 9.0, 11.0, 10.0, 10.25, 9.75]);
    let mut rule = rule(condition, repeat);
    let mut fired = Vec::new();
    for &(offset, cents) in quotes {
        let context = EvaluationContext {
            price: Price::new(Decimal::new(cents, 2)).unwrap(),
            day: day("2013-02-01").plus_days(offset),
            previous_close: Some(price("9.75")),
            bars: &bars,
            splits: &[],
        };
        if rule.fires(&context) {
            rule.fired_on = Some(context.day);
            fired.push(context.day);
        }
    }
    fired
}

proptest! {
    #[test]
    fn no_alert_fires_twice_on_a_day(condition in conditions(), quotes in quotes()) {
        let fired = fired_days(condition, Repeat::Recurring, &quotes);
        prop_assert!(fired.windows(2).all(|pair| pair[0] < pair[1]), "{fired:?}");
        let once = fired_days(condition, Repeat::Once, &quotes);
        prop_assert_eq!(once.as_slice(), &fired[..fired.len().min(1)]);
    }

    #[test]
    fn a_repeated_quote_changes_nothing(condition in conditions(), quotes in quotes()) {
        let fired = fired_days(condition, Repeat::Recurring, &quotes);
        let twice: Vec<_> = quotes.iter().flat_map(|&quote| [quote, quote]).collect();
        prop_assert_eq!(&fired_days(condition, Repeat::Recurring, &twice), &fired);
        let all_again = [quotes.clone(), quotes].concat();
        prop_assert_eq!(&fired_days(condition, Repeat::Recurring, &all_again), &fired);
    }

    #[test]
    fn the_days_an_alert_fires_do_not_depend_on_order_within_a_day(
        condition in conditions(),
        quotes in quotes(),
    ) {
        let mut by_day = quotes;
        by_day.sort_by_key(|(day, _)| *day);
        let mut by_price = by_day.clone();
        by_price.sort_unstable();
        prop_assert_eq!(
            fired_days(condition, Repeat::Recurring, &by_day),
            fired_days(condition, Repeat::Recurring, &by_price)
        );
    }

    #[test]
    fn crossings_agree_with_averages_in_whole_cents(
        cents in prop::collection::vec(900..1_100_i64, 2..30),
        now in 900..1_100_i64,
        window in 2..30_usize,
    ) {
        let closes: Vec<f64> = cents.iter().map(|&cents| cents as f64 / 100.0).collect();
        let expected = cents.len().checked_sub(window).map(|start| {
            let (before, days) = (&cents[start..], window as i64);
            let average_before: i64 = before.iter().sum();
            let average_now = average_before - before[0] + now;
            now * days > average_now && before[window - 1] * days <= average_before
        });
        let fired = fires(
            crosses_sma(window as u16, Direction::Up),
            &Decimal::new(now, 2).to_string(),
            None,
            &bars(&closes),
        );
        prop_assert_eq!(fired, expected.unwrap_or(false));
    }
}
