//! Assembles the report that is rendered as JSON, charts and PDF.

use std::sync::Arc;

use api::Problem;
use app::ServiceError;
use chrono::{DateTime, Utc};
use render::report::{BuyAndHoldFigures, Forecast, ForecastCheck, Overlay, Strategy};
use render::{Chart, ChartData, RenderError, Report};
use research::backtest_records::{BacktestRun, BenchmarkRun, EquityPoint, FilledRequest};
use research::chart_series::{ChartSeries, PriceLine};
use research::forecasts::{Graded, StoredForecast};
use research::reports::ReportFigures;
use rust_decimal::Decimal;
use uuid::Uuid;

/// A report and the series of its charts.
#[derive(Clone)]
pub(crate) struct Content {
    /// The report; its id and time are blank until it is published.
    pub(crate) report: Report,
    data: Arc<ChartData>,
}

impl Content {
    /// The report's JSON without id and time: reports with the same bytes are the same.
    pub(crate) fn json(&self) -> Result<Vec<u8>, Problem> {
        serde_json::to_vec(&self.report).map_err(|error| fault("serializing the report failed", &error))
    }

    /// The file name that a browser saves the PDF under.
    pub(crate) fn filename(&self) -> String {
        let name: String = self.report.symbol.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{name}-{}.pdf", self.report.to)
    }

    /// The same report with its id and time.
    pub(crate) fn stamped(mut self, id: Uuid, generated_at: DateTime<Utc>) -> Self {
        self.report.id = id;
        self.report.generated_at = generated_at;
        self
    }

    /// The PDF.
    pub(crate) fn pdf(&self) -> Result<Vec<u8>, RenderError> {
        render::pdf(&self.report, &self.data)
    }

    /// One chart.
    pub(crate) async fn draw_svg(self, chart: Chart) -> Result<String, Problem> {
        let drawn = tokio::task::spawn_blocking(move || render::svg(&self.report, &self.data, chart)).await;
        match drawn {
            Ok(Ok(svg)) => Ok(svg),
            Ok(Err(error)) => Err(fault("chart", &error)),
            Err(error) => Err(fault("chart", &error)),
        }
    }
}

fn fault(what: &str, error: &dyn std::fmt::Display) -> Problem {
    ServiceError::Fault(format!("{what}: {error}")).into()
}

/// Assembles a report, outside the threads that serve requests.
pub(crate) async fn assemble(figures: ReportFigures) -> Result<Content, Problem> {
    match tokio::task::spawn_blocking(move || put_together(figures)).await {
        Ok(content) => content,
        Err(error) => Err(fault("report", &error)),
    }
}

fn put_together(figures: ReportFigures) -> Result<Content, Problem> {
    let ReportFigures { instrument, series, run, monthly_returns, charts, warnings, forecast, check } = figures;
    let data = chart_data(&run, charts);
    let BenchmarkRun { summary: benchmark, .. } = run.benchmark;
    let report = Report {
        id: Uuid::nil(),
        symbol: series.symbol.clone(),
        name: instrument.name,
        currency: series.currency,
        generated_at: DateTime::UNIX_EPOCH,
        as_of: series.last,
        source: run.data.source,
        from: run.data.from,
        to: run.data.to,
        strategy: strategy(&run.request)?,
        periods_per_year: run.periods_per_year,
        metrics: run.metrics,
        unavailable: run.unavailable,
        benchmark: BuyAndHoldFigures { metrics: benchmark.metrics, unavailable: benchmark.unavailable },
        monthly_returns,
        forecast: forecast.map(today),
        forecast_check: check.map(|(made, graded)| beside_what_came(&made, graded)),
        trades: run.trades,
        open_trade: run.open_trade,
        notes: warnings.iter().map(|warning| warning.detail.clone()).collect(),
        warnings,
    };
    Ok(Content { report, data: Arc::new(data) })
}

fn strategy(request: &FilledRequest) -> Result<Strategy, Problem> {
    let amount = |text: &str| text.parse::<Decimal>().map_err(|error| fault("stored amount", &error));
    Ok(Strategy {
        buy: request.buy.clone(),
        sell: request.sell.clone(),
        fill: request.fill.name().to_owned(),
        initial_investment: amount(&request.initial_investment)?,
        commission_percent: request.commission_percent,
        commission_minimum: amount(&request.commission_minimum)?,
        slippage_percent: request.slippage_percent,
        fractional: request.fractional,
        risk_free_rate: request.risk_free_rate,
    })
}

fn today(made: StoredForecast) -> Forecast {
    Forecast {
        model: made.terms.model,
        as_of: made.terms.as_of,
        horizon: made.terms.horizon,
        last_price: made.terms.last_price,
        points: made.points,
        score: made.terms.score,
        unavailable: made.terms.unavailable,
    }
}

fn beside_what_came(made: &StoredForecast, graded: Graded) -> ForecastCheck {
    ForecastCheck {
        model: made.terms.model,
        as_of: made.terms.as_of,
        hindsight: true,
        last_price: made.terms.last_price,
        points: graded.points,
        grade: graded.grade,
        unavailable: graded.unavailable,
    }
}

/// The columns of the charts.
fn chart_data(run: &BacktestRun, charts: ChartSeries) -> ChartData {
    let overlay = |line: PriceLine| Overlay { label: line.name, values: line.values };
    let column = |points: &[EquityPoint], value: fn(&EquityPoint) -> f64| points.iter().map(value).collect();
    let (own, benchmark) = (&run.equity, &run.benchmark.equity);
    ChartData {
        dates: own.iter().map(|point| point.date).collect(),
        close: charts.close,
        overlays: charts.lines.into_iter().map(overlay).collect(),
        equity: column(own, |point| point.equity),
        benchmark_equity: column(benchmark, |point| point.equity),
        drawdown: column(own, |point| point.drawdown),
        benchmark_drawdown: column(benchmark, |point| point.drawdown),
    }
}
