//! The price history of a symbol: from memory, from the store, and from the provider when stale.

pub use market::Note;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Bars, Currency, Day, Symbol};
use market::{Basis, History, MarketClock, Patience, ProviderError};
use quant::backtest::Warning;
use store::bars::SeriesHead;
use store::{documents, keys};
use tokio::sync::Mutex;

use crate::error::ServiceError;
use crate::{App, market_clock};

/// Histories kept in memory; one of thirteen years is about 240 KB.
const MAX_IN_MEMORY: usize = 32;
/// How long a history in memory is believed before the store is asked again: another process may
/// have refreshed it.
const MEMORY_SECONDS: i64 = 60;
/// How long after a fetch a live provider is not asked again for a bar that it did not have.
const RETRY_MINUTES: i64 = 15;

/// The history of one symbol as every service reads it.
#[derive(Debug)]
pub struct Series {
    /// The symbol.
    pub symbol: Symbol,
    /// Currency of the prices.
    pub currency: Currency,
    /// The bars, oldest first; never empty.
    pub bars: Arc<Bars>,
    /// Where they came from.
    pub source: String,
    /// What the prices mean.
    pub basis: Basis,
    /// What a reader must know about them.
    pub notes: Vec<Note>,
    /// When the provider was last asked.
    pub fetched_at: DateTime<Utc>,
    /// Whether a newer bar was expected and could not be had.
    pub stale: bool,
    /// First and last day of the bars.
    pub first: Day,
    /// Last day of the bars.
    pub last: Day,
    revision: Option<String>,
    fingerprint: std::sync::OnceLock<String>,
}

impl Series {
    /// Hash of all bars, lower-case hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprint.get_or_init(|| quant::fingerprint::fingerprint(&self.bars)).clone()
    }

    /// The notes as warnings beside a result that rests on these bars.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let notes = self.notes.iter();
        notes.map(|note| Warning { code: note.code().to_owned(), detail: note.to_string() }).collect()
    }

    pub(crate) fn no_bars(&self, from: Day, to: Day) -> ServiceError {
        ServiceError::NoBars { symbol: self.symbol.clone(), from, to, first: self.first, last: self.last }
    }
}

/// The histories of a process, one slot a symbol, so that many readers make one fetch.
#[derive(Default)]
pub struct Histories {
    slots: Mutex<HashMap<Symbol, Arc<Mutex<Slot>>>>,
}

#[derive(Default)]
struct Slot {
    series: Option<Arc<Series>>,
    checked_at: Option<DateTime<Utc>>,
}

impl Histories {
    async fn slot(&self, symbol: &Symbol) -> Arc<Mutex<Slot>> {
        let mut slots = self.slots.lock().await;
        if !slots.contains_key(symbol) && slots.len() >= MAX_IN_MEMORY {
            // A slot in use has another owner; forgetting an idle one only costs a read of the store.
            if let Some(idle) = slots.iter().find(|(_, slot)| Arc::strong_count(slot) == 1).map(|(key, _)| key.clone())
            {
                slots.remove(&idle);
            }
        }
        slots.entry(symbol.clone()).or_default().clone()
    }
}

/// The history of a symbol for a caller who waits.
pub async fn load(app: &App, symbol: &Symbol) -> Result<Arc<Series>, ServiceError> {
    load_with(app, symbol, Patience::Caller).await
}

/// The history of a symbol. Where the provider cannot answer, the stored bars are served and
/// marked stale; an error is left for a symbol of which nothing is stored.
pub async fn load_with(app: &App, symbol: &Symbol, patience: Patience) -> Result<Arc<Series>, ServiceError> {
    let slot = app.histories().slot(symbol).await;
    let mut slot = slot.lock().await;
    let now = app.now();
    if let Some(series) = &slot.series {
        let recent = slot.checked_at.is_some_and(|at| now - at < TimeDelta::seconds(MEMORY_SECONDS));
        if recent && is_current(app, series) {
            return Ok(series.clone());
        }
    }
    let stored = from_store(app, symbol).await?;
    let series = match stored {
        Some(series) if is_current(app, &series) => series,
        stored => fetch(app, symbol, patience, stored).await?,
    };
    let series = Arc::new(series);
    slot.series = Some(series.clone());
    slot.checked_at = Some(now);
    Ok(series)
}

/// Whether asking the provider could not bring anything newer.
fn is_current(app: &App, series: &Series) -> bool {
    let provider = app.provider();
    if series.source != provider.source() || series.revision != provider.revision(&series.symbol) {
        return false;
    }
    match provider.clock() {
        MarketClock::StandsAt(_) => true,
        MarketClock::Live => {
            series.last >= market_clock::market_day(app)
                || app.now() - series.fetched_at < TimeDelta::minutes(RETRY_MINUTES)
        }
    }
}

async fn from_store(app: &App, symbol: &Symbol) -> Result<Option<Series>, ServiceError> {
    let Some(stored) = store::bars::load(app.table(), symbol).await? else {
        return Ok(None);
    };
    let head = stored.head;
    let corrupt = |cause: serde_json::Error| ServiceError::fault("stored series", cause);
    let basis = serde_json::from_value(head.basis.into()).map_err(corrupt)?;
    let notes = head.notes.iter().map(|note| serde_json::from_str(note)).collect::<Result<_, _>>().map_err(corrupt)?;
    Ok(Some(Series {
        basis,
        notes,
        revision: head.revision,
        fetched_at: head.fetched_at,
        ..series(symbol, stored.bars, head.currency, head.source, head.fetched_at)?
    }))
}

fn series(
    symbol: &Symbol,
    bars: Bars,
    currency: Currency,
    source: String,
    fetched_at: DateTime<Utc>,
) -> Result<Series, ServiceError> {
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return Err(ServiceError::UnknownSymbol { symbol: symbol.clone() });
    };
    Ok(Series {
        symbol: symbol.clone(),
        currency,
        bars: Arc::new(bars),
        source,
        basis: Basis::Quoted,
        notes: Vec::new(),
        fetched_at,
        stale: false,
        first: first.date,
        last: last.date,
        revision: None,
        fingerprint: std::sync::OnceLock::new(),
    })
}

async fn fetch(app: &App, symbol: &Symbol, patience: Patience, stored: Option<Series>) -> Result<Series, ServiceError> {
    let provider = app.provider();
    let revision = provider.revision(symbol);
    match (provider.daily(symbol, patience).await, stored) {
        (Ok(history), stored) => {
            let history = match stored {
                Some(old) if old.source == provider.source() => extend(&old.bars, history),
                _ => history,
            };
            let head = head(app, &history, revision.clone())?;
            store::bars::save(app.table(), symbol, &history.bars, &head).await?;
            list_symbol(app, symbol).await?;
            let fetched_at = head.fetched_at;
            let loaded = series(symbol, history.bars, history.currency, head.source, fetched_at)?;
            Ok(Series { basis: history.basis, notes: history.notes, revision, ..loaded })
        }
        (Err(error), Some(old)) => {
            tracing::warn!(%symbol, %error, "serving stored bars: the provider did not answer");
            Ok(Series { stale: true, ..old })
        }
        (Err(ProviderError::UnknownSymbol), None) => Err(ServiceError::UnknownSymbol { symbol: symbol.clone() }),
        (Err(error), None) => Err(error.into()),
    }
}

fn head(app: &App, history: &History, revision: Option<String>) -> Result<SeriesHead, ServiceError> {
    let json = |error| ServiceError::fault("series to JSON", error);
    let notes = history.notes.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(json)?;
    let basis = match history.basis {
        Basis::Quoted => "quoted",
        Basis::SplitAdjusted => "split_adjusted",
    };
    Ok(SeriesHead {
        source: app.provider().source().to_owned(),
        basis: basis.to_owned(),
        currency: history.currency,
        revision,
        fetched_at: app.now(),
        notes,
    })
}

/// Enters a symbol into the directory that scheduled refreshes walk.
async fn list_symbol(app: &App, symbol: &Symbol) -> Result<(), ServiceError> {
    documents::put_first(app.table(), &keys::directory_symbol(symbol), symbol.clone()).await?;
    Ok(())
}

/// What a source with only the latest bars gave, behind the older bars that are stored already.
///
/// A split or dividend since the last fetch rescales every earlier adjusted close; the ratio of an
/// overlapping day brings the stored ones to the new scale.
fn extend(stored: &Bars, fetched: History) -> History {
    if !fetched.notes.contains(&Note::CompactHistory) {
        return fetched;
    }
    let Some(first) = fetched.bars.first() else {
        return fetched;
    };
    let overlap = stored.count_before(first.date);
    let Some(twin) = stored.get(overlap).filter(|bar| bar.date == first.date) else {
        // A gap between what is stored and what came: a series with a hole would be worse than a short one.
        return fetched;
    };
    let scale = first.adjusted_close / twin.adjusted_close;
    let older =
        stored.iter().take(overlap).map(|bar| domain::Bar { adjusted_close: bar.adjusted_close * scale, ..bar });
    match Bars::from_rows(older.chain(fetched.bars.iter())) {
        Ok(bars) => History { bars, ..fetched },
        Err(_) => fetched,
    }
}

/// The days of a span that lies inside the history, ends included.
///
/// Errors: [`ServiceError::FromAfterTo`], and [`ServiceError::NoBars`] where no bar falls inside.
pub fn span(series: &Series, from: Option<Day>, to: Option<Day>) -> Result<(Day, Day), ServiceError> {
    let (from, to) = (from.unwrap_or(series.first), to.unwrap_or(series.last));
    if from > to && from <= series.last && to >= series.first {
        return Err(ServiceError::FromAfterTo { from, to });
    }
    if series.bars.count_before(from) >= series.bars.count_through(to) {
        return Err(series.no_bars(from, to));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use domain::Bar;

    use super::*;

    fn bar(date: &str, close: f64, adjusted_close: f64) -> Bar {
        let date = date.parse().unwrap();
        Bar {
            date,
            open: close,
            high: close,
            low: close,
            close,
            volume: 1.0,
            adjusted_close,
            split_ratio: 1.0,
            dividend: 0.0,
        }
    }

    fn compact(rows: impl IntoIterator<Item = Bar>) -> History {
        History {
            bars: Bars::from_rows(rows).unwrap(),
            basis: Basis::Quoted,
            currency: Currency::USD,
            notes: vec![Note::CompactHistory],
        }
    }

    #[test]
    fn the_latest_bars_extend_the_stored_ones_on_the_new_adjusted_scale() {
        let stored = Bars::from_rows([bar("2013-01-02", 10.0, 10.0), bar("2013-01-03", 11.0, 11.0)]).unwrap();
        let merged = extend(&stored, compact([bar("2013-01-03", 11.0, 5.5), bar("2013-01-04", 12.0, 6.0)]));
        assert_eq!(merged.bars.adjusted_close(), [5.0, 5.5, 6.0]);
        assert_eq!(merged.bars.close(), [10.0, 11.0, 12.0]);
    }

    #[test]
    fn a_gap_before_the_latest_bars_is_not_papered_over() {
        let stored = Bars::from_rows([bar("2013-01-02", 10.0, 10.0)]).unwrap();
        let merged = extend(&stored, compact([bar("2013-01-04", 12.0, 6.0)]));
        assert_eq!(merged.bars.len(), 1);
    }
}
