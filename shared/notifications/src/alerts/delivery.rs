//! Notifies a customer that an alert fired: over their live connections, and by e-mail if requested.
//!
//! A firing is marked as delivered after the notification, so it is delivered at least once. A duplicate has the same
//! alert and market day. If one of the two channels succeeds and the other fails, only the other is tried again.

use app::App;
use app::error::ServiceError;
use app::mail::MailError;
use chrono::TimeDelta;
use domain::Symbol;
use serde_json::{Value, json};
use store::{DeleteExpect, Key, StoreError, Write, documents, keys};

use super::email_subscription;
use super::records::{Firing, PendingDelivery};
use crate::live::{self, CustomerDelivery};

/// A firing that could not be delivered within this time stays in the history alone. It is longer than a weekend with a
/// holiday, after which the next quote of a symbol comes.
const MAX_AGE: TimeDelta = TimeDelta::days(5);

/// Notifies the customer and marks the firing as delivered. Returns whether nothing is left to deliver. Errors are
/// logged, and the next evaluation may take what is left immediately.
pub(super) async fn deliver(app: &App, symbol: &Symbol, pending: &PendingDelivery) -> bool {
    match notify_and_mark(app, symbol, pending).await {
        Ok(delivered) => delivered,
        Err(error) => {
            tracing::error!(alert = %pending.alert_id, %error, "failed to deliver an alert");
            false
        }
    }
}

async fn notify_and_mark(app: &App, symbol: &Symbol, pending: &PendingDelivery) -> Result<bool, ServiceError> {
    let key = keys::firing(pending.customer_id, pending.alert_id, pending.market_day);
    let pending_key = keys::pending_firing(symbol, pending.alert_id, pending.market_day);
    let no_longer_pending = Write::Delete { key: pending_key.clone(), expect: DeleteExpect::Any };
    let found = documents::read::<Firing>(app.table(), &key).await?;
    let too_old = app.now() - pending.fired_at > MAX_AGE;
    let Some((firing, version)) = found.filter(|(firing, _)| !firing.delivered && !too_old) else {
        app.table().transact(vec![no_longer_pending]).await?;
        return Ok(true);
    };
    let attempted = PendingDelivery {
        sent_live: pending.sent_live || or_log(pending, notify_live(app, pending, &firing).await),
        mailed: pending.mailed || or_log(pending, send_mail(app, pending, &firing).await),
        ..pending.clone()
    };
    if !(attempted.sent_live && attempted.mailed) {
        release(app, &pending_key, attempted).await?;
        return Ok(false);
    }
    let delivered = Firing { delivered: true, ..firing };
    let mark = Write::update(key.clone(), documents::body(&key, &delivered)?, version);
    match app.table().transact(vec![mark, no_longer_pending]).await {
        // Only a delivery or an erasure changes a firing, and either leaves nothing to deliver.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Logs an error of one channel, so that it does not stop the other.
fn or_log(pending: &PendingDelivery, sent: Result<bool, ServiceError>) -> bool {
    sent.unwrap_or_else(|error| {
        tracing::error!(alert = %pending.alert_id, %error, "failed to send an alert over one channel");
        false
    })
}

/// Returns whether the customer's live connections are done: one has accepted the alert, or there are none. Connections
/// that did not accept it are closed, so the next attempt finds newer ones or none, or were throttled and may accept it
/// then.
async fn notify_live(app: &App, pending: &PendingDelivery, firing: &Firing) -> Result<bool, ServiceError> {
    let CustomerDelivery { reached, failed } =
        live::publish_to_customer(app, pending.customer_id, &message(firing)).await?;
    if reached == 0 && failed > 0 {
        tracing::warn!(alert = %pending.alert_id, "no live connection accepted an alert");
    }
    Ok(reached > 0 || failed == 0)
}

/// Returns whether the e-mail is done: it was sent, or none is required.
async fn send_mail(app: &App, pending: &PendingDelivery, firing: &Firing) -> Result<bool, ServiceError> {
    if !firing.email || !app.mail().is_available() {
        return Ok(true);
    }
    let Some(subscription) = email_subscription::make_ready(app, pending.customer_id).await? else { return Ok(true) };
    let (subject, text) = email(firing);
    match app.mail().send(subscription, &subject, &text).await {
        Ok(()) => Ok(true),
        Err(MailError::NoSubscription) => {
            email_subscription::mark_lost(app, pending.customer_id, subscription).await?;
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// Stores what is still to be delivered and releases the lease, unless another evaluation holds it already.
async fn release(app: &App, pending_key: &Key, attempted: PendingDelivery) -> Result<(), ServiceError> {
    let found = documents::read::<PendingDelivery>(app.table(), pending_key).await?;
    let Some((_, version)) = found.filter(|(current, _)| current.taken_by == attempted.taken_by) else {
        return Ok(());
    };
    let released = PendingDelivery { taken_until: app.now(), ..attempted };
    match documents::put(app.table(), pending_key.clone(), &released, Some(version)).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The message to live connections.
fn message(firing: &Firing) -> Value {
    let mut message = json!({
        "type": "alert",
        "id": firing.alert_id,
        "symbol": firing.symbol,
        "condition": firing.condition,
        "price": firing.price,
        "currency": firing.currency,
        "as_of": domain::instant::text(firing.as_of),
        "fired_at": domain::instant::text(firing.fired_at),
    });
    if firing.replay {
        message["replay"] = Value::Bool(true);
    }
    message
}

/// Subject and text of an e-mail. SNS accepts a subject of at most 100 ASCII characters.
fn email(firing: &Firing) -> (String, String) {
    let Firing { symbol, condition, price, currency, market_day, as_of, .. } = firing;
    let happened = format!("{symbol} {condition}");
    let (mark, explanation) = if firing.replay {
        ("[replay] ", "\n\nThis is a replay of old prices, not the current market.")
    } else {
        ("", "")
    };
    let at = as_of.format("%Y-%m-%d %H:%M UTC");
    let text = format!("{happened}: {price} {currency} as of {at}, market day {market_day}.{explanation}\n");
    (format!("{mark}{happened}"), text)
}
