//! Reports from the sample prices, made with a simple simulation.

#![allow(clippy::unwrap_used, reason = "a sample that cannot be made fails the test, example or benchmark")]
use std::collections::BTreeMap;

use chrono::{TimeZone, Utc};
use domain::{Bar, Bars, Currency, Day};
use quant::backtest::{OpenTrade, Trade, Warning};
use quant::forecast::{Model, forecast, score};
use quant::grading::grade;
use quant::metrics::{Metrics, MetricsInput, drawdowns, figures, monthly_returns};
use render::report::{BuyAndHoldFigures, ChartData, Forecast, ForecastCheck, Overlay, Report, Strategy};
use uuid::Uuid;

#[path = "../../../testing/src/sample_bars.rs"]
mod sample_bars;

use sample_bars::bars;

/// Cash at the start.
const CASH: f64 = 10_000.0;

/// Trading days that are forecast.
const HORIZON: usize = 30;

/// Closes on one scale, times `scale`.
fn closes(bars: &Bars, scale: f64) -> Vec<f64> {
    let last = bars.last().unwrap();
    let factor = scale * last.close / last.adjusted_close;
    bars.adjusted_close().iter().map(|close| close * factor).collect()
}

fn moving_average(values: &[f64], window: usize) -> Vec<Option<f64>> {
    (0..values.len())
        .map(|end| (end + 1 >= window).then(|| values[end + 1 - window..=end].iter().sum::<f64>() / window as f64))
        .collect()
}

/// The result of the simple simulation.
struct Simulated {
    equity: Vec<f64>,
    trades: Vec<Trade>,
    open_trade: Option<OpenTrade>,
    bars_held: usize,
}

/// Buys at the close when `holds` becomes true and sells when it becomes false, all in, without costs.
fn simulate(dates: &[Day], closes: &[f64], holds: impl Fn(usize) -> bool) -> Simulated {
    let (mut cash, mut units, mut entry) = (CASH, 0.0, 0);
    let mut run = Simulated { equity: Vec::new(), trades: Vec::new(), open_trade: None, bars_held: 0 };
    for day in 0..closes.len() {
        if units == 0.0 && holds(day) {
            (units, cash, entry) = (cash / closes[day], 0.0, day);
        } else if units > 0.0 && !holds(day) {
            let pnl = units * (closes[day] - closes[entry]);
            run.trades.push(Trade {
                entry_date: dates[entry],
                entry_price: closes[entry],
                exit_date: dates[day],
                exit_price: closes[day],
                quantity: units,
                split_factor: 1.0,
                dividends: 0.0,
                fees: 0.0,
                pnl,
                return_: closes[day] / closes[entry] - 1.0,
                days: dates[day].days_since(dates[entry]),
            });
            (cash, units) = (units * closes[day], 0.0);
        }
        run.bars_held += usize::from(units > 0.0);
        run.equity.push(cash + units * closes[day]);
    }
    let last = closes.len() - 1;
    run.open_trade = (units > 0.0).then(|| OpenTrade {
        entry_date: dates[entry],
        entry_price: closes[entry],
        quantity: units,
        split_factor: 1.0,
        dividends: 0.0,
        fees: 0.0,
        last_price: closes[last],
        pnl: units * (closes[last] - closes[entry]),
        return_: closes[last] / closes[entry] - 1.0,
        days: dates[last].days_since(dates[entry]),
    });
    run
}

fn measured(dates: &[Day], run: &Simulated) -> (Metrics, BTreeMap<String, String>) {
    figures(&MetricsInput {
        dates,
        equity: &run.equity,
        drawdown: &drawdowns(&run.equity),
        initial_investment: CASH,
        trades: &run.trades,
        fees: 0.0,
        bars_held: run.bars_held,
        risk_free_rate: 0.0,
        periods_per_year: 252,
    })
}

fn todays_forecast(bars: &Bars) -> Option<Forecast> {
    let made = forecast(bars, Model::Walk, HORIZON).ok()?;
    let (score, unavailable) = score(bars, Model::Walk, HORIZON);
    Some(Forecast {
        model: made.model,
        as_of: made.as_of,
        horizon: HORIZON,
        last_price: made.last_price,
        points: made.points,
        score,
        unavailable,
    })
}

fn forecast_check(bars: &Bars) -> Option<ForecastCheck> {
    let origin = bars.len().checked_sub(HORIZON + 1)?;
    let made = forecast(&bars.slice(0, origin + 1), Model::Walk, HORIZON).ok()?;
    let graded = grade(bars, origin, &made.points).ok()?;
    Some(ForecastCheck {
        model: made.model,
        as_of: made.as_of,
        hindsight: true,
        last_price: made.last_price,
        points: graded.points,
        grade: graded.grade,
        unavailable: graded.unavailable,
    })
}

fn warning(code: &str, detail: &str) -> Warning {
    Warning { code: code.to_owned(), detail: detail.to_owned() }
}

/// A report on a sample symbol, its prices times `scale`, held on the days for which `holds` returns true, given the
/// closes and the faster and slower moving average.
pub fn report_on(
    symbol: &str,
    scale: f64,
    windows: (usize, usize),
    holds: impl Fn(f64, Option<f64>, Option<f64>) -> bool,
) -> (Report, ChartData) {
    let bars = bars(symbol);
    let bars = Bars::from_rows(bars.iter().map(|bar| Bar {
        open: bar.open * scale,
        high: bar.high * scale,
        low: bar.low * scale,
        close: bar.close * scale,
        ..bar
    }))
    .unwrap();
    report_of(symbol, &bars, windows, holds)
}

/// A report on bars.
pub fn report_of(
    symbol: &str,
    bars: &Bars,
    (fast, slow): (usize, usize),
    holds: impl Fn(f64, Option<f64>, Option<f64>) -> bool,
) -> (Report, ChartData) {
    let (dates, closes) = (bars.dates(), closes(bars, 1.0));
    let overlays = [fast, slow].map(|window| moving_average(&closes, window));
    let run = simulate(dates, &closes, |day| holds(closes[day], overlays[0][day], overlays[1][day]));
    let held = simulate(dates, &closes, |_| true);
    let (metrics, unavailable) = measured(dates, &run);
    let (benchmark_metrics, benchmark_unavailable) = measured(dates, &held);
    let report = Report {
        id: Uuid::from_u128(0x0193_4b5c_0000_7000_8000_0000_0000_0001),
        symbol: symbol.parse().unwrap(),
        name: format!("{symbol} sample"),
        currency: Currency::USD,
        generated_at: Utc.with_ymd_and_hms(2026, 11, 20, 12, 30, 0).unwrap(),
        as_of: *dates.last().unwrap(),
        source: "sample".to_owned(),
        from: dates[0],
        to: *dates.last().unwrap(),
        strategy: Strategy {
            buy: format!("sma({fast}) > sma({slow})"),
            sell: format!("sma({fast}) < sma({slow})"),
            fill: "close".to_owned(),
            initial_investment: 10_000.into(),
            commission_percent: 0.0,
            commission_minimum: 0.into(),
            slippage_percent: 0.0,
            fractional: true,
            risk_free_rate: 0.0,
        },
        periods_per_year: 252,
        metrics,
        unavailable,
        benchmark: BuyAndHoldFigures { metrics: benchmark_metrics, unavailable: benchmark_unavailable },
        monthly_returns: monthly_returns(dates, &run.equity).unwrap(),
        forecast: todays_forecast(bars),
        forecast_check: forecast_check(bars),
        trades: run.trades,
        open_trade: run.open_trade,
        warnings: vec![warning("unexplained_move", "The close of 2000-09-29 moved.")],
        notes: vec!["The close of 2000-09-29 moved.".to_owned()],
    };
    let labels = [format!("SMA {fast}"), format!("SMA {slow}")];
    let overlays = labels.into_iter().zip(overlays).map(|(label, values)| Overlay { label, values }).collect();
    let data = ChartData {
        dates: dates.to_vec(),
        close: closes,
        overlays,
        drawdown: drawdowns(&run.equity),
        benchmark_drawdown: drawdowns(&held.equity),
        equity: run.equity,
        benchmark_equity: held.equity,
    };
    (report, data)
}

fn crossed(_: f64, fast: Option<f64>, slow: Option<f64>) -> bool {
    fast.zip(slow).is_some_and(|(fast, slow)| fast > slow)
}

/// Every kind of report that must be rendered well, by name.
pub fn cases() -> Vec<(&'static str, Report, ChartData)> {
    let named = |name, (report, data)| (name, report, data);
    let mut cases = vec![
        named("aapl", report_on("AAPL", 1.0, (50, 200), crossed)),
        named("goog", report_on("GOOG", 1.0, (50, 200), crossed)),
        named("short_fb", report_on("FB", 1.0, (10, 30), crossed)),
        named("no_trades", report_on("MSFT", 1.0, (50, 200), |_, _, _| false)),
        named("many_trades", report_on("IBM", 1.0, (2, 5), crossed)),
        named("huge_prices", report_on("AAPL", 3e6, (50, 200), crossed)),
        named("tiny_prices", report_on("AAPL", 1e-7, (50, 200), crossed)),
    ];
    let (mut report, data) = report_on("GOOG", 1.0, (20, 50), crossed);
    report.name = String::from(
        "Müller & Söhne <Holding> \"A\" – 株式会社 with a name far too long for any title block of a report",
    );
    report.strategy.buy = "close < sma(50) and ".repeat(50) + "close > 1";
    report.strategy.sell = "x".repeat(1000);
    report.warnings =
        (0..40).map(|index| warning(&format!("note_{index}"), &"something to know ".repeat(12))).collect();
    cases.push(("markup_and_long_texts", report, data));
    let (mut report, data) = report_on("FB", 1.0, (10, 30), crossed);
    let listed = include_str!("../../../../tests/cases/names/instruments.csv").lines().nth(1).unwrap();
    listed.split_once(',').unwrap().1.clone_into(&mut report.name);
    cases.push(("chinese_name", report, data));
    let (mut report, data) = report_on("FB", 1.0, (10, 30), crossed);
    report.periods_per_year = 365;
    cases.push(("weekends_too", report, data));
    let few = bars("FB").slice(0, 3);
    cases.push(named("three_bars", report_of("FB", &few, (2, 3), crossed)));
    let one = bars("FB").slice(0, 1);
    cases.push(named("one_bar", report_of("FB", &one, (2, 3), |_, _, _| true)));
    cases
}
