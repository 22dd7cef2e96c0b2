//! Finds instruments by a part of their symbol or name.

use std::collections::BTreeMap;

use app::{App, ServiceError};
use domain::{CustomerId, Instrument, InstrumentType, Symbol};
use market::call_limits::{CALLS_LEFT_BY_NAMES, FOUND};
use market::{CallBudget, MarketClock, NoAnswer, ProviderError};
use store::limits::MAX_KEYS;
use store::{Query, StoreError, documents, keys};

use super::metadata::find;
use crate::custom_instruments;
use crate::market_data::MarketData;

/// Most symbols that a search reads in each of the sixteen parts of a list.
const MAX_LISTED_A_PART: usize = 200;
/// The longest text that is sent to a provider.
const MAX_TEXT: usize = 100;

/// Which instruments a search finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InstrumentFilter<'a> {
    /// Part of the symbol or the name, in any case.
    pub part: Option<&'a str>,
    /// Instruments of this type.
    pub kind: Option<InstrumentType>,
}

/// The customer's custom instruments and the market's instruments whose symbol or name contains the part and that
/// are of the type; by symbol, at most `limit`.
///
/// A live provider cannot list its instruments. The result has those whose metadata are stored or which the refresh
/// tracks and, if a part is given, those that the provider's own search finds. If that fails or takes too long, the
/// stored ones are returned, and those that need no source.
pub async fn search(
    market: &MarketData,
    customer: CustomerId,
    filter: &InstrumentFilter<'_>,
    limit: usize,
    budget: CallBudget,
) -> Result<Vec<Instrument>, ServiceError> {
    let part = filter.part.map(str::trim).filter(|part| !part.is_empty());
    let mut found: BTreeMap<Symbol, Instrument> = BTreeMap::new();
    let mut add = |instrument: Instrument| {
        if part.is_none_or(|part| instrument.mentions(part)) {
            found.entry(instrument.symbol.clone()).or_insert(instrument);
        }
    };
    custom_instruments::list(&market.app, customer).await?.into_iter().for_each(&mut add);
    if market.provider().clock() == MarketClock::Live {
        list_stored(&market.app).await?.into_iter().for_each(&mut add);
        if let Some(part) = part {
            built_in(market, part).into_iter().for_each(&mut add);
            match search_provider(market, part, budget).await? {
                // A provider finds by more than the text of a name.
                Ok(more) => {
                    for instrument in more {
                        found.entry(instrument.symbol.clone()).or_insert(instrument);
                    }
                }
                Err(why) => tracing::warn!(error = %why.error(), "searched stored instruments only"),
            }
        }
    } else {
        for symbol in market.provider().list_symbols().await {
            add(find(market, &symbol, None, budget).await?);
        }
    }
    let is_wanted = |found: &Instrument| filter.kind.is_none_or(|kind| kind == found.instrument_type);
    Ok(found.into_values().filter(is_wanted).take(limit).collect())
}

/// The instruments whose metadata are stored, and those that the refresh tracks.
async fn list_stored(app: &App) -> Result<Vec<Instrument>, ServiceError> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for part in keys::described_instruments().into_iter().chain(keys::registered_symbols()) {
        let page = app.table().query(&Query::forward(part.partition, part.range, MAX_LISTED_A_PART)).await?;
        symbols.extend(page.items.iter().filter_map(|item| item.key.sk.parse::<Symbol>().ok()));
    }
    symbols.sort();
    symbols.dedup();
    let mut found = Vec::with_capacity(symbols.len());
    for some in symbols.chunks(MAX_KEYS) {
        let keys: Vec<_> = some.iter().map(keys::instrument).collect();
        for (symbol, item) in some.iter().zip(app.table().get_many(&keys).await?) {
            let instrument = item.as_ref().map(documents::parse).transpose()?;
            found.push(instrument.unwrap_or_else(|| Instrument::unlisted(symbol.clone())));
        }
    }
    Ok(found)
}

/// Instruments that are known to exist without asking a source, if the provider has prices of them.
pub(super) fn built_in(market: &MarketData, text: &str) -> Vec<Instrument> {
    if market.provider().gives(market::alpha_vantage::SOURCE) { market::mentioning(text) } else { Vec::new() }
}

/// What a live provider's search found for a text within the last day.
pub(super) async fn find_stored_matches(app: &App, text: &str) -> Result<Option<Vec<Instrument>>, ServiceError> {
    let found = documents::read::<Vec<Instrument>>(app.table(), &keys::search(&normal(text))).await?;
    Ok(found.map(|(found, _)| found))
}

fn normal(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect::<String>().to_lowercase()
}

/// What a live provider's search finds, requested once a day for each text. The inner error is the provider's.
pub(super) async fn search_provider(
    market: &MarketData,
    text: &str,
    budget: CallBudget,
) -> Result<Result<Vec<Instrument>, NoAnswer>, ServiceError> {
    if let Some(found) = find_stored_matches(&market.app, text).await? {
        return Ok(Ok(found));
    }
    let text = normal(text);
    if market.provider().read_calls_left().await.is_some_and(|left| !left.allows_today(CALLS_LEFT_BY_NAMES)) {
        return Ok(Err(NoAnswer::NotAsked(ProviderError::QuotaExhausted { until: None })));
    }
    let budget = budget.reserving(CALLS_LEFT_BY_NAMES);
    let found = match budget.ask(market.provider().search(&text, budget)).await {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let until = market.app.now() + FOUND;
    match documents::put_new(market.app.table(), keys::search(&text), &found, Some(until.timestamp())).await {
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(Ok(found)),
        Err(error) => Err(error.into()),
    }
}
