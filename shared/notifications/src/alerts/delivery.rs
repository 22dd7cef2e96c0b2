//! Telling a customer that an alert fired: over their live connections, and by e-mail where they asked for it.
//!
//! A firing is marked as delivered after it was told, so that it is told at least once: who is told twice sees the same
//! alert and market day. What one of the two ways has taken is remembered while the other is tried again.

use app::App;
use app::error::ServiceError;
use app::mail::MailError;
use chrono::TimeDelta;
use domain::Symbol;
use serde_json::{Value, json};
use store::{DeleteExpect, Key, StoreError, Write, documents, keys};

use super::email_subscription;
use super::records::{Firing, Pending};
use crate::live::{self, Told};

/// What could not be delivered within this time is old news, and stays in the history alone. It is longer than a weekend
/// with a holiday, after which the next quote of a symbol comes.
const MAX_AGE: TimeDelta = TimeDelta::days(5);

/// Tells the customer, and marks the firing as delivered. Says whether there is nothing left to deliver; what went wrong
/// stands in the log, and what is left can be taken on by the next evaluation at once.
pub(super) async fn deliver(app: &App, symbol: &Symbol, pending: &Pending) -> bool {
    match notify_and_mark(app, symbol, pending).await {
        Ok(delivered) => delivered,
        Err(error) => {
            tracing::error!(alert = %pending.alert_id, %error, "an alert was not delivered");
            false
        }
    }
}

async fn notify_and_mark(app: &App, symbol: &Symbol, pending: &Pending) -> Result<bool, ServiceError> {
    let key = keys::firing(pending.customer_id, pending.alert_id, pending.market_day);
    let owed = keys::pending_firing(symbol, pending.alert_id, pending.market_day);
    let no_longer_owed = Write::Delete { key: owed.clone(), expect: DeleteExpect::Any };
    let found = documents::read::<Firing>(app.table(), &key).await?;
    let too_old = app.now() - pending.fired_at > MAX_AGE;
    let Some((firing, version)) = found.filter(|(firing, _)| !firing.delivered && !too_old) else {
        app.table().transact(vec![no_longer_owed]).await?;
        return Ok(true);
    };
    let told = Pending {
        told_live: pending.told_live || logged(pending, notify_live(app, pending, &firing).await),
        mailed: pending.mailed || logged(pending, send_mail(app, pending, &firing).await),
        ..pending.clone()
    };
    if !(told.told_live && told.mailed) {
        put_back(app, &owed, told).await?;
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

/// One way that fails keeps the other from nothing.
fn logged(pending: &Pending, told: Result<bool, ServiceError>) -> bool {
    told.unwrap_or_else(|error| {
        tracing::error!(alert = %pending.alert_id, %error, "an alert was not told");
        false
    })
}

/// Says whether the customer's live connections have had it: not where there are some and none of them took it. They are
/// ended, so that the next try finds those that came after them, or none.
async fn notify_live(app: &App, pending: &Pending, firing: &Firing) -> Result<bool, ServiceError> {
    let Told { reached, failed } = live::publish_to_customer(app, pending.customer_id, &message(firing)).await?;
    if reached == 0 && failed > 0 {
        tracing::warn!(alert = %pending.alert_id, "no connection took an alert");
    }
    Ok(reached > 0 || failed == 0)
}

/// Says whether an e-mail is on its way, or nobody is to have one.
async fn send_mail(app: &App, pending: &Pending, firing: &Firing) -> Result<bool, ServiceError> {
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

/// Leaves what is still to be told to whoever comes next, unless somebody else has taken it on already.
async fn put_back(app: &App, owed: &Key, told: Pending) -> Result<(), ServiceError> {
    let Some((standing, version)) = documents::read::<Pending>(app.table(), owed).await? else { return Ok(()) };
    if standing.taken_by != told.taken_by {
        return Ok(());
    }
    let left = Pending { taken_until: app.now(), ..told };
    match documents::put(app.table(), owed.clone(), &left, Some(version)).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
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
        "as_of": domain::instant::text(firing.as_of),
        "fired_at": domain::instant::text(firing.fired_at),
    });
    if firing.replay {
        message["replay"] = Value::Bool(true);
    }
    message
}

/// Subject and text of an e-mail. A subject has at most 100 characters of ASCII.
fn email(firing: &Firing) -> (String, String) {
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
