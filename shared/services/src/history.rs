//! The price history of a symbol: from memory, from the store, and from the provider when stale.
//!
//! `memory.rs` has what a process remembers and who waits for whom, `lease.rs` which process asks, `fetching.rs` what a
//! provider is asked for and what becomes of its answer, `freshness.rs` whether a call could bring anything newer.

mod fetching;
mod freshness;
mod lease;
mod memory;

pub use market::Note;
pub use memory::Histories;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{Bars, Currency, CustomerId, Day, DecimalError, Price, Symbol};
use market::{Basis, MarketClock, Patience, ProviderError};
use store::bars::SeriesHead;

use crate::error::ServiceError;
use crate::first_looks::Asker;
use crate::quotes::MAX_AGE_DAYS;
use crate::{App, market_clock};

use fetching::Fetched;
use freshness::is_current;

pub(crate) use fetching::{is_unknown, remember_unknown};
pub(crate) use lease::{Turn, Wanted, others_done, take};
pub(crate) use memory::{NoAnswer, Reader, Wait};

/// Most bars of a span: eighty years of days, and an answer that a function may still give.
const MAX_SPAN_BARS: usize = 20_000;
/// How long after a fetch a live provider is not asked again for a bar that was not out yet.
pub(crate) const RETRY_MINUTES: i64 = 15;

/// Calls that a look at old bars leaves to everything else: what is held is refreshed anyway.
const CALLS_LEFT_BY_OLD_BARS: usize = 10;

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
    /// Whether a newer bar was expected and asked for in vain: the provider failed. Whether one is missing for whatever
    /// reason [`crate::staleness::of_bars`] says.
    pub stale: bool,
    /// First and last day of the bars.
    pub first: Day,
    /// Last day of the bars.
    pub last: Day,
    /// How many prices are dated after the market's today: they are in nothing yet.
    pub to_come: usize,
    revision: Option<String>,
    fingerprint: std::sync::OnceLock<String>,
}

impl Series {
    /// The last close before a day, in units of that day; none where it is not that of the trading day before.
    #[must_use]
    pub fn close_before(&self, day: Day) -> Option<Price> {
        let at = self.bars.count_before(day).checked_sub(1)?;
        let (date, close) = (self.bars.dates()[at], self.bars.close()[at]);
        let session_before = domain::calendar::last_trading_day_on_or_before(day.plus_days(-1))?;
        let split_ratio = self.bars.get(at + 1).filter(|bar| bar.date == day).map_or(1.0, |bar| bar.split_ratio);
        (date >= session_before).then(|| Price::from_bar(close / split_ratio).ok()).flatten()
    }

    /// The last close as a price of the books.
    ///
    /// Errors: [`DecimalError::PriceTooSmall`], or what else keeps it from being one.
    pub fn last_close(&self) -> Result<Price, DecimalError> {
        Price::from_bar(self.bars.close().last().copied().unwrap_or_default())
    }

    /// Hash of all bars, lower-case hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprint.get_or_init(|| quant::fingerprint::fingerprint(&self.bars)).clone()
    }

    pub(crate) fn no_bars(&self, from: Day, to: Day) -> ServiceError {
        ServiceError::NoBars { symbol: self.symbol.clone(), from, to, first: self.first, last: self.last }
    }
}

/// The history of a symbol that a customer names.
///
/// Errors: as of [`load_with`], and [`ServiceError::TooManyFirstLooks`].
pub async fn load_for(app: &App, customer: CustomerId, symbol: &Symbol) -> Result<Arc<Series>, ServiceError> {
    load_within(app, symbol, Reader::customer(customer, Wait::of_request(app))).await
}

/// The history of a symbol for somebody who waits.
pub async fn load(app: &App, symbol: &Symbol) -> Result<Arc<Series>, ServiceError> {
    load_with(app, symbol, Patience::Caller).await
}

/// The history of a symbol. Where the provider cannot answer in time, the stored bars are served and
/// marked stale; an error is left for a symbol of which nothing is stored.
///
/// One reader asks the provider about a symbol and the others, of this process and of all others on the table, wait for
/// what it gets, a caller no longer than for a provider.
pub async fn load_with(app: &App, symbol: &Symbol, patience: Patience) -> Result<Arc<Series>, ServiceError> {
    load_within(app, symbol, Reader { asker: Asker::Platform, patience, wait: Wait::with(app, patience) }).await
}

/// Like [`load_with`], for a wait that has begun already.
pub(crate) async fn load_within(app: &App, symbol: &Symbol, reader: Reader) -> Result<Arc<Series>, ServiceError> {
    // A call of the provider is made and paid for in a dry run too, so that its count and its bars are kept.
    let app = &app.writing();
    let Some(mut slot) = app.histories().turn(symbol, reader.wait).await else {
        let stored = from_store(app, symbol).await?.ok_or(ProviderError::TimedOut)?;
        return Ok(Arc::new(Series { stale: !is_current(app, &stored), ..stored }));
    };
    if let Some(series) = slot.current(app) {
        return Ok(series);
    }
    let stored = match from_store(app, symbol).await? {
        Some(series) if is_current(app, &series) => return Ok(slot.remember(app, series)),
        stored => stored,
    };
    let fetched = match slot.resting(app, Wanted::Bars) {
        Some(error) => Fetched::Missing { why: NoAnswer::NotAsked(error), stored },
        None => fetching::fetch_once(app, symbol, reader, stored).await?,
    };
    match fetched {
        Fetched::Fresh(series) => Ok(slot.remember(app, series)),
        Fetched::Missing { why, stored } => {
            slot.failed(app, Wanted::Bars, &why);
            let old = stored.ok_or_else(|| refusal(symbol, why.error().clone()))?;
            tracing::warn!(%symbol, error = %why.error(), "serving stored bars: there are no newer ones");
            Ok(slot.remember(app, Series { stale: true, ..old }))
        }
    }
}

/// The history of a symbol as it is at hand: of a live provider what is stored, so that a list of many symbols uses up no
/// calls; whether it is `stale` is for the reader to judge by its last day. Only a symbol of which nothing is stored is
/// asked for, and for a customer one whose bars are too old to trade at.
pub async fn at_hand(app: &App, symbol: &Symbol) -> Result<Arc<Series>, ServiceError> {
    at_hand_within(app, symbol, Reader::platform(Wait::of_request(app))).await
}

/// Like [`at_hand`], for a wait that has begun already.
pub(crate) async fn at_hand_within(app: &App, symbol: &Symbol, reader: Reader) -> Result<Arc<Series>, ServiceError> {
    if app.provider().clock() == MarketClock::Live
        && let Some(series) = stored(app, symbol).await?
    {
        if !is_worth_a_call(app, &series, reader).await {
            return Ok(series);
        }
        let patience = Patience::caller_who_leaves(CALLS_LEFT_BY_OLD_BARS);
        return load_within(app, symbol, Reader { patience, ..reader }).await;
    }
    load_within(app, symbol, reader).await
}

/// Whether bars are too old to trade at, and a call that may bring newer ones can be spared.
async fn is_worth_a_call(app: &App, series: &Series, reader: Reader) -> bool {
    let is_old = market_clock::market_day(app).days_since(series.last) > MAX_AGE_DAYS;
    let may_ask = matches!(reader.asker, Asker::Customer(_)) && reader.wait.allows_a_call();
    is_old
        && may_ask
        && !is_current(app, series)
        && app.provider().calls_left().await.is_none_or(|left| left > CALLS_LEFT_BY_OLD_BARS)
}

/// The history of a symbol that is in memory or in the store, however old; no provider is asked. Bars of a source that
/// is none of the provider's are no history: whoever changed the source wants its prices.
pub async fn stored(app: &App, symbol: &Symbol) -> Result<Option<Arc<Series>>, ServiceError> {
    let Some(mut slot) = app.histories().turn(symbol, Wait::to_read()).await else {
        return Ok(from_store(app, symbol).await?.map(Arc::new));
    };
    if let Some(series) = slot.believed(app) {
        return Ok(Some(series));
    }
    Ok(from_store(app, symbol).await?.map(|series| slot.remember(app, series)))
}

/// What there is of a symbol without a call: of a live provider what is stored, of files what they have.
pub(crate) async fn without_asking(app: &App, symbol: &Symbol) -> Result<Option<Arc<Series>>, ServiceError> {
    match app.provider().clock() {
        MarketClock::Live => stored(app, symbol).await,
        MarketClock::StandsAt(_) => load(app, symbol).await.map(Some),
    }
}

/// What is stored, where it is of the provider's own.
pub(crate) async fn from_store(app: &App, symbol: &Symbol) -> Result<Option<Series>, ServiceError> {
    let stored = store::bars::load(app.table(), symbol).await?;
    let Some(stored) = stored.filter(|stored| app.provider().gives(&stored.head.source)) else {
        return Ok(None);
    };
    let head = stored.head;
    let corrupt = |cause: serde_json::Error| ServiceError::fault("stored series", cause);
    let notes = notes_of(&head)?;
    let basis = serde_json::from_value(head.basis.into()).map_err(corrupt)?;
    let series = series(symbol, stored.bars, head.currency, head.source, head.fetched_at)?;
    Ok(Some(Series { basis, notes, revision: head.revision, ..series }))
}

/// The notes that are stored beside a series.
pub(crate) fn notes_of(head: &SeriesHead) -> Result<Vec<Note>, ServiceError> {
    let notes = head.notes.iter().map(|note| serde_json::from_str(note)).collect::<Result<_, _>>();
    notes.map_err(|cause| ServiceError::fault("stored notes", cause))
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
        to_come: 0,
        revision: None,
        fingerprint: std::sync::OnceLock::new(),
    })
}

/// A provider's error as what it means of a symbol.
pub(crate) fn refusal(symbol: &Symbol, error: ProviderError) -> ServiceError {
    match error {
        ProviderError::UnknownSymbol => ServiceError::UnknownSymbol { symbol: symbol.clone() },
        other => other.into(),
    }
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
