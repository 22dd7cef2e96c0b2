//! Notifies a customer that an alert fired: over their live connections, and by e-mail if requested.
//!
//! A firing is marked as delivered after the notification, so it is delivered at least once. A duplicate has the same
//! alert and market day. If one of the two channels succeeds and the other fails, only the other is tried again. The
//! e-mail comes last, when all quotes of the event have been evaluated: it has all firings of its customer
//! ([`super::emails`]).

use app::App;
use app::error::ServiceError;
use chrono::TimeDelta;
use domain::Symbol;
use serde_json::{Value, json};
use store::{DeleteExpect, Key, StoreError, Version, Write, documents, keys};

use super::records::{Firing, PendingDelivery};
use crate::live::{self, CustomerDelivery};

/// A firing that could not be delivered within this time stays in the history alone. It is longer than a weekend with a
/// holiday, after which the next quote of a symbol comes.
const MAX_AGE: TimeDelta = TimeDelta::days(5);

/// What an attempt to deliver a firing has left.
pub(super) enum Attempt {
    /// Nothing.
    Delivered,
    /// The delivery, which is tried again later.
    Failed,
    /// The e-mail.
    WaitsForEmail(Box<WaitingEmail>),
}

/// A firing that is to be sent by e-mail, whose delivery this evaluation holds.
pub(super) struct WaitingEmail {
    /// The instrument.
    pub(super) symbol: Symbol,
    /// The delivery, with the outcome of the live connections.
    pub(super) pending: PendingDelivery,
    /// The firing.
    pub(super) firing: Firing,
    version: Version,
}

/// Notifies the customer over their live connections, and marks the firing as delivered unless it waits for an e-mail.
/// Errors are logged, and the next evaluation may take what is left immediately.
pub(super) async fn deliver(app: &App, symbol: &Symbol, pending: &PendingDelivery) -> Attempt {
    notify(app, symbol, pending).await.unwrap_or_else(|error| {
        tracing::error!(alert = %pending.alert_id, %error, "failed to deliver an alert");
        Attempt::Failed
    })
}

async fn notify(app: &App, symbol: &Symbol, pending: &PendingDelivery) -> Result<Attempt, ServiceError> {
    let key = keys::firing(pending.customer_id, pending.alert_id, pending.market_day);
    let found = documents::read::<Firing>(app.table(), &key).await?;
    let too_old = app.now() - pending.fired_at > MAX_AGE;
    let Some((firing, version)) = found.filter(|(firing, _)| !firing.delivered && !too_old) else {
        app.table().transact(vec![no_longer_pending(symbol, pending)]).await?;
        return Ok(Attempt::Delivered);
    };
    let sent_live = pending.sent_live || or_log(pending, notify_live(app, pending, &firing).await);
    let mailed = pending.mailed || !firing.email || !app.mail().is_available();
    let pending = PendingDelivery { sent_live, mailed, ..pending.clone() };
    let waiting = WaitingEmail { symbol: symbol.clone(), pending, firing, version };
    if !mailed {
        return Ok(Attempt::WaitsForEmail(Box::new(waiting)));
    }
    Ok(if finish(app, waiting).await? { Attempt::Delivered } else { Attempt::Failed })
}

/// Marks the firing as delivered if both channels are done, and otherwise releases the delivery. Returns whether
/// nothing is left to deliver.
pub(super) async fn finish(app: &App, waiting: WaitingEmail) -> Result<bool, ServiceError> {
    let WaitingEmail { symbol, pending, firing, version } = waiting;
    if !(pending.sent_live && pending.mailed) {
        let pending_key = keys::pending_firing(&symbol, pending.alert_id, pending.market_day);
        release(app, &pending_key, pending).await?;
        return Ok(false);
    }
    let key = keys::firing(pending.customer_id, pending.alert_id, pending.market_day);
    let delivered = Firing { delivered: true, ..firing };
    let mark = Write::update(key.clone(), documents::body(&key, &delivered)?, version);
    match app.table().transact(vec![mark, no_longer_pending(&symbol, &pending)]).await {
        // Only a delivery or an erasure changes a firing, and either leaves nothing to deliver.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn no_longer_pending(symbol: &Symbol, pending: &PendingDelivery) -> Write {
    let key = keys::pending_firing(symbol, pending.alert_id, pending.market_day);
    Write::Delete { key, expect: DeleteExpect::Any }
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
