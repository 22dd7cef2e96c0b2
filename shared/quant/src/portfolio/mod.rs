//! Figures of a portfolio with cash flows: time-weighted and money-weighted returns, and the risk of the resulting
//! index.
//!
//! Values and flows are columns with one entry a day, in one currency. Ratios are fractions. A figure that cannot be
//! computed is a [`Reason`], whose code appears in responses.

#![cfg_attr(test, allow(clippy::float_cmp, reason = "expected values are exact in binary"))]

mod invested;
mod modified_dietz;
mod priced;
mod reason;
mod risk;
mod root;
mod time_weighted;
mod tracked;
mod xirr;

pub use invested::{mean_invested, simple_return};
pub use modified_dietz::{TimedFlow, modified_dietz};
pub use priced::{Deal, PricedMemory, Traded, Untouched, priced_growth};
pub use reason::Reason;
pub use risk::{ExchangeReturn, IndexDay, RelativeRisk, Risk, exchange_returns, relative_risk, risk};
pub use time_weighted::{FlowTiming, ReturnDay, TimeWeighted, UnknownFlowTiming, annualized, time_weighted};
pub use tracked::{Payment, TrackedCash, TrackedDay, TrackedGrowth, TrackedTrade, tracked_growth};
pub use xirr::xirr;
