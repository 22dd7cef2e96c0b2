//! Stores the series of a symbol, and that a provider does not know a symbol.

use app::{App, ServiceError};
use domain::Symbol;
use market::call_limits::UNKNOWN;
use market::{Basis, History, Note, ProviderError};
use store::bars::SeriesHead;
use store::{StoreError, documents, keys};

use crate::market_data::MarketData;
use crate::series::{PriceSeries, notes_of, series};

/// The stored series, if it is of one of the provider's sources.
pub async fn find(market: &MarketData, symbol: &Symbol) -> Result<Option<PriceSeries>, ServiceError> {
    let stored = store::bars::load(market.app.table(), symbol).await?;
    let Some(stored) = stored.filter(|stored| market.provider().gives(&stored.head.source)) else {
        return Ok(None);
    };
    let head = stored.head;
    let corrupt = |cause: serde_json::Error| ServiceError::fault("stored series", cause);
    let notes = notes_of(&head)?;
    let basis = serde_json::from_value(head.basis.into()).map_err(corrupt)?;
    let series = series(symbol, stored.bars, head.currency, head.source, head.fetched_at)?;
    Ok(Some(PriceSeries { basis, notes, revision: head.revision, ..series }))
}

/// A provider's error as the error of a service for this symbol.
#[must_use]
pub fn refusal(symbol: &Symbol, error: ProviderError) -> ServiceError {
    match error {
        ProviderError::UnknownSymbol => ServiceError::UnknownSymbol { symbol: symbol.clone() },
        other => other.into(),
    }
}

/// Most stored notes of a series; a file of garbage has one per row.
const MAX_NOTES: usize = 200;

/// Stores a history and returns it as readers see it.
pub(crate) async fn save(
    app: &App,
    symbol: &Symbol,
    history: History,
    revision: Option<String>,
) -> Result<PriceSeries, ServiceError> {
    // A series can have thousands of notes on its days. Those on the whole series stay, and then the latest.
    let (of_days, mut notes): (Vec<Note>, Vec<Note>) = history.notes.into_iter().partition(Note::is_of_a_day);
    let too_many = (notes.len() + of_days.len()).saturating_sub(MAX_NOTES);
    notes.extend(of_days.into_iter().skip(too_many));
    let stored = series(symbol, history.bars, history.currency, history.source.to_owned(), app.now())?;
    let stored = PriceSeries { basis: history.basis, notes, revision, ..stored };
    store::bars::save(app.table(), symbol, &stored.bars, &head_of(app, &stored)?).await?;
    Ok(stored)
}

/// What is stored next to the bars of a series that has just been fetched.
pub(crate) fn head_of(app: &App, series: &PriceSeries) -> Result<SeriesHead, ServiceError> {
    let json = |error| ServiceError::fault("series to JSON", error);
    let notes = series.notes.iter().map(serde_json::to_string).collect::<Result<_, _>>().map_err(json)?;
    let basis = match series.basis {
        Basis::Quoted => "quoted",
        Basis::SplitAdjusted => "split_adjusted",
    };
    Ok(SeriesHead {
        source: series.source.clone(),
        basis: basis.to_owned(),
        currency: series.currency,
        revision: series.revision.clone(),
        fetched_at: app.now(),
        notes,
    })
}

/// Whether a live provider did not know this symbol within the last day.
pub async fn is_unknown(app: &App, symbol: &Symbol) -> Result<bool, ServiceError> {
    Ok(app.table().get(&keys::unknown_symbol(symbol)).await?.is_some())
}

/// Keeps this symbol from being requested for a day.
pub async fn remember_unknown(app: &App, symbol: &Symbol) -> Result<(), ServiceError> {
    let until = app.now() + UNKNOWN;
    match documents::put_new(app.table(), keys::unknown_symbol(symbol), &until, Some(until.timestamp())).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
