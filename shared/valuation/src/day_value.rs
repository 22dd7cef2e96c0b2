//! One day of a portfolio.

use domain::Day;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;

/// A day of a portfolio, exact, in its base currency. The value is that of the previous day + inflow − outflow + gain,
/// and the gain is price gain + income − fees + fx, before tax.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayValue {
    /// The day.
    pub date: Day,
    /// Units × close over all holdings; a missing close is replaced by the last one.
    pub value: Amount,
    /// The value as displayed: the sum of the instruments' values, each rounded to the currency's unit.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub shown: Amount,
    /// Purchases with their fees, lots held elsewhere, and charges.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub inflow: Amount,
    /// Sales less their fees, dividends on their ex-date, and other income.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub outflow: Amount,
    /// Dividends, of units held at the end of the previous day, after the day's split, and interest; before tax.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub income: Amount,
    /// The interest in `income`.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub interest: Amount,
    /// Fees, of purchases and sales and others.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub fees: Amount,
    /// Taxes. No part of the flows: after tax, those of purchases raise the inflow and all others lower the outflow.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub taxes: Amount,
    /// Those of purchases.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub inflow_taxes: Amount,
    /// Value of the previous day in its own currency × change of the rate.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub fx: Amount,
    /// Growth between the flows of a day with trades, see [`quant::portfolio::priced_growth`], and of one with charges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// The same after tax, of a day with taxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth_after_tax: Option<f64>,
    /// Whether the day has no return, or part of it: with tracked cash, since the value was not above zero.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_no_return: bool,
    /// Whether an exchange rate that the day needs is unknown. Its value then uses the rate of another day; the next
    /// day continues from it, and it is not displayed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_rate: bool,
}
