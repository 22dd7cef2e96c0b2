//! The settings of a backtest.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BacktestError;
use crate::rules::Rule;

/// The largest amount of money in a setting.
pub const MAX_MONEY: f64 = 1e12;

/// When an order is filled. A rule that is true on a close gives an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FillTiming)]
pub enum Fill {
    /// At the open of the next bar.
    #[default]
    NextOpen,
    /// At the close on which the rule was evaluated.
    Close,
}

impl Fill {
    /// The name in requests and responses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NextOpen => "next_open",
            Self::Close => "close",
        }
    }
}

/// The rules, the initial cash and the costs of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The initial cash, in the instrument's currency.
    pub initial_investment: f64,
    /// The rule that opens a position; evaluated on every close without one.
    pub buy: Rule,
    /// The rule that closes the position; evaluated on every close with one.
    pub sell: Rule,
    /// When orders are filled.
    pub fill: Fill,
    /// Fee of each purchase and each sale, in percent of the value: 0.1 means 0.1 %.
    pub commission_percent: f64,
    /// Minimum fee of each purchase and each sale, in the instrument's currency.
    pub commission_minimum: f64,
    /// How much worse than the quoted price each fill is, in percent.
    pub slippage_percent: f64,
    /// Whether fractional units can be held.
    pub fractional: bool,
    /// The risk-free rate per year, a fraction, for the ratios that use it.
    pub risk_free_rate: f64,
}

impl Settings {
    /// Checks every amount, percentage and rate.
    ///
    /// Errors: [`BacktestError::Setting`], the first that is out of its range.
    pub fn check(&self) -> Result<(), BacktestError> {
        let money = "above 0 and at most 1000000000000";
        let percent = "at least 0 and below 100";
        let checks = [
            ("initial_investment", self.initial_investment, self.initial_investment > 0.0, money),
            ("initial_investment", self.initial_investment, self.initial_investment <= MAX_MONEY, money),
            ("commission_percent", self.commission_percent, (0.0..100.0).contains(&self.commission_percent), percent),
            (
                "commission_minimum",
                self.commission_minimum,
                (0.0..=MAX_MONEY).contains(&self.commission_minimum),
                "at least 0 and at most 1000000000000",
            ),
            ("slippage_percent", self.slippage_percent, (0.0..100.0).contains(&self.slippage_percent), percent),
            (
                "risk_free_rate",
                self.risk_free_rate,
                self.risk_free_rate > -1.0 && self.risk_free_rate <= 1.0,
                "a yearly fraction above -1 and at most 1",
            ),
        ];
        match checks.into_iter().find(|&(_, _, holds, _)| !holds) {
            Some((setting, value, _, range)) => Err(BacktestError::Setting { setting, value, range }),
            None => Ok(()),
        }
    }
}
