//! The stored items of an alert: itself and its firings in the partition of its customer, and under its symbol what
//! [`super::evaluate`] needs.

use chrono::{DateTime, Utc};
use domain::alert::{AlertRuleState, Condition, Repeat};
use domain::{Currency, CustomerId, Day, Price, Symbol};
use quant::backtest::Warning;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A condition on the price of a symbol. The customer is notified when a quote meets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Id of the alert.
    pub id: Uuid,
    /// The instrument that is watched.
    pub symbol: Symbol,
    /// The condition that a quote must meet.
    pub condition: Condition,
    /// How often it fires.
    pub repeat: Repeat,
    /// Whether it is also sent by e-mail.
    pub email: bool,
    /// Whether it can still fire.
    pub state: AlertState,
    /// When it was created.
    #[serde(with = "domain::instant")]
    pub created_at: DateTime<Utc>,
    /// When it last fired; null if it never did.
    #[schema(required)]
    #[serde(default, with = "domain::instant")]
    pub last_fired_at: Option<DateTime<Utc>>,
    /// The market day of the quote at which it last fired; null if it never did.
    #[schema(required)]
    pub last_fired_on: Option<Day>,
}

/// Whether an alert can still fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It can fire.
    Active,
    /// It fires only once, and has fired.
    Fired,
}

/// The record that an alert's condition was met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertFiring)]
pub struct Firing {
    /// The alert that fired.
    pub alert_id: Uuid,
    /// The instrument of the alert.
    pub symbol: Symbol,
    /// The condition that was met.
    pub condition: Condition,
    /// The price that met it.
    pub price: Price,
    /// The close of the trading day before, in the same units, if known.
    #[schema(required)]
    pub previous_close: Option<Price>,
    /// Currency of both.
    pub currency: Currency,
    /// The market day of the price. An alert fires at most once on each.
    pub market_day: Day,
    /// The time of the price.
    #[serde(with = "domain::instant")]
    pub as_of: DateTime<Utc>,
    /// The source of the price.
    pub source: String,
    /// When the alert fired.
    #[serde(with = "domain::instant")]
    pub fired_at: DateTime<Utc>,
    /// Whether it is also sent by e-mail.
    pub email: bool,
    /// Whether it was handed to the customer's open live connections and, if requested, sent by e-mail.
    pub delivered: bool,
    /// True if the price is from a replay of old prices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
    /// Warnings about the prices that met the condition. Older firings were stored without them.
    #[serde(default)]
    #[schema(required)]
    pub warnings: Vec<Warning>,
}

/// The item of an alert under its symbol. Only an alert that can still fire has one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WaitingAlert {
    pub(super) customer_id: CustomerId,
    /// A quote that was requested before this does not fire the alert.
    #[serde(with = "domain::instant")]
    pub(super) created_at: DateTime<Utc>,
    /// Stored as `vigil`.
    #[serde(rename = "vigil")]
    pub(super) rule: AlertRuleState,
}

/// A firing whose delivery is pending.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PendingDelivery {
    pub(super) customer_id: CustomerId,
    pub(super) alert_id: Uuid,
    pub(super) market_day: Day,
    #[serde(with = "domain::instant")]
    pub(super) fired_at: DateTime<Utc>,
    /// The evaluation that holds the lease on the delivery.
    pub(super) taken_by: Uuid,
    /// When the lease expires, so that another evaluation may take it.
    #[serde(with = "domain::instant")]
    pub(super) taken_until: DateTime<Utc>,
    /// Whether live connections have received it, so that a failed e-mail does not send it to them again. Stored as
    /// `told_live`.
    #[serde(default, rename = "told_live")]
    pub(super) sent_live: bool,
    /// Whether the e-mail was sent, or none is required.
    #[serde(default)]
    pub(super) mailed: bool,
}

impl PendingDelivery {
    /// Whether no evaluation holds the lease any longer.
    pub(super) fn is_free(&self, now: DateTime<Utc>) -> bool {
        self.taken_until <= now
    }
}

/// How far the quotes of a symbol have been evaluated.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct EvaluatedThrough {
    /// The `seq` of the last one.
    pub(super) seq: u64,
}

#[cfg(test)]
mod tests {
    use domain::alert::Direction;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_item_of_a_waiting_alert_keeps_its_stored_field_names() {
        let stored = json!({
            "customer_id": "00000000-0000-0000-0000-000000000007", "created_at": "2026-11-20T15:00:00.000Z",
            "vigil": {
                "condition": { "type": "crosses_sma", "window": 50, "direction": "up" }, "repeat": "recurring",
                "units_of": "2026-11-20", "fired_on": "2026-11-23",
            },
        });
        let alert: WaitingAlert = serde_json::from_value(stored.clone()).unwrap();
        let condition = Condition::CrossesSma { window: 50.try_into().unwrap(), direction: Direction::Up };
        let (units_of, fired_on) = ("2026-11-20".parse().unwrap(), "2026-11-23".parse().ok());
        assert_eq!(alert.rule, AlertRuleState { condition, repeat: Repeat::Recurring, units_of, fired_on });
        assert_eq!(serde_json::to_value(&alert).unwrap(), stored);
    }

    #[test]
    fn the_item_of_a_pending_delivery_keeps_its_stored_field_names() {
        let mut stored = json!({
            "customer_id": "00000000-0000-0000-0000-000000000007", "alert_id": "00000000-0000-0000-0000-000000000008",
            "market_day": "2026-11-20", "fired_at": "2026-11-20T15:00:00.000Z",
            "taken_by": "00000000-0000-0000-0000-000000000009", "taken_until": "2026-11-20T15:00:30.000Z",
            "told_live": true, "mailed": false,
        });
        let read = |stored: &Value| serde_json::from_value::<PendingDelivery>(stored.clone()).unwrap();
        assert_eq!((read(&stored).sent_live, read(&stored).mailed), (true, false));
        assert_eq!(serde_json::to_value(read(&stored)).unwrap(), stored);
        for field in ["told_live", "mailed"] {
            stored.as_object_mut().unwrap().remove(field);
        }
        assert_eq!((read(&stored).sent_live, read(&stored).mailed), (false, false), "stored before there were any");
    }
}
