//! `OVERVIEW` and `SYMBOL_SEARCH`: what a symbol is.

use domain::{Currency, Instrument, InstrumentType, Symbol};
use serde::Deserialize;

use super::refusal::classify;
use crate::error::ProviderError;
use crate::http::Refusal;
use crate::price_unit::{Listing, PriceUnit};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Overview {
    symbol: Option<String>,
    name: Option<String>,
    asset_type: Option<String>,
    exchange: Option<String>,
    currency: Option<String>,
    sector: Option<String>,
}

#[derive(Deserialize)]
struct Search {
    #[serde(rename = "bestMatches")]
    matches: Option<Vec<Match>>,
}

#[derive(Deserialize)]
struct Match {
    #[serde(rename = "1. symbol")]
    symbol: Option<String>,
    #[serde(rename = "2. name")]
    name: Option<String>,
    #[serde(rename = "3. type")]
    kind: Option<String>,
    #[serde(rename = "8. currency")]
    currency: Option<String>,
}

/// Reads an `OVERVIEW`; `None` if the provider has none, as for funds.
pub(super) fn read_overview(body: &[u8], asked: &Symbol) -> Result<Option<Listing>, Refusal> {
    if is_empty_object(body) {
        return Ok(None);
    }
    let Ok(Overview { symbol: Some(symbol), name, asset_type, exchange, currency, sector }) =
        serde_json::from_slice(body)
    else {
        return Err(classify(body));
    };
    if !symbol.eq_ignore_ascii_case(asked.as_str()) {
        return Err(Refusal::malformed("is about another symbol"));
    }
    let unit = price_unit(non_empty(currency))?;
    let instrument = Instrument {
        name: non_empty(name).unwrap_or_else(|| asked.to_string()),
        instrument_type: kind(non_empty(asset_type).as_deref()),
        currency: unit.currency,
        exchange: non_empty(exchange),
        sector: non_empty(sector).map(|sector| title_case(&sector)),
        symbol: asked.clone(),
    };
    Ok(Some(Listing { instrument, in_hundredths: unit.is_hundredth }))
}

/// Reads a `SYMBOL_SEARCH` and returns the exact match of the symbol, not a similar one.
pub(super) fn read_search(body: &[u8], asked: &Symbol) -> Result<Listing, Refusal> {
    let is_asked =
        |found: &Match| found.symbol.as_ref().is_some_and(|symbol| symbol.eq_ignore_ascii_case(asked.as_str()));
    let found = matches(body)?.into_iter().find(is_asked).ok_or(ProviderError::UnknownSymbol)?;
    described(asked.clone(), found)
}

/// Reads a `SYMBOL_SEARCH` and returns every match that can be priced, in the provider's order.
pub(super) fn read_matches(body: &[u8], _text: &String) -> Result<Vec<Listing>, Refusal> {
    let listing = |found: Match| described(found.symbol.as_ref()?.parse().ok()?, found).ok();
    Ok(matches(body)?.into_iter().filter_map(listing).collect())
}

fn matches(body: &[u8]) -> Result<Vec<Match>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Search { matches: Some(matches) }) => Ok(matches),
        _ => Err(classify(body)),
    }
}

fn described(symbol: Symbol, found: Match) -> Result<Listing, Refusal> {
    let unit = price_unit(non_empty(found.currency))?;
    let instrument = Instrument {
        name: non_empty(found.name).unwrap_or_else(|| symbol.to_string()),
        instrument_type: kind(non_empty(found.kind).as_deref()),
        currency: unit.currency,
        exchange: None,
        sector: None,
        symbol,
    };
    Ok(Listing { instrument, in_hundredths: unit.is_hundredth })
}

fn is_empty_object(body: &[u8]) -> bool {
    body.iter().filter(|byte| !byte.is_ascii_whitespace()).eq(b"{}")
}

/// A text with content: the provider writes `None` and `-` for unknown values.
fn non_empty(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !matches!(text.as_str(), "" | "None" | "-"))
}

fn kind(text: Option<&str>) -> InstrumentType {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("etf") => InstrumentType::Etf,
        Some("mutual fund" | "fund") => InstrumentType::Fund,
        Some("cryptocurrency" | "digital currency") => InstrumentType::Crypto,
        Some("physical currency") => InstrumentType::Fx,
        _ => InstrumentType::Stock,
    }
}

/// The unit of an instrument's prices; London's are in pence (`GBX`).
fn price_unit(text: Option<String>) -> Result<PriceUnit, Refusal> {
    match text {
        None => Ok(PriceUnit::of(Currency::USD)),
        Some(code) => code.parse().map_err(|_| Refusal::malformed("has a currency that is not in ISO 4217")),
    }
}

/// `CONSUMER CYCLICAL` as `Consumer Cyclical`.
fn title_case(text: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters.map(|letter| letter.to_ascii_lowercase())).collect::<String>()
    };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        text.parse().unwrap()
    }

    #[test]
    fn an_overview_gives_all_metadata() {
        let body = br#"{"Symbol": "IBM", "AssetType": "Common Stock", "Name": "International Business Machines",
            "Exchange": "NYSE", "Currency": "USD", "Sector": "CONSUMER CYCLICAL", "EPS": "None"}"#;
        let ibm = read_overview(body, &symbol("IBM")).unwrap().unwrap().instrument;
        assert_eq!(
            (ibm.name.as_str(), ibm.instrument_type),
            ("International Business Machines", InstrumentType::Stock)
        );
        assert_eq!((ibm.exchange.as_deref(), ibm.sector.as_deref()), (Some("NYSE"), Some("Consumer Cyclical")));
        let bare = br#"{"Symbol": "IBM", "Name": "None", "Sector": "-", "Currency": "None"}"#;
        let ibm = read_overview(bare, &symbol("IBM")).unwrap().unwrap().instrument;
        assert_eq!((ibm.name.as_str(), ibm.sector, ibm.currency), ("IBM", None, Currency::USD));
        assert!(read_overview(body, &symbol("AAPL")).is_err());
    }

    #[test]
    fn an_empty_overview_is_none_and_not_an_error() {
        assert_eq!(read_overview(b" {\n} ", &symbol("SPY")), Ok(None));
        assert!(read_overview(b"{\"Note\": \"25 requests per day\"}", &symbol("SPY")).is_err());
    }

    #[test]
    fn a_search_for_a_symbol_accepts_only_the_exact_match() {
        let body = br#"{"bestMatches": [
            {"1. symbol": "SPYX", "2. name": "Other", "3. type": "ETF", "8. currency": "USD"},
            {"1. symbol": "SPY", "2. name": "SPDR S&P 500", "3. type": "ETF", "4. region": "United States", "8. currency": "USD"}]}"#;
        let spy = read_search(body, &symbol("SPY")).unwrap().instrument;
        assert_eq!((spy.name.as_str(), spy.instrument_type), ("SPDR S&P 500", InstrumentType::Etf));
        let unknown = Err(Refusal::Failed(ProviderError::UnknownSymbol));
        assert_eq!(read_search(body, &symbol("SP")), unknown);
        assert_eq!(read_search(br#"{"bestMatches": []}"#, &symbol("SP")), unknown);
    }

    #[test]
    fn a_search_by_text_returns_what_can_be_priced() {
        let body = br#"{"bestMatches": [
            {"1. symbol": "TSCO.LON", "2. name": "Tesco PLC", "3. type": "Equity", "8. currency": "GBX"},
            {"1. symbol": "TSCDF", "2. name": "Tesco plc", "3. type": "Equity", "8. currency": "USD"},
            {"1. symbol": "no symbol", "2. name": "Tesco", "3. type": "Equity", "8. currency": "USD"},
            {"1. symbol": "TCO2.FRK", "2. name": "Tesco PLC", "3. type": "Equity", "8. currency": "EUR"}]}"#;
        let found = read_matches(body, &"tesco".to_owned()).unwrap();
        let found: Vec<_> = found
            .iter()
            .map(|Listing { instrument: one, in_hundredths }| {
                (one.symbol.as_str(), one.currency.code(), *in_hundredths)
            })
            .collect();
        assert_eq!(found, [("TSCO.LON", "GBP", true), ("TSCDF", "USD", false), ("TCO2.FRK", "EUR", false)]);
    }
}
