//! One day of a portfolio.

use domain::Day;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;

/// A day of a portfolio, exact, in its base currency. The value is that of the previous day + inflow − outflow + gain,
/// and the gain is price gain + income − fees + fx.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayValue {
    /// The day.
    pub date: Day,
    /// Units × close over all holdings; a missing close is replaced by the last one.
    pub value: Amount,
    /// The value as displayed: the sum of the instruments' values, each rounded to the currency's unit.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub shown: Amount,
    /// Purchases with their fees, and lots held elsewhere.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub inflow: Amount,
    /// Sales less their fees, and dividends on their ex-date.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub outflow: Amount,
    /// Dividends: units held at the end of the previous day, after the day's split, × cash per unit.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub income: Amount,
    /// Fees of purchases and sales.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub fees: Amount,
    /// Value of the previous day in its own currency × change of the rate.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub fx: Amount,
    /// Growth between the flows of a day with trades, see [`quant::portfolio::priced_growth`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// Whether an exchange rate that the day needs is unknown. Its value then uses the rate of another day; the next
    /// day continues from it, and it is not displayed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_rate: bool,
}
