//! The search endpoint: `quotes` with symbol, name and kind.

use domain::{Instrument, InstrumentType, Symbol};
use serde::Deserialize;

use super::notation::currency_of;
use crate::http::Refusal;

#[derive(Deserialize)]
struct Answer {
    quotes: Option<Vec<Match>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Match {
    symbol: Option<String>,
    #[serde(alias = "longname")]
    long_name: Option<String>,
    #[serde(alias = "shortname")]
    short_name: Option<String>,
    quote_type: Option<String>,
    exch_disp: Option<String>,
    sector: Option<String>,
}

/// Reads the matches, in Yahoo's order. A match whose currency cannot be derived is left out, since the response does
/// not give it.
pub(super) fn read(body: &[u8], _text: &String) -> Result<Vec<Instrument>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Answer { quotes: Some(matches) }) => Ok(matches.into_iter().filter_map(instrument).collect()),
        _ => Err(Refusal::malformed("is not a list of matches")),
    }
}

fn instrument(found: Match) -> Option<Instrument> {
    let symbol: Symbol = found.symbol?.parse().ok()?;
    Some(Instrument {
        name: non_blank(found.long_name).or(non_blank(found.short_name)).unwrap_or_else(|| symbol.to_string()),
        instrument_type: kind(found.quote_type.as_deref())?,
        currency: currency_of(&symbol)?,
        exchange: non_blank(found.exch_disp),
        sector: non_blank(found.sector),
        symbol,
    })
}

/// A text that is not blank.
pub(super) fn non_blank(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The kind of an instrument; `None` for those without a price history, such as options.
pub(super) fn kind(text: Option<&str>) -> Option<InstrumentType> {
    Some(match text? {
        "EQUITY" | "INDEX" => InstrumentType::Stock,
        "ETF" => InstrumentType::Etf,
        "MUTUALFUND" => InstrumentType::Fund,
        "CURRENCY" => InstrumentType::Fx,
        "CRYPTOCURRENCY" => InstrumentType::Crypto,
        "FUTURE" => InstrumentType::Commodity,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_matches_with_a_known_currency_are_returned() {
        let body = br#"{"explains": [], "count": 6, "quotes": [
            {"exchange": "NMS", "shortname": "Apple Inc.", "quoteType": "EQUITY", "symbol": "AAPL", "longname": "Apple Inc.",
             "exchDisp": "NASDAQ", "sector": "Technology", "score": 31180.0},
            {"shortname": "APPLE INC", "quoteType": "EQUITY", "symbol": "APC.F", "exchDisp": "Frankfurt"},
            {"shortname": "LEVERAGE", "quoteType": "EQUITY", "symbol": "AAPL.L"},
            {"quoteType": "OPTION", "symbol": "AAPL261218C00300000"},
            {"name": "no symbol"},
            {"shortname": "Bitcoin USD", "quoteType": "CRYPTOCURRENCY", "symbol": "BTC-USD"}]}"#;
        let found = read(body, &"apple".to_owned()).unwrap();
        let matches: Vec<_> = found.iter().map(|one| (one.symbol.as_str(), one.currency.code())).collect();
        assert_eq!(matches, [("AAPL", "USD"), ("APC.F", "EUR"), ("BTC-USD", "USD")]);
        assert_eq!((found[0].name.as_str(), found[0].sector.as_deref()), ("Apple Inc.", Some("Technology")));
        assert_eq!((found[0].exchange.as_deref(), found[2].instrument_type), (Some("NASDAQ"), InstrumentType::Crypto));
    }

    #[test]
    fn an_unexpected_response_is_refused() {
        for body in ["", "{}", "[]", "<html></html>", r#"{"quotes": 1}"#] {
            assert!(read(body.as_bytes(), &"apple".to_owned()).is_err(), "{body}");
        }
        assert_eq!(read(br#"{"quotes": []}"#, &"apple".to_owned()), Ok(Vec::new()));
    }
}
