//! Alerts: what a customer wants to be told of, when it comes true, and telling them.
//!
//! An alert stands twice, always written together: among what is its customer's, and under its symbol, where
//! [`evaluate`] finds it when a quote comes (`evaluation.rs`). An alert that fires does so in one transaction with its
//! entry in the history, whose key holds the market day (`firing.rs`), so that rivals and repeated events fire it once a
//! day. Telling the customer comes after (`delivery.rs`); what was not told is told when the event comes again, or at the
//! next quote. `mailbox.rs` has the subscription through which e-mails reach a customer.

mod delivery;
mod email_subscription;
mod evaluation;
mod firing;
mod records;

pub use email_subscription::close as close_email_subscription;
pub use evaluation::{Fired, REPEATED_FOR, evaluate};
pub use records::{Alert, AlertState, Firing};

use app::App;
use app::counter::Counter;
use app::error::ServiceError;
use app::idempotency::{self, Created, KeyLookup};
use domain::alert::{AlertRuleState, Condition, Repeat};
use domain::{CustomerId, Day, Symbol};
use market_data::market_clock::market_day;
use market_data::{MarketData, instruments, quote_store, tracked_symbols};
use serde::Serialize;
use store::retry::{Retry, retry};
use store::{Cursor, DeleteExpect, Item, Write, documents, keys};
use uuid::Uuid;

use records::Waiting;

/// Most alerts of a customer that can still fire.
pub const MAX_ACTIVE: usize = 100;

const WHAT: &str = "alerts that can still fire";

/// An alert to be made.
#[derive(Clone, Debug, Serialize)]
pub struct NewAlert {
    /// The instrument.
    pub symbol: Symbol,
    /// What has to be true of a quote.
    pub condition: Condition,
    /// How often it fires.
    pub repeat: Repeat,
    /// Whether to tell by e-mail too.
    pub email: bool,
}

/// Makes an alert. The same idempotency key with the same request answers the first result again.
///
/// Errors: [`ServiceError::Field`] for a custom instrument, which has no quotes, and for e-mail where none can be sent;
/// [`ServiceError::UnknownSymbol`]; [`ServiceError::LimitReached`] where the customer has [`MAX_ACTIVE`], or has caused as
/// many questions about e-mails as there may be in a day; [`ServiceError::Mail`] where the address could not be asked.
pub async fn create(
    market: &MarketData,
    customer: CustomerId,
    alert: &NewAlert,
    idempotency_key: Option<&str>,
) -> Result<Created<Alert>, ServiceError> {
    let pending = match idempotency::look_up(&market.app, customer, idempotency_key, "POST /alerts", alert).await? {
        KeyLookup::Replay(id) => return Ok(Created { value: made(id, alert), replayed: true }),
        KeyLookup::First(pending) => pending,
    };
    require_deliverable(&market.app, alert)?;
    instruments::load(market, customer, &alert.symbol, market.budget_for(customer)).await?;
    // Before anybody is asked whether they want e-mails about it.
    Counter::read(&market.app, keys::alert_count(customer)).await?.add(1, MAX_ACTIVE, WHAT)?;
    tracked_symbols::track(&market.app, &alert.symbol).await?;
    if alert.email {
        email_subscription::ask(&market.app, customer).await?;
    }
    let units_of = read_day_of_units(market, &alert.symbol).await?;
    let made_now = made(market.app.new_id(), alert);
    let first = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let counter = Counter::read(&market.app, keys::alert_count(customer)).await?;
        let mut writes = vec![counter.add(1, MAX_ACTIVE, WHAT)?];
        writes.extend(first_writes(customer, &made_now, units_of)?);
        idempotency::commit(&market.app, pending.clone(), made_now.id, writes).await
    })
    .await?;
    Ok(match first {
        Some(first) => Created { value: made(first, alert), replayed: true },
        None => Created { value: made_now, replayed: false },
    })
}

/// The alert as it is first answered, which tracks from the request and its id alone.
fn made(id: Uuid, alert: &NewAlert) -> Alert {
    Alert {
        id,
        symbol: alert.symbol.clone(),
        condition: alert.condition,
        repeat: alert.repeat,
        email: alert.email,
        state: AlertState::Active,
        created_at: App::made_at(id),
        last_fired_at: None,
        last_fired_on: None,
    }
}

fn require_deliverable(app: &App, alert: &NewAlert) -> Result<(), ServiceError> {
    if alert.symbol.is_custom() {
        let detail = "a custom instrument has no quotes that an alert could wait for".to_owned();
        return Err(ServiceError::Field { field: "symbol", detail });
    }
    if alert.email && !app.mail().is_available() {
        let detail = "this platform sends no e-mail; alerts arrive over live connections".to_owned();
        return Err(ServiceError::Field { field: "email", detail });
    }
    Ok(())
}

/// The day in whose units a customer states a price now: the market's, or that of a newer quote, or where a replay
/// stands.
async fn read_day_of_units(market: &MarketData, symbol: &Symbol) -> Result<Day, ServiceError> {
    let quotes = quote_store::read_many(&market.app, std::slice::from_ref(symbol)).await?;
    Ok(match quotes.get(symbol) {
        Some(quote) if quote.replay => quote.day,
        Some(quote) => quote.day.max(market_day(market)),
        None => market_day(market),
    })
}

fn first_writes(customer: CustomerId, alert: &Alert, units_of: Day) -> Result<[Write; 2], ServiceError> {
    let rule = AlertRuleState { condition: alert.condition, repeat: alert.repeat, units_of, fired_on: None };
    let waiting = Waiting { customer_id: customer, created_at: alert.created_at, rule };
    let (own, listed) = (keys::alert(customer, alert.id), keys::waiting_alert(&alert.symbol, alert.id));
    Ok([
        Write::create(own.clone(), documents::body(&own, alert)?),
        Write::create(listed.clone(), documents::body(&listed, &waiting)?),
    ])
}

/// An alert of the customer.
pub async fn find(app: &App, customer: CustomerId, id: Uuid) -> Result<Alert, ServiceError> {
    let found = documents::read(app.table(), &keys::alert(customer, id)).await?;
    found.map(|(alert, _)| alert).ok_or(NO_ALERT)
}

const NO_ALERT: ServiceError = ServiceError::NotFound { what: "alert" };

/// A page of the customer's alerts, newest first, and where the next page starts.
pub async fn list(
    app: &App,
    customer: CustomerId,
    limit: usize,
    cursor: Option<String>,
) -> Result<(Vec<Alert>, Option<String>), ServiceError> {
    let page = documents::list(app.table(), keys::alerts(customer), limit, cursor.map(Cursor::new)).await?;
    Ok((page.items, page.next.map(|cursor| cursor.to_string())))
}

/// Removes an alert; its history stays.
pub async fn remove(app: &App, customer: CustomerId, id: Uuid) -> Result<(), ServiceError> {
    let key = keys::alert(customer, id);
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let (alert, version) = documents::read::<Alert>(app.table(), &key).await?.ok_or(NO_ALERT)?;
        let mut writes = vec![Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) }];
        if alert.state == AlertState::Active {
            let listed = keys::waiting_alert(&alert.symbol, id);
            writes.push(Write::Delete { key: listed, expect: DeleteExpect::Any });
            writes.push(Counter::read(app, keys::alert_count(customer)).await?.remove_one()?);
        }
        app.table().transact(writes).await?;
        Ok(())
    })
    .await
}

/// A page of an alert's firings, the latest market day first, and where the next page starts. They outlive the alert.
///
/// Errors: [`ServiceError::NotFound`] where the customer has no such alert and none of this id ever fired.
pub async fn list_firings(
    app: &App,
    customer: CustomerId,
    id: Uuid,
    limit: usize,
    cursor: Option<String>,
) -> Result<(Vec<Firing>, Option<String>), ServiceError> {
    let page = documents::list(app.table(), keys::firings(customer, id), limit, cursor.map(Cursor::new)).await?;
    if page.items.is_empty() {
        find(app, customer, id).await?;
    }
    Ok((page.items, page.next.map(|cursor| cursor.to_string())))
}

/// Removes an alert of an erased customer together with its place under its symbol.
pub async fn erase(app: &App, item: Item) -> Result<(), ServiceError> {
    let alert: Alert = documents::parse(&item)?;
    erase_both(app, item, keys::waiting_alert(&alert.symbol, alert.id)).await
}

/// Removes a firing of an erased customer; what was not delivered no longer is.
pub async fn erase_firing(app: &App, item: Item) -> Result<(), ServiceError> {
    let firing: Firing = documents::parse(&item)?;
    erase_both(app, item, keys::pending_firing(&firing.symbol, firing.alert_id, firing.market_day)).await
}

async fn erase_both(app: &App, item: Item, other: store::Key) -> Result<(), ServiceError> {
    let gone = [item.key, other].map(|key| Write::Delete { key, expect: DeleteExpect::Any });
    app.table().transact(gone.into()).await?;
    Ok(())
}
