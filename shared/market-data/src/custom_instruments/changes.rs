//! Changes and removes custom instruments.
//!
//! A removal, or a change of the currency, must not leave a lot or a valuation behind that means something else. It locks
//! the instrument first: from then on every transaction fails that would come to rely on it, because it asserts the
//! counter that the lock writes. What relies on the instrument by then is found afterwards.

use app::counter::Counter;
use app::precondition::Precondition;
use app::{App, ServiceError, listing};
use chrono::TimeDelta;
use domain::portfolio::PortfolioName;
use domain::{Currency, CustomerId, Instrument, InstrumentType, Portfolio, Symbol};
use serde::Deserialize;
use store::retry::{Retry, retry};
use store::{DeleteExpect, Version, Write, documents, keys};

use crate::held_symbols;

use super::record::{CustomInstrumentRecord, MAX_ITEMS, load, load_also_locked, remove_valuations};

/// Longer than any request lasts.
const LOCK: TimeDelta = TimeDelta::minutes(1);

/// A change of a custom instrument; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default)]
pub struct CustomInstrumentChange {
    /// Name.
    pub name: Option<PortfolioName>,
    /// Currency of its valuations, which it must not have yet.
    pub currency: Option<Currency>,
    /// Kind.
    pub instrument_type: Option<InstrumentType>,
}

/// A stored custom instrument and its version.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCustomInstrument {
    /// The instrument.
    pub instrument: Instrument,
    /// Changes with the instrument.
    pub version: u64,
}

/// A custom instrument of the customer, with its version.
pub async fn find_stored(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
) -> Result<StoredCustomInstrument, ServiceError> {
    let (record, Version(version)) = load(app, customer, symbol).await?;
    Ok(StoredCustomInstrument { instrument: record.instrument, version })
}

/// Changes a custom instrument if it is still at the version that the change is for.
///
/// Errors: [`ServiceError::PreconditionRequired`], [`ServiceError::PreconditionFailed`], and
/// [`ServiceError::InstrumentInUse`] for the currency of one that has valuations or is held.
pub async fn change(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
    precondition: &Precondition,
    change: &CustomInstrumentChange,
) -> Result<StoredCustomInstrument, ServiceError> {
    let key = keys::custom_instrument(customer, symbol);
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let (before, mut version) = load(app, customer, symbol).await?;
        precondition.require(version.0)?;
        let instrument = changed(&before.instrument, change);
        if instrument != before.instrument {
            let moves = instrument.currency != before.instrument.currency;
            if moves {
                version = lock_unused(app, customer, &before, version, Need::NewCurrency).await?;
            }
            let after = CustomInstrumentRecord { instrument: instrument.clone(), locked_until: None };
            version = documents::put(app.table(), key.clone(), &after, Some(version)).await?;
        }
        Ok(StoredCustomInstrument { instrument, version: version.0 })
    })
    .await
}

fn changed(before: &Instrument, change: &CustomInstrumentChange) -> Instrument {
    Instrument {
        name: change.name.as_ref().map_or_else(|| before.name.clone(), ToString::to_string),
        currency: change.currency.unwrap_or(before.currency),
        instrument_type: change.instrument_type.unwrap_or(before.instrument_type),
        ..before.clone()
    }
}

/// Removes a custom instrument and its valuations. A removal that was cut short is continued.
///
/// Errors: [`ServiceError::PreconditionFailed`], [`ServiceError::InstrumentInUse`] while a portfolio holds it or it is
/// on the watchlist.
pub async fn remove(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
    precondition: &Precondition,
) -> Result<(), ServiceError> {
    let locked = retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let (record, version) = load_also_locked(app, customer, symbol).await?;
        precondition.allow(version.0)?;
        lock_unused(app, customer, &record, version, Need::Removal).await
    })
    .await?;
    remove_valuations(app, customer, symbol).await?;
    let key = keys::custom_instrument(customer, symbol);
    retry(Retry::within(app::CONFLICT_BUDGET), || async {
        let counter = Counter::read(app, keys::custom_instrument_count(customer)).await?;
        let gone = Write::Delete { key: key.clone(), expect: DeleteExpect::Version(locked) };
        app.table().transact(vec![gone, counter.remove_one()?]).await?;
        Ok::<_, ServiceError>(())
    })
    .await
}

/// What an instrument must be free of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Of lots and of the watchlist.
    Removal,
    /// Of lots and of valuations.
    NewCurrency,
}

/// Locks an instrument that is not in use; returns the version of the lock.
async fn lock_unused(
    app: &App,
    customer: CustomerId,
    record: &CustomInstrumentRecord,
    version: Version,
    need: Need,
) -> Result<Version, ServiceError> {
    let symbol = &record.instrument.symbol;
    let in_use = |by| ServiceError::InstrumentInUse { symbol: symbol.clone(), by };
    // Before the lock: usually it is not needed.
    if let Some(by) = find_use(app, customer, symbol, need).await? {
        return Err(in_use(by));
    }
    let key = keys::custom_instrument(customer, symbol);
    let locked = CustomInstrumentRecord { locked_until: Some(app.now() + LOCK), ..record.clone() };
    let counter = Counter::read(app, keys::custom_instrument_count(customer)).await?;
    let lock = Write::update(key.clone(), documents::body(&key, &locked)?, version);
    let written = app.table().transact(vec![lock, counter.add(0, MAX_ITEMS, "custom instruments")?]).await?;
    let locked_at = written.first().copied().flatten().unwrap_or(version);
    match find_use(app, customer, symbol, need).await? {
        None => Ok(locked_at),
        Some(by) => {
            let unlocked = CustomInstrumentRecord { locked_until: None, ..record.clone() };
            documents::put(app.table(), key, &unlocked, Some(locked_at)).await?;
            Err(in_use(by))
        }
    }
}

/// What uses an instrument, as a sentence of a refusal.
async fn find_use(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
    need: Need,
) -> Result<Option<String>, ServiceError> {
    if need == Need::Removal && app.table().get(&keys::watch(customer, symbol)).await?.is_some() {
        return Ok(Some("it is on your watchlist".to_owned()));
    }
    if need == Need::NewCurrency
        && store::bars::load_from(app.table(), &keys::own_bars(customer, symbol)).await?.is_some()
    {
        return Ok(Some("it has valuations".to_owned()));
    }
    for item in listing::read_all(app, keys::portfolios(customer)).await? {
        let PortfolioOutline { portfolio, removing } = documents::parse(&item)?;
        if !removing && held_symbols::read_recorded(app, portfolio.id).await?.contains(symbol) {
            return Ok(Some(format!("the portfolio {} holds it or has held it", portfolio.name)));
        }
    }
    Ok(None)
}

/// What is read of a stored portfolio here.
#[derive(Deserialize)]
struct PortfolioOutline {
    portfolio: Portfolio,
    #[serde(default)]
    removing: bool,
}
