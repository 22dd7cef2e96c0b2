//! Instruments' metadata from a CSV file: `symbol,name,instrument_type,currency,exchange,sector`.

use std::collections::BTreeMap;

use domain::{Currency, Instrument, InstrumentType, Symbol};
use serde::Deserialize;

/// Metadata by symbol.
pub type Instruments = BTreeMap<Symbol, Instrument>;

/// Why a file is no list of instruments.
#[derive(Debug, thiserror::Error)]
pub enum InstrumentsError {
    /// A line is not a row of these columns; the message names line and cell.
    #[error("{0}")]
    Row(#[from] csv::Error),
    /// Two lines are about the same symbol.
    #[error("{0} has two lines")]
    Repeated(Symbol),
    /// The file is there but cannot be read, or is too large.
    #[error("the file cannot be read")]
    Unreadable,
}

/// A line. Only the symbol must be there: the rest is as for a symbol without a line.
#[derive(Deserialize)]
struct Line {
    symbol: Symbol,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    instrument_type: Option<InstrumentType>,
    #[serde(default)]
    currency: Option<Currency>,
    #[serde(default)]
    exchange: Option<String>,
    #[serde(default)]
    sector: Option<String>,
}

/// Reads a list of instruments.
pub fn read(bytes: &[u8]) -> Result<Instruments, InstrumentsError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut instruments = Instruments::new();
    let mut lines = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    for line in lines.deserialize() {
        let instrument = instrument(line?);
        let symbol = instrument.symbol.clone();
        if instruments.insert(symbol.clone(), instrument).is_some() {
            return Err(InstrumentsError::Repeated(symbol));
        }
    }
    Ok(instruments)
}

fn instrument(line: Line) -> Instrument {
    let unlisted = Instrument::unlisted(line.symbol);
    Instrument {
        name: line.name.unwrap_or(unlisted.name),
        instrument_type: line.instrument_type.unwrap_or(unlisted.instrument_type),
        currency: line.currency.unwrap_or(unlisted.currency),
        exchange: line.exchange,
        sector: line.sector,
        symbol: unlisted.symbol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_leaves_open_is_as_for_a_symbol_without_a_line() {
        let instruments =
            read(b"symbol,name,instrument_type,currency,exchange,sector\nbmw.de,\"Bayer. Motoren Werke, AG\",,EUR,XETRA,\nSPY,,etf,,,\n")
                .unwrap();
        let bmw = &instruments[&"BMW.DE".parse().unwrap()];
        assert_eq!(bmw.name, "Bayer. Motoren Werke, AG");
        assert_eq!((bmw.currency.code(), bmw.exchange.as_deref(), &bmw.sector), ("EUR", Some("XETRA"), &None));
        let spy = &instruments[&"SPY".parse().unwrap()];
        assert_eq!((spy.name.as_str(), spy.instrument_type, spy.currency.code()), ("SPY", InstrumentType::Etf, "USD"));
    }

    #[test]
    fn mistakes_name_the_line() {
        let wrong_currency = read(b"symbol,currency\nAAPL,USD\nBMW,EURO\n").unwrap_err().to_string();
        assert!(wrong_currency.contains("line: 3") && wrong_currency.contains("ISO 4217"), "{wrong_currency}");
        assert!(read(b"symbol,instrument_type\nAAPL,share\n").is_err());
        assert!(read(b"name\nApple\n").is_err());
        assert!(read(b"symbol\n../etc\n").is_err());
        assert_eq!(read(b"symbol\nAAPL\naapl\n").unwrap_err().to_string(), "AAPL has two lines");
    }
}
