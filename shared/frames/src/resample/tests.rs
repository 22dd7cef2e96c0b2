use proptest::prelude::*;

use super::*;

#[path = "../../../testing/src/sample_bars.rs"]
mod sample_bars;

use sample_bars::bars as sample;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn ending(periods: &[Period], date: &str) -> Period {
    *periods.iter().find(|period| period.bar.date == day(date)).unwrap()
}

#[test]
fn a_month_with_a_split_is_on_the_scale_of_its_last_day() {
    let months = resample(&sample("AAPL"), Interval::Month).unwrap();
    // June 2000: 2 for 1 on the 21st. It opened at 81.75; the highest was 103.94 on the 20th, half of
    // which is less than the 57.63 of the 22nd; the lowest 80.37 on the 1st, half of which is below all since.
    let june = ending(&months, "2000-06-30").bar;
    assert_eq!((june.open, june.high, june.low, june.close), (40.875, 57.63, 40.185, 52.38));
    // 51,254,600 shares from the 1st to the 20th, 37,851,600 of the new ones from the 21st on.
    let volume = 2.0 * 51_254_600.0 + 37_851_600.0;
    assert_eq!((june.volume, june.split_ratio, june.adjusted_close), (volume, 2.0, 3.36578));

    // February 2005: 2 for 1 on the 28th, the month's last day. 77.05/2, 90.88/2, 76.58/2.
    let february = ending(&months, "2005-02-28").bar;
    assert_eq!((february.open, february.high, february.low), (38.525, 45.44, 38.29));
    assert_eq!((february.close, february.split_ratio), (44.86, 2.0));
}

#[test]
fn a_week_runs_from_monday_to_its_last_trading_day() {
    let weeks = resample(&sample("AAPL"), Interval::Week).unwrap();
    // 19 to 23 June 2000: 90.56/2 opens, 103.94/2 against 57.63, 89.81/2 against 50.31.
    let week = ending(&weeks, "2000-06-23").bar;
    let volume = 2.0 * (3_517_900.0 + 4_476_700.0) + 4_375_000.0 + 8_352_000.0 + 3_660_100.0;
    assert_eq!((week.open, week.high, week.low, week.close, week.volume), (45.28, 57.63, 44.905, 51.69, volume));
    // 22 to 25 February 2005, Washington's birthday before it and the split after it.
    let week = ending(&weeks, "2005-02-25").bar;
    assert_eq!((week.open, week.high, week.low, week.close, week.split_ratio), (86.3, 89.91, 85.29, 88.99, 1.0));
    // The week that starts with the split of 28 February is quoted as it traded.
    let week = ending(&weeks, "2005-03-04").bar;
    assert_eq!((week.open, week.split_ratio), (44.68, 2.0));
}

#[test]
fn the_extremes_of_an_impossible_day_do_not_count() {
    let bar = |date: &str, high, low| Bar {
        date: day(date),
        open: 9.0,
        high,
        low,
        close: 10.0,
        volume: 1.0,
        adjusted_close: 10.0,
        split_ratio: 1.0,
        dividend: 0.0,
    };
    let days = [bar("2013-01-07", 10.5, 8.5), bar("2013-01-08", 1_000.0, 8.0), bar("2013-01-09", 11.0, 0.01)];
    let weeks = resample(&Bars::from_rows(days).unwrap(), Interval::Week).unwrap();
    assert_eq!((weeks[0].bar.high, weeks[0].bar.low), (10.5, 8.5));
}

#[test]
fn dividends_are_summed_on_the_scale_of_the_last_day() {
    let bar = |date: &str, split_ratio, dividend| Bar {
        date: day(date),
        open: 8.0,
        high: 8.0,
        low: 8.0,
        close: 8.0,
        volume: 1.0,
        adjusted_close: 8.0,
        split_ratio,
        dividend,
    };
    let bars =
        Bars::from_rows([bar("2013-02-25", 1.0, 1.0), bar("2013-02-27", 4.0, 0.5), bar("2013-03-01", 2.0, 0.25)])
            .unwrap();
    let weeks = resample(&bars, Interval::Week).unwrap();
    assert_eq!(weeks.len(), 1);
    assert_eq!((weeks[0].bar.dividend, weeks[0].bar.split_ratio), (1.0 / 8.0 + 0.5 / 2.0 + 0.25, 8.0));
    assert_eq!((weeks[0].bar.open, weeks[0].bar.volume), (1.0, 8.0 + 2.0 + 1.0));
}

#[test]
fn splits_that_undo_each_other_leave_no_rounding_in_a_week() {
    let bar = |date: &str, price: f64, split_ratio: f64| Bar {
        date: day(date),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 3.0,
        adjusted_close: price,
        split_ratio,
        dividend: 0.0,
    };
    let rows = [bar("2013-02-25", 0.1, 1.0), bar("2013-02-26", 0.3, 1.0 / 3.0), bar("2013-02-27", 0.1, 3.0)];
    let week = resample(&Bars::from_rows(rows).unwrap(), Interval::Week).unwrap()[0].bar;
    assert_eq!((week.open, week.split_ratio, week.volume), (0.1, 1.0, 3.0 + 9.0 + 3.0));
    let rows = [bar("2013-02-25", 10.0, 1.0), bar("2013-02-26", 450.0, 1.0 / 45.0)];
    let week = resample(&Bars::from_rows(rows).unwrap(), Interval::Week).unwrap()[0].bar;
    assert_eq!((week.open, week.low, week.high, week.split_ratio), (450.0, 450.0, 450.0, 1.0 / 45.0));
}

#[test]
fn only_a_last_period_with_trading_days_left_is_unfinished() {
    let bars = sample("AAPL");
    let unfinished = |to: &str, interval| {
        let periods = resample(&bars.between(bars.dates()[0], day(to)), interval).unwrap();
        let (last, earlier) = periods.split_last().unwrap();
        assert!(earlier.iter().all(|period| !period.unfinished));
        last.unfinished
    };
    // The sample ends on Friday 2013-03-01: the week is over, March is not.
    assert!(!unfinished("2013-03-01", Interval::Week));
    assert!(unfinished("2013-03-01", Interval::Month));
    assert!(unfinished("2013-02-27", Interval::Week));
    assert!(!unfinished("2013-02-28", Interval::Month));
    // Good Friday 2012 was 6 April: the week ended on Thursday. March ended on Friday the 30th.
    assert!(!unfinished("2012-04-05", Interval::Week));
    assert!(!unfinished("2012-03-30", Interval::Month));
    assert!(!unfinished("2013-02-27", Interval::Day));
}

#[test]
fn days_stay_unchanged_and_no_bars_give_no_periods() {
    let bars = sample("FB");
    let days: Vec<Bar> = resample(&bars, Interval::Day).unwrap().into_iter().map(|period| period.bar).collect();
    assert_eq!(days, bars.iter().collect::<Vec<_>>());
    for interval in [Interval::Day, Interval::Week, Interval::Month] {
        assert_eq!(resample(&Bars::default(), interval).unwrap(), []);
    }
}

#[test]
fn a_period_is_a_bar_with_a_flag() {
    let period = resample(&sample("FB"), Interval::Month).unwrap().pop().unwrap();
    let json = serde_json::to_value(period).unwrap();
    assert_eq!((&json["date"], &json["unfinished"]), (&"2013-03-01".into(), &true.into()));
    assert_eq!(serde_json::from_value::<Period>(json).unwrap(), period);
}

#[test]
fn it_runs_in_spawn_blocking_on_a_runtime_of_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let weeks = runtime.block_on(async {
        tokio::task::spawn_blocking(|| resample(&sample("FB"), Interval::Week)).await.unwrap().unwrap()
    });
    assert_eq!(weeks.len(), 42);
}

#[test]
fn prices_that_overflow_when_scaled_are_an_error() {
    let bar = |date: &str, split_ratio| Bar {
        date: day(date),
        open: 1.0,
        high: 1.0,
        low: 1.0,
        close: 1.0,
        volume: 1.0,
        adjusted_close: 1.0,
        split_ratio,
        dividend: 0.0,
    };
    let bars =
        Bars::from_rows([bar("2013-02-25", 1.0), bar("2013-02-26", f64::MAX), bar("2013-02-27", f64::MAX)]).unwrap();
    assert!(matches!(resample(&bars, Interval::Week), Err(FramesError::Scale(_))));
}

fn credible(bar: Bar) -> Bar {
    if !bar.is_impossible() {
        return bar;
    }
    Bar { high: bar.open.max(bar.close), low: bar.open.min(bar.close), ..bar }
}

/// The reference for polars: one pass over the bars.
fn plain_fold(bars: &Bars, interval: Interval) -> Vec<Bar> {
    let mut periods: Vec<Bar> = Vec::new();
    for bar in bars.iter().map(credible) {
        match periods.last_mut() {
            Some(period) if same_period(period.date, bar.date, interval) => {
                let ratio = bar.split_ratio;
                *period = Bar {
                    open: period.open / ratio,
                    high: (period.high / ratio).max(bar.high),
                    low: (period.low / ratio).min(bar.low),
                    volume: period.volume * ratio + bar.volume,
                    split_ratio: period.split_ratio * ratio,
                    dividend: period.dividend / ratio + bar.dividend,
                    ..bar
                };
            }
            _ => periods.push(bar),
        }
    }
    periods
}

fn any_bars() -> impl Strategy<Value = Bars> {
    let price = || 1.0..1000.0;
    let split = prop_oneof![9 => Just(1.0), 1 => 0.1..10.0];
    let dividend = prop_oneof![9 => Just(0.0), 1 => 0.0..5.0];
    let row = (1_i32..9, price(), price(), price(), price(), 0.0..1e9, split, dividend);
    prop::collection::vec(row, 1..120).prop_map(|rows| {
        let mut date = day("1999-12-20");
        let bars = rows.into_iter().map(|(step, open, high, low, close, volume, split_ratio, dividend)| {
            date = date.plus_days(step);
            Bar { date, open, high, low, close, volume, adjusted_close: close, split_ratio, dividend }
        });
        Bars::from_rows(bars.collect::<Vec<_>>()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn periods_agree_with_a_plain_fold(bars in any_bars(), by_week: bool) {
        let interval = if by_week { Interval::Week } else { Interval::Month };
        let periods = resample(&bars, interval).unwrap();
        let expected = plain_fold(&bars, interval);
        prop_assert_eq!(periods.len(), expected.len());
        for (Period { bar, .. }, fold) in periods.iter().zip(&expected) {
            prop_assert_eq!(bar.date, fold.date);
            let pairs = [
                (bar.open, fold.open), (bar.high, fold.high), (bar.low, fold.low), (bar.close, fold.close),
                (bar.volume, fold.volume), (bar.adjusted_close, fold.adjusted_close),
                (bar.split_ratio, fold.split_ratio), (bar.dividend, fold.dividend),
            ];
            for (ours, fold) in pairs {
                prop_assert!((ours - fold).abs() <= 1e-9 * fold.abs(), "{} {}", ours, fold);
            }
        }
    }
}
