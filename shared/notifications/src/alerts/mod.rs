//! Alerts: conditions on prices that customers set, and the notifications when a quote meets them.
//!
//! An alert has two items, always written together: one in the partition of its customer, and one under its symbol,
//! where [`evaluate`] finds it when a quote comes (`evaluation.rs`). One transaction fires an alert and adds the entry
//! to its history. The key of the entry contains the market day, so that concurrent evaluations and repeated events
//! fire the alert once a day (`firing.rs`). The notification follows (`delivery.rs`); if it fails it is tried again
//! when the event is repeated, or with the next quote. The e-mails come last, one for each customer (`emails.rs`).
//! `email_subscription.rs` removes what earlier versions needed for e-mails.

mod delivery;
mod email_subscription;
mod emails;
mod evaluation;
mod evaluation_counts;
mod firing;
mod records;

pub use email_subscription::close as close_email_subscription;
pub use evaluation::evaluate;
pub use evaluation_counts::{EvaluationCounts, REPEATED_FOR};
pub use records::{Alert, AlertState, Firing};

use app::App;
use app::counter::Counter;
use app::error::ServiceError;
use app::idempotency::{self, Created, KeyLookup};
use app::listing::{self, DayRange, Filter, ListPage, PageRequest, Unfiltered};
use chrono::{DateTime, Utc};
use domain::alert::{AlertRuleState, Condition, Repeat};
use domain::{CustomerId, Day, Symbol};
use identity::profile;
use market_data::market_clock::market_day;
use market_data::{MarketData, instruments, quote_store, tracked_symbols};
use serde::Serialize;
use store::limits::MAX_PAGE_ITEMS;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Item, Query, Write, documents, keys};
use uuid::Uuid;

use records::WaitingAlert;

/// Most active alerts of a customer: those that can still fire.
pub const MAX_ACTIVE: usize = 100;

const WHAT: &str = "alerts that can still fire";

/// A new alert.
#[derive(Clone, Debug, Serialize)]
pub struct NewAlert {
    /// The instrument.
    pub symbol: Symbol,
    /// The condition that a quote must meet.
    pub condition: Condition,
    /// How often it fires.
    pub repeat: Repeat,
    /// Whether it is also sent by e-mail.
    pub email: bool,
}

/// Creates an alert. The same idempotency key with the same request returns the first result again.
///
/// Errors: [`ServiceError::Field`] for a custom instrument, which has no quotes, and for e-mail if the platform sends
/// none or the customer's address is not verified; [`ServiceError::UnknownSymbol`]; [`ServiceError::LimitReached`] if the
/// customer has [`MAX_ACTIVE`].
pub async fn create(
    market: &MarketData,
    customer: CustomerId,
    alert: &NewAlert,
    idempotency_key: Option<&str>,
) -> Result<Created<Alert>, ServiceError> {
    let pending = match idempotency::look_up(&market.app, customer, idempotency_key, "POST /alerts", alert).await? {
        KeyLookup::Replay(id) => return Ok(Created { value: created(id, alert), replayed: true }),
        KeyLookup::First(pending) => pending,
    };
    check_deliverable(&market.app, customer, alert).await?;
    instruments::load(market, customer, &alert.symbol, market.budget_for(customer)).await?;
    tracked_symbols::track(&market.app, &alert.symbol).await?;
    let units_of = read_day_of_units(market, &alert.symbol).await?;
    let new = created(market.app.new_id(), alert);
    let first = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let counter = Counter::read(&market.app, keys::alert_count(customer)).await?;
        let mut writes = vec![counter.add(1, MAX_ACTIVE, WHAT)?];
        writes.extend(first_writes(customer, &new, units_of)?);
        idempotency::commit(&market.app, pending.clone(), new.id, writes).await
    })
    .await?;
    Ok(match first {
        Some(first) => Created { value: created(first, alert), replayed: true },
        None => Created { value: new, replayed: false },
    })
}

/// The alert as first returned. It depends on the request and the id alone, so that a replay returns the same.
fn created(id: Uuid, alert: &NewAlert) -> Alert {
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

async fn check_deliverable(app: &App, customer: CustomerId, alert: &NewAlert) -> Result<(), ServiceError> {
    if alert.symbol.is_custom() {
        let detail = "must not be a custom instrument: those have no quotes".to_owned();
        return Err(ServiceError::Field { field: "symbol", detail });
    }
    if alert.email && !app.mail().is_available() {
        let detail = "must be false: this platform sends no e-mail; alerts arrive over live connections".to_owned();
        return Err(ServiceError::Field { field: "email", detail });
    }
    if alert.email && profile::find(app, customer).await?.profile.verified_email().is_none() {
        let detail =
            "must be false until your e-mail address is verified: POST /customers/email-verification".to_owned();
        return Err(ServiceError::Field { field: "email", detail });
    }
    Ok(())
}

/// The day in whose units a price is that a customer states now: the market's today, the day of a newer quote, or the
/// day of a replay.
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
    let waiting = WaitingAlert { customer_id: customer, created_at: alert.created_at, rule };
    let (alert_key, waiting_key) = (keys::alert(customer, alert.id), keys::waiting_alert(&alert.symbol, alert.id));
    Ok([
        Write::create(alert_key.clone(), documents::body(&alert_key, alert)?),
        Write::create(waiting_key.clone(), documents::body(&waiting_key, &waiting)?),
    ])
}

/// Reads an alert of the customer.
pub async fn find(app: &App, customer: CustomerId, id: Uuid) -> Result<Alert, ServiceError> {
    let found = documents::read(app.table(), &keys::alert(customer, id)).await?;
    found.map(|(alert, _)| alert).ok_or(NO_ALERT)
}

const NO_ALERT: ServiceError = ServiceError::NotFound { what: "alert" };

/// Which alerts a list contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AlertFilter {
    /// Alerts on this instrument.
    pub symbol: Option<Symbol>,
    /// Alerts that can still fire, or have fired.
    pub state: Option<AlertState>,
}

impl Filter<Alert> for AlertFilter {
    fn keeps(&self, alert: &Alert) -> bool {
        self.symbol.as_ref().is_none_or(|symbol| *symbol == alert.symbol)
            && self.state.is_none_or(|state| state == alert.state)
    }
}

/// A page of the customer's alerts, in the order in which they were created.
pub async fn list(
    app: &App,
    customer: CustomerId,
    filter: &AlertFilter,
    page: &PageRequest,
) -> Result<ListPage<Alert>, ServiceError> {
    listing::read_page(app, keys::alerts(customer), filter, page).await
}

/// The alerts of a customer that have fired since an instant, the latest first: of the newest thousand.
pub async fn list_fired_since(
    app: &App,
    customer: CustomerId,
    since: DateTime<Utc>,
) -> Result<Vec<Alert>, ServiceError> {
    let page = documents::list::<Alert>(app.table(), keys::alerts(customer), MAX_PAGE_ITEMS, None).await?;
    let mut fired = page.items;
    fired.retain(|alert| alert.last_fired_at.is_some_and(|at| at >= since));
    fired.sort_by_key(|alert| std::cmp::Reverse(alert.last_fired_at));
    Ok(fired)
}

/// Removes an alert; its history stays.
pub async fn remove(app: &App, customer: CustomerId, id: Uuid) -> Result<(), ServiceError> {
    let key = keys::alert(customer, id);
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let (alert, version) = documents::read::<Alert>(app.table(), &key).await?.ok_or(NO_ALERT)?;
        let mut writes = vec![Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) }];
        if alert.state == AlertState::Active {
            let waiting_key = keys::waiting_alert(&alert.symbol, id);
            writes.push(Write::Delete { key: waiting_key, expect: DeleteExpect::Any });
            writes.push(Counter::read(app, keys::alert_count(customer)).await?.remove_one()?);
        }
        app.table().transact(writes).await?;
        Ok(())
    })
    .await
}

/// A page of an alert's firings on these market days, by day. They are kept when the alert is removed.
///
/// Errors: [`ServiceError::NotFound`] if the customer has no such alert and none with this id ever fired.
pub async fn list_firings(
    app: &App,
    customer: CustomerId,
    id: Uuid,
    days: DayRange,
    page: &PageRequest,
) -> Result<ListPage<Firing>, ServiceError> {
    let (first, last) = days.ends();
    let read = listing::read_page(app, keys::firings(customer, id, first, last), &Unfiltered, page).await?;
    if read.items.is_empty() && !has_fired(app, customer, id).await? {
        find(app, customer, id).await?;
    }
    Ok(read)
}

async fn has_fired(app: &App, customer: CustomerId, id: Uuid) -> Result<bool, ServiceError> {
    let firings = keys::firings(customer, id, Day::FIRST, Day::LAST);
    let read = app.table().query(&Query::forward(firings.partition, firings.range, 1)).await?;
    Ok(!read.items.is_empty())
}

/// Deletes an alert of an erased customer, together with its item under its symbol.
pub async fn erase(app: &App, item: Item) -> Result<(), ServiceError> {
    let alert: Alert = documents::parse(&item)?;
    erase_both(app, item, keys::waiting_alert(&alert.symbol, alert.id)).await
}

/// Deletes a firing of an erased customer, together with its pending delivery.
pub async fn erase_firing(app: &App, item: Item) -> Result<(), ServiceError> {
    let firing: Firing = documents::parse(&item)?;
    erase_both(app, item, keys::pending_firing(&firing.symbol, firing.alert_id, firing.market_day)).await
}

async fn erase_both(app: &App, item: Item, other: store::Key) -> Result<(), ServiceError> {
    let deletes = [item.key, other].map(|key| Write::Delete { key, expect: DeleteExpect::Any });
    app.table().transact(deletes.into()).await?;
    Ok(())
}
