//! Fills, costs, splits and dividends in cases small enough to be done by hand.

#![expect(clippy::float_cmp, reason = "expected values are exact in binary")]

use domain::{Bar, Bars, Day};
use quant::backtest::{BacktestError, BacktestOutcome, Fill, Settings, Side, run};

use crate::support::settings_of;

/// Open, close, split ratio, dividend of one bar.
type Row = (f64, f64, f64, f64);

fn bars(rows: &[Row]) -> Bars {
    Bars::from_rows(rows.iter().enumerate().map(|(at, &(open, close, split_ratio, dividend))| Bar {
        date: day(at),
        open,
        high: open.max(close),
        low: open.min(close),
        close,
        volume: 1000.0,
        adjusted_close: close,
        split_ratio,
        dividend,
    }))
    .unwrap()
}

fn day(at: usize) -> Day {
    let first: Day = "2013-01-01".parse().unwrap();
    first.plus_days(at as i32)
}

fn settings(buy: &str, sell: &str) -> Settings {
    settings_of(1000.0, buy, sell)
}

fn play(rows: &[Row], settings: &Settings) -> BacktestOutcome {
    run(&bars(rows), day(0), day(rows.len() - 1), settings).unwrap()
}

const PLAIN: [Row; 5] = [
    (9.0, 10.0, 1.0, 0.0),
    (11.0, 12.0, 1.0, 0.0),
    (13.0, 20.0, 1.0, 0.0),
    (19.0, 15.0, 1.0, 0.0),
    (16.0, 17.0, 1.0, 0.0),
];

#[test]
fn an_order_is_filled_at_the_next_open() {
    let outcome = play(&PLAIN, &settings("close > 11", "close > 19"));
    // Bought at 13: 76 units, 12 left. Sold at 19; the close of 15 buys again at 16: 91 units of 1456.
    assert_eq!(outcome.equity, [1000.0, 1000.0, 12.0 + 76.0 * 20.0, 1456.0, 1456.0 + 91.0]);
    let trade = &outcome.trades[0];
    assert_eq!((trade.entry_date, trade.entry_price, trade.quantity), (day(2), 13.0, 76.0));
    assert_eq!((trade.exit_date, trade.exit_price, trade.pnl, trade.days), (day(3), 19.0, 456.0, 1));
    assert_eq!(trade.return_, 456.0 / 988.0);
    let open = outcome.open_trade.unwrap();
    assert_eq!((open.entry_date, open.entry_price, open.quantity, open.pnl), (day(4), 16.0, 91.0, 91.0));
    assert_eq!(outcome.metrics.exposure, Some(2.0 / 5.0));
    assert_eq!(outcome.pending_order, None);
}

#[test]
fn an_order_is_filled_at_the_close_it_was_evaluated_on() {
    let settings = Settings { fill: Fill::Close, ..settings("close > 11", "close > 19") };
    let outcome = play(&PLAIN, &settings);
    // Bought at 12: 83 units, 4 left. Sold at 20; bought at 15 again: 110 of 1664, 14 left.
    assert_eq!(outcome.equity, [1000.0, 1000.0, 1664.0, 1664.0, 14.0 + 110.0 * 17.0]);
    assert_eq!((outcome.trades[0].entry_date, outcome.trades[0].exit_date), (day(1), day(2)));
    assert_eq!(outcome.open_trade.unwrap().entry_date, day(3));
    assert_eq!(outcome.metrics.exposure, Some(3.0 / 5.0));
}

#[test]
fn a_purchase_at_the_first_close_is_paid_before_the_curve_starts() {
    let settings = Settings { fill: Fill::Close, commission_minimum: 100.0, ..settings("close > 0", "close < 0") };
    assert_eq!(play(&PLAIN[..1], &settings).equity, [900.0]);
    let outcome = play(&PLAIN[..2], &settings);
    assert_eq!(outcome.equity, [900.0, 90.0 * 12.0]);
    assert_eq!((outcome.drawdown[0], outcome.metrics.total_return), (0.0, 1080.0 / 1000.0 - 1.0));
    assert_eq!(outcome.open_trade.unwrap().pnl, 80.0);
}

#[test]
fn an_order_on_the_last_close_is_pending() {
    let outcome = play(&PLAIN[..2], &settings("close > 11", "close > 19"));
    let order = outcome.pending_order.unwrap();
    assert_eq!((order.side, order.signal_date), (Side::Buy, day(1)));
    let outcome = play(&PLAIN[..3], &settings("close > 11", "close > 19"));
    assert_eq!(outcome.pending_order.unwrap().side, Side::Sell);
    let at_close = Settings { fill: Fill::Close, ..settings("close > 11", "close > 19") };
    assert_eq!(play(&PLAIN[..2], &at_close).pending_order, None);
}

#[test]
fn slippage_worsens_both_prices_and_is_not_a_fee() {
    let settings = Settings {
        slippage_percent: 10.0,
        commission_percent: 1.0,
        commission_minimum: 9.0,
        ..settings("close > 11", "close > 19")
    };
    let trade = play(&PLAIN, &settings).trades[0];
    // 14.30 each: 69 units cost 986.70 and a fee of 9.867; sold at 17.10 each for a fee of 11.799.
    assert!((trade.entry_price - 14.3).abs() < 1e-12 && (trade.exit_price - 17.1).abs() < 1e-12);
    assert_eq!(trade.quantity, 69.0);
    assert!((trade.fees - (9.867 + 11.799)).abs() < 1e-9);
    assert!((trade.pnl - (69.0 * (17.1 - 14.3) - 9.867 - 11.799)).abs() < 1e-9);
}

#[test]
fn a_dividend_goes_to_the_holder_of_the_previous_close() {
    let rows = [
        (10.0, 10.0, 1.0, 5.0),
        (10.0, 12.0, 1.0, 5.0),
        (12.0, 12.0, 1.0, 0.5),
        (12.0, 20.0, 1.0, 0.0),
        (20.0, 20.0, 1.0, 0.25),
        (20.0, 20.0, 1.0, 7.0),
    ];
    let outcome = play(&rows, &settings("close > 9 and close < 11", "close > 19"));
    let trade = &outcome.trades[0];
    // The purchase at an ex-open does not get the 5; the sale at one does get the 0.25.
    assert_eq!((trade.quantity, trade.dividends), (100.0, 50.0 + 25.0));
    assert_eq!(trade.exit_date, day(4));
    assert_eq!(outcome.equity, [1000.0, 1200.0, 1250.0, 2050.0, 2075.0, 2075.0]);
    assert_eq!(trade.pnl, 1075.0);
}

#[test]
fn a_split_multiplies_units_and_then_the_dividend_is_paid() {
    let rows = [
        (10.0, 10.0, 1.0, 0.0),
        (9.9, 12.0, 1.0, 0.0),
        (8.0, 8.0, 1.5, 1.0),
        (8.0, 8.0, 1.0, 0.0),
        (9.0, 9.0, 1.0, 0.0),
    ];
    let settings = settings("close > 0", "crosses_above(close * 1, 12.75)");
    let outcome = play(&rows, &settings);
    // 101 units for 999.90; 151.5 after the split: half a unit is paid out at 8, then 151 × 1.
    assert!((outcome.equity[2] - (0.1 + 4.0 + 151.0 + 151.0 * 8.0)).abs() < 1e-9);
    // The last close is 13.5 on the scale of the first day, which crosses 12.75 there.
    assert_eq!(outcome.pending_order.unwrap().side, Side::Sell);
    let open = outcome.open_trade.unwrap();
    assert_eq!((open.quantity, open.split_factor, open.dividends), (101.0, 1.5, 151.0));
    assert!((open.pnl - (outcome.metrics.final_equity - 1000.0)).abs() < 1e-9);
    let fractional = play(&rows, &Settings { fractional: true, ..settings });
    let held = 1000.0 / 9.9 * 1.5;
    assert!((fractional.equity[2] - held * 9.0).abs() < 1e-9);
}

#[test]
fn a_reverse_split_that_leaves_no_unit_ends_the_trade() {
    let rows =
        [(10.0, 10.0, 1.0, 0.0), (900.0, 900.0, 1.0, 0.0), (9000.0, 9000.0, 0.1, 3.0), (9000.0, 9900.0, 1.0, 0.0)];
    let outcome = play(&rows, &settings("close > 0", "close < 0"));
    let trade = &outcome.trades[0];
    assert_eq!((trade.quantity, trade.split_factor, trade.exit_date), (1.0, 0.1, day(2)));
    assert!(trade.pnl.abs() < 1e-9 && outcome.open_trade.is_none());
    assert!(outcome.equity.iter().all(|equity| (equity - 1000.0).abs() < 1e-9), "{:?}", outcome.equity);
    assert_eq!(outcome.warnings.len(), 1);
    assert_eq!(outcome.warnings[0].code, "unaffordable_purchase");
}

#[test]
fn a_reverse_split_of_forty_five_leaves_the_position_open_with_one_unit() {
    let rows =
        [(22.0, 22.0, 1.0, 0.0), (22.0, 22.0, 1.0, 0.0), (990.0, 1000.0, 1.0 / 45.0, 0.0), (1010.0, 1010.0, 1.0, 0.0)];
    let outcome = play(&rows, &settings("close > 0", "close < 0"));
    let open = outcome.open_trade.unwrap();
    assert_eq!((open.quantity, open.split_factor, open.last_price), (45.0, 1.0 / 45.0, 1010.0));
    assert_eq!(outcome.equity, [1000.0, 1000.0, 10.0 + 1000.0, 10.0 + 1010.0]);
    assert!(outcome.trades.is_empty() && outcome.warnings.is_empty());
}

#[test]
fn prices_after_a_reverse_split_scale_exactly_to_the_first_day() {
    let rows = [(10.0, 10.0, 1.0, 0.0), (450.0, 450.0, 1.0 / 45.0, 0.0), (450.0, 450.0, 1.0, 0.0)];
    for rule in ["close > 10", "close < 10", "crosses_above(close, 10)", "highest(close, 2) > lowest(close, 2)"] {
        assert_eq!(play(&rows, &settings(rule, "close < 0")).open_trade, None, "{rule}");
    }
}

#[test]
fn an_empty_account_returns_nothing() {
    let settings = Settings { commission_minimum: 900.0, ..settings("close > 0", "close > 10.5") };
    let rows = [(10.0, 10.0, 1.0, 0.0), (10.0, 11.0, 1.0, 0.0), (11.0, 11.0, 1.0, 0.0), (11.0, 11.0, 1.0, 0.0)];
    let outcome = play(&rows, &settings);
    assert_eq!(outcome.equity, [1000.0, 110.0, 0.0, 0.0]);
    assert_eq!((outcome.trades[0].fees, outcome.metrics.total_return), (900.0 + 110.0, -1.0));
    assert_eq!(quant::metrics::returns(&outcome.equity), [110.0 / 1000.0 - 1.0, -1.0, 0.0]);
}

#[test]
fn signals_are_on_the_scale_of_the_first_day() {
    let rows = [
        (10.0, 10.0, 1.0, 0.0),
        (20.0, 20.0, 1.0, 0.0),
        (10.0, 11.0, 2.0, 0.0),
        (5.0, 6.0, 2.0, 0.0),
        (6.0, 6.0, 1.0, 0.0),
    ];
    let series = bars(&rows);
    let fired = |from: usize, rule: &str| {
        let outcome = run(&series, day(from), day(4), &settings(rule, "close < 0")).unwrap();
        outcome.open_trade.map(|trade| trade.entry_date)
    };
    // On the scale of day 1: 10, 20, 22, 24, 24. On that of day 3: 2.5, 5, 5.5, 6, 6.
    assert_eq!(fired(1, "close > 21"), Some(day(3)));
    assert_eq!(fired(1, "close > 23"), Some(day(4)));
    assert_eq!(fired(3, "sma(4) > 4.7 and sma(4) < 4.8"), Some(day(4)));
    assert_eq!(fired(3, "highest(close, 3) > 6"), None);
    // Volume is divided by what prices are multiplied with.
    assert_eq!(fired(1, "volume < 251"), Some(day(4)));
}

#[test]
fn weekly_bars_have_a_year_of_52_and_a_warning() {
    let series = |step: i32| {
        Bars::from_rows((0..120).map(|at| {
            let close = 100.0 + f64::from(at % 7);
            Bar { date: day(0).plus_days(at * step), ..bars(&[(close, close, 1.0, 0.0)]).first().unwrap() }
        }))
        .unwrap()
    };
    let settings = Settings { risk_free_rate: 0.052, ..settings("close > 0", "close < 0") };
    let play = |step: i32| run(&series(step), day(0), day(9_000), &settings).unwrap();
    let (daily, weekly, monthly) = (play(1), play(7), play(30));
    assert_eq!([daily.periods_per_year, weekly.periods_per_year, monthly.periods_per_year], [365, 52, 12]);
    let warned = |outcome: &BacktestOutcome| outcome.warnings.first().map(|warning| warning.code.clone());
    assert_eq!([warned(&daily), warned(&weekly)], [None, Some("not_daily".to_owned())]);
    let detail = "The bars are weekly: windows and horizons count weeks, and a year has 52 of them.";
    assert_eq!(weekly.warnings[0].detail, detail);
    let returns = quant::metrics::returns(&weekly.equity);
    let deviation = quant::metrics::sample_deviation(&returns).unwrap();
    let mean = quant::metrics::mean(&returns).unwrap();
    assert_eq!(weekly.metrics.volatility, Some(deviation * 52.0_f64.sqrt()));
    assert_eq!(weekly.metrics.sharpe, Some((mean - 0.052 / 52.0) / deviation * 52.0_f64.sqrt()));
    assert_eq!(weekly.benchmark.metrics.volatility, weekly.metrics.volatility);
}

#[test]
fn unaffordable_purchases_are_counted() {
    let rows = [(2000.0, 2000.0, 1.0, 0.0), (2000.0, 2000.0, 1.0, 0.0), (2000.0, 2000.0, 1.0, 0.0)];
    let outcome = play(&rows, &settings("close > 0", "close < 0"));
    assert!(outcome.trades.is_empty() && outcome.open_trade.is_none());
    assert_eq!(
        outcome.warnings[0].detail,
        "2 purchases were not made because there was not enough cash, the first on 2013-01-02"
    );
    assert_eq!(outcome.pending_order.unwrap().side, Side::Buy);
}

#[test]
fn figures_that_cannot_be_computed_have_a_reason() {
    let outcome = play(&PLAIN, &settings("close < 0", "close < 0"));
    assert_eq!(outcome.metrics.final_equity, 1000.0);
    let reason = |figure: &str| outcome.unavailable.get(figure).map(String::as_str);
    assert_eq!(reason("cagr"), Some("span_under_one_year"));
    assert_eq!(reason("sharpe"), Some("few_returns"));
    assert_eq!(reason("win_rate"), Some("no_closed_trades"));
    assert_eq!(reason("ulcer_index"), None);
    assert_eq!(outcome.metrics.ulcer_index, Some(0.0));
}

#[test]
fn invalid_spans_and_settings_are_refused() {
    let series = bars(&PLAIN);
    let good = settings("close > 0", "close < 0");
    let refused = |from: usize, to: usize, settings: &Settings| run(&series, day(from), day(to), settings).unwrap_err();
    assert_eq!(refused(3, 1, &good), BacktestError::FromAfterTo { from: day(3), to: day(1) });
    assert_eq!(refused(30, 40, &good), BacktestError::NoBars { from: day(30), to: day(40) });
    let name = |settings: Settings| match refused(0, 4, &settings) {
        BacktestError::Setting { setting, .. } => setting,
        other => panic!("{other}"),
    };
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(name(Settings { initial_investment: bad, ..good.clone() }), "initial_investment");
    }
    for bad in [-0.1, 100.0, 200.0, f64::NAN] {
        assert_eq!(name(Settings { commission_percent: bad, ..good.clone() }), "commission_percent");
        assert_eq!(name(Settings { slippage_percent: bad, ..good.clone() }), "slippage_percent");
    }
    assert_eq!(name(Settings { commission_minimum: -1.0, ..good.clone() }), "commission_minimum");
    assert_eq!(name(Settings { risk_free_rate: 2.0, ..good.clone() }), "risk_free_rate");
}
