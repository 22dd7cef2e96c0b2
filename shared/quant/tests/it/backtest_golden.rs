//! Backtests whose results were computed independently.

use quant::backtest::{Fill, Settings, Side, run, summary};
use quant::rules::Rule;

use crate::support::{day, sample, settings_of};

fn settings(buy: &str, sell: &str) -> Settings {
    settings_of(10_000.0, buy, sell)
}

fn close(ours: f64, expected: f64, tolerance: f64) {
    assert!((ours - expected).abs() <= tolerance, "{ours} is not {expected}");
}

#[test]
fn the_golden_cross_on_google_as_four_other_backtesters_compute_it() {
    let bars = sample("GOOG");
    let (from, to) = (bars.first().unwrap().date, bars.last().unwrap().date);
    let settings = Settings { fractional: true, ..settings("sma(50) > sma(200)", "sma(50) < sma(200)") };
    let outcome = run(&bars, from, to, &settings).unwrap();
    close(outcome.metrics.total_return, 0.663_941_873, 5e-10);
    close(outcome.metrics.max_drawdown, -0.424_699_512, 5e-10);
    assert_eq!((outcome.bars, outcome.metrics.trades, outcome.open_trade.is_some()), (2148, 5, true));
    let summary = summary(&bars, from, to, &settings).unwrap();
    close(summary.total_return, 0.663_941_873, 5e-10);
    close(summary.max_drawdown, -0.424_699_512, 5e-10);
    assert_eq!(summary.entries, 6);
}

#[test]
fn a_run_over_a_split_keeps_money_and_quoted_prices() {
    let settings = Settings {
        commission_percent: 0.1,
        slippage_percent: 0.05,
        ..settings("sma(20) > sma(50)", "sma(20) < sma(50)")
    };
    let outcome = run(&sample("AAPL"), day("2004-01-02"), day("2006-12-29"), &settings).unwrap();
    close(outcome.metrics.final_equity, 48_123.970_121, 1e-6);
    close(outcome.metrics.max_drawdown, -0.366_504_644, 5e-10);
    assert_eq!((outcome.trades.len(), outcome.open_trade.is_some()), (6, true));
    let third = &outcome.trades[2];
    assert_eq!((third.entry_date, third.exit_date), (day("2004-09-01"), day("2005-04-18")));
    assert_eq!((third.quantity, third.split_factor), (358.0, 2.0));
    close(third.entry_price, 34.31715, 1e-6);
    close(third.exit_price, 35.012_485, 1e-6);
    close(third.pnl, 12_746.045_081, 1e-6);
}

#[test]
fn the_gains_of_trades_sum_to_the_gain_in_equity() {
    for symbol in ["AAPL", "MSFT", "IBM", "GOOG", "FB"] {
        let bars = sample(symbol);
        let (from, to) = (bars.first().unwrap().date, bars.last().unwrap().date);
        for fill in [Fill::NextOpen, Fill::Close] {
            for fractional in [true, false] {
                let settings = Settings {
                    fill,
                    fractional,
                    commission_percent: 0.2,
                    commission_minimum: 3.0,
                    slippage_percent: 0.1,
                    ..settings("close < sma(20)", "close > sma(20)")
                };
                let outcome = run(&bars, from, to, &settings).unwrap();
                let open = outcome.open_trade.map_or(0.0, |trade| trade.pnl);
                let gains = outcome.trades.iter().map(|trade| trade.pnl).sum::<f64>() + open;
                close(gains, outcome.metrics.final_equity - 10_000.0, 1e-6);
                let fees = outcome.trades.iter().map(|trade| trade.fees).sum::<f64>()
                    + outcome.open_trade.map_or(0.0, |trade| trade.fees);
                close(fees, outcome.metrics.fees, 1e-6);
                let summary = summary(&bars, from, to, &settings).unwrap();
                close(summary.total_return, outcome.metrics.total_return, 1e-12);
                close(summary.max_drawdown, outcome.metrics.max_drawdown, 1e-12);
                assert_eq!(summary.entries, outcome.trades.len() + usize::from(outcome.open_trade.is_some()));
            }
        }
    }
}

#[test]
fn buy_and_hold_equals_rules_that_always_and_never_fire() {
    let bars = sample("MSFT");
    let (from, to) = (day("2002-01-02"), day("2012-12-31"));
    let own = Settings { commission_percent: 0.1, ..settings("close < sma(50)", "close > sma(200)") };
    let hold = Settings { buy: Rule::always(), sell: Rule::never(), ..own.clone() };
    let (own, hold) = (run(&bars, from, to, &own).unwrap(), run(&bars, from, to, &hold).unwrap());
    assert_eq!(own.benchmark.equity, hold.equity);
    assert_eq!(own.benchmark.metrics, hold.metrics);
    let open = hold.open_trade.unwrap();
    assert_eq!((open.entry_date, open.split_factor), (day("2002-01-03"), 2.0));
    assert!(open.dividends > 0.0);
    assert_eq!(own.warmup_bars, bars.count_before(from));
}

#[test]
fn the_future_never_changes_the_past() {
    let bars = sample("AAPL");
    let from = day("2004-06-01");
    let settings = Settings {
        commission_percent: 0.1,
        ..settings("close > 40 and sma(10) > ema(30) or crosses_above(rsi(14), 30)", "sma(10) < ema(30)")
    };
    for fill in [Fill::NextOpen, Fill::Close] {
        let settings = Settings { fill, ..settings.clone() };
        let whole = run(&bars, from, day("2007-12-31"), &settings).unwrap();
        for keep in (1..whole.bars).step_by(37) {
            let last = whole.dates[keep - 1];
            let cut = bars.slice(0, bars.count_through(last));
            let part = run(&cut, from, day("2007-12-31"), &settings).unwrap();
            assert_eq!(part, run(&bars, from, last, &settings).unwrap(), "bars after `to` do not matter");
            assert_eq!(part.equity, whole.equity[..keep]);
            assert_eq!(part.trades, whole.trades[..part.trades.len()]);
            let next = whole.trades.get(part.trades.len());
            if let Some(open) = part.open_trade {
                let entry = next.map_or(whole.open_trade.unwrap().entry_date, |trade| trade.entry_date);
                assert_eq!(open.entry_date, entry);
            }
            if let Some(order) = part.pending_order {
                assert_eq!(order.signal_date, last);
                let filled = match order.side {
                    Side::Buy => next.map_or_else(|| whole.open_trade.unwrap().entry_date, |trade| trade.entry_date),
                    Side::Sell => next.unwrap().exit_date,
                };
                assert_eq!(filled, whole.dates[keep]);
            }
        }
    }
}
