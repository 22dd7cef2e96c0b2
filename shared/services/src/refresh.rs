//! The scheduled refresh: every known symbol whose newest bar is older than the market's day.

use chrono::{DateTime, TimeDelta, Utc};
use domain::Symbol;
use market::Patience;
use serde::{Deserialize, Serialize};
use store::bars::SeriesHead;
use store::{DeleteExpect, Key, Query, StoreError, Version, Write, documents, keys};

use crate::error::ServiceError;
use crate::{App, history};

const JOB: &str = "refresh-prices";

/// How long one run keeps others of its slot away; a run that died is taken over after that.
const LEASE_MINUTES: i64 = 10;

/// How long the record of a slot keeps a second delivery from acting.
const SLOT_DAYS: i64 = 2;

/// Symbols read from one part of the directory at a time.
const PAGE: usize = 200;

/// What one refresh did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refreshed {
    /// Whether this slot had been refreshed before; then nothing was done.
    pub repeated: bool,
    /// Symbols whose bars are current now.
    pub current: usize,
    /// Symbols whose newer bars could not be had; the old ones stay.
    pub stale: usize,
}

/// One run of a slot: under way until the lease ends, or done.
#[derive(Serialize, Deserialize)]
struct Run {
    leased_until: DateTime<Utc>,
    done: Option<Refreshed>,
}

/// How the last finished run went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LastRun {
    /// When it finished.
    pub at: DateTime<Utc>,
    /// What it did.
    pub did: Refreshed,
}

/// Refreshes all symbols of the directory, those fetched longest ago first, once a slot. One bad
/// symbol never stops the others.
///
/// A run that fails gives its slot back, so that a retry does the work.
pub async fn refresh(app: &App, slot: DateTime<Utc>) -> Result<Refreshed, ServiceError> {
    let key = keys::job_run(JOB, &slot.to_rfc3339());
    let Some(claimed_at) = claim(app, &key).await? else {
        return Ok(Refreshed { repeated: true, ..Refreshed::default() });
    };
    match refresh_all(app).await {
        Ok(did) => {
            let run = Run { leased_until: app.now(), done: Some(did.clone()) };
            put_run(app, key, &run, Some(claimed_at)).await?;
            remember_last(app, LastRun { at: app.now(), did: did.clone() }).await?;
            Ok(did)
        }
        Err(error) => {
            let given_back = Write::Delete { key, expect: DeleteExpect::Version(claimed_at) };
            if let Err(error) = app.table().transact(vec![given_back]).await {
                tracing::warn!(%error, "the slot stays taken until its lease ends");
            }
            Err(error)
        }
    }
}

/// The last finished run, if there was one.
pub async fn last_run(app: &App) -> Result<Option<LastRun>, ServiceError> {
    Ok(documents::read::<LastRun>(app.table(), &keys::job_last(JOB)).await?.map(|(run, _)| run))
}

async fn refresh_all(app: &App) -> Result<Refreshed, ServiceError> {
    let mut did = Refreshed::default();
    for symbol in symbols(app).await? {
        match history::load_with(app, &symbol, Patience::Schedule).await {
            Ok(series) if !series.stale => did.current += 1,
            Ok(_) => did.stale += 1,
            Err(error) => {
                tracing::warn!(%symbol, %error, "not refreshed");
                did.stale += 1;
            }
        }
    }
    Ok(did)
}

async fn remember_last(app: &App, run: LastRun) -> Result<(), ServiceError> {
    let key = keys::job_last(JOB);
    let version = documents::read::<LastRun>(app.table(), &key).await?.map(|(_, version)| version);
    match documents::put(app.table(), key, &run, version).await {
        // A parallel run of another slot was last.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Takes the slot; none where it is done.
///
/// Errors: a conflict where another delivery is at it, so that whoever retries finds out how it ended.
async fn claim(app: &App, key: &Key) -> Result<Option<Version>, ServiceError> {
    let standing = documents::read::<Run>(app.table(), key).await?;
    match &standing {
        Some((run, _)) if run.done.is_some() => return Ok(None),
        Some((run, _)) if run.leased_until > app.now() => return Err(StoreError::Conflict { write: 0 }.into()),
        _ => {}
    }
    let run = Run { leased_until: app.now() + TimeDelta::minutes(LEASE_MINUTES), done: None };
    put_run(app, key.clone(), &run, standing.map(|(_, version)| version)).await
}

async fn put_run(app: &App, key: Key, run: &Run, at: Option<Version>) -> Result<Option<Version>, ServiceError> {
    let body = documents::body(&key, run)?;
    let expires_at = Some((app.now() + TimeDelta::days(SLOT_DAYS)).timestamp());
    let versions = app.table().transact(vec![Write::Put { key, body, expires_at, expect: at.into() }]).await?;
    Ok(versions.first().copied().flatten())
}

/// The symbols of the directory, those fetched longest ago first.
async fn symbols(app: &App) -> Result<Vec<Symbol>, ServiceError> {
    let mut symbols = Vec::new();
    for list in keys::directory_symbols() {
        let mut query = Query::forward(list.partition, list.range, PAGE);
        loop {
            let page = app.table().query(&query).await?;
            for symbol in page.items.iter().filter_map(|item| item.key.sk.parse::<Symbol>().ok()) {
                let head = documents::read::<SeriesHead>(app.table(), &keys::bars_head(&symbol)).await?;
                symbols.push((head.map(|(head, _)| head.fetched_at), symbol));
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => break,
            }
        }
    }
    symbols.sort();
    Ok(symbols.into_iter().map(|(_, symbol)| symbol).collect())
}
