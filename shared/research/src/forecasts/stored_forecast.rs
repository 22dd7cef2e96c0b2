//! A stored forecast, and its grade by the actual bars.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Currency, Day, Symbol};
use market_data::series::PriceSeries;
use quant::forecast::{Model, Point, Score};
use quant::grading::{self, Graded};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How a forecast was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastTerms {
    /// Id of the forecast.
    pub id: Uuid,
    /// The instrument that is forecast.
    pub symbol: Symbol,
    /// The model that forecast.
    pub model: Model,
    /// Day of the last bar that the model saw.
    pub as_of: Day,
    /// When it was made.
    #[serde(with = "domain::instant")]
    pub made_at: DateTime<Utc>,
    /// Whether the bar after `as_of` was known when it was made.
    pub hindsight: bool,
    /// Trading days ahead.
    pub horizon: usize,
    /// Currency of the prices.
    pub currency: Currency,
    /// Close of `as_of`, as quoted.
    pub last_price: f64,
    /// The source of the prices.
    pub source: String,
    /// Hash of the bars up to `as_of`, lower-case hex.
    #[schema(value_type = domain::schema::Sha256)]
    pub sha256: String,
    /// The model's accuracy on earlier origins, relative to naive.
    pub score: Score,
    /// The reason for each null figure of the score, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// A stored forecast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StoredForecast {
    /// How it was made.
    #[serde(flatten)]
    pub terms: ForecastTerms,
    /// One point per trading day.
    pub points: Vec<Point>,
}

/// Grades a forecast by the bars; `None` if its origin is not a bar of the series.
#[must_use]
pub fn grade(series: &PriceSeries, forecast: &StoredForecast) -> Option<Graded> {
    let origin = series.bars.count_before(forecast.terms.as_of);
    let found = series.bars.dates().get(origin) == Some(&forecast.terms.as_of);
    let graded = found.then(|| grading::grade(&series.bars, origin, &forecast.points).ok()).flatten();
    if graded.is_none() {
        tracing::warn!(symbol = %series.symbol, id = %forecast.terms.id, "the origin of a forecast is not in the series");
    }
    graded
}
