//! The report: the one object behind the JSON, the charts and the PDF.

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

/// A report on a symbol. The PDF prints these figures and no others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// Id of this report.
    pub id: Uuid,
    /// Symbol of the report.
    pub symbol: Symbol,
    /// Name of the instrument, or the symbol if it is unknown.
    pub name: String,
    /// Currency of prices and amounts.
    pub currency: Currency,
    /// When the report was generated.
    #[serde(with = "domain::instant")]
    pub generated_at: DateTime<Utc>,
    /// Last day with known prices at that time, by the market clock.
    pub as_of: Day,
    /// The source of the prices.
    pub source: String,
    /// First day of the span.
    pub from: Day,
    /// Last day of the span.
    pub to: Day,
    /// Rules, fills and costs behind the figures.
    pub strategy: Strategy,
    /// Bars a year, for annualizing figures of one bar: 252 for trading days, 365 if weekends trade too, 52 for weeks,
    /// 12 for months.
    #[serde(default = "domain::spacing::of_trading_days")]
    #[schema(required)]
    pub periods_per_year: u32,
    /// Figures of the strategy.
    pub metrics: Metrics,
    /// The reason for each null figure of `metrics`, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
    /// The same figures for buy and hold.
    pub benchmark: BuyAndHoldFigures,
    /// Returns of the strategy by calendar year and month, oldest year first.
    pub monthly_returns: Vec<YearReturns>,
    /// The forecast from the last bar; null if there are too few bars.
    #[schema(required)]
    pub forecast: Option<Forecast>,
    /// A forecast as of an earlier day with the actual prices; null if there are too few bars.
    #[schema(required)]
    pub forecast_check: Option<ForecastCheck>,
    /// Closed trades, oldest first. Absent if `include` does not name `trades`.
    #[schema(required = false)]
    pub trades: Vec<Trade>,
    /// The position still open at the end; null if there is none.
    #[schema(required)]
    pub open_trade: Option<OpenTrade>,
    /// Warnings about the data or the method.
    pub warnings: Vec<Warning>,
    /// The texts of `warnings`.
    pub notes: Vec<String>,
}

impl Report {
    /// The name as it can be printed; the symbol if the font lacks most of its characters.
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
#[schema(as = ReportStrategy)]
pub struct Strategy {
    /// The buy rule.
    pub buy: String,
    /// The sell rule.
    pub sell: String,
    /// When an order is filled: `next_open` or `close`.
    #[schema(value_type = quant::backtest::Fill)]
    pub fill: String,
    /// Cash at the first close.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = domain::schema::DecimalString)]
    pub initial_investment: Decimal,
    /// Commission per side, in percent of the amount.
    pub commission_percent: f64,
    /// Minimum commission per side.
    #[serde(with = "rust_decimal::serde::str")]
    #[schema(value_type = domain::schema::DecimalString)]
    pub commission_minimum: Decimal,
    /// Slippage per side, in percent of the price.
    pub slippage_percent: f64,
    /// Whether fractional units can be bought.
    pub fractional: bool,
    /// Yearly risk-free rate, a fraction.
    pub risk_free_rate: f64,
}

/// Buy and hold over the same span with the same costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BuyAndHoldFigures {
    /// Figures of buy and hold.
    pub metrics: Metrics,
    /// The reason for each null figure, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// A forecast from the last known bar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ReportForecast)]
pub struct Forecast {
    /// The model that forecast.
    pub model: Model,
    /// Day of the last bar that the model saw.
    pub as_of: Day,
    /// Trading days ahead.
    pub horizon: usize,
    /// Close of `as_of`, where the forecast starts.
    pub last_price: f64,
    /// One point per trading day. Absent if `include` does not name `points`.
    #[schema(required = false)]
    pub points: Vec<Point>,
    /// The model's accuracy on earlier origins, relative to "the price stays where it is".
    pub score: Score,
    /// The reason for each null figure of the score, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// A forecast as it would have been made on an earlier day, with the actual prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForecastCheck {
    /// The model that forecast.
    pub model: Model,
    /// Day of the last bar that the model saw.
    pub as_of: Day,
    /// Always true: the forecast was made after the days that it forecasts.
    pub hindsight: bool,
    /// Close of `as_of`, where the forecast starts.
    pub last_price: f64,
    /// One point per trading day, with the actual price. Absent if `include` does not name `points`.
    #[schema(required = false)]
    pub points: Vec<GradedPoint>,
    /// The grade of the forecast.
    pub grade: Grade,
    /// The reason for each null figure of the grade, by its name.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// The daily series of the charts; they accompany the report and are not in its JSON.
///
/// All columns have one value per date. The renderers refuse a column of another length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChartData {
    /// Trading days, oldest first.
    pub dates: Vec<Day>,
    /// Closes, drawn as given.
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
    /// One value per date; none while the window is not full.
    pub values: Vec<Option<f64>>,
}
