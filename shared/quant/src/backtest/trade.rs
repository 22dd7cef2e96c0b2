//! Closed and open trades.

use domain::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A closed round trip. Prices and quantities are those of their own day; `split_factor` relates them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Trade {
    /// Day of the purchase.
    pub entry_date: Day,
    /// Price paid per unit, slippage included, in units of the entry day.
    pub entry_price: f64,
    /// Day of the sale.
    pub exit_date: Day,
    /// Price received per unit, slippage included, in units of the exit day.
    pub exit_price: f64,
    /// Units bought, as of the entry day.
    pub quantity: f64,
    /// Product of the split ratios while held.
    pub split_factor: f64,
    /// Cash dividends received while held.
    pub dividends: f64,
    /// Fees of both sides, slippage not included.
    pub fees: f64,
    /// Proceeds + dividends − cost − both fees, in the instrument's currency.
    pub pnl: f64,
    /// `pnl` / (cost + entry fee), a fraction.
    #[serde(rename = "return")]
    pub return_: f64,
    /// Calendar days held.
    pub days: i32,
}

/// A position still held at the end, marked at the last close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OpenTrade {
    /// Day of the purchase.
    pub entry_date: Day,
    /// Price paid per unit, slippage included, in units of the entry day.
    pub entry_price: f64,
    /// Units bought, as of the entry day.
    pub quantity: f64,
    /// Product of the split ratios while held.
    pub split_factor: f64,
    /// Cash dividends received so far.
    pub dividends: f64,
    /// Fee of the purchase.
    pub fees: f64,
    /// Last close, as quoted.
    pub last_price: f64,
    /// Value at the last close + dividends − cost − entry fee.
    pub pnl: f64,
    /// `pnl` / (cost + entry fee), a fraction.
    #[serde(rename = "return")]
    pub return_: f64,
    /// Calendar days held so far.
    pub days: i32,
}
