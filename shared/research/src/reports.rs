//! Gathers the content of a report and publishes its PDF.

use std::sync::Arc;
use std::time::Duration;

use app::digest::sha256_hex;
use app::error::ServiceError;
use app::{App, objects_of};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{CustomerId, Day, Instrument, Money, Symbol};
use market_data::series::PriceSeries;
use market_data::{MarketData, history, instruments, warnings};
use objects::{Link, LinkOptions, ObjectKey};
use quant::backtest::{Fill, Warning};
use quant::forecast::Model;
use quant::grading::Graded;
use quant::metrics::{YearReturns, monthly_returns};
use quant::rules::Rule;
use serde::{Deserialize, Serialize};
use store::{Key, StoreError, documents, keys};
use uuid::Uuid;

use crate::backtest_records::{BacktestRun, DataUsed};
use crate::backtests::{self, CLASSIC_BUY, CLASSIC_SELL, Strategy};
use crate::chart_series::{ChartSeries, chart_series};
use crate::forecasts::{self, StoredForecast};
use crate::stored_backtests;

/// How long the link to a report is valid.
pub const LINK_LIFETIME: Duration = Duration::from_mins(5);

/// The object outlives the record that refers to it, so that no link is dead.
const RECORD_DAYS: i64 = 25;

/// Bars between the origin of the checked forecast and the end of the span.
const CHECKED_BARS: usize = 30;

/// A report to make.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    /// The instrument.
    pub symbol: Symbol,
    /// First day, inclusive; the first bar by default.
    pub from: Option<Day>,
    /// Last day, inclusive; the last bar by default.
    pub to: Option<Day>,
    /// The customer's stored backtest to report on; the classic strategy over the span by default.
    pub backtest: Option<Uuid>,
}

/// Everything that a report shows.
#[derive(Debug)]
pub struct ReportFigures {
    /// The instrument.
    pub instrument: Instrument,
    /// Its whole history.
    pub series: Arc<PriceSeries>,
    /// The backtest: the stored one, or the classic strategy over the span, which has no id.
    pub run: BacktestRun,
    /// Its monthly and yearly returns.
    pub monthly_returns: Vec<YearReturns>,
    /// The prices of the charts.
    pub charts: ChartSeries,
    /// Warnings about the run and the prices.
    pub warnings: Vec<Warning>,
    /// Today's forecast; none if there are too few bars or the span ends before the last one.
    pub forecast: Option<StoredForecast>,
    /// The forecast from the 31st bar before the end of the span, with the actual prices.
    pub check: Option<(StoredForecast, Graded)>,
}

/// A published report: its PDF is stored as an object.
#[derive(Debug)]
pub struct PublishedReport {
    /// Id.
    pub id: Uuid,
    /// When it was made.
    pub generated_at: DateTime<Utc>,
    /// A link to its PDF.
    pub link: Link,
}

#[derive(Serialize, Deserialize)]
struct ReportRecord {
    id: Uuid,
    #[serde(with = "domain::instant")]
    generated_at: DateTime<Utc>,
    pdf: ObjectKey,
}

/// Gathers the figures of a report.
///
/// Errors: [`ServiceError::Field`] if the symbol or the span contradicts the backtest.
pub async fn gather_figures(
    market: &MarketData,
    customer: CustomerId,
    request: &ReportRequest,
) -> Result<ReportFigures, ServiceError> {
    let budget = market.budget_for(customer);
    let stored = match request.backtest {
        Some(id) => Some(stored_backtests::find_run(&market.app, customer, id).await?),
        None => None,
    };
    if let Some(run) = &stored {
        request.agrees_with(run)?;
    }
    let series = history::load(market, &request.symbol, budget).await?;
    let run = match stored {
        Some(run) => run,
        None => run_classic(market, &series, request).await?,
    };
    let end = series.bars.count_through(run.data.to);
    let checked = end.checked_sub(CHECKED_BARS + 1).and_then(|origin| series.bars.get(origin));
    let check = match checked {
        Some(origin) => make_forecast_at(market, &series, origin.date).await?,
        None => None,
    };
    let check = check.and_then(|made| {
        let graded = forecasts::grade(&series, &made)?;
        Some((made, graded))
    });
    Ok(ReportFigures {
        instrument: instruments::find(market, &request.symbol, Some(series.currency), budget).await?,
        // A span that ended earlier has no forecast of today; one made there would be hindsight.
        forecast: if run.data.to == series.last { make_forecast_at(market, &series, series.last).await? } else { None },
        charts: chart_series(&series.bars, &run)?,
        monthly_returns: monthly_returns_of(&run)?,
        warnings: warnings(market, &series, &run),
        check,
        run,
        series,
    })
}

impl ReportRequest {
    /// Checks that the request agrees with the backtest: a report on it has its symbol and its span.
    fn agrees_with(&self, run: &BacktestRun) -> Result<(), ServiceError> {
        let refusal = |field, detail: String| Err(ServiceError::Field { field, detail });
        let DataUsed { symbol, from, to, .. } = &run.data;
        if self.symbol != *symbol {
            return refusal("symbol", format!("must be {symbol}, the symbol of the backtest"));
        }
        let differs = |asked: Option<Day>, days: [Option<Day>; 2]| asked.is_some() && !days.contains(&asked);
        if differs(self.from, [Some(*from), run.request.from]) {
            return refusal("from", format!("must be {from}, where the backtest begins"));
        }
        if differs(self.to, [Some(*to), run.request.to]) {
            return refusal("to", format!("must be {to}, where the backtest ends"));
        }
        Ok(())
    }
}

fn monthly_returns_of(run: &BacktestRun) -> Result<Vec<YearReturns>, ServiceError> {
    let (days, equity): (Vec<Day>, Vec<f64>) = run.equity.iter().map(|point| (point.date, point.equity)).unzip();
    monthly_returns(&days, &equity).map_err(|error| ServiceError::fault("months", error))
}

/// The warnings of the run, and those known about its prices now.
fn warnings(market: &MarketData, series: &PriceSeries, run: &BacktestRun) -> Vec<Warning> {
    let mut found = run.warnings.clone();
    for warning in warnings::of_series(market, series, (run.data.from, run.data.to)) {
        if !found.contains(&warning) {
            found.push(warning);
        }
    }
    found
}

/// The classic strategy over the span; it is not stored.
async fn run_classic(
    market: &MarketData,
    series: &Arc<PriceSeries>,
    request: &ReportRequest,
) -> Result<BacktestRun, ServiceError> {
    let ReportRequest { symbol, from, to, .. } = request.clone();
    let backtest = backtests::BacktestRequest { symbol, from, to, strategy: classic(series)? };
    let outcome = backtests::simulate(series, &backtest).await?;
    Ok(backtests::assemble(market, (Uuid::nil(), DateTime::UNIX_EPOCH), backtest.filled(), series, outcome))
}

/// The default model's forecast as of a day; none if the history is too short for it.
async fn make_forecast_at(
    market: &MarketData,
    series: &PriceSeries,
    as_of: Day,
) -> Result<Option<StoredForecast>, ServiceError> {
    let request = forecasts::ForecastRequest {
        symbol: series.symbol.clone(),
        horizon: forecasts::DEFAULT_HORIZON,
        model: Model::default(),
        as_of: Some(as_of),
    };
    match forecasts::make_from(market, series, &request).await {
        Ok(made) => Ok(Some(made)),
        Err(ServiceError::NotEnoughBars { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn classic(series: &PriceSeries) -> Result<Strategy, ServiceError> {
    let rule = |field, text| Rule::parse(text).map_err(|error| ServiceError::Rule { field, error });
    let money = |text| Money::parse(text, series.currency).map_err(|error| ServiceError::fault("default", error));
    Ok(Strategy {
        initial_investment: money("10000")?,
        buy: rule("buy", CLASSIC_BUY)?,
        sell: rule("sell", CLASSIC_SELL)?,
        fill: Fill::NextOpen,
        commission_percent: 0.0,
        commission_minimum: money("0")?,
        slippage_percent: 0.0,
        fractional: false,
        risk_free_rate: 0.0,
    })
}

/// Stores the PDF of this content as an object, or finds the one already made from the same content, and signs a link
/// to it.
///
/// `content` is the report's JSON without its id and time; `pdf` makes the document for an id and a time, outside the
/// threads that serve requests.
pub async fn publish<F, E>(
    app: &App,
    customer: CustomerId,
    content: &[u8],
    filename: String,
    pdf: F,
) -> Result<PublishedReport, ServiceError>
where
    F: FnOnce(Uuid, DateTime<Utc>) -> Result<Vec<u8>, E> + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let key = keys::report(customer, &sha256_hex(&[content]));
    let found = documents::read::<ReportRecord>(app.table(), &key).await?;
    let record = match found {
        Some((record, _)) => record,
        None => record_first(app, key, store_pdf(app, customer, pdf).await?).await?,
    };
    let options = LinkOptions { lifetime: LINK_LIFETIME, filename };
    let link = app.objects().link(&record.pdf, options).await?;
    Ok(PublishedReport { id: record.id, generated_at: record.generated_at, link })
}

/// The record that counts: this one, or that of a concurrent request that came first.
async fn record_first(app: &App, key: Key, record: ReportRecord) -> Result<ReportRecord, ServiceError> {
    let expires_at = Some((record.generated_at + TimeDelta::days(RECORD_DAYS)).timestamp());
    match documents::put_new(app.table(), key.clone(), &record, expires_at).await {
        Ok(_) => Ok(record),
        Err(StoreError::Conflict { .. }) => {
            let first = documents::read::<ReportRecord>(app.table(), &key).await?;
            Ok(first.map_or(record, |(first, _)| first))
        }
        Err(error) => Err(error.into()),
    }
}

async fn store_pdf<F, E>(app: &App, customer: CustomerId, pdf: F) -> Result<ReportRecord, ServiceError>
where
    F: FnOnce(Uuid, DateTime<Utc>) -> Result<Vec<u8>, E> + Send + 'static,
    E: std::fmt::Display + Send + 'static,
{
    let (id, generated_at) = (app.new_id(), app.now());
    let bytes = tokio::task::spawn_blocking(move || pdf(id, generated_at))
        .await
        .map_err(|error| ServiceError::fault("PDF", error))?
        .map_err(|error| ServiceError::fault("PDF", error))?;
    let key = objects_of::new_key("reports", customer, "pdf")?;
    app.objects().put(&key, bytes, "application/pdf").await?;
    Ok(ReportRecord { id, generated_at, pdf: key })
}
