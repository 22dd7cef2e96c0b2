//! An activity, and how it is stored: one flat object, every decimal as text.

use chrono::{DateTime, NaiveTime, Utc};
use domain::{Currency, Day, ExchangeRate, Investment, PortfolioId, SplitRatio, Symbol};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::event::{ActivityEvent, BuyDetails, Units};
use super::fields::{ActivityFields, ActivityMistake};
use super::kind::{ActivitySource, ActivityType};
use super::paid::DayRates;
use crate::exact;
use crate::lots::LotPick;
use crate::refusal::Refusal;

/// One line of the history of an account elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Activity {
    /// Id (`UUIDv7`); rises within a portfolio in the order of recording.
    pub id: Uuid,
    /// The portfolio that it belongs to.
    pub portfolio_id: PortfolioId,
    /// The day on which it happened.
    pub date: Day,
    /// The time of that day at the exchange, if known; to the second.
    pub time: Option<NaiveTime>,
    /// What happened.
    pub event: ActivityEvent,
    /// The customer's note.
    pub note: Option<String>,
    /// Its id in the program that it was imported from.
    pub external_id: Option<String>,
    /// How it came to be.
    pub source: ActivitySource,
    /// When it was first recorded.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    #[serde(with = "domain::instant")]
    pub updated_at: DateTime<Utc>,
    /// Version, counted from 1; the value of `ETag` and `If-Match`.
    pub version: u64,
}

impl Activity {
    /// Its type.
    #[must_use]
    pub fn activity_type(&self) -> ActivityType {
        self.event.activity_type()
    }

    /// The instrument; only what moves cash can be without one.
    #[must_use]
    pub fn symbol(&self) -> Option<&Symbol> {
        self.event.symbol()
    }

    /// The currency in which it counts: that of the instrument, or of the cash that moved.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.event.currency()
    }
}

/// A lot held elsewhere, as a purchase.
impl TryFrom<Investment> for Activity {
    type Error = Refusal;

    fn try_from(investment: Investment) -> Result<Self, Refusal> {
        let currency = investment.currency();
        let units = Units { symbol: investment.ticker_symbol, quantity: investment.quantity };
        let details = BuyDetails {
            amount: exact::value(investment.quantity, investment.purchase_price, currency)?,
            units,
            unit_price: investment.purchase_price,
            fee: investment.fee,
            tax: exact::zero(currency)?,
            paid: None,
        };
        Ok(Self {
            id: investment.id,
            portfolio_id: investment.portfolio_id,
            date: investment.purchase_date,
            time: None,
            event: ActivityEvent::Buy(details),
            note: None,
            external_id: None,
            source: ActivitySource::Investment,
            created_at: investment.created_at,
            updated_at: investment.updated_at,
            version: investment.version,
        })
    }
}

/// A stored activity that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored activity is not valid: {0}")]
pub struct NotAnActivity(String);

#[derive(Clone, Serialize, Deserialize)]
struct Written {
    id: Uuid,
    portfolio_id: PortfolioId,
    #[serde(rename = "type")]
    kind: ActivityType,
    date: Day,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<NaiveTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    symbol: Option<Symbol>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quantity: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unit_price: Option<Decimal>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cost_unknown: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    fee: Decimal,
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    tax: Decimal,
    currency: Currency,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_amount: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_currency: Option<Currency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acquired_on: Option<Day>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ratio: Option<SplitRatio>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lots: Vec<LotPick>,
    /// The currency of the instrument, if that of the amounts is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instrument_currency: Option<Currency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fx_rate: Option<Decimal>,
    /// The rate of the day, if no rate is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day_rate: Option<ExchangeRate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee_currency: Option<Currency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee_rate: Option<ExchangeRate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_rate: Option<Decimal>,
    /// The base currency that `base_rate` converts into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base_currency: Option<Currency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reverses: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    source: ActivitySource,
    #[serde(with = "domain::instant")]
    created_at: DateTime<Utc>,
    #[serde(with = "domain::instant")]
    updated_at: DateTime<Utc>,
    version: u64,
}

impl TryFrom<Written> for Activity {
    type Error = NotAnActivity;

    fn try_from(written: Written) -> Result<Self, NotAnActivity> {
        let fields = ActivityFields {
            kind: written.kind,
            symbol: written.symbol,
            quantity: written.quantity,
            unit_price: written.unit_price,
            cost_unknown: written.cost_unknown,
            amount: written.amount,
            fee: written.fee,
            tax: written.tax,
            currency: Some(written.currency),
            to_amount: written.to_amount,
            to_currency: written.to_currency,
            acquired_on: written.acquired_on,
            ratio: written.ratio,
            lots: written.lots,
            fee_currency: written.fee_currency,
            fx_rate: written.fx_rate,
            base_rate: written.base_rate,
            reverses: written.reverses,
        };
        let rates = DayRates {
            currency: written.instrument_currency.unwrap_or(written.currency),
            base: written.base_currency.unwrap_or(written.currency),
            instrument: written.day_rate,
            fee: written.fee_rate,
        };
        let event = fields.event_at(written.date, &rates, written.note.as_deref());
        let described = |mistake: &ActivityMistake| format!("{}: {mistake}", mistake.field());
        let event = event.map_err(|mistakes| NotAnActivity(mistakes.first().map(described).unwrap_or_default()))?;
        Ok(Self {
            id: written.id,
            portfolio_id: written.portfolio_id,
            date: written.date,
            time: written.time,
            event,
            note: written.note,
            external_id: written.external_id,
            source: written.source,
            created_at: written.created_at,
            updated_at: written.updated_at,
            version: written.version,
        })
    }
}

impl From<Activity> for Written {
    fn from(activity: Activity) -> Self {
        let fields = activity.event.fields();
        let (paid, counted) = (activity.event.paid(), activity.event.currency());
        let foreign = paid.filter(|paid| paid.currency != counted);
        let instrument_currency = foreign.map(|_| counted);
        let day_rate = foreign.filter(|paid| paid.fx_rate.is_none()).and_then(|paid| paid.rate);
        let fee_rate = paid.and_then(|paid| paid.fee_paid).map(|(_, rate)| rate);
        let base_currency = paid.and_then(|paid| paid.base).map(|(_, base)| base);
        Self {
            id: activity.id,
            portfolio_id: activity.portfolio_id,
            kind: fields.kind,
            date: activity.date,
            time: activity.time,
            symbol: fields.symbol,
            quantity: fields.quantity,
            unit_price: fields.unit_price,
            cost_unknown: fields.cost_unknown,
            amount: fields.amount,
            fee: fields.fee,
            tax: fields.tax,
            currency: fields.currency.unwrap_or(counted),
            to_amount: fields.to_amount,
            to_currency: fields.to_currency,
            acquired_on: fields.acquired_on,
            ratio: fields.ratio,
            lots: fields.lots,
            instrument_currency,
            fx_rate: fields.fx_rate,
            day_rate,
            fee_currency: fields.fee_currency,
            fee_rate,
            base_rate: fields.base_rate,
            base_currency,
            reverses: fields.reverses,
            note: activity.note,
            external_id: activity.external_id,
            source: activity.source,
            created_at: activity.created_at,
            updated_at: activity.updated_at,
            version: activity.version,
        }
    }
}
