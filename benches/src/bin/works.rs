//! The works measured inside a process: `works WORK FOLDER`, where the folder holds the prices as `SYMBOL.csv`. `h1`
//! takes the file to parse, `e2` a file to write as well.

use std::hint::black_box;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use benches::crossover::{settings, whole_span};
use benches::sampling::{mean_us, print_line, repeats, serve};
use benches::{client_report, waves::waves};
use domain::{Bars, Currency, Day, Symbol};
use market::PriceUnit;
use market::alpha_vantage::read_daily;
use quant::backtest::{Fill, Settings, run, summary};
use quant::forecast::{Model, forecast, score};
use serde_json::{Value, json};

/// Trading days that are forecast.
const HORIZON: usize = 30;
/// The series over which a model's accuracy is averaged.
const ACCURACY_OVER: [&str; 4] = ["GOOG", "AAPL", "IBM", "MSFT"];
/// Lengths of the series that growth is measured on, each four times the one before.
const LENGTHS: [u32; 3] = [2_520, 10_080, 40_320];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [work, input, ..] = arguments.as_slice() else { bail!("usage: works WORK INPUT [OUTPUT]") };
    match work.to_string_lossy().as_ref() {
        "a1" => one_backtest(&prices(input, "GOOG")?),
        "whole" => whole_backtest(&prices(input, "AAPL")?),
        "d1" => linear_forecast(&prices(input, "GOOG")?),
        "d4" => accuracy(input),
        "e2" => warm_report(&input.join("GOOG.csv"), arguments.get(2).context("usage: works e2 FOLDER REPORT.pdf")?),
        "h1" => providers_json(input),
        "growth" => growth(&LENGTHS.map(waves).into_iter().collect::<Result<Vec<_>, _>>()?),
        other => bail!("unknown work {other}"),
    }
}

fn prices(folder: &Path, symbol: &str) -> anyhow::Result<Bars> {
    let file = std::fs::read(folder.join(format!("{symbol}.csv")))?;
    Ok(market::csv_file::read(&file, Day::LAST, PriceUnit::of(Currency::USD))?.bars)
}

/// A1: three figures of one rule, including parsing the rule.
fn one_backtest(bars: &Bars) -> anyhow::Result<()> {
    let (from, to) = whole_span(bars)?;
    let work = || anyhow::Ok(summary(bars, from, to, &settings(Fill::NextOpen)?)?);
    let found = work()?;
    serve(&json!([found.total_return, found.max_drawdown, found.entries]), work)
}

/// Every figure, every trade, the equity curve, and buy and hold.
fn whole_backtest(bars: &Bars) -> anyhow::Result<()> {
    let (from, to) = whole_span(bars)?;
    let settings = settings(Fill::NextOpen)?;
    let found = run(bars, from, to, &settings)?;
    serve(&json!([found.bars, found.metrics.total_return]), || run(bars, from, to, &settings))
}

/// D1: a straight line through the prices, with its bands.
fn linear_forecast(bars: &Bars) -> anyhow::Result<()> {
    let made = forecast(bars, Model::Linear, HORIZON)?;
    let points = made.points.iter().map(|point| [point.value, point.lower_95, point.upper_95]);
    serve(&json!(points.collect::<Vec<_>>()), || forecast(bars, Model::Linear, HORIZON))
}

/// D4: rolling-origin accuracy of every model, the mean over the series, relative to naive's.
fn accuracy(folder: &Path) -> anyhow::Result<()> {
    let series = ACCURACY_OVER.map(|symbol| prices(folder, symbol)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let naive = mean_scores(&series, Model::Naive)?;
    let of = |model: Model| {
        let own = mean_scores(&series, model)?;
        anyhow::Ok(json!({
            "model": model.name(),
            "origins": own.origins,
            "rmase": own.mase / naive.mase,
            "rmsis": own.msis / naive.msis,
            "coverage_80": own.coverage_80,
            "coverage_95": own.coverage_95,
        }))
    };
    let models = Model::ALL.map(of).into_iter().collect::<Result<Vec<_>, _>>()?;
    print_line(&Value::from(models))?;
    Ok(())
}

/// Figures of one model, averaged over the series, and the origins of all of them.
#[derive(Default)]
struct MeanScores {
    origins: usize,
    mase: f64,
    msis: f64,
    coverage_80: f64,
    coverage_95: f64,
}

fn mean_scores(series: &[Bars], model: Model) -> anyhow::Result<MeanScores> {
    let mut mean = MeanScores::default();
    let share = 1.0 / series.len() as f64;
    for bars in series {
        let (score, _) = score(bars, model, HORIZON);
        mean.origins += score.origins;
        mean.mase += share * score.mase.context("no MASE")?;
        mean.msis += share * score.msis.context("no MSIS")?;
        mean.coverage_80 += share * score.coverage_80.context("no coverage")?;
        mean.coverage_95 += share * score.coverage_95.context("no coverage")?;
    }
    Ok(mean)
}

/// E2: from the file of prices to the file of the report, in a process that has already made one.
fn warm_report(prices: &Path, report: &Path) -> anyhow::Result<()> {
    let work = || {
        let document = client_report::goog(&std::fs::read(prices)?)?;
        std::fs::write(report, &document.pdf)?;
        anyhow::Ok(document.answer)
    };
    serve(&work()?, work)
}

/// H1: the provider's JSON to checked columns.
fn providers_json(file: &Path) -> anyhow::Result<()> {
    let body = std::fs::read(file)?;
    let symbol: Symbol = "GOOG".parse()?;
    let bars = read_daily(&body, &symbol)?.bars;
    let (first, last) = whole_span(&bars)?;
    let sums = [bars.open(), bars.high(), bars.low(), bars.close(), bars.volume()].map(|column| column.iter().sum());
    let [open, high, low, close, volume]: [f64; 5] = sums;
    let answer = json!({
        "bars": bars.len(), "first": first, "last": last,
        "open": open, "high": high, "low": low, "close": close, "volume": volume,
    });
    serve(&answer, || read_daily(&body, &symbol))
}

/// A work on one length of series.
struct Growing<'a> {
    name: &'static str,
    bars: usize,
    work: Box<dyn FnMut() + 'a>,
}

/// How time grows with the bars: each work on each length, in turn.
fn growth(series: &[Bars]) -> anyhow::Result<()> {
    const ROUNDS: usize = 9;
    let settings = settings(Fill::NextOpen)?;
    let mut works = Vec::new();
    for bars in series {
        works.extend(growing(bars, &settings)?);
    }
    let repeats: Vec<u32> = works.iter_mut().map(|growing| repeats(&mut growing.work)).collect();
    let mut samples = vec![Vec::new(); works.len()];
    for _ in 0..ROUNDS {
        for ((growing, samples), &repeats) in works.iter_mut().zip(&mut samples).zip(&repeats) {
            samples.push(mean_us(repeats, &mut growing.work));
        }
    }
    let lines = works.iter().zip(&mut samples).map(|(growing, samples)| {
        samples.sort_by(f64::total_cmp);
        json!({ "work": growing.name, "bars": growing.bars, "cpu_us": samples[ROUNDS / 2] })
    });
    print_line(&lines.collect::<Value>())?;
    Ok(())
}

fn growing<'a>(bars: &'a Bars, settings: &'a Settings) -> anyhow::Result<[Growing<'a>; 3]> {
    let (from, to) = whole_span(bars)?;
    let every_figure = move || drop(black_box(run(bars, from, to, settings)));
    let three_figures = move || drop(black_box(summary(bars, from, to, settings)));
    let forecast = move || drop(black_box(forecast(bars, Model::Walk, HORIZON)));
    let of = |name, work: Box<dyn FnMut() + 'a>| Growing { name, bars: bars.len(), work };
    Ok([
        of("backtest, every figure", Box::new(every_figure)),
        of("backtest, three figures", Box::new(three_figures)),
        of("forecast, the default model", Box::new(forecast)),
    ])
}
