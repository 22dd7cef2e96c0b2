//! Runs and stores backtests; `stored_backtests.rs` reads, names and removes them.

pub use quant::backtest::{BacktestOutcome, Fill};
pub use quant::rules::Rule;

use std::sync::Arc;

use app::error::ServiceError;
use app::idempotency::{self, KeyLookup};
use app::{App, stored_responses};
use chrono::{DateTime, Utc};
use domain::portfolio::PortfolioName;
use domain::{CustomerId, Day, Money, Symbol};
use market_data::series::{self, PriceSeries};
use market_data::{MarketData, history, warnings};
use quant::backtest::{self, BacktestError, Settings};
use quant::metrics;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use store::{Write, documents, keys};
use uuid::Uuid;

use crate::backtest_records::{
    BacktestRun, BacktestSummary, BenchmarkRun, BenchmarkSummary, DataUsed, EquityPoint, FilledRequest,
};
use crate::stored_backtests::find_json;

/// The classic strategy buys below the 50-day average.
pub const CLASSIC_BUY: &str = "close < sma(50)";
/// The classic strategy sells above the 200-day average.
pub const CLASSIC_SELL: &str = "close > sma(200)";

/// Approximate size of a day in a response, both curves together, in bytes.
const BYTES_A_DAY: usize = 180;

/// A backtest to run; without days, over the whole history.
#[derive(Clone, Debug)]
pub struct BacktestRequest {
    /// The instrument.
    pub symbol: Symbol,
    /// First day, inclusive; the first bar by default.
    pub from: Option<Day>,
    /// Last day, inclusive; the last bar by default.
    pub to: Option<Day>,
    /// Rules, fills and costs.
    pub strategy: Strategy,
}

/// Rules, fills and costs of a backtest.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// Cash at the first close; above zero.
    pub initial_investment: Money,
    /// Buy rule.
    pub buy: Rule,
    /// Sell rule.
    pub sell: Rule,
    /// When an request is filled.
    pub fill: Fill,
    /// Commission per side, in percent of the amount, 0 ≤ x < 100.
    pub commission_percent: f64,
    /// Minimum commission per side, in the currency of the investment.
    pub commission_minimum: Money,
    /// Slippage per side, in percent of the price, 0 ≤ x < 100.
    pub slippage_percent: f64,
    /// Whether fractional units can be bought.
    pub fractional: bool,
    /// Yearly risk-free rate, a fraction.
    pub risk_free_rate: f64,
}

/// A backtest that was just run, or when its idempotency key was first used.
#[derive(Debug)]
pub struct RecordedBacktest {
    /// Id.
    pub id: Uuid,
    /// The JSON of a [`BacktestRun`] without a name, as it is stored.
    pub json: Vec<u8>,
    /// Whether the idempotency key was already used for this request.
    pub replayed: bool,
}

impl BacktestRequest {
    /// The request with defaults filled in.
    #[must_use]
    pub fn filled(&self) -> FilledRequest {
        let strategy = &self.strategy;
        FilledRequest {
            symbol: self.symbol.clone(),
            from: self.from,
            to: self.to,
            initial_investment: strategy.initial_investment.to_string(),
            buy: strategy.buy.to_string(),
            sell: strategy.sell.to_string(),
            fill: strategy.fill,
            commission_percent: strategy.commission_percent,
            commission_minimum: strategy.commission_minimum.to_string(),
            slippage_percent: strategy.slippage_percent,
            fractional: strategy.fractional,
            risk_free_rate: strategy.risk_free_rate,
        }
    }

    /// Checks what can be checked without prices: every amount, percentage and rate.
    ///
    /// Errors: [`ServiceError::Field`] with the first that is out of its range.
    pub fn check(&self) -> Result<(), ServiceError> {
        self.settings()?.check().map_err(|error| match error {
            BacktestError::Setting { setting, .. } => refused_setting(setting, &error),
            other => ServiceError::fault("settings of a backtest", other),
        })
    }

    fn settings(&self) -> Result<Settings, ServiceError> {
        let strategy = &self.strategy;
        let analytic = |money: Money| {
            money.amount().to_f64().ok_or_else(|| ServiceError::fault("an amount does not fit f64", money))
        };
        Ok(Settings {
            initial_investment: analytic(strategy.initial_investment)?,
            buy: strategy.buy.clone(),
            sell: strategy.sell.clone(),
            fill: strategy.fill,
            commission_percent: strategy.commission_percent,
            commission_minimum: analytic(strategy.commission_minimum)?,
            slippage_percent: strategy.slippage_percent,
            fractional: strategy.fractional,
            risk_free_rate: strategy.risk_free_rate,
        })
    }
}

/// Runs the request over a loaded series; nothing is stored.
pub async fn simulate(series: &Arc<PriceSeries>, request: &BacktestRequest) -> Result<BacktestOutcome, ServiceError> {
    let settings = request.settings()?;
    let (from, to) = series::span(series, request.from, request.to)?;
    let series = series.clone();
    // A long history takes over a millisecond, which must not delay concurrent requests.
    tokio::task::spawn_blocking(move || {
        backtest::run(&series.bars, from, to, &settings).map_err(|error| refusal(&series, from, to, &error))
    })
    .await
    .map_err(|error| ServiceError::fault("backtest", error))?
}

fn refusal(series: &PriceSeries, from: Day, to: Day, error: &BacktestError) -> ServiceError {
    match error {
        BacktestError::NoBars { .. } => series.no_bars(from, to),
        BacktestError::FromAfterTo { .. } => ServiceError::FromAfterTo { from, to },
        BacktestError::Setting { setting, .. } => refused_setting(setting, error),
        BacktestError::Overflow => ServiceError::Field { field: "symbol", detail: error.to_string() },
    }
}

fn refused_setting(field: &'static str, error: &BacktestError) -> ServiceError {
    ServiceError::Field { field, detail: error.to_string() }
}

/// What an idempotency key stands for. A request without a name has the same fingerprint as before there were names.
#[derive(Serialize)]
struct KeyedRequest<'a> {
    #[serde(flatten)]
    request: &'a FilledRequest,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a PortfolioName>,
}

/// Runs a backtest for a customer and stores it, with a name if one is given. The same idempotency key with the same
/// request and name returns the first result.
pub async fn run(
    market: &MarketData,
    customer: CustomerId,
    request: &BacktestRequest,
    name: Option<&PortfolioName>,
    idempotency_key: Option<&str>,
) -> Result<RecordedBacktest, ServiceError> {
    let filled = request.filled();
    let keyed = KeyedRequest { request: &filled, name };
    let attempt = idempotency::look_up(&market.app, customer, idempotency_key, "POST /backtest", &keyed).await?;
    let pending = match attempt {
        KeyLookup::Replay(id) => {
            let (json, _) = find_json(&market.app, customer, id).await?;
            return Ok(RecordedBacktest { id, json, replayed: true });
        }
        KeyLookup::First(pending) => pending,
    };
    request.check()?;
    let series = history::load(market, &request.symbol, market.budget_for(customer)).await?;
    let outcome = simulate(&series, request).await?;
    let id = market.app.new_id();
    let asker = market.clone();
    let written = move || {
        let whole = assemble(&asker, (id, App::made_at(id)), filled, &series, outcome);
        // Two curves of about 80 bytes a day each; growing to that by doubling would copy it twice.
        let mut json = Vec::with_capacity(BYTES_A_DAY * whole.equity.len() + BYTES_A_DAY);
        serde_json::to_writer(&mut json, &whole)?;
        Ok::<_, serde_json::Error>((summary(whole), json))
    };
    let (summary, json) = tokio::task::spawn_blocking(written)
        .await
        .map_err(|error| ServiceError::fault("backtest", error))?
        .map_err(|error| ServiceError::fault("serializing a backtest failed", error))?;
    let summary = BacktestSummary { name: name.map(ToString::to_string), ..summary };
    let listed = keys::backtest(customer, id);
    let record = vec![Write::create(listed.clone(), documents::body(&listed, &summary)?)];
    match stored_responses::commit(&market.app, customer, pending, id, &json, record).await? {
        None => Ok(RecordedBacktest { id, json, replayed: false }),
        Some(first) => {
            let (json, _) = find_json(&market.app, customer, first).await?;
            Ok(RecordedBacktest { id: first, json, replayed: true })
        }
    }
}

/// A run with everything that is stored of it.
pub(crate) fn assemble(
    market: &MarketData,
    (id, created_at): (Uuid, DateTime<Utc>),
    request: FilledRequest,
    series: &PriceSeries,
    outcome: BacktestOutcome,
) -> BacktestRun {
    let points = |equity: &[f64], drawdown: &[f64]| {
        let days = outcome.dates.iter().zip(equity.iter().zip(drawdown));
        days.map(|(&date, (&equity, &drawdown))| EquityPoint { date, equity, drawdown }).collect::<Vec<_>>()
    };
    let equity = points(&outcome.equity, &outcome.drawdown);
    let benchmark_equity = points(&outcome.benchmark.equity, &metrics::drawdowns(&outcome.benchmark.equity));
    let mut warnings = warnings::of_series(market, series, (outcome.first_day, outcome.last_day));
    warnings.extend(outcome.warnings);
    let (from, to) = (request.from.or(Some(series.first)), request.to.or(Some(series.last)));
    let request = FilledRequest { from, to, ..request };
    BacktestRun {
        id,
        name: None,
        created_at,
        data: DataUsed {
            symbol: series.symbol.clone(),
            from: outcome.first_day,
            to: outcome.last_day,
            bars: outcome.bars,
            warmup_bars: outcome.warmup_bars,
            source: series.source.clone(),
            sha256: series.fingerprint(),
        },
        request,
        periods_per_year: outcome.periods_per_year,
        metrics: outcome.metrics,
        unavailable: outcome.unavailable,
        benchmark: BenchmarkRun {
            summary: BenchmarkSummary {
                metrics: outcome.benchmark.metrics,
                unavailable: outcome.benchmark.unavailable,
            },
            equity: benchmark_equity,
        },
        trades: outcome.trades,
        open_trade: outcome.open_trade,
        pending_order: outcome.pending_order,
        equity,
        warnings,
    }
}

fn summary(run: BacktestRun) -> BacktestSummary {
    BacktestSummary {
        id: run.id,
        name: run.name,
        created_at: run.created_at,
        request: run.request,
        data: run.data,
        periods_per_year: run.periods_per_year,
        metrics: run.metrics,
        unavailable: run.unavailable,
        benchmark: run.benchmark.summary,
        open_trade: run.open_trade,
        pending_order: run.pending_order,
        warnings: run.warnings,
    }
}
