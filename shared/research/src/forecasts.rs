//! Makes forecasts, stores them permanently, and grades them by the actual prices; `grades.rs` stores the grades.

mod grades;
mod stored_forecast;

pub use grades::{grade_all_matured, grade_matured};
pub use quant::forecast::{MAX_HORIZON, Model};
pub use quant::grading::{GradeState, Graded, SkillSummary};
pub use stored_forecast::{ForecastTerms, StoredForecast, grade};

use std::collections::BTreeMap;
use std::sync::Arc;

use app::App;
use app::error::ServiceError;
use app::listing::{self, Filter, PageRequest};
use domain::{Bars, CustomerId, Day, Spacing, Symbol};
use market_data::series::PriceSeries;
use market_data::{MarketData, history, market_clock, warnings};
use quant::backtest::Warning;
use quant::forecast::{self, ForecastError};
use quant::grading::{self, Grade, GradedPoint, RecordEntry};
use serde::Serialize;
use store::{documents, keys};
use utoipa::ToSchema;

/// Days ahead by default.
pub const DEFAULT_HORIZON: usize = 30;

/// The most stored forecasts that a summary reads, newest first.
const MAX_SUMMARISED: usize = 1_000;
const PAGE: usize = 200;

/// A forecast to make.
#[derive(Clone, Debug)]
pub struct ForecastRequest {
    /// The instrument.
    pub symbol: Symbol,
    /// Trading days ahead, 1 to [`forecast::MAX_HORIZON`].
    pub horizon: usize,
    /// The model.
    pub model: Model,
    /// The forecast uses only bars up to this day; the last bar by default.
    pub as_of: Option<Day>,
}

/// The response to a forecast request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ForecastResponse {
    /// The forecast as it is stored.
    #[serde(flatten)]
    pub forecast: StoredForecast,
    /// Warnings about the underlying prices, as they are known now.
    pub warnings: Vec<Warning>,
}

/// A stored forecast with the actual prices.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GradedForecast {
    /// How it was made.
    #[serde(flatten)]
    pub terms: ForecastTerms,
    /// One point per trading day, with its actual price if known.
    pub points: Vec<GradedPoint>,
    /// Its grade, once every day has a bar.
    pub grade: Grade,
    /// The reason for each null figure of the grade, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub grade_unavailable: BTreeMap<String, String>,
    /// Warnings about the prices that it is made from and graded by, as they are known now.
    pub warnings: Vec<Warning>,
}

/// A page of a symbol's forecasts and the track record over all of them.
#[derive(Debug)]
pub struct ForecastHistory {
    /// The page, in the order of `as_of`.
    pub items: Vec<GradedForecast>,
    /// The track record by model, with forecasts made in hindsight separate.
    pub summary: Vec<SkillSummary>,
    /// Where the next page starts.
    pub next: Option<String>,
}

/// The forecast for this request: the stored one if it was already made from the same bars, else a new one, which is
/// stored. The first one stored stays.
pub async fn make(
    market: &MarketData,
    customer: CustomerId,
    request: &ForecastRequest,
) -> Result<ForecastResponse, ServiceError> {
    let series = history::load(market, &request.symbol, market.budget_for(customer)).await?;
    let forecast = make_from(market, &series, request).await?;
    let warnings = warnings(market, &series, forecast.terms.as_of);
    Ok(ForecastResponse { forecast, warnings })
}

/// Warnings about all bars up to a day: a model reads them all.
fn warnings(market: &MarketData, series: &PriceSeries, through: Day) -> Vec<Warning> {
    let on_spacing = Warning::on_spacing(Spacing::of(series.bars.dates()));
    on_spacing.into_iter().chain(warnings::of_series(market, series, (series.first, through))).collect()
}

/// The same from a loaded history.
pub(crate) async fn make_from(
    market: &MarketData,
    series: &PriceSeries,
    request: &ForecastRequest,
) -> Result<StoredForecast, ServiceError> {
    let seen = bars_seen(market, series, request.as_of)?;
    let as_of = seen.last().map_or(series.last, |bar| bar.date);
    let sha256 = quant::fingerprint::fingerprint(&seen);
    let key = keys::forecast(&request.symbol, as_of, request.model.name(), request.horizon, &sha256);
    if let Some((stored, _)) = documents::read::<StoredForecast>(market.app.table(), &key).await? {
        return Ok(stored);
    }
    let made = compute(market, request, series, seen, sha256).await?;
    let (first, is_new) = documents::put_first(market.app.table(), &key, made).await?;
    if is_new {
        grades::await_grade(&market.app, &first).await;
    }
    Ok(first)
}

fn bars_seen(market: &MarketData, series: &PriceSeries, as_of: Option<Day>) -> Result<Bars, ServiceError> {
    let today = market_clock::market_day(market).max(series.last);
    let as_of = as_of.unwrap_or(series.last);
    if as_of > today {
        let detail = format!("must not be after {today}, the last day with prices");
        return Err(ServiceError::Field { field: "as_of", detail });
    }
    match series.bars.count_through(as_of) {
        0 => Err(ServiceError::Field {
            field: "as_of",
            detail: format!("must not be before {}, the first bar of {}", series.first, series.symbol),
        }),
        count => Ok(series.bars.slice(0, count)),
    }
}

async fn compute(
    market: &MarketData,
    request: &ForecastRequest,
    series: &PriceSeries,
    seen: Bars,
    sha256: String,
) -> Result<StoredForecast, ServiceError> {
    let (model, horizon) = (request.model, request.horizon);
    let known_after = series.bars.len() > seen.len();
    let task = move || {
        let made = forecast::forecast(&seen, model, horizon)?;
        Ok::<_, ForecastError>((made, forecast::score(&seen, model, horizon)))
    };
    let (made, (score, unavailable)) = tokio::task::spawn_blocking(task)
        .await
        .map_err(|error| ServiceError::fault("forecast", error))?
        .map_err(|error| refusal(&error))?;
    let next_session = domain::calendar::next_trading_days(made.as_of, 1).first().copied();
    let over = next_session.is_some_and(|next| next <= market_clock::market_day(market));
    Ok(StoredForecast {
        terms: ForecastTerms {
            id: market.app.new_id(),
            symbol: request.symbol.clone(),
            model,
            as_of: made.as_of,
            made_at: market.app.now(),
            hindsight: known_after || over,
            horizon,
            currency: series.currency,
            last_price: made.last_price,
            source: series.source.clone(),
            sha256,
            score,
            unavailable,
        },
        points: made.points,
    })
}

fn refusal(error: &ForecastError) -> ServiceError {
    match error {
        &ForecastError::NotEnoughBars { needed, have } => ServiceError::NotEnoughBars { needed, have },
        ForecastError::Horizon { .. } | ForecastError::CalendarEnds => {
            ServiceError::Field { field: "horizon", detail: error.to_string() }
        }
        ForecastError::NotFinite => ServiceError::Field { field: "symbol", detail: error.to_string() },
    }
}

/// Which forecasts a history contains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ForecastFilter {
    /// Forecasts of this model.
    pub model: Option<Model>,
    /// Forecasts that can be graded, or cannot be graded yet.
    pub state: Option<GradeState>,
}

/// A filter, and what determines the state of a forecast without reading its grade.
#[derive(Default, PartialEq, Serialize)]
struct StateFilter {
    #[serde(flatten)]
    filter: ForecastFilter,
    /// By number of points: the last origin of a forecast whose days all have a bar. Empty if states do not matter.
    #[serde(skip)]
    last_graded: Vec<Day>,
}

impl StateFilter {
    fn new(filter: ForecastFilter, series: &PriceSeries) -> Self {
        let newest_first = series.bars.dates().iter().rev().copied();
        let origins = if filter.state.is_some() { MAX_HORIZON + 1 } else { 0 };
        Self { filter, last_graded: newest_first.take(origins).collect() }
    }
}

impl Filter<StoredForecast> for StateFilter {
    fn keeps(&self, forecast: &StoredForecast) -> bool {
        let ForecastFilter { model, state } = self.filter;
        let last_graded = self.last_graded.get(forecast.points.len());
        let is_graded = last_graded.is_some_and(|last| forecast.terms.as_of <= *last);
        model.is_none_or(|model| model == forecast.terms.model)
            && state.is_none_or(|state| (state == GradeState::Graded) == is_graded)
    }
}

/// A page of the stored forecasts of a symbol that the filter keeps, each with the actual prices, in the order of their
/// origins. The track record is over all forecasts.
pub async fn list(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    filter: ForecastFilter,
    page: &PageRequest,
) -> Result<ForecastHistory, ServiceError> {
    let series = history::load(market, symbol, market.budget_for(customer)).await?;
    let filter = StateFilter::new(filter, &series);
    let page = listing::read_page(&market.app, keys::forecasts(symbol), &filter, page).await?;
    let graded = grades::read_stored(&market.app, &page.items).await?;
    let items = page.items.into_iter().zip(graded);
    let items = items.filter_map(|(stored, graded)| beside_what_came(market, &series, stored, graded)).collect();
    Ok(ForecastHistory { items, summary: summarise_stored(&market.app, symbol, &series).await?, next: page.next })
}

async fn summarise_stored(
    app: &App,
    symbol: &Symbol,
    series: &Arc<PriceSeries>,
) -> Result<Vec<SkillSummary>, ServiceError> {
    let mut stored: Vec<StoredForecast> = Vec::new();
    let mut cursor = None;
    while stored.len() < MAX_SUMMARISED {
        let page = documents::list::<StoredForecast>(app.table(), keys::forecasts(symbol), PAGE, cursor).await?;
        stored.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let grades = grades::read_stored(app, &stored).await?;
    let series = series.clone();
    tokio::task::spawn_blocking(move || summarise(&series, &stored, grades))
        .await
        .map_err(|error| ServiceError::fault("summarizing forecasts failed", error))
}

fn summarise(series: &PriceSeries, stored: &[StoredForecast], grades: Vec<Option<Graded>>) -> Vec<SkillSummary> {
    let graded = stored.iter().zip(grades);
    let graded: Vec<(&ForecastTerms, Graded)> = graded
        .filter_map(|(stored, graded)| Some((&stored.terms, graded.or_else(|| grade(series, stored))?)))
        .collect();
    let entries: Vec<RecordEntry<'_>> = graded
        .iter()
        .map(|(terms, graded)| RecordEntry { model: terms.model, hindsight: terms.hindsight, graded })
        .collect();
    grading::summarise(&entries)
}

fn beside_what_came(
    market: &MarketData,
    series: &PriceSeries,
    stored: StoredForecast,
    graded: Option<Graded>,
) -> Option<GradedForecast> {
    let graded = graded.or_else(|| grade(series, &stored))?;
    let last = stored.points.last().map_or(stored.terms.as_of, |point| point.date);
    Some(GradedForecast {
        terms: stored.terms,
        points: graded.points,
        grade: graded.grade,
        grade_unavailable: graded.unavailable,
        warnings: warnings(market, series, last),
    })
}
