//! Grades that are kept beside their forecasts, each once, as soon as every step has come.

use std::sync::Arc;

use app::error::ServiceError;
use app::{App, listing};
use domain::{Day, Symbol, calendar};
use market_data::market_clock::market_day;
use market_data::series::Series;
use market_data::{MarketData, history};
use quant::grading::{GradeState, Graded};
use serde::{Deserialize, Serialize};
use store::limits::MAX_KEYS;
use store::retry::{Retry, retry};
use store::{Cursor, DeleteExpect, Key, StoreError, Version, Write, documents, keys};
use tokio::time::Instant;

use super::stored_forecast::{Forecast, grade};

/// Forecasts graded between two looks at the store.
const PAGE: usize = 100;

/// That a symbol has forecasts without a grade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Awaited {
    symbol: Symbol,
    /// The first day on which one of them may be graded.
    from: Day,
}

/// The stored grades of these forecasts, in their order.
pub(super) async fn read_stored(app: &App, forecasts: &[Forecast]) -> Result<Vec<Option<Graded>>, ServiceError> {
    let mut grades = Vec::with_capacity(forecasts.len());
    for some in forecasts.chunks(MAX_KEYS) {
        let keys: Vec<Key> = some.iter().map(key).collect();
        for item in app.table().get_many(&keys).await? {
            grades.push(item.as_ref().map(documents::parse).transpose()?);
        }
    }
    Ok(grades)
}

fn key(forecast: &Forecast) -> Key {
    let terms = &forecast.terms;
    keys::forecast_grade(&terms.symbol, terms.as_of, terms.model.name(), terms.horizon, &terms.sha256)
}

/// Has the refresh grade a new forecast once it has matured. Where that cannot be noted the forecast is there all the
/// same, and its record is computed whenever it is read.
pub(super) async fn await_grade(app: &App, forecast: &Forecast) {
    let Some(from) = matures(forecast) else { return };
    let symbol = &forecast.terms.symbol;
    let noted = await_from(app, symbol, from);
    if let Err(error) = noted.await {
        tracing::warn!(%symbol, %error, "a forecast that no refresh will grade");
    }
}

/// The day of a forecast's last step.
fn matures(forecast: &Forecast) -> Option<Day> {
    calendar::next_trading_days(forecast.terms.as_of, forecast.terms.horizon).last().copied()
}

/// Notes that a symbol's forecasts may be graded from this day on, or sooner where that is noted already.
///
/// It is written even where the day does not change: by the new version whoever grades the symbol at this moment learns
/// of a forecast that they may not have seen.
async fn await_from(app: &App, symbol: &Symbol, from: Day) -> Result<(), ServiceError> {
    let key = &keys::awaited_grade(symbol);
    retry(Retry::within(app::CONFLICT_BUDGET), || async move {
        let standing = documents::read::<Awaited>(app.table(), key).await?;
        let (from, version) = standing.map_or((from, None), |(awaited, at)| (awaited.from.min(from), Some(at)));
        write_awaited(app, key, Some(Awaited { symbol: symbol.clone(), from }), version).await
    })
    .await
}

async fn write_awaited(
    app: &App,
    key: &Key,
    awaited: Option<Awaited>,
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

/// Grades every forecast that has matured, of all symbols, and keeps the grades; gives how many there were. Symbols that
/// time does not suffice for wait for the next run, and so does one that cannot be graded.
///
/// No provider is asked: a forecast is graded once its bars have come for another reason.
pub async fn grade_all_matured(market: &MarketData, until: Instant) -> Result<usize, ServiceError> {
    let today = market_day(market);
    let mut graded = 0;
    for list in keys::awaited_grades() {
        for item in listing::read_all(&market.app, list).await? {
            let awaited: Awaited = documents::parse(&item)?;
            if awaited.from > today {
                continue;
            }
            if Instant::now() >= until {
                return Ok(graded);
            }
            match grade_matured(market, &awaited.symbol).await {
                Ok(count) => graded += count,
                Err(error) => tracing::warn!(symbol = %awaited.symbol, %error, "forecasts not graded"),
            }
        }
    }
    Ok(graded)
}

/// Grades the forecasts of a symbol that have matured by the bars at hand, and keeps each grade beside its forecast,
/// once; gives how many were new.
pub async fn grade_matured(market: &MarketData, symbol: &Symbol) -> Result<usize, ServiceError> {
    let Some(series) = history::find_without_call(market, symbol).await? else { return Ok(0) };
    let before = documents::read::<Awaited>(market.app.table(), &keys::awaited_grade(symbol)).await?;
    let (mut new, mut next): (usize, Option<Day>) = (0, None);
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = documents::list::<Forecast>(market.app.table(), keys::forecasts(symbol), PAGE, cursor).await?;
        let graded = read_stored(&market.app, &page.items).await?;
        let without: Vec<Forecast> =
            page.items.into_iter().zip(graded).filter(|(_, grade)| grade.is_none()).map(|(one, _)| one).collect();
        for (forecast, graded) in grade_now(&series, without).await? {
            match graded {
                Verdict::Graded(graded) => new += usize::from(save(&market.app, &forecast, &graded).await?),
                Verdict::Pending => next = earlier(next, matures(&forecast)),
                Verdict::Never => {}
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    // What was to come by today and has not comes with a later session.
    let tomorrow = calendar::next_trading_days(market_day(market), 1).first().copied();
    let next = next.map(|next| tomorrow.map_or(next, |tomorrow| next.max(tomorrow)));
    settle(&market.app, symbol, before, next).await?;
    Ok(new)
}

fn earlier(one: Option<Day>, other: Option<Day>) -> Option<Day> {
    one.into_iter().chain(other).min()
}

/// What can be said of a forecast by now.
enum Verdict {
    Graded(Box<Graded>),
    Pending,
    /// Its origin is no bar of the series.
    Never,
}

async fn grade_now(series: &Arc<Series>, forecasts: Vec<Forecast>) -> Result<Vec<(Forecast, Verdict)>, ServiceError> {
    let series = series.clone();
    let verdict = move |forecast: Forecast| {
        let verdict = match grade(&series, &forecast) {
            Some(graded) if graded.grade.state == GradeState::Graded => Verdict::Graded(Box::new(graded)),
            Some(_) => Verdict::Pending,
            None => Verdict::Never,
        };
        (forecast, verdict)
    };
    tokio::task::spawn_blocking(move || forecasts.into_iter().map(verdict).collect())
        .await
        .map_err(|error| ServiceError::fault("grades of forecasts", error))
}

/// Whether this grade is the one that stands: the first one does.
async fn save(app: &App, forecast: &Forecast, graded: &Graded) -> Result<bool, ServiceError> {
    match documents::put_new(app.table(), key(forecast), graded, None).await {
        Ok(_) => Ok(true),
        Err(StoreError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Notes what is still awaited, unless a forecast was made meanwhile: then the next run looks again.
async fn settle(
    app: &App,
    symbol: &Symbol,
    before: Option<(Awaited, Version)>,
    next: Option<Day>,
) -> Result<(), ServiceError> {
    let Some((before, version)) = before else { return Ok(()) };
    if next == Some(before.from) {
        return Ok(());
    }
    let next = next.map(|from| Awaited { from, ..before });
    match write_awaited(app, &keys::awaited_grade(symbol), next, Some(version)).await {
        Err(ServiceError::Store(StoreError::Conflict { .. })) => Ok(()),
        settled => settled,
    }
}
