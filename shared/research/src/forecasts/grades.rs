//! Stored grades: each forecast is graded once, as soon as every step has a bar.

use std::sync::Arc;

use app::error::ServiceError;
use app::{App, listing};
use domain::{Day, Symbol, calendar};
use market_data::market_clock::market_day;
use market_data::series::PriceSeries;
use market_data::{MarketData, history};
use quant::grading::{GradeState, Graded};
use serde::{Deserialize, Serialize};
use store::limits::MAX_KEYS;
use store::retry::{Retry, retry};
use store::{Cursor, DeleteExpect, Key, StoreError, Version, Write, documents, keys};
use tokio::time::Instant;

use super::stored_forecast::{StoredForecast, grade};

/// Forecasts graded between two reads of the store.
const PAGE: usize = 100;

/// A symbol has forecasts without a grade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PendingGrades {
    symbol: Symbol,
    /// The first day on which one of them can be graded.
    from: Day,
}

/// The stored grades of these forecasts, in the same order.
pub(super) async fn read_stored(app: &App, forecasts: &[StoredForecast]) -> Result<Vec<Option<Graded>>, ServiceError> {
    let mut grades = Vec::with_capacity(forecasts.len());
    for some in forecasts.chunks(MAX_KEYS) {
        let keys: Vec<Key> = some.iter().map(key).collect();
        for item in app.table().get_many(&keys).await? {
            grades.push(item.as_ref().map(documents::parse).transpose()?);
        }
    }
    Ok(grades)
}

fn key(forecast: &StoredForecast) -> Key {
    let terms = &forecast.terms;
    keys::forecast_grade(&terms.symbol, terms.as_of, terms.model.name(), terms.horizon, &terms.sha256)
}

/// Registers a new forecast for grading by the refresh. If that fails, the forecast stays, and its grade is computed on
/// every read.
pub(super) async fn await_grade(app: &App, forecast: &StoredForecast) {
    let Some(from) = matures(forecast) else { return };
    let symbol = &forecast.terms.symbol;
    let noted = await_from(app, symbol, from);
    if let Err(error) = noted.await {
        tracing::warn!(%symbol, %error, "the refresh will not grade this forecast");
    }
}

/// The day of a forecast's last step.
fn matures(forecast: &StoredForecast) -> Option<Day> {
    calendar::next_trading_days(forecast.terms.as_of, forecast.terms.horizon).last().copied()
}

/// Registers that a symbol's forecasts can be graded from this day on, or earlier if already registered.
///
/// It is written even if the day does not change: a concurrent grading sees from the new version that there is a
/// forecast that it may have missed.
async fn await_from(app: &App, symbol: &Symbol, from: Day) -> Result<(), ServiceError> {
    let key = &keys::awaited_grade(symbol);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let standing = documents::read::<PendingGrades>(app.table(), key).await?;
        let (from, version) = standing.map_or((from, None), |(awaited, at)| (awaited.from.min(from), Some(at)));
        write_awaited(app, key, Some(PendingGrades { symbol: symbol.clone(), from }), version).await
    })
    .await
}

async fn write_awaited(
    app: &App,
    key: &Key,
    awaited: Option<PendingGrades>,
    version: Option<Version>,
) -> Result<(), ServiceError> {
    match (awaited, version) {
        (Some(awaited), version) => drop(documents::put(app.table(), key.clone(), &awaited, version).await?),
        (None, Some(version)) => {
            let gone = Write::Delete { key: key.clone(), expect: DeleteExpect::Version(version) };
            app.table().transact(vec![gone]).await?;
        }
        (None, None) => {}
    }
    Ok(())
}

/// Grades every mature forecast of all symbols and stores the grades; returns their number. Symbols for which there is
/// no time left wait for the next run, and so does one that cannot be graded.
///
/// No provider is called: a forecast is graded once its bars have been fetched for another reason.
pub async fn grade_all_matured(market: &MarketData, until: Instant) -> Result<usize, ServiceError> {
    let today = market_day(market);
    let mut graded = 0;
    for list in keys::awaited_grades() {
        for item in listing::read_all(&market.app, list).await? {
            let awaited: PendingGrades = documents::parse(&item)?;
            if awaited.from > today {
                continue;
            }
            if Instant::now() >= until {
                return Ok(graded);
            }
            match grade_matured(market, &awaited.symbol).await {
                Ok(count) => graded += count,
                Err(error) => tracing::warn!(symbol = %awaited.symbol, %error, "the forecasts were not graded"),
            }
        }
    }
    Ok(graded)
}

/// Grades a symbol's mature forecasts by the available bars, and stores each grade once, next to its forecast; returns
/// the number of new ones.
pub async fn grade_matured(market: &MarketData, symbol: &Symbol) -> Result<usize, ServiceError> {
    let Some(series) = history::find_without_call(market, symbol).await? else { return Ok(0) };
    let before = documents::read::<PendingGrades>(market.app.table(), &keys::awaited_grade(symbol)).await?;
    let (mut new, mut next): (usize, Option<Day>) = (0, None);
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = documents::list::<StoredForecast>(market.app.table(), keys::forecasts(symbol), PAGE, cursor).await?;
        let graded = read_stored(&market.app, &page.items).await?;
        let without: Vec<StoredForecast> =
            page.items.into_iter().zip(graded).filter(|(_, grade)| grade.is_none()).map(|(one, _)| one).collect();
        for (forecast, graded) in grade_now(&series, without).await? {
            match graded {
                GradeOutcome::Graded(graded) => new += usize::from(save(&market.app, &forecast, &graded).await?),
                GradeOutcome::Pending => next = earlier(next, matures(&forecast)),
                GradeOutcome::Never => {}
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    // Steps due by today without a bar wait for a later session.
    let tomorrow = calendar::next_trading_days(market_day(market), 1).first().copied();
    let next = next.map(|next| tomorrow.map_or(next, |tomorrow| next.max(tomorrow)));
    settle(&market.app, symbol, before, next).await?;
    Ok(new)
}

fn earlier(one: Option<Day>, other: Option<Day>) -> Option<Day> {
    one.into_iter().chain(other).min()
}

/// The state of a forecast's grade.
enum GradeOutcome {
    Graded(Box<Graded>),
    Pending,
    /// Its origin is not a bar of the series.
    Never,
}

async fn grade_now(
    series: &Arc<PriceSeries>,
    forecasts: Vec<StoredForecast>,
) -> Result<Vec<(StoredForecast, GradeOutcome)>, ServiceError> {
    let series = series.clone();
    let verdict = move |forecast: StoredForecast| {
        let verdict = match grade(&series, &forecast) {
            Some(graded) if graded.grade.state == GradeState::Graded => GradeOutcome::Graded(Box::new(graded)),
            Some(_) => GradeOutcome::Pending,
            None => GradeOutcome::Never,
        };
        (forecast, verdict)
    };
    tokio::task::spawn_blocking(move || forecasts.into_iter().map(verdict).collect())
        .await
        .map_err(|error| ServiceError::fault("grading forecasts failed", error))
}

/// Whether this grade is the stored one: the first one is.
async fn save(app: &App, forecast: &StoredForecast, graded: &Graded) -> Result<bool, ServiceError> {
    match documents::put_new(app.table(), key(forecast), graded, None).await {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Registers what is still to be graded, unless a forecast was made meanwhile: then the next run checks again.
async fn settle(
    app: &App,
    symbol: &Symbol,
    before: Option<(PendingGrades, Version)>,
    next: Option<Day>,
) -> Result<(), ServiceError> {
    let Some((before, version)) = before else { return Ok(()) };
    if next == Some(before.from) {
        return Ok(());
    }
    let next = next.map(|from| PendingGrades { from, ..before });
    match write_awaited(app, &keys::awaited_grade(symbol), next, Some(version)).await {
        Err(ServiceError::Store(StoreError::Conflict { .. })) => Ok(()),
        settled => settled,
    }
}
