//! Laws that hold for every rule text, every series and every cost.

use domain::{Bar, Bars, Day};
use proptest::prelude::*;
use quant::backtest::{BacktestError, BacktestOutcome, Fill, Settings, run, summary};
use quant::rules::Rule;

fn day(at: i32) -> Day {
    Day::new(2000, 1, 1).unwrap().plus_days(at)
}

/// A price, now and then an extreme one.
fn price() -> BoxedStrategy<f64> {
    prop_oneof![1000 => 1.0..200.0, 1 => Just(10.1), 1 => Just(1e-300), 1 => Just(1e300), 1 => Just(f64::MAX), 1 => Just(f64::MIN_POSITIVE)].boxed()
}

fn tame_price() -> BoxedStrategy<f64> {
    prop_oneof![10 => 1.0..200.0, 3 => Just(10.1)].boxed()
}

fn series(price: BoxedStrategy<f64>) -> impl Strategy<Value = Bars> {
    let ratio = prop_oneof![
        30 => Just(1.0), 1 => Just(2.0), 1 => Just(0.1), 1 => Just(1.5), 1 => Just(1.0 / 3.0), 1 => Just(1.0 / 45.0)
    ];
    let dividend = prop_oneof![10 => Just(0.0), 1 => 0.0..2.0];
    let row = (price.clone(), price.clone(), price.clone(), price, 0.0..1e9, ratio, dividend, 1..5_i32);
    prop::collection::vec(row, 1..80).prop_map(|rows| {
        let mut at = 0;
        Bars::from_rows(rows.into_iter().map(|(open, high, low, close, volume, split_ratio, dividend, step)| {
            at += step;
            Bar { date: day(at), open, high, low, close, volume, adjusted_close: close, split_ratio, dividend }
        }))
        .unwrap()
    })
}

/// A number of the language, by depth.
fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec!["open", "high", "low", "close", "volume"]).prop_map(str::to_owned),
        (0.0..100.0_f64).prop_map(|value| format!("{value:.2}")),
        Just("0".to_owned()),
        (1..12_u16).prop_map(|window| format!("atr({window})")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let windowed = prop::sample::select(vec!["sma", "ema", "rsi", "roc", "stdev", "highest", "lowest"]);
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/"]), inner.clone())
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            (windowed, inner.clone(), 1..12_u16)
                .prop_map(|(name, source, window)| format!("{name}({source}, {window})")),
            (inner.clone(), 1..9_u16).prop_map(|(source, window)| format!("bollinger_upper({source}, {window}, 2)")),
            (inner.clone(), 1..9_u16).prop_map(|(source, window)| format!("macd_signal({source}, {window}, 9, 3)")),
            inner.prop_map(|a| format!("-{a}")),
        ]
    })
}

/// A rule of the language.
fn condition() -> impl Strategy<Value = String> {
    let compared = (number(), prop::sample::select(vec!["<", "<=", ">", ">="]), number());
    let leaf = prop_oneof![
        compared.prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (number(), number()).prop_map(|(a, b)| format!("crosses_above({a}, {b})")),
        (number(), number()).prop_map(|(a, b)| format!("crosses_below({a}, {b})")),
    ];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

fn settings() -> impl Strategy<Value = Settings> {
    (condition(), condition(), any::<bool>(), any::<bool>(), 0.0..3.0, 0.0..50.0, 0.0..3.0, 0.0..0.1).prop_filter_map(
        "within the limits of length and depth",
        |(buy, sell, next_open, fractional, commission, minimum, slippage, rate)| {
            Some(Settings {
                initial_investment: 10_000.0,
                buy: Rule::parse(&buy).ok()?,
                sell: Rule::parse(&sell).ok()?,
                fill: if next_open { Fill::NextOpen } else { Fill::Close },
                commission_percent: commission,
                commission_minimum: minimum,
                slippage_percent: slippage,
                fractional,
                risk_free_rate: rate,
            })
        },
    )
}

/// Every number in the answer.
fn numbers(outcome: &BacktestOutcome) -> Vec<f64> {
    let mut numbers = [&outcome.equity[..], &outcome.drawdown, &outcome.benchmark.equity].concat();
    for metrics in [&outcome.metrics, &outcome.benchmark.metrics] {
        numbers.extend([metrics.final_equity, metrics.total_return, metrics.max_drawdown, metrics.fees]);
        let figures = [
            metrics.cagr,
            metrics.volatility,
            metrics.sharpe,
            metrics.sortino,
            metrics.calmar,
            metrics.ulcer_index,
            metrics.var_95,
            metrics.cvar_95,
            metrics.exposure,
            metrics.win_rate,
            metrics.profit_factor,
            metrics.expectancy,
            metrics.best_trade,
            metrics.worst_trade,
            metrics.average_days_held,
            metrics.sqn,
            metrics.kelly,
            metrics.probabilistic_sharpe,
        ];
        numbers.extend(figures.into_iter().flatten());
    }
    for trade in &outcome.trades {
        numbers.extend([
            trade.entry_price,
            trade.exit_price,
            trade.quantity,
            trade.dividends,
            trade.fees,
            trade.pnl,
            trade.return_,
        ]);
    }
    numbers.extend(
        outcome.open_trade.iter().flat_map(|trade| [trade.quantity, trade.last_price, trade.pnl, trade.return_]),
    );
    numbers
}

proptest! {
    #[test]
    fn no_text_panics_and_every_error_has_a_column(text in "\\PC{0,60}") {
        if let Err(error) = Rule::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{error}");
            prop_assert!(error.column - 1 + error.length <= text.chars().count(), "{error}");
        }
    }

    #[test]
    fn no_sequence_of_tokens_panics(words in prop::collection::vec(prop::sample::select(vec![
        "close", "sma(", "atr(", "macd_signal(", "crosses_above(", "(", ")", ",", "5", "0", "1.5", "-", "+", "*", "/",
        "<", "<=", ">", ">=", "and", "or", "not", "$x", "bollinger_lower(",
    ]), 0..40)) {
        let text = words.join(" ");
        if let Err(error) = Rule::parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&error.column), "{error}");
        }
    }

    #[test]
    fn every_figure_is_finite_or_has_a_reason(bars in series(price()), settings in settings(), skip in 0..100_i32) {
        let from = day(skip);
        match run(&bars, from, day(1000), &settings) {
            Ok(outcome) => {
                prop_assert!(numbers(&outcome).iter().all(|number| number.is_finite()), "{outcome:?}");
                let lengths = [outcome.dates.len(), outcome.equity.len(), outcome.drawdown.len(), outcome.benchmark.equity.len()];
                prop_assert_eq!(lengths, [outcome.bars; 4]);
                prop_assert_eq!(outcome.metrics.sharpe.is_none(), outcome.unavailable.contains_key("sharpe"));
                prop_assert_eq!(outcome.metrics.kelly.is_none(), outcome.unavailable.contains_key("kelly"));
                prop_assert!(outcome.equity.iter().all(|equity| *equity >= 0.0));
            }
            Err(error) => prop_assert!(matches!(error, BacktestError::Overflow | BacktestError::NoBars { .. }), "{error}"),
        }
    }

    #[test]
    fn money_is_neither_created_nor_lost(bars in series(tame_price()), settings in settings()) {
        let outcome = run(&bars, day(0), day(1000), &settings).unwrap();
        let gains: f64 = outcome.trades.iter().map(|trade| trade.pnl).sum();
        let gains = gains + outcome.open_trade.map_or(0.0, |trade| trade.pnl);
        let total = outcome.metrics.final_equity - settings.initial_investment;
        prop_assert!((gains - total).abs() <= 1e-9 * outcome.metrics.final_equity.max(1e4), "{gains} {total}");
        let summary = summary(&bars, day(0), day(1000), &settings).unwrap();
        prop_assert!((summary.total_return - outcome.metrics.total_return).abs() <= 1e-12);
        prop_assert!((summary.max_drawdown - outcome.metrics.max_drawdown).abs() <= 1e-12);
        prop_assert_eq!(summary.entries, outcome.trades.len() + usize::from(outcome.open_trade.is_some()));
    }

    #[test]
    fn a_shorter_series_has_the_same_past(bars in series(tame_price()), settings in settings(), cut in 1..80_usize) {
        let whole = run(&bars, day(0), day(1000), &settings).unwrap();
        let cut = cut.min(bars.len());
        let part = run(&bars.slice(0, cut), day(0), day(1000), &settings).unwrap();
        prop_assert_eq!(&part.equity[..], &whole.equity[..cut]);
        prop_assert_eq!(&part.trades[..], &whole.trades[..part.trades.len()]);
    }
}
