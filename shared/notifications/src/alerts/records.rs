//! What is kept of an alert: itself and its firings among what is its customer's, and under its symbol what
//! [`super::evaluate`] needs of it.

use chrono::{DateTime, Utc};
use domain::alert::{AlertRuleState, Condition, Repeat};
use domain::{Currency, CustomerId, Day, Price, Symbol};
use quant::backtest::Warning;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Something a customer wants to be told of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Id (`UUIDv7`).
    pub id: Uuid,
    /// The instrument.
    pub symbol: Symbol,
    /// What has to be true of a quote.
    pub condition: Condition,
    /// How often it fires.
    pub repeat: Repeat,
    /// Whether the customer is told by e-mail too.
    pub email: bool,
    /// Whether it can still fire.
    pub state: AlertState,
    /// When it was made.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it last fired.
    #[serde(default, with = "domain::instant")]
    pub last_fired_at: Option<DateTime<Utc>>,
    /// The market day of the quote at which it last fired.
    pub last_fired_on: Option<Day>,
}

/// Whether an alert can still fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It waits.
    Active,
    /// It was to fire once, and has.
    Fired,
}

/// That an alert fired.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Firing {
    /// The alert.
    pub alert_id: Uuid,
    /// The instrument.
    pub symbol: Symbol,
    /// What came true.
    pub condition: Condition,
    /// The price at which it did.
    #[schema(value_type = String, example = "450.31")]
    pub price: Price,
    /// The close of the trading day before, in the same units, where known.
    #[schema(value_type = Option<String>, example = "441.40")]
    pub previous_close: Option<Price>,
    /// Currency of both.
    pub currency: Currency,
    /// The market day of the price. On no day does an alert fire twice.
    pub market_day: Day,
    /// Of when the price is.
    #[serde(with = "domain::instant")]
    pub as_of: DateTime<Utc>,
    /// The source that gave it.
    pub source: String,
    /// When the alert fired.
    #[serde(with = "domain::instant")]
    pub fired_at: DateTime<Utc>,
    /// Whether the customer was to be told by e-mail too.
    pub email: bool,
    /// Whether it was handed to the customer's open live connections and, where asked for, sent by e-mail.
    pub delivered: bool,
    /// Set when the price is of a replay of old prices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
    /// What there was to know of the prices by which the condition came true. Firings of before this was kept have none.
    #[serde(default)]
    pub warnings: Vec<Warning>,
}

/// An alert among those that wait for a symbol.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) customer_id: CustomerId,
    /// Quotes that were asked for earlier are none of its business.
    #[serde(with = "domain::instant")]
    pub(super) created_at: DateTime<Utc>,
    #[serde(rename = "vigil")]
    pub(super) rule: AlertRuleState,
}

/// A firing that is to be delivered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) customer_id: CustomerId,
    pub(super) alert_id: Uuid,
    pub(super) market_day: Day,
    #[serde(with = "domain::instant")]
    pub(super) fired_at: DateTime<Utc>,
    /// The evaluation that is delivering it.
    pub(super) taken_by: Uuid,
    /// Until when the others leave it alone.
    #[serde(with = "domain::instant")]
    pub(super) taken_until: DateTime<Utc>,
    /// Whether live connections have had it, so that an e-mail that fails repeats nothing over them.
    #[serde(default)]
    pub(super) told_live: bool,
    /// Whether an e-mail was sent, or none was to be.
    #[serde(default)]
    pub(super) mailed: bool,
}

impl Pending {
    /// Whether the evaluation that took it on has had its time.
    pub(super) fn is_free(&self, now: DateTime<Utc>) -> bool {
        self.taken_until <= now
    }
}

/// How far the quotes of a symbol have been evaluated.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct EvaluatedThrough {
    /// The number of the last one.
    pub(super) seq: u64,
}
