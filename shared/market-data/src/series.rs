//! The price history of a symbol, as every use case reads it.

pub use market::Note;

use std::sync::Arc;

use app::ServiceError;
use chrono::{DateTime, Utc};
use domain::{BarError, Bars, Currency, Day, DecimalError, Price, Split, Symbol};
use market::Basis;
use store::bars::SeriesHead;

/// Most bars of a span: eighty years of days, and still within the limit of a function's response.
const MAX_SPAN_BARS: usize = 20_000;

/// The history of one symbol.
#[derive(Debug)]
pub struct PriceSeries {
    /// The symbol.
    pub symbol: Symbol,
    /// Currency of the prices.
    pub currency: Currency,
    /// The bars, oldest first; never empty.
    pub bars: Arc<Bars>,
    /// The source of the bars.
    pub source: String,
    /// What the prices mean.
    pub basis: Basis,
    /// The notes on them.
    pub notes: Vec<Note>,
    /// When the provider was last called for them.
    pub fetched_at: DateTime<Utc>,
    /// Whether a newer bar was expected but the request for it failed. [`crate::staleness::of_bars`] decides whether a
    /// bar is missing for any reason.
    pub stale: bool,
    /// First day of the bars.
    pub first: Day,
    /// Last day of the bars.
    pub last: Day,
    /// The number of prices dated after the market's today, which are not part of the bars.
    pub to_come: usize,
    pub(crate) revision: Option<String>,
    pub(crate) fingerprint: std::sync::OnceLock<String>,
}

impl PriceSeries {
    /// The history as it was at the close of a day; none if it has no bar up to it.
    pub(crate) fn through(&self, day: Day) -> Option<Self> {
        let bars = self.bars.slice(0, self.bars.count_through(day));
        let last = bars.last()?.date;
        Some(Self {
            symbol: self.symbol.clone(),
            currency: self.currency,
            bars: Arc::new(bars),
            source: self.source.clone(),
            basis: self.basis,
            notes: self.notes.clone(),
            fetched_at: self.fetched_at,
            stale: false,
            first: self.first,
            last,
            to_come: 0,
            revision: None,
            fingerprint: std::sync::OnceLock::new(),
        })
    }

    /// The same prices with more splits, which their source does not know.
    ///
    /// Errors: a price that is too small in new units.
    pub(crate) fn with_splits(&self, splits: &[Split]) -> Result<Self, BarError> {
        let bars = domain::split::with_splits(&self.bars, splits)?;
        Ok(Self {
            symbol: self.symbol.clone(),
            currency: self.currency,
            source: self.source.clone(),
            basis: self.basis,
            notes: self.notes.clone(),
            fetched_at: self.fetched_at,
            stale: self.stale,
            first: bars.first().map_or(self.first, |bar| bar.date),
            last: bars.last().map_or(self.last, |bar| bar.date),
            bars: Arc::new(bars),
            to_come: self.to_come,
            revision: None,
            fingerprint: std::sync::OnceLock::new(),
        })
    }

    /// The last close before a day, in units of that day; none if it is not that of the trading day before.
    #[must_use]
    pub fn close_before(&self, day: Day) -> Option<Price> {
        let at = self.bars.count_before(day).checked_sub(1)?;
        let (date, close) = (self.bars.dates()[at], self.bars.close()[at]);
        let session_before = domain::calendar::last_trading_day_on_or_before(day.plus_days(-1))?;
        let split_ratio = self.bars.get(at + 1).filter(|bar| bar.date == day).map_or(1.0, |bar| bar.split_ratio);
        (date >= session_before).then(|| Price::from_bar(close / split_ratio).ok()).flatten()
    }

    /// The last close as an exact price.
    ///
    /// Errors: [`DecimalError::PriceTooSmall`], or another reason why it is not a price.
    pub fn last_close(&self) -> Result<Price, DecimalError> {
        Price::from_bar(self.bars.close().last().copied().unwrap_or_default())
    }

    /// Hash of all bars, lower-case hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprint.get_or_init(|| quant::fingerprint::fingerprint(&self.bars)).clone()
    }

    /// The error for a span without a bar.
    #[must_use]
    pub fn no_bars(&self, from: Day, to: Day) -> ServiceError {
        ServiceError::NoBars { symbol: self.symbol.clone(), from, to, first: self.first, last: self.last }
    }
}

/// The notes that are stored next to a series.
pub(crate) fn notes_of(head: &SeriesHead) -> Result<Vec<Note>, ServiceError> {
    let notes = head.notes.iter().map(|note| serde_json::from_str(note)).collect::<Result<_, _>>();
    notes.map_err(|cause| ServiceError::fault("stored notes", cause))
}

/// A series of these bars, quoted and complete.
pub fn series(
    symbol: &Symbol,
    bars: Bars,
    currency: Currency,
    source: String,
    fetched_at: DateTime<Utc>,
) -> Result<PriceSeries, ServiceError> {
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return Err(ServiceError::UnknownSymbol { symbol: symbol.clone() });
    };
    Ok(PriceSeries {
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

/// The days of a span inside the history, both included.
///
/// Errors: [`ServiceError::FromAfterTo`], [`ServiceError::NoBars`] if no bar is in the span, and
/// [`ServiceError::Field`] if there are too many for one response.
pub fn span(series: &PriceSeries, from: Option<Day>, to: Option<Day>) -> Result<(Day, Day), ServiceError> {
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
            detail: format!("the span has {bars} bars; request at most {MAX_SPAN_BARS}"),
        }),
    }
}
