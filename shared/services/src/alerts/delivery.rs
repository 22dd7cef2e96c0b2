//! Telling a customer that an alert fired: over their live connections, and by e-mail where they asked for it.
//!
//! A firing is marked as delivered after it was told, so that it is told at least once: who is told twice sees the same
//! alert and market day.

use chrono::TimeDelta;
use domain::Symbol;
use serde_json::{Value, json};
use store::{DeleteExpect, StoreError, Write, documents, keys};

use super::mailbox;
use super::records::{Firing, Pending};
use crate::error::ServiceError;
use crate::live::Told;
use crate::{App, live};

/// What could not be delivered within this time is old news, and stays in the history alone.
const MAX_AGE: TimeDelta = TimeDelta::days(1);

/// Tells the customer, and marks the firing as delivered. Says whether there is nothing left to deliver; what went wrong
/// stands in the log.
pub(super) async fn deliver(app: &App, symbol: &Symbol, pending: &Pending) -> bool {
    match told_and_marked(app, symbol, pending).await {
        Ok(true) => true,
        Ok(false) => {
            tracing::warn!(alert = %pending.alert_id, "no connection took an alert");
            false
        }
        Err(error) => {
            tracing::error!(alert = %pending.alert_id, %error, "an alert was not delivered");
            false
        }
    }
}

async fn told_and_marked(app: &App, symbol: &Symbol, pending: &Pending) -> Result<bool, ServiceError> {
    let key = keys::firing(pending.customer_id, pending.alert_id, pending.market_day);
    let owed = keys::pending_firing(symbol, pending.alert_id, pending.market_day);
    let no_longer_owed = Write::Delete { key: owed, expect: DeleteExpect::Any };
    let found = documents::read::<Firing>(app.table(), &key).await?;
    let too_old = app.now() - pending.fired_at > MAX_AGE;
    let Some((firing, version)) = found.filter(|(firing, _)| !firing.delivered && !too_old) else {
        app.table().transact(vec![no_longer_owed]).await?;
        return Ok(true);
    };
    if !tell(app, pending, &firing).await? {
        return Ok(false);
    }
    let delivered = Firing { delivered: true, ..firing };
    let mark = Write::update(key.clone(), documents::body(&key, &delivered)?, version);
    match app.table().transact(vec![mark, no_longer_owed]).await {
        // Only a delivery and an erasure change a firing: either has done it.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Says whether the customer was told: not where there were connections and none of them took it. They are ended, so that
/// the next try finds those that came after them, or none. A letter is not held up by that, and may go out again with it.
async fn tell(app: &App, pending: &Pending, firing: &Firing) -> Result<bool, ServiceError> {
    let Told { reached, failed } = live::to_customer(app, pending.customer_id, &message(firing)).await?;
    if firing.email
        && app.mail().is_there()
        && let Some(letterbox) = mailbox::ready(app, pending.customer_id).await?
    {
        let (subject, text) = letter(firing);
        app.mail().send(letterbox, &subject, &text).await?;
    }
    Ok(reached > 0 || failed == 0)
}

/// What is said over a live connection.
fn message(firing: &Firing) -> Value {
    let mut message = json!({
        "type": "alert",
        "id": firing.alert_id,
        "symbol": firing.symbol,
        "condition": firing.condition,
        "price": firing.price,
        "currency": firing.currency,
        "as_of": firing.as_of,
        "fired_at": firing.fired_at,
    });
    if firing.replay {
        message["replay"] = Value::Bool(true);
    }
    message
}

/// Subject and text of a letter. A subject has at most 100 characters of ASCII.
fn letter(firing: &Firing) -> (String, String) {
    let Firing { symbol, condition, price, currency, market_day, as_of, .. } = firing;
    let happened = format!("{symbol} {condition}");
    let (mark, explained) = if firing.replay {
        ("[replay] ", "\n\nThis is a replay of old prices, not the market as it is.")
    } else {
        ("", "")
    };
    let at = as_of.format("%Y-%m-%d %H:%M UTC");
    let text = format!("{happened}: {price} {currency} as of {at}, market day {market_day}.{explained}\n");
    (format!("{mark}{happened}"), text)
}
