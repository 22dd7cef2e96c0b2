//! A custom instrument as it is stored, its valuations, and the assertion that it stays as it was read.

use std::collections::BTreeMap;

use app::counter::Counter;
use app::{App, ServiceError};
use chrono::{DateTime, Utc};
use domain::{Currency, CustomerId, Instrument, Symbol};
use serde::{Deserialize, Serialize};
use store::limits::MAX_WRITES;
use store::{DeleteExpect, Key, Query, Range, StoreError, Version, Write, documents, keys};

/// Most custom instruments of a customer.
pub(super) const MAX_ITEMS: usize = 500;

/// The stored record of a custom instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CustomInstrumentRecord {
    #[serde(flatten)]
    pub(super) instrument: Instrument,
    /// While it is being removed or gets another currency, it does not exist for other requests, so that nothing comes
    /// to rely on it. If the request ends before it has unlocked the instrument, the lock expires.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "domain::instant")]
    pub(super) locked_until: Option<DateTime<Utc>>,
}

impl CustomInstrumentRecord {
    fn is_locked(&self, app: &App) -> bool {
        self.locked_until.is_some_and(|until| until > app.now())
    }
}

/// A custom instrument of the customer, at the version it was read.
pub(super) async fn load(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
) -> Result<(CustomInstrumentRecord, Version), ServiceError> {
    let found = load_also_locked(app, customer, symbol).await?;
    if found.0.is_locked(app) { Err(unknown(symbol)) } else { Ok(found) }
}

/// Like [`load`], but also finds one that is locked.
pub(super) async fn load_also_locked(
    app: &App,
    customer: CustomerId,
    symbol: &Symbol,
) -> Result<(CustomInstrumentRecord, Version), ServiceError> {
    let found = documents::read(app.table(), &keys::custom_instrument(customer, symbol)).await?;
    found.ok_or_else(|| unknown(symbol))
}

fn unknown(symbol: &Symbol) -> ServiceError {
    ServiceError::UnknownSymbol { symbol: symbol.clone() }
}

/// The write that makes a transaction fail if one of these instruments is removed or, where a
/// currency is named, gets another one meanwhile.
/// None is needed if there is no custom instrument among them.
///
/// Errors: [`ServiceError::UnknownSymbol`] for one that was removed; a conflict for one whose currency is another one.
pub async fn assert_unchanged<'a>(
    app: &App,
    customer: CustomerId,
    instruments: impl IntoIterator<Item = (&'a Symbol, Option<Currency>)>,
) -> Result<Option<Write>, ServiceError> {
    let custom: BTreeMap<_, _> = instruments.into_iter().filter(|(symbol, _)| symbol.is_custom()).collect();
    if custom.is_empty() {
        return Ok(None);
    }
    // The counter is read before the instruments: whatever locks one writes the counter too.
    let counter = Counter::read(app, keys::custom_instrument_count(customer)).await?;
    let keys: Vec<Key> = custom.keys().map(|symbol| keys::custom_instrument(customer, symbol)).collect();
    for ((symbol, currency), item) in custom.into_iter().zip(app.table().get_many(&keys).await?) {
        let record = item.as_ref().map(documents::parse::<CustomInstrumentRecord>).transpose()?;
        let record = record.filter(|record| !record.is_locked(app)).ok_or_else(|| unknown(symbol))?;
        if currency.is_some_and(|currency| record.instrument.currency != currency) {
            return Err(StoreError::Conflict { write: 0 }.into());
        }
    }
    Ok(Some(counter.unchanged()))
}

/// Removes the valuations under a symbol, the head first, so that no reader finds a part of them.
pub(super) async fn remove_valuations(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<(), ServiceError> {
    let first = Query::forward(keys::own_bars(customer, symbol), Range::All, MAX_WRITES);
    loop {
        let page = app.table().query(&first).await?;
        let gone = page.items.into_iter().map(|item| Write::Delete { key: item.key, expect: DeleteExpect::Any });
        let gone: Vec<_> = gone.collect();
        if gone.is_empty() {
            return Ok(());
        }
        app.table().transact(gone).await?;
    }
}
