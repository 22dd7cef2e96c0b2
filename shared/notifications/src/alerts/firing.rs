//! Fires an alert in one transaction, so that of several evaluations of the same quote exactly one does it.

use app::App;
use app::counter::Counter;
use app::error::ServiceError;
use chrono::TimeDelta;
use domain::Day;
use domain::alert::{AlertRuleState, Repeat};
use market_data::quote_record::LastQuote;
use quant::backtest::Warning;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Key, StoreError, Version, Write, documents, keys};
use uuid::Uuid;

use super::records::{Alert, AlertState, Firing, PendingDelivery, WaitingAlert};

/// Length of the lease with which an evaluation delivers a firing, as long as it may run. After that another evaluation
/// may take it over.
const DELIVERY_SECONDS: i64 = 60;

/// Fires the alert `id` at this quote, unless it was removed or has fired on the quote's day. Returns the delivery,
/// which the caller must make; of several concurrent calls one gets it.
pub(super) async fn fire(
    app: &App,
    quote: &LastQuote,
    id: Uuid,
    warnings: &[Warning],
) -> Result<Option<PendingDelivery>, ServiceError> {
    let evaluation = app.new_id();
    let (waiting_key, pending_key) =
        (keys::waiting_alert(&quote.symbol, id), keys::pending_firing(&quote.symbol, id, quote.day));
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let Some((waiting, version)) = documents::read::<WaitingAlert>(app.table(), &waiting_key).await? else {
            return Ok(None);
        };
        if !waiting.rule.is_due(quote.day) {
            return Ok(None);
        }
        let alert_key = keys::alert(waiting.customer_id, id);
        let Some((alert, alert_version)) = documents::read::<Alert>(app.table(), &alert_key).await? else {
            return Ok(None);
        };
        let pending = new_delivery(app, &waiting, id, quote.day, evaluation);
        let fired = fired(&alert, quote, &pending);
        let mut writes = vec![
            Write::create(pending_key.clone(), documents::body(&pending_key, &pending)?),
            Write::update(alert_key.clone(), documents::body(&alert_key, &fired)?, alert_version),
            waiting_after(&waiting_key, &waiting, version, quote.day)?,
            history_entry(&alert, quote, &pending, warnings)?,
        ];
        if fired.state == AlertState::Fired {
            writes.push(Counter::read(app, keys::alert_count(waiting.customer_id)).await?.remove_one()?);
        }
        match app.table().transact(writes).await {
            Ok(_) => Ok(Some(pending)),
            Err(StoreError::Unavailable { .. }) => confirm(app, &pending_key, evaluation).await.map(Some),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// The delivery, if the transaction succeeded although its answer was lost. Otherwise a conflict, so that the caller
/// starts over. Each write has a condition, so nothing can happen twice.
async fn confirm(app: &App, pending_key: &Key, evaluation: Uuid) -> Result<PendingDelivery, ServiceError> {
    match documents::read::<PendingDelivery>(app.table(), pending_key).await? {
        Some((pending, _)) if pending.taken_by == evaluation => Ok(pending),
        _ => Err(StoreError::Conflict { write: 0 }.into()),
    }
}

fn new_delivery(
    app: &App,
    waiting: &WaitingAlert,
    alert_id: Uuid,
    market_day: Day,
    evaluation: Uuid,
) -> PendingDelivery {
    let now = app.now();
    PendingDelivery {
        customer_id: waiting.customer_id,
        alert_id,
        market_day,
        fired_at: now,
        taken_by: evaluation,
        taken_until: now + TimeDelta::seconds(DELIVERY_SECONDS),
        sent_live: false,
        mailed: false,
    }
}

/// The alert after it has fired.
fn fired(alert: &Alert, quote: &LastQuote, pending: &PendingDelivery) -> Alert {
    let state = match alert.repeat {
        Repeat::Once => AlertState::Fired,
        Repeat::Recurring => alert.state,
    };
    Alert { state, last_fired_at: Some(pending.fired_at), last_fired_on: Some(quote.day), ..alert.clone() }
}

/// The write of the item under the symbol: only an alert that can still fire has one.
fn waiting_after(waiting_key: &Key, waiting: &WaitingAlert, version: Version, day: Day) -> Result<Write, ServiceError> {
    Ok(match waiting.rule.repeat {
        Repeat::Once => Write::Delete { key: waiting_key.clone(), expect: DeleteExpect::Version(version) },
        Repeat::Recurring => {
            let rule = AlertRuleState { fired_on: Some(day), ..waiting.rule };
            let body = documents::body(waiting_key, &WaitingAlert { rule, ..waiting.clone() })?;
            Write::update(waiting_key.clone(), body, version)
        }
    })
}

/// The entry in the history.
fn history_entry(
    alert: &Alert,
    quote: &LastQuote,
    pending: &PendingDelivery,
    warnings: &[Warning],
) -> Result<Write, ServiceError> {
    let key = keys::firing(pending.customer_id, alert.id, quote.day);
    let firing = Firing {
        alert_id: alert.id,
        symbol: alert.symbol.clone(),
        condition: alert.condition,
        price: quote.price,
        previous_close: quote.previous_close,
        currency: quote.currency,
        market_day: quote.day,
        as_of: quote.as_of,
        source: quote.source.clone(),
        fired_at: pending.fired_at,
        email: alert.email,
        delivered: false,
        replay: quote.replay,
        warnings: warnings.to_vec(),
    };
    let body = documents::body(&key, &firing)?;
    Ok(Write::create(key, body))
}

/// Takes the lease on a delivery that an earlier evaluation left undone; `None` if another evaluation has taken it.
pub(super) async fn take_over(
    app: &App,
    key: &Key,
    pending: PendingDelivery,
    version: Version,
) -> Result<Option<PendingDelivery>, ServiceError> {
    let taken_until = app.now() + TimeDelta::seconds(DELIVERY_SECONDS);
    let taken = PendingDelivery { taken_by: app.new_id(), taken_until, ..pending };
    match documents::put(app.table(), key.clone(), &taken, Some(version)).await {
        Ok(_) => Ok(Some(taken)),
        Err(StoreError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
