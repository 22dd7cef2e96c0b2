//! The report: one object from which the JSON, the charts and the PDF are all made.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Currency, Day, Symbol};
use quant::backtest::{OpenTrade, Trade, Warning};
use quant::forecast::{Model, Point, Score};
use quant::grading::{Grade, GradedPoint};
use quant::metrics::{Metrics, YearReturns};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::typeface::{Weight, printable};

/// Everything a report says about a symbol, and at once the body of the JSON answer.
///
/// The PDF prints these figures and no others; `figures` holds the one way each is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Identity of this report.
    pub id: Uuid,
    /// Symbol reported on.
    pub symbol: Symbol,
    /// Name of the instrument, or the symbol again where none is known.
    pub name: String,
    /// Currency of prices and amounts.
    pub currency: Currency,
    /// When the report was made, by the wall clock.
    #[serde(with = "domain::instant")]
    pub generated_at: DateTime<Utc>,
    /// Last day of prices known when it was made, by the market clock.
    pub as_of: Day,
    /// Where the prices came from.
    pub source: String,
    /// First day of the span.
    pub from: Day,
    /// Last day of the span.
    pub to: Day,
    /// Rules, fills and costs that the figures belong to.
    pub strategy: Strategy,
    /// Bars of a year, by which figures of one bar became figures of a year: 252 of trading days, 365 where weekends trade
    /// too, 52 of weeks, 12 of months.
    #[serde(default = "domain::spacing::of_trading_days")]
    pub periods_per_year: u32,
    /// Figures of the strategy.
    pub metrics: Metrics,
    /// Why a figure of `metrics` is null, by its name.
    pub unavailable: BTreeMap<String, String>,
    /// The same figures of buying once and holding.
    pub benchmark: Benchmark,
    /// Returns of the strategy by calendar year and month, oldest year first.
    pub monthly_returns: Vec<YearReturns>,
    /// The forecast from the last bar; null when there are too few bars.
    pub forecast: Option<Forecast>,
    /// A forecast as of an earlier day beside what came; null when there are too few bars.
    pub forecast_check: Option<ForecastCheck>,
    /// Closed trades, oldest first.
    pub trades: Vec<Trade>,
    /// The position still held at the end.
    pub open_trade: Option<OpenTrade>,
    /// What a reader must know about the data or the method.
    pub warnings: Vec<Warning>,
    /// The sentences of `warnings`.
    pub notes: Vec<String>,
}

impl Report {
    /// The name as it can be printed; the symbol where the font lacks most of its letters.
    pub(crate) fn printed_name(&self) -> String {
        let printed = printable(&self.name, Weight::Bold);
        let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).count();
        if 2 * letters(&printed) > letters(&self.name) { printed } else { self.symbol.to_string() }
    }

    /// Name and symbol as they can be printed.
    pub(crate) fn heading(&self) -> String {
        let (name, symbol) = (self.printed_name(), self.symbol.as_str());
        if name == symbol { name } else { format!("{name} ({symbol})") }
    }
}

/// The rules, fills and costs of the backtest behind a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Strategy {
    /// Rule that enters a position.
    pub buy: String,
    /// Rule that leaves it.
    pub sell: String,
    /// When an order is filled: `next_open` or `close`.
    pub fill: String,
    /// Cash at the first close.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String, example = "10000")]
    pub initial_investment: Decimal,
    /// Commission per side, in percent of the amount.
    pub commission_percent: f64,
    /// Least commission per side.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = String, example = "0")]
    pub commission_minimum: Decimal,
    /// Slippage per side, in percent of the price.
    pub slippage_percent: f64,
    /// Whether parts of a unit may be bought.
    pub fractional: bool,
    /// Yearly risk-free rate, a fraction.
    pub risk_free_rate: f64,
}

/// Buy and hold over the same span with the same costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Benchmark {
    /// Figures of buy and hold.
    pub metrics: Metrics,
    /// Why a figure is null, by its name.
    pub unavailable: BTreeMap<String, String>,
}

/// A forecast from the last bar known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Forecast {
    /// The model.
    pub model: Model,
    /// Day of the last bar the model saw.
    pub as_of: Day,
    /// Trading days ahead.
    pub horizon: usize,
    /// Close of `as_of`, the level the forecast starts from.
    pub last_price: f64,
    /// One point a trading day.
    pub points: Vec<Point>,
    /// How the model did on earlier origins, beside "the price stays where it is".
    pub score: Score,
    /// Why a figure of the score is null, by its name.
    pub unavailable: BTreeMap<String, String>,
}

/// A forecast as it would have been made on an earlier day, beside what came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastCheck {
    /// The model.
    pub model: Model,
    /// Day of the last bar the model saw.
    pub as_of: Day,
    /// Always true: the forecast was made after the days it forecasts.
    pub hindsight: bool,
    /// Close of `as_of`, the level the forecast starts from.
    pub last_price: f64,
    /// One point a trading day, with the price that came.
    pub points: Vec<GradedPoint>,
    /// How good it was.
    pub grade: Grade,
    /// Why a figure of the grade is null, by its name.
    pub unavailable: BTreeMap<String, String>,
}

/// The daily series that the charts draw; they travel beside the report and are not in its JSON.
///
/// All columns have one value a date. A column of another length is refused by the renderers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChartData {
    /// Trading days, oldest first.
    pub dates: Vec<Day>,
    /// Closes, drawn as they are given.
    pub close: Vec<f64>,
    /// Lines over the price, such as moving averages.
    pub overlays: Vec<Overlay>,
    /// Equity of the strategy.
    pub equity: Vec<f64>,
    /// Equity of buy and hold.
    pub benchmark_equity: Vec<f64>,
    /// Drawdown of the strategy, fractions ≤ 0.
    pub drawdown: Vec<f64>,
    /// Drawdown of buy and hold, fractions ≤ 0.
    pub benchmark_drawdown: Vec<f64>,
}

/// A named line over the price.
#[derive(Clone, Debug, PartialEq)]
pub struct Overlay {
    /// Name in the legend, such as `sma(50)`.
    pub label: String,
    /// One value a date; none while the window is not full.
    pub values: Vec<Option<f64>>,
}
