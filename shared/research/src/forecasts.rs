//! Making a forecast, keeping it for good, and grading it by what came; `grades.rs` has the grades that are kept.

mod grades;
mod stored_forecast;

pub use grades::{grade_all_matured, grade_matured};
pub use quant::forecast::{MAX_HORIZON, Model};
pub use quant::grading::{Graded, Summary};
pub use stored_forecast::{Forecast, Terms, grade};

use std::collections::BTreeMap;
use std::sync::Arc;

use app::App;
use app::error::ServiceError;
use domain::{Bars, CustomerId, Day, Spacing, Symbol};
use market_data::series::Series;
use market_data::{MarketData, history, market_clock, warnings};
use quant::backtest::Warning;
use quant::forecast::{self, ForecastError};
use quant::grading::{self, Entry, Grade, GradedPoint};
use serde::Serialize;
use store::{Cursor, documents, keys};
use utoipa::ToSchema;

/// Days ahead where the request does not say.
pub const DEFAULT_HORIZON: usize = 30;

/// Stored forecasts that a summary reads at the most, newest first.
const MAX_SUMMARISED: usize = 1_000;
const PAGE: usize = 200;

/// What to forecast.
#[derive(Clone, Debug)]
pub struct Order {
    /// The instrument.
    pub symbol: Symbol,
    /// Trading days ahead, 1 to [`forecast::MAX_HORIZON`].
    pub horizon: usize,
    /// The model.
    pub model: Model,
    /// The day whose knowledge the forecast uses; the last bar where none is given.
    pub as_of: Option<Day>,
}

/// A forecast as it is answered.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Answer {
    /// The forecast, which is stored.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// What a reader must know of the prices that it rests on, as they are known now.
    pub warnings: Vec<Warning>,
}

/// A stored forecast beside what came.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GradedForecast {
    /// How it was made.
    #[serde(flatten)]
    pub terms: Terms,
    /// One point a trading day, with its actual where it has come.
    pub points: Vec<GradedPoint>,
    /// How good it was, once every day has come.
    pub grade: Grade,
    /// Why a figure of the grade is null, by its name.
    pub grade_unavailable: BTreeMap<String, String>,
    /// What a reader must know of the prices that it rests on and is graded by, as they are known now.
    pub warnings: Vec<Warning>,
}

/// A page of a symbol's forecasts and the record over all of them.
#[derive(Debug)]
pub struct Record {
    /// The page, latest `as_of` first.
    pub items: Vec<GradedForecast>,
    /// The record by model, forecasts made in hindsight apart.
    pub summary: Vec<Summary>,
    /// Where the next page starts.
    pub next: Option<String>,
}

/// The forecast of this order: the stored one where it was made before from the same bars, else a
/// new one that is stored. The first one stored stays.
pub async fn make(market: &MarketData, customer: CustomerId, order: &Order) -> Result<Answer, ServiceError> {
    let series = history::load(market, &order.symbol, market.budget_for(customer)).await?;
    let forecast = make_from(market, &series, order).await?;
    let warnings = warnings(market, &series, forecast.terms.as_of);
    Ok(Answer { forecast, warnings })
}

/// Of the bars up to a day: a model reads them all.
fn warnings(market: &MarketData, series: &Series, through: Day) -> Vec<Warning> {
    let on_spacing = Warning::on_spacing(Spacing::of(series.bars.dates()));
    on_spacing.into_iter().chain(warnings::of_series(market, series, (series.first, through))).collect()
}

/// The same from a history that is at hand.
pub(crate) async fn make_from(market: &MarketData, series: &Series, order: &Order) -> Result<Forecast, ServiceError> {
    let seen = bars_seen(market, series, order.as_of)?;
    let as_of = seen.last().map_or(series.last, |bar| bar.date);
    let sha256 = quant::fingerprint::fingerprint(&seen);
    let key = keys::forecast(&order.symbol, as_of, order.model.name(), order.horizon, &sha256);
    if let Some((stored, _)) = documents::read::<Forecast>(market.app.table(), &key).await? {
        return Ok(stored);
    }
    let made = compute(market, order, series, seen, sha256).await?;
    let (first, is_new) = documents::put_first(market.app.table(), &key, made).await?;
    if is_new {
        grades::await_grade(&market.app, &first).await;
    }
    Ok(first)
}

fn bars_seen(market: &MarketData, series: &Series, as_of: Option<Day>) -> Result<Bars, ServiceError> {
    let today = market_clock::market_day(market).max(series.last);
    let as_of = as_of.unwrap_or(series.last);
    if as_of > today {
        let detail = format!("{as_of} is after {today}, the last day there are prices of");
        return Err(ServiceError::Field { field: "as_of", detail });
    }
    match series.bars.count_through(as_of) {
        0 => Err(ServiceError::Field {
            field: "as_of",
            detail: format!("{as_of} is before {}, the first bar of {}", series.first, series.symbol),
        }),
        count => Ok(series.bars.slice(0, count)),
    }
}

async fn compute(
    market: &MarketData,
    order: &Order,
    series: &Series,
    seen: Bars,
    sha256: String,
) -> Result<Forecast, ServiceError> {
    let (model, horizon) = (order.model, order.horizon);
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
    Ok(Forecast {
        terms: Terms {
            id: market.app.new_id(),
            symbol: order.symbol.clone(),
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

/// A page of the stored forecasts of a symbol, each beside what came.
pub async fn list(
    market: &MarketData,
    customer: CustomerId,
    symbol: &Symbol,
    limit: usize,
    cursor: Option<String>,
) -> Result<Record, ServiceError> {
    let series = history::load(market, symbol, market.budget_for(customer)).await?;
    let cursor = cursor.map(Cursor::new);
    let page = documents::list::<Forecast>(market.app.table(), keys::forecasts(symbol), limit, cursor).await?;
    let graded = grades::read_stored(&market.app, &page.items).await?;
    let items = page.items.into_iter().zip(graded);
    let items = items.filter_map(|(stored, graded)| beside_what_came(market, &series, stored, graded)).collect();
    Ok(Record {
        items,
        summary: summarise_stored(&market.app, symbol, &series).await?,
        next: page.next.map(|cursor| cursor.to_string()),
    })
}

async fn summarise_stored(app: &App, symbol: &Symbol, series: &Arc<Series>) -> Result<Vec<Summary>, ServiceError> {
    let mut stored: Vec<Forecast> = Vec::new();
    let mut cursor = None;
    while stored.len() < MAX_SUMMARISED {
        let page = documents::list::<Forecast>(app.table(), keys::forecasts(symbol), PAGE, cursor).await?;
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
        .map_err(|error| ServiceError::fault("record of forecasts", error))
}

fn summarise(series: &Series, stored: &[Forecast], grades: Vec<Option<Graded>>) -> Vec<Summary> {
    let graded = stored.iter().zip(grades);
    let graded: Vec<(&Terms, Graded)> = graded
        .filter_map(|(stored, graded)| Some((&stored.terms, graded.or_else(|| grade(series, stored))?)))
        .collect();
    let entries: Vec<Entry<'_>> =
        graded.iter().map(|(terms, graded)| Entry { model: terms.model, hindsight: terms.hindsight, graded }).collect();
    grading::summarise(&entries)
}

fn beside_what_came(
    market: &MarketData,
    series: &Series,
    stored: Forecast,
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
