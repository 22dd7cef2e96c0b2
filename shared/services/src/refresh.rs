//! The scheduled refresh: every known symbol whose newest bar is older than the market's day.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Symbol;
use market::{Patience, ProviderError};
use serde::Serialize;
use store::{Query, StoreError, documents, keys};

use crate::error::ServiceError;
use crate::{App, history};

const JOB: &str = "refresh-prices";

/// How long the record of a slot keeps a second delivery from acting.
const SLOT_DAYS: i64 = 2;

/// Symbols read from one part of the directory at a time.
const PAGE: usize = 200;

/// What one refresh did.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refreshed {
    /// Whether this slot had been refreshed before; then nothing was done.
    pub repeated: bool,
    /// Symbols whose bars are current now.
    pub current: usize,
    /// Symbols that could not be brought up to date.
    pub failed: usize,
    /// Symbols left for the next slot because the provider's quota is used up.
    pub postponed: usize,
}

/// Refreshes all symbols of the directory, once a slot. One bad symbol never stops the others.
pub async fn refresh(app: &App, slot: DateTime<Utc>) -> Result<Refreshed, ServiceError> {
    if !claim(app, slot).await? {
        return Ok(Refreshed { repeated: true, ..Refreshed::default() });
    }
    let mut done = Refreshed::default();
    for symbol in symbols(app).await? {
        if done.postponed > 0 {
            done.postponed += 1;
            continue;
        }
        match history::load_with(app, &symbol, Patience::Schedule).await {
            Ok(series) if series.stale => done.failed += 1,
            Ok(_) => done.current += 1,
            Err(ServiceError::Provider(ProviderError::QuotaExhausted { .. })) => done.postponed += 1,
            Err(error) => {
                tracing::warn!(%symbol, %error, "not refreshed");
                done.failed += 1;
            }
        }
    }
    Ok(done)
}

/// Takes the slot; false where another delivery of the same slot has it.
async fn claim(app: &App, slot: DateTime<Utc>) -> Result<bool, ServiceError> {
    let key = keys::job_run(JOB, &slot.to_rfc3339());
    let expires_at = Some((app.now() + TimeDelta::days(SLOT_DAYS)).timestamp());
    match documents::put_new(app.table(), key, &app.now(), expires_at).await {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn symbols(app: &App) -> Result<Vec<Symbol>, ServiceError> {
    let mut symbols = Vec::new();
    for list in keys::directory_symbols() {
        let mut query = Query::forward(list.partition, list.range, PAGE);
        loop {
            let page = app.table().query(&query).await?;
            symbols.extend(page.items.iter().filter_map(|item| item.key.sk.parse::<Symbol>().ok()));
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => break,
            }
        }
    }
    Ok(symbols)
}
