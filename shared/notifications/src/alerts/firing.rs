//! Firing an alert: one transaction, so that however many evaluations see the same quote, one of them does it.

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

use super::records::{Alert, AlertState, Firing, Pending, Waiting};

/// How long an evaluation has to deliver what it took on before another does it.
const DELIVERY_SECONDS: i64 = 30;

/// Fires the alert `id` at this quote, unless it is gone, or has fired on the quote's day. Gives what is to be delivered
/// by whoever fired it: of all who try at the same time that is one.
pub(super) async fn fire(
    app: &App,
    quote: &LastQuote,
    id: Uuid,
    warnings: &[Warning],
) -> Result<Option<Pending>, ServiceError> {
    let evaluation = app.new_id();
    let (listed, owed) = (keys::waiting_alert(&quote.symbol, id), keys::pending_firing(&quote.symbol, id, quote.day));
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let Some((waiting, version)) = documents::read::<Waiting>(app.table(), &listed).await? else { return Ok(None) };
        if !waiting.rule.is_due(quote.day) {
            return Ok(None);
        }
        let own = keys::alert(waiting.customer_id, id);
        let Some((alert, own_version)) = documents::read::<Alert>(app.table(), &own).await? else { return Ok(None) };
        let pending = taken(app, &waiting, id, quote.day, evaluation);
        let fired = fired(&alert, quote, &pending);
        let mut writes = vec![
            Write::create(owed.clone(), documents::body(&owed, &pending)?),
            Write::update(own.clone(), documents::body(&own, &fired)?, own_version),
            listed_after(&listed, &waiting, version, quote.day)?,
            entered(&alert, quote, &pending, warnings)?,
        ];
        if fired.state == AlertState::Fired {
            writes.push(Counter::read(app, keys::alert_count(waiting.customer_id)).await?.remove_one()?);
        }
        match app.table().transact(writes).await {
            Ok(_) => Ok(Some(pending)),
            Err(StoreError::Unavailable { .. }) => confirm(app, &owed, evaluation).await.map(Some),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// What was to be delivered, if the transaction happened whose answer was lost; else an error that starts over: each of
/// its writes has its condition, so that nothing can happen twice.
async fn confirm(app: &App, owed: &Key, evaluation: Uuid) -> Result<Pending, ServiceError> {
    match documents::read::<Pending>(app.table(), owed).await? {
        Some((pending, _)) if pending.taken_by == evaluation => Ok(pending),
        _ => Err(StoreError::Conflict { write: 0 }.into()),
    }
}

fn taken(app: &App, waiting: &Waiting, alert_id: Uuid, market_day: Day, evaluation: Uuid) -> Pending {
    let now = app.now();
    Pending {
        customer_id: waiting.customer_id,
        alert_id,
        market_day,
        fired_at: now,
        taken_by: evaluation,
        taken_until: now + TimeDelta::seconds(DELIVERY_SECONDS),
        told_live: false,
        mailed: false,
    }
}

/// The alert once it has fired.
fn fired(alert: &Alert, quote: &LastQuote, pending: &Pending) -> Alert {
    let state = match alert.repeat {
        Repeat::Once => AlertState::Fired,
        Repeat::Recurring => alert.state,
    };
    Alert { state, last_fired_at: Some(pending.fired_at), last_fired_on: Some(quote.day), ..alert.clone() }
}

/// What becomes of its place under the symbol: only what can still fire has one.
fn listed_after(listed: &Key, waiting: &Waiting, version: Version, day: Day) -> Result<Write, ServiceError> {
    Ok(match waiting.rule.repeat {
        Repeat::Once => Write::Delete { key: listed.clone(), expect: DeleteExpect::Version(version) },
        Repeat::Recurring => {
            let rule = AlertRuleState { fired_on: Some(day), ..waiting.rule };
            let body = documents::body(listed, &Waiting { rule, ..waiting.clone() })?;
            Write::update(listed.clone(), body, version)
        }
    })
}

/// The entry in the history.
fn entered(alert: &Alert, quote: &LastQuote, pending: &Pending, warnings: &[Warning]) -> Result<Write, ServiceError> {
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

/// Takes on a delivery that an evaluation before left undone; `None` where somebody else has.
pub(super) async fn take_over(
    app: &App,
    key: &Key,
    pending: Pending,
    version: Version,
) -> Result<Option<Pending>, ServiceError> {
    let taken_until = app.now() + TimeDelta::seconds(DELIVERY_SECONDS);
    let taken = Pending { taken_by: app.new_id(), taken_until, ..pending };
    match documents::put(app.table(), key.clone(), &taken, Some(version)).await {
        Ok(_) => Ok(Some(taken)),
        Err(StoreError::Conflict { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
