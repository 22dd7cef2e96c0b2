//! The bodies of `POST /backtest` and `PATCH /backtest/{id}`.

use api::{Exact, Fields, Patch, Problem, page};
use domain::portfolio::PortfolioName;
use domain::{Currency, Day, Money, Symbol};
use research::backtests::{BacktestRequest, CLASSIC_BUY, CLASSIC_SELL, Fill, Rule, Strategy};
use research::stored_backtests::NameChange;
use serde::Deserialize;
use utoipa::ToSchema;

const DEFAULT_INVESTMENT: &str = "10000";
/// Costs per side must be below this many percent.
const MAX_COST_PERCENT: f64 = 100.0;
/// A yearly rate beyond this is probably a percentage given instead of a fraction.
const MAX_RATE: f64 = 1.0;

/// The backtest to run; only `symbol` is required.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BacktestRequest)]
pub(crate) struct BacktestBody {
    /// Ticker symbol of the instrument.
    #[schema(value_type = api::inputs::SymbolInput)]
    symbol: String,
    /// First day, inclusive; the first bar by default.
    #[schema(value_type = Option<Day>)]
    from: Option<String>,
    /// Last day, inclusive; the last bar by default.
    #[schema(value_type = Option<Day>)]
    to: Option<String>,
    /// Cash at the first close, a decimal string or number above zero; 10000 by default.
    #[schema(value_type = Option<api::inputs::PositiveDecimalInput>)]
    initial_investment: Option<Exact>,
    /// Buy rule; `close < sma(50)` by default.
    #[schema(min_length = 1, max_length = 1000, example = "close < sma(50)")]
    buy: Option<String>,
    /// Sell rule; `close > sma(200)` by default.
    #[schema(min_length = 1, max_length = 1000, example = "close > sma(200)")]
    sell: Option<String>,
    /// `next_open` (default) or `close`.
    fill: Option<Fill>,
    /// Commission per side in percent of the amount, 0 ≤ x < 100; 0 by default.
    #[schema(minimum = 0, exclusive_maximum = 100)]
    commission_percent: Option<f64>,
    /// Minimum commission per side, a decimal string or number; 0 by default.
    #[schema(value_type = Option<api::inputs::DecimalInput>)]
    commission_minimum: Option<Exact>,
    /// Slippage per side in percent of the price, 0 ≤ x < 100; 0 by default.
    #[schema(minimum = 0, exclusive_maximum = 100)]
    slippage_percent: Option<f64>,
    /// Whether fractional units can be bought; false by default.
    fractional: Option<bool>,
    /// Yearly risk-free rate, a fraction above -1 and at most 1; 0 by default.
    #[schema(exclusive_minimum = -1, maximum = 1)]
    risk_free_rate: Option<f64>,
    /// Name of the backtest, 1 to 100 characters; none by default. It can be changed later.
    #[schema(value_type = Option<PortfolioName>)]
    name: Option<String>,
}

/// The name of a backtest to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BacktestPatch)]
pub(crate) struct BacktestChange {
    /// The new name, 1 to 100 characters; null removes the name, and absent it stays.
    #[serde(default)]
    #[schema(value_type = Option<PortfolioName>)]
    name: Patch<String>,
}

/// A backtest to run.
pub(crate) struct NewBacktest {
    pub(crate) request: BacktestRequest,
    pub(crate) name: Option<PortfolioName>,
}

impl BacktestChange {
    pub(crate) fn parse(self) -> Result<NameChange, Problem> {
        let mut fields = Fields::default();
        let change = match self.name {
            Patch::Keep => Some(NameChange::Keep),
            Patch::Remove => Some(NameChange::Remove),
            Patch::Set(name) => fields.take("name", PortfolioName::parse(&name)).map(NameChange::Set),
        };
        fields.finish(change)
    }
}

impl BacktestBody {
    /// The buy rule, or the default one.
    pub(crate) fn buy(&self) -> &str {
        self.buy.as_deref().unwrap_or(CLASSIC_BUY)
    }

    /// The sell rule, or the default one.
    pub(crate) fn sell(&self) -> &str {
        self.sell.as_deref().unwrap_or(CLASSIC_SELL)
    }

    /// The backtest to run, or every error at once.
    pub(crate) fn parse(self) -> Result<NewBacktest, Problem> {
        let mut fields = Fields::default();
        let symbol = fields.take("symbol", self.symbol.parse::<Symbol>());
        let span = page::day_range(&mut fields, self.from.as_deref(), self.to.as_deref());
        let strategy = self.strategy(&mut fields);
        let name = fields.take_optional("name", self.name.as_deref().map(PortfolioName::parse));
        let request = symbol.zip(strategy).zip(span);
        let request = request.map(|((symbol, strategy), span)| BacktestRequest {
            symbol,
            from: span.from,
            to: span.to,
            strategy,
        });
        fields.finish(request.zip(name).map(|(request, name)| NewBacktest { request, name }))
    }

    fn strategy(&self, fields: &mut Fields) -> Option<Strategy> {
        let investment = amount(fields, "initial_investment", self.initial_investment.as_ref(), DEFAULT_INVESTMENT);
        if investment.is_some_and(|money| !money.is_positive()) {
            fields.refuse("initial_investment", "must be above zero");
        }
        let minimum = amount(fields, "commission_minimum", self.commission_minimum.as_ref(), "0");
        if minimum.is_some_and(Money::is_negative) {
            fields.refuse("commission_minimum", "must not be below zero");
        }
        let commission_percent = cost(fields, "commission_percent", self.commission_percent);
        let slippage_percent = cost(fields, "slippage_percent", self.slippage_percent);
        let risk_free_rate = self.risk_free_rate.unwrap_or_default();
        if risk_free_rate.abs() > MAX_RATE {
            fields.refuse("risk_free_rate", "must be a yearly fraction from -1 to 1: 2 % is 0.02");
        }
        let buy = rule(fields, "buy", self.buy());
        let sell = rule(fields, "sell", self.sell());
        Some(Strategy {
            initial_investment: investment?,
            buy: buy?,
            sell: sell?,
            fill: self.fill.unwrap_or(Fill::NextOpen),
            commission_percent: commission_percent?,
            commission_minimum: minimum?,
            slippage_percent: slippage_percent?,
            fractional: self.fractional.unwrap_or_default(),
            risk_free_rate,
        })
    }
}

fn amount(fields: &mut Fields, name: &str, given: Option<&Exact>, default: &str) -> Option<Money> {
    // The instrument's currency is not known yet; every currency of the providers has at most these decimals.
    let text = given.map_or(default, Exact::as_str);
    fields.take(name, Money::parse(text, Currency::USD))
}

fn cost(fields: &mut Fields, name: &str, percent: Option<f64>) -> Option<f64> {
    let percent = percent.unwrap_or_default();
    if (0.0..MAX_COST_PERCENT).contains(&percent) {
        return Some(percent);
    }
    fields.refuse(name, format!("must be a percentage from 0 to below {MAX_COST_PERCENT}: 0.1 is 0.1 %"));
    None
}

fn rule(fields: &mut Fields, name: &str, text: &str) -> Option<Rule> {
    match Rule::parse(text) {
        Ok(rule) => Some(rule),
        Err(error) => {
            fields.refuse_at(name, error.column, error.length, &error.message);
            None
        }
    }
}
