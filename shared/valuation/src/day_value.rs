//! A day of a portfolio.

use domain::Day;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;

/// A day of a portfolio, exact, in its base currency. The value is that of the evening before + inflow −
/// outflow + gain, and the gain is price gain + income − fees + fx.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DayValue {
    /// The day.
    pub date: Day,
    /// Units × close of everything held; where a close is missing the last one stands.
    pub value: Amount,
    /// The value as it is shown: the sum of the instruments' values, each rounded to the currency's unit.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub shown: Amount,
    /// Purchases with their fees, and lots held elsewhere.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub inflow: Amount,
    /// Sales less their fees, and dividends on their ex-date.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub outflow: Amount,
    /// Dividends: units of the evening before, after the day's split, × cash per unit.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub income: Amount,
    /// Fees of purchases and sales.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub fees: Amount,
    /// Value of the evening before in its own currency × change of the rate.
    #[serde(default, skip_serializing_if = "Amount::is_zero")]
    pub fx: Amount,
    /// Growth between the flows of a day on which something was traded, see [`quant::portfolio::priced_growth`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// Whether a rate of exchange that the day needs is not known: its value is that at the rate of another day, from
    /// which the next day goes on, and it is not shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_rate: bool,
}
