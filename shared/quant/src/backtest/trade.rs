//! Closed and open trades.

use domain::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A closed trade: a purchase and its sale. Prices and units are as of their own day; `split_factor` converts units of the
/// entry day into units of the exit day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BacktestTrade)]
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
    /// Fees of the purchase and the sale, slippage not included.
    pub fees: f64,
    /// Profit or loss, in the instrument's currency: proceeds + dividends + cash in lieu − cost − both fees.
    pub pnl: f64,
    /// `pnl` / (cost + entry fee), a fraction.
    #[serde(rename = "return")]
    pub return_: f64,
    /// Calendar days held.
    pub days: i32,
}

/// A position still held at the end, valued at the last close.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BacktestOpenTrade)]
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
    /// Unrealized profit or loss: value at the last close + dividends + cash in lieu − cost − entry fee.
    pub pnl: f64,
    /// `pnl` / (cost + entry fee), a fraction.
    #[serde(rename = "return")]
    pub return_: f64,
    /// Calendar days held so far.
    pub days: i32,
}
