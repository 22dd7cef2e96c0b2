//! From the figures that the services gather to the one report that is rendered three ways.

use std::sync::Arc;

use api::Problem;
use chrono::{DateTime, Utc};
use render::report::{Benchmark, Forecast, ForecastCheck, Overlay, Strategy, YearReturns};
use render::{Chart, ChartData, RenderError, Report};
use rust_decimal::Decimal;
use services::ServiceError;
use services::backtest_records::FilledRequest;
use services::backtests::Outcome;
use services::chart_series::{Average, ChartSeries};
use services::forecasts::{Forecast as StoredForecast, Graded};
use services::reports::Figures;
use uuid::Uuid;

/// A report and the series that its charts draw.
#[derive(Clone)]
pub(crate) struct Content {
    /// The report; its id and time are blank until it is published.
    pub(crate) report: Report,
    data: Arc<ChartData>,
}

impl Content {
    /// The report's JSON without id and time: what makes two reports the same.
    pub(crate) fn json(&self) -> Result<Vec<u8>, Problem> {
        serde_json::to_vec(&self.report).map_err(|error| fault("report to JSON", &error))
    }

    /// The name under which a browser saves the PDF.
    pub(crate) fn filename(&self) -> String {
        let name: String = self.report.symbol.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{name}-{}.pdf", self.report.to)
    }

    /// The same report under its id and time.
    pub(crate) fn stamped(mut self, id: Uuid, generated_at: DateTime<Utc>) -> Self {
        self.report.id = id;
        self.report.generated_at = generated_at;
        self
    }

    /// The document.
    pub(crate) fn pdf(&self) -> Result<Vec<u8>, RenderError> {
        render::pdf(&self.report, &self.data)
    }

    /// One chart.
    pub(crate) async fn svg(self, chart: Chart) -> Result<String, Problem> {
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

/// Puts a report together, away from the threads that serve requests.
pub(crate) async fn assemble(figures: Figures) -> Result<Content, Problem> {
    match tokio::task::spawn_blocking(move || put_together(figures)).await {
        Ok(content) => content,
        Err(error) => Err(fault("report", &error)),
    }
}

fn put_together(figures: Figures) -> Result<Content, Problem> {
    let Figures { instrument, series, request, outcome, charts, forecast, check } = figures;
    let months = frames::monthly_returns(&outcome.dates, &outcome.equity).map_err(|error| fault("months", &error))?;
    let data = Arc::new(chart_data(&outcome, charts));
    let mut notes = series.warnings();
    notes.extend(outcome.warnings);
    let notes = notes.into_iter().map(|warning| warning.detail).collect();
    let report = Report {
        id: Uuid::nil(),
        symbol: series.symbol.clone(),
        name: instrument.name,
        currency: series.currency,
        generated_at: DateTime::UNIX_EPOCH,
        as_of: series.last,
        source: series.source.clone(),
        from: outcome.first_day,
        to: outcome.last_day,
        strategy: strategy(&request)?,
        metrics: outcome.metrics,
        unavailable: outcome.unavailable,
        benchmark: Benchmark { metrics: outcome.benchmark.metrics, unavailable: outcome.benchmark.unavailable },
        monthly_returns: months.iter().map(year).collect(),
        forecast: forecast.map(today),
        forecast_check: check.map(|(made, graded)| beside_what_came(&made, graded)),
        trades: outcome.trades,
        open_trade: outcome.open_trade,
        notes,
    };
    Ok(Content { report, data })
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

fn year(row: &frames::YearRow) -> YearReturns {
    YearReturns { year: row.year, months: row.months, total: row.total }
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

/// The columns that the charts draw.
fn chart_data(outcome: &Outcome, charts: ChartSeries) -> ChartData {
    let overlay = |average: Average| Overlay { label: format!("SMA {}", average.window), values: average.values };
    ChartData {
        dates: outcome.dates.clone(),
        close: charts.close,
        overlays: charts.averages.into_iter().map(overlay).collect(),
        equity: outcome.equity.clone(),
        benchmark_equity: outcome.benchmark.equity.clone(),
        drawdown: outcome.drawdown.clone(),
        benchmark_drawdown: charts.benchmark_drawdown,
    }
}
