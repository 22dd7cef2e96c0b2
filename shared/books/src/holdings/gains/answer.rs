//! Realised gains as they are shown.

use std::collections::BTreeMap;

use app::exports::ExportLink;
use domain::{Currency, Day, LongTerm, LotMethod, PortfolioId, Quantity, Symbol, Term};
use ledger::ActivityType;
use quant::backtest::Warning;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The book that a sale belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GainOrigin {
    /// Sold from the wallet.
    Trade,
    /// A recorded sale.
    Activity,
}

/// What a sale realised on the units of one lot. Amounts are in the currency of the instrument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RealizedGain {
    /// The instrument that was sold.
    pub symbol: Symbol,
    /// Whether the sale is one from the wallet or a recorded one.
    pub origin: GainOrigin,
    /// Id of the sale: that of its trade or activity.
    pub sale_id: Uuid,
    /// Id of the lot, which is that of the trade or activity that brought it; null for units that no lot had.
    #[schema(required)]
    pub lot_id: Option<Uuid>,
    /// When the units were bought; null if it is not known.
    #[schema(required)]
    pub acquired_on: Option<Day>,
    /// When they were sold.
    pub sold_on: Day,
    /// Units sold, as counted on that day.
    pub quantity: Quantity,
    /// Calendar days from the purchase to the sale; null if the purchase is not known.
    #[schema(required)]
    pub days_held: Option<i32>,
    /// Whether the gain is long-term; null if the purchase is not known or the portfolio's `long_term` is `none`.
    #[schema(required)]
    pub term: Option<Term>,
    /// Currency of the instrument.
    pub currency: Currency,
    /// The amounts in that currency.
    #[serde(flatten)]
    pub amounts: GainAmounts,
    /// The same amounts in the portfolio's currency, each at the rate of its own day.
    pub base: GainAmounts,
    /// Why a gain is null: `gain` or `base/gain`.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// Units of a lot that left without a sale. They realised nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TransferredLot {
    /// The instrument that was transferred.
    pub symbol: Symbol,
    /// How they left: `transfer_out` or `adjustment`.
    #[serde(rename = "type")]
    pub kind: ActivityType,
    /// Id of the activity.
    pub activity_id: Uuid,
    /// Id of the lot that they were taken from.
    pub lot_id: Uuid,
    /// When the units were bought; null if it is not known.
    #[schema(required)]
    pub acquired_on: Option<Day>,
    /// When they left.
    pub date: Day,
    /// Units that left, as counted on that day.
    pub quantity: Quantity,
    /// Currency of the cost.
    pub currency: Currency,
    /// What the units had cost; null if it is not known.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<Decimal>,
}

/// The realised gains of a portfolio.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PortfolioGains {
    /// The portfolio whose sales are listed.
    pub portfolio_id: PortfolioId,
    /// Its base currency.
    pub currency: Currency,
    /// The year of the sales; null for all.
    #[schema(minimum = 1900, maximum = 2199, required)]
    pub year: Option<i32>,
    /// The market's today. Later sales are not included yet.
    pub as_of: Day,
    /// The lot method of the recorded sales. Those from the wallet keep the one that they were made with.
    pub lot_method: LotMethod,
    /// How long units must have been held for a gain to be long-term.
    pub long_term: LongTerm,
    /// Rules on wash sales: always `not applied`.
    #[schema(example = "not applied")]
    pub wash_sales: &'static str,
    /// What the list is not.
    pub notice: &'static str,
    /// The number of all rows: those of sales and those of transfers.
    pub count: usize,
    /// Whether rows are missing here because there are more than 1,000. The totals are those of all rows.
    pub cut: bool,
    /// If rows are missing: a link to the whole answer, as JSON; else null.
    #[schema(required)]
    pub all: Option<ExportLink>,
    /// The sales by lot, oldest first.
    pub items: Vec<RealizedGain>,
    /// What left without a sale and realised nothing, oldest first.
    pub transfers_out: Vec<TransferredLot>,
    /// The totals by year of the sale, in the portfolio's currency.
    pub by_year: Vec<YearGains>,
    /// The totals by instrument.
    pub by_symbol: Vec<SymbolGains>,
    /// The totals of all rows, in the portfolio's currency.
    pub total: GainTotals,
    /// What is not included and what needs attention.
    pub warnings: Vec<Warning>,
}

/// Amounts of sales in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GainAmounts {
    /// What the units had cost, fee and tax of their purchase included; null if it is not known.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub cost: Option<Decimal>,
    /// What they brought, after the fee of the sale.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub proceeds: Option<Decimal>,
    /// The fee of the sale, which is taken off the proceeds already.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub fee: Option<Decimal>,
    /// The tax of the sale, which is no part of the gain.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub tax: Option<Decimal>,
    /// Proceeds less cost.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub gain: Option<Decimal>,
}

/// Totals in the portfolio's currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct GainTotals {
    /// The sums of the rows.
    #[serde(flatten)]
    pub amounts: GainAmounts,
    /// The sum of the gains that are short-term.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub short_term_gain: Option<Decimal>,
    /// The sum of the gains that are long-term.
    #[schema(value_type = Option<domain::schema::DecimalString>, required)]
    pub long_term_gain: Option<Decimal>,
    /// Why `gain`, `short_term_gain` or `long_term_gain` is null.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}

/// The totals of a year's sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct YearGains {
    /// The year of the sales.
    #[schema(minimum = 1900, maximum = 2199)]
    pub year: i32,
    /// The totals in the portfolio's currency.
    #[serde(flatten)]
    pub totals: GainTotals,
}

/// The totals of an instrument's sales.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SymbolGains {
    /// The instrument that was sold.
    pub symbol: Symbol,
    /// Currency of the instrument.
    pub currency: Currency,
    /// The totals in that currency.
    #[serde(flatten)]
    pub amounts: GainAmounts,
    /// The totals in the portfolio's currency.
    pub base: GainAmounts,
    /// Why a gain is null: `gain` or `base/gain`.
    #[schema(value_type = BTreeMap<String, domain::schema::ReasonCode>)]
    pub unavailable: BTreeMap<String, String>,
}
