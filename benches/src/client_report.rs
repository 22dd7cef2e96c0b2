//! A client's report from a file of prices: backtest, forecast, charts, tables and the PDF.

use anyhow::Context;
use chrono::DateTime;
use domain::{Bars, Currency, Day};
use market::PriceUnit;
use quant::backtest::{BacktestOutcome, Fill, Settings};
use quant::forecast::{Model, forecast, score};
use quant::grading::grade;
use quant::{backtest, indicators, metrics};
use render::report::{BuyAndHoldFigures, Forecast, ForecastCheck, Overlay, Strategy};
use render::{ChartData, Report};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::crossover;

/// Trading days that are forecast.
const HORIZON: usize = 30;
/// Windows of the averages over the price.
const AVERAGES: [usize; 2] = [50, 200];

/// A document and its price figures; the peer's document must show the same.
#[derive(Debug)]
pub struct Document {
    /// The PDF.
    pub pdf: Vec<u8>,
    /// Its price figures, to be compared.
    pub answer: Value,
}

/// Makes the report of the GOOG file, whose span has neither splits nor dividends.
pub fn goog(file: &[u8]) -> anyhow::Result<Document> {
    let bars = market::csv_file::read(file, Day::LAST, PriceUnit::of(Currency::USD))?.bars;
    let (from, to) = crossover::whole_span(&bars)?;
    // Bought at the first close, buy and hold shows the price's own return and drawdown.
    let settings = crossover::settings(Fill::Close)?;
    let outcome = backtest::run(&bars, from, to, &settings)?;
    let data = chart_data(&bars, &outcome);
    let report = report(&bars, outcome, &settings)?;
    let price = &report.benchmark.metrics;
    let answer = json!({
        "bars": data.dates.len(),
        "last_close": data.close.last(),
        "total_return": price.total_return,
        "max_drawdown": price.max_drawdown,
    });
    Ok(Document { pdf: render::pdf(&report, &data)?, answer })
}

fn chart_data(bars: &Bars, outcome: &BacktestOutcome) -> ChartData {
    let overlay = |window| {
        let averages = indicators::sma(bars.close(), window).into_iter();
        let values = averages.map(|average| average.is_finite().then_some(average)).collect();
        Overlay { label: format!("SMA {window}"), values }
    };
    ChartData {
        dates: outcome.dates.clone(),
        close: bars.close().to_vec(),
        overlays: AVERAGES.map(overlay).to_vec(),
        equity: outcome.equity.clone(),
        benchmark_equity: outcome.benchmark.equity.clone(),
        drawdown: outcome.drawdown.clone(),
        benchmark_drawdown: metrics::drawdowns(&outcome.benchmark.equity),
    }
}

fn report(bars: &Bars, outcome: BacktestOutcome, settings: &Settings) -> anyhow::Result<Report> {
    let monthly_returns = metrics::monthly_returns(&outcome.dates, &outcome.equity)?;
    Ok(Report {
        id: Uuid::nil(),
        symbol: "GOOG".parse()?,
        name: "Google".to_owned(),
        currency: Currency::USD,
        generated_at: DateTime::UNIX_EPOCH,
        as_of: outcome.last_day,
        source: "sample".to_owned(),
        from: outcome.first_day,
        to: outcome.last_day,
        strategy: strategy(settings),
        periods_per_year: outcome.periods_per_year,
        metrics: outcome.metrics,
        unavailable: outcome.unavailable,
        benchmark: BuyAndHoldFigures { metrics: outcome.benchmark.metrics, unavailable: outcome.benchmark.unavailable },
        monthly_returns,
        forecast: Some(today(bars)?),
        forecast_check: Some(beside_what_came(bars)?),
        trades: outcome.trades,
        open_trade: outcome.open_trade,
        warnings: Vec::new(),
        notes: Vec::new(),
    })
}

fn strategy(settings: &Settings) -> Strategy {
    Strategy {
        buy: settings.buy.to_string(),
        sell: settings.sell.to_string(),
        fill: settings.fill.name().to_owned(),
        initial_investment: 10_000.into(),
        commission_percent: settings.commission_percent,
        commission_minimum: 0.into(),
        slippage_percent: settings.slippage_percent,
        fractional: settings.fractional,
        risk_free_rate: settings.risk_free_rate,
    }
}

fn today(bars: &Bars) -> anyhow::Result<Forecast> {
    let made = forecast(bars, Model::Walk, HORIZON)?;
    let (score, unavailable) = score(bars, Model::Walk, HORIZON);
    Ok(Forecast {
        model: made.model,
        as_of: made.as_of,
        horizon: HORIZON,
        last_price: made.last_price,
        points: made.points,
        score,
        unavailable,
    })
}

/// The forecast from the latest origin after which all of its days have bars.
fn beside_what_came(bars: &Bars) -> anyhow::Result<ForecastCheck> {
    let origin = bars.len().checked_sub(HORIZON + 1).context("too few bars for a forecast")?;
    let made = forecast(&bars.slice(0, origin + 1), Model::Walk, HORIZON)?;
    let graded = grade(bars, origin, &made.points)?;
    Ok(ForecastCheck {
        model: made.model,
        as_of: made.as_of,
        hindsight: true,
        last_price: made.last_price,
        points: graded.points,
        grade: graded.grade,
        unavailable: graded.unavailable,
    })
}
