//! The price history of a symbol: from memory, from the store, and from the provider when stale.

pub use market::Note;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Bars, Currency, Day, Symbol};
use market::{Basis, History, MarketClock, Patience, ProviderError};
use quant::backtest::Warning;
use store::bars::SeriesHead;
use store::{Key, StoreError, documents, keys};
use tokio::sync::Mutex;

use crate::error::ServiceError;
use crate::extension::extend;
use crate::{App, market_clock};

/// Histories kept in memory, enough for a large portfolio; one of thirteen years is about 240 KB, so that all together
/// stay below 80 MB.
const MAX_IN_MEMORY: usize = 320;
/// How long a history in memory is believed before the store is asked again: another process may
/// have refreshed it.
const MEMORY_SECONDS: i64 = 60;
/// Most bars of a span: eighty years of days, and an answer that a function may still give.
const MAX_SPAN_BARS: usize = 20_000;
/// Most notes kept of a series; a file of nonsense has as many as rows.
const MAX_NOTES: usize = 50;
/// How long a symbol that a live provider does not know is not asked for again.
const UNKNOWN_HOURS: i64 = 24;
/// How long a provider that did not answer is left alone, so that readers of one symbol do not queue
/// behind its timeouts.
const REST_SECONDS: i64 = 60;
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

    /// What a reader of a result that rests on these bars must know.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let stale = self.stale.then(|| Warning {
            code: "stale".to_owned(),
            detail: format!("A newer bar than that of {} was expected and could not be had.", self.last),
        });
        let notes = self.notes.iter().map(|note| Warning { code: note.code().to_owned(), detail: note.to_string() });
        stale.into_iter().chain(notes).collect()
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
    failure: Option<(DateTime<Utc>, ProviderError)>,
}

impl Slot {
    /// The failure of a moment ago, where nothing can be served instead.
    fn resting(&self, app: &App) -> Option<ProviderError> {
        let (at, error) = self.failure.as_ref()?;
        (app.now() - *at < TimeDelta::seconds(REST_SECONDS)).then(|| error.clone())
    }

    /// What memory can answer with, without a look at the store or the provider.
    fn at_hand(&self, app: &App) -> Option<Arc<Series>> {
        let (series, checked_at) = (self.series.as_ref()?, self.checked_at?);
        let age = app.now() - checked_at;
        let resting = series.stale && age < TimeDelta::seconds(REST_SECONDS);
        let believed = age < TimeDelta::seconds(MEMORY_SECONDS) && is_current(app, series);
        (resting || believed).then(|| series.clone())
    }
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
    if let Some(series) = slot.at_hand(app) {
        return Ok(series);
    }
    if let Some(error) = slot.resting(app) {
        return Err(refusal(symbol, error));
    }
    let stored = from_store(app, symbol).await?;
    let series = match stored {
        Some(series) if is_current(app, &series) => series,
        stored => match fetch(app, symbol, patience, stored).await {
            Err(ServiceError::Provider(error)) => {
                slot.failure = Some((app.now(), error.clone()));
                return Err(refusal(symbol, error));
            }
            fetched => fetched?,
        },
    };
    slot.failure = None;
    let series = Arc::new(series);
    slot.series = Some(series.clone());
    slot.checked_at = Some(app.now());
    Ok(series)
}

/// The history of a symbol as it is at hand: of a live provider what is stored, however old, so that a list of many
/// symbols uses up no calls; whether it is `stale` is for the reader to judge by its last day. Only a symbol of which
/// nothing is stored is asked for.
pub async fn at_hand(app: &App, symbol: &Symbol) -> Result<Arc<Series>, ServiceError> {
    if app.provider().clock() != MarketClock::Live {
        return load(app, symbol).await;
    }
    let slot = app.histories().slot(symbol).await;
    let mut held = slot.lock().await;
    let fresh = held.checked_at.is_some_and(|at| app.now() - at < TimeDelta::seconds(MEMORY_SECONDS));
    if let Some(series) = held.series.as_ref().filter(|_| fresh) {
        return Ok(series.clone());
    }
    if let Some(series) = from_store(app, symbol).await? {
        let series = Arc::new(series);
        held.series = Some(series.clone());
        held.checked_at = Some(app.now());
        return Ok(series);
    }
    drop(held);
    load(app, symbol).await
}

/// Whether asking the provider could not bring anything newer.
fn is_current(app: &App, series: &Series) -> bool {
    let provider = app.provider();
    if !provider.gives(&series.source) || series.revision != provider.revision(&series.symbol) {
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

/// A series of these bars, quoted and complete.
pub(crate) fn series(
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
    let live = provider.clock() == MarketClock::Live;
    // Bars of another source are no stand-in: whoever changed the source wants its prices.
    let stored = stored.filter(|old| provider.gives(&old.source));
    let unknown = keys::unknown_symbol(symbol);
    if live && stored.is_none() && app.table().get(&unknown).await?.is_some() {
        return Err(ProviderError::UnknownSymbol.into());
    }
    let revision = provider.revision(symbol);
    let error = match (provider.daily(symbol, patience).await, &stored) {
        (Ok(history), None) => return keep(app, symbol, finished(app, history), revision).await,
        (Ok(history), Some(old)) => match extend(&old.bars, finished(app, history)) {
            Some(history) => return keep(app, symbol, history, revision).await,
            None => ProviderError::Malformed { what: "the bars do not reach back to those that are stored".to_owned() },
        },
        (Err(error), _) => error,
    };
    match stored {
        // A file that is gone is gone; a live provider may forget a symbol and remember it.
        Some(old) if live || error != ProviderError::UnknownSymbol => {
            tracing::warn!(%symbol, %error, "serving stored bars: there are no newer ones");
            Ok(Series { stale: true, ..old })
        }
        _ => {
            if live && error == ProviderError::UnknownSymbol {
                let until = app.now() + TimeDelta::hours(UNKNOWN_HOURS);
                remember_unknown(app, unknown, until).await?;
            }
            Err(error.into())
        }
    }
}

fn refusal(symbol: &Symbol, error: ProviderError) -> ServiceError {
    match error {
        ProviderError::UnknownSymbol => ServiceError::UnknownSymbol { symbol: symbol.clone() },
        other => other.into(),
    }
}

async fn remember_unknown(app: &App, key: Key, until: DateTime<Utc>) -> Result<(), ServiceError> {
    match documents::put_new(app.table(), key, &until, Some(until.timestamp())).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The history without a session that is still under way: its bar is not final.
fn finished(app: &App, history: History) -> History {
    let last = match app.provider().clock() {
        MarketClock::StandsAt(_) => return history,
        MarketClock::Live => market_clock::market_day(app),
    };
    let bars = history.bars.slice(0, history.bars.count_through(last));
    History { bars, ..history }
}

/// Stores a history and gives it back as readers see it.
async fn keep(
    app: &App,
    symbol: &Symbol,
    mut history: History,
    revision: Option<String>,
) -> Result<Series, ServiceError> {
    // Moves are the one note that a series can have thousands of; what it says of the whole stays.
    history.notes.sort_by_key(|note| matches!(note, Note::UnexplainedMove { .. }));
    history.notes.truncate(MAX_NOTES);
    let head = head(app, &history, revision.clone())?;
    let fetched_at = head.fetched_at;
    let kept = series(symbol, history.bars, history.currency, head.source.clone(), fetched_at)?;
    store::bars::save(app.table(), symbol, &kept.bars, &head).await?;
    documents::put_first(app.table(), &keys::directory_symbol(symbol), symbol.clone()).await?;
    Ok(Series { basis: history.basis, notes: history.notes, revision, ..kept })
}

fn head(app: &App, history: &History, revision: Option<String>) -> Result<SeriesHead, ServiceError> {
    let json = |error| ServiceError::fault("series to JSON", error);
    let notes = history.notes.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(json)?;
    let basis = match history.basis {
        Basis::Quoted => "quoted",
        Basis::SplitAdjusted => "split_adjusted",
    };
    Ok(SeriesHead {
        source: history.source.to_owned(),
        basis: basis.to_owned(),
        currency: history.currency,
        revision,
        fetched_at: app.now(),
        notes,
    })
}

/// The days of a span that lies inside the history, ends included.
///
/// Errors: [`ServiceError::FromAfterTo`], [`ServiceError::NoBars`] where no bar falls inside, and
/// [`ServiceError::Field`] where there are too many to answer.
pub fn span(series: &Series, from: Option<Day>, to: Option<Day>) -> Result<(Day, Day), ServiceError> {
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        return Err(ServiceError::FromAfterTo { from, to });
    }
    let (from, to) = (from.unwrap_or(series.first), to.unwrap_or(series.last));
    match series.bars.count_through(to).saturating_sub(series.bars.count_before(from)) {
        0 => Err(series.no_bars(from, to)),
        1..=MAX_SPAN_BARS => Ok((from, to)),
        bars => Err(ServiceError::Field {
            field: "from",
            detail: format!("the span has {bars} bars, and at most {MAX_SPAN_BARS} are answered at once"),
        }),
    }
}
