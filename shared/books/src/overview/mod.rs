//! How a customer's portfolios and cash are doing, in one small answer.
//!
//! Nothing is valued here: `compute.rs` reads the prices of all portfolios once and lets [`crate::holdings`] and
//! [`crate::performance`] value each; this file converts their figures into one currency and adds them up, so that every
//! figure is the sum of those that the two show. `history.rs` has the values by day, `cash.rs` the balances by day.

mod cash;
mod compute;
mod exchange;
mod history;
mod positions;

use std::collections::BTreeMap;

use domain::portfolio::{PortfolioName, PortfolioState, PortfolioType};
use domain::{Currency, Day, PortfolioId};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

pub use compute::{OverviewRequest, compute};
pub use history::PutInDay;
pub use positions::{MAX_POSITIONS, OtherPositions, OverviewPosition};

/// The most days of values by day.
pub const MAX_DAYS: i32 = 366;

/// The most things that need attention; the most urgent come first.
pub const MAX_ATTENTION: usize = 20;

/// Everything of a customer in one answer. Money is in `currency`; each amount of a portfolio in another base currency
/// is converted at today's rate and rounded half-even.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CustomerOverview {
    /// The currency of every amount.
    pub currency: Currency,
    /// The market's today.
    pub market_day: Day,
    /// The source of the prices.
    pub source: String,
    /// Everything together: the value of all portfolios, and the cash.
    #[schema(value_type = domain::schema::DecimalString)]
    pub value: Decimal,
    /// The cash of the wallet, in all its currencies.
    #[schema(value_type = domain::schema::DecimalString)]
    pub cash: Decimal,
    /// The effect of the last session on the value.
    #[schema(value_type = domain::schema::DecimalString)]
    pub day_change: Decimal,
    /// What all portfolios have gained, realised or not, without dividends. Null if that of any portfolio is.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub gain: Option<Decimal>,
    /// Every portfolio, newest first.
    pub portfolios: Vec<OverviewPortfolio>,
    /// Value and money put in by day, oldest first.
    pub put_in: Vec<PutInDay>,
    /// The positions over all portfolios, largest first; at most fifty.
    pub positions: Vec<OverviewPosition>,
    /// All other positions together.
    pub other: OtherPositions,
    /// What needs attention, the most urgent first; at most twenty.
    pub attention: Vec<Attention>,
    /// Why a figure is null or left out of the sums, by its name: `portfolios/ID`, `portfolios/ID/gain`,
    /// `portfolios/ID/return`, `portfolios/ID/xirr`, `cash/CHF`, `put_in`.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// A portfolio, in the currency of the overview. Without an exchange rate its amounts are null, and it is in no sum.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct OverviewPortfolio {
    /// Id of the portfolio (`UUIDv7`).
    pub id: PortfolioId,
    /// Name of the portfolio.
    pub name: PortfolioName,
    /// Kind of account.
    #[serde(rename = "type")]
    pub kind: PortfolioType,
    /// Whether it accepts trades and investments.
    pub state: PortfolioState,
    /// Its own currency.
    pub base_currency: Currency,
    /// The value of its holdings.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub value: Option<Decimal>,
    /// The effect of the last session on the value.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub day_change: Option<Decimal>,
    /// Unrealised and realised gain of its holdings and sales, without dividends.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub gain: Option<Decimal>,
    /// Time-weighted return since its first flow, in its own currency: `twr` of its performance.
    #[serde(rename = "return")]
    #[schema(required)]
    pub twr: Option<f64>,
    /// Money-weighted return per year since its first flow, in its own currency: `xirr` of its performance.
    #[schema(required)]
    pub xirr: Option<f64>,
}

/// Something that needs attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attention {
    /// What kind of thing it is.
    pub kind: AttentionKind,
    /// A sentence about it.
    #[schema(example = "AAPL: the last price is that of 2013-02-20.")]
    pub detail: String,
    /// The path of the request that shows more.
    #[schema(example = "/instruments/AAPL")]
    pub link: String,
}

/// A kind of thing that needs attention, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// The wallet accepts no commands.
    WalletFrozen,
    /// A holding has no value, or a figure is missing.
    Unavailable,
    /// The last price of a holding is old.
    StalePrice,
    /// An alert has fired within the last seven days.
    AlertFired,
}

impl CustomerOverview {
    /// The same with more that needs attention.
    #[must_use]
    pub fn with_attention(mut self, more: impl IntoIterator<Item = Attention>) -> Self {
        self.attention.extend(more);
        self.attention.sort_by_key(|one| one.kind);
        self.attention.truncate(MAX_ATTENTION);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_most_urgent_things_are_listed() {
        let attention = |kind, number: usize| Attention { kind, detail: number.to_string(), link: String::new() };
        let mut overview = CustomerOverview {
            currency: Currency::USD,
            market_day: Day::FIRST,
            source: String::new(),
            value: Decimal::ZERO,
            cash: Decimal::ZERO,
            day_change: Decimal::ZERO,
            gain: None,
            portfolios: Vec::new(),
            put_in: Vec::new(),
            positions: Vec::new(),
            other: OtherPositions::default(),
            attention: vec![attention(AttentionKind::StalePrice, 0)],
            unavailable: BTreeMap::new(),
        };
        let fired = (1..=MAX_ATTENTION).map(|number| attention(AttentionKind::AlertFired, number));
        overview = overview.with_attention(fired).with_attention([attention(AttentionKind::WalletFrozen, 99)]);
        let details: Vec<&str> = overview.attention.iter().map(|one| &*one.detail).collect();
        assert_eq!((details.len(), &details[..3]), (MAX_ATTENTION, &["99", "0", "1"][..]));
    }
}
