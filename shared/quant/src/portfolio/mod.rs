//! Figures of a portfolio that money flows into and out of: returns by time and by money, and the
//! risk of the index that they make.
//!
//! Values and flows are columns with an entry a day, in one currency. Ratios are fractions. A figure
//! that cannot be computed is a [`Reason`], whose code is what an answer says.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "expected values are exact in binary"))]

mod modified_dietz;
mod priced;
mod reason;
mod risk;
mod root;
mod time_weighted;
mod xirr;

pub use modified_dietz::{TimedFlow, modified_dietz};
pub use priced::{Deal, PricedMemory, Traded, Untouched, priced_growth};
pub use reason::Reason;
pub use risk::{ExchangeReturn, IndexDay, RelativeRisk, Risk, exchange_returns, relative_risk, risk};
pub use time_weighted::{FlowTiming, ReturnDay, TimeWeighted, UnknownFlowTiming, annualized, time_weighted};
pub use xirr::xirr;
