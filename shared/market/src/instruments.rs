//! Instruments' metadata from a CSV file: `symbol,name,instrument_type,currency,exchange,sector`.

use std::collections::BTreeMap;
use std::fmt;

use domain::{Instrument, InstrumentType, Symbol};
use serde::Deserialize;

use crate::price_unit::{Listing, PriceUnit};

/// The instruments of a file, and the lines of it that cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Instruments {
    listings: BTreeMap<Symbol, Listing>,
    faults: Vec<LineFault>,
}

/// A line that cannot be read. It is left out, and so is its symbol: a currency that is guessed would be a wrong value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// The line, counted from 1; none where the file does not say.
    pub line: Option<u64>,
    /// The symbol that it is about, where that can be read.
    pub symbol: Option<Symbol>,
    /// What is wrong with it.
    pub fault: String,
}

impl fmt::Display for LineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        f.write_str(&self.fault)
    }
}

/// Why a file is no list of instruments.
#[derive(Debug, thiserror::Error)]
pub enum InstrumentsError {
    /// The header names no symbol.
    #[error("the header has no column `symbol`")]
    NoSymbols,
    /// The header cannot be read.
    #[error("the header cannot be read: {0}")]
    Header(#[from] csv::Error),
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
    currency: Option<PriceUnit>,
    #[serde(default)]
    exchange: Option<String>,
    #[serde(default)]
    sector: Option<String>,
}

impl Instruments {
    /// The instrument of a symbol, and what its prices count; without a line a stock in US dollars.
    ///
    /// Errors: the fault of a line about it.
    pub(crate) fn listing(&self, symbol: &Symbol) -> Result<Listing, &LineFault> {
        if let Some(fault) = self.faults.iter().find(|fault| fault.symbol.as_ref() == Some(symbol)) {
            return Err(fault);
        }
        let listed = self.listings.get(symbol).cloned();
        Ok(listed.unwrap_or_else(|| Instrument::unlisted(symbol.clone()).into()))
    }

    /// The symbols that have a line, sorted.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.listings.keys()
    }

    /// The lines that cannot be read, in the file's order.
    #[must_use]
    pub fn faults(&self) -> &[LineFault] {
        &self.faults
    }
}

/// Reads a list of instruments; lines that cannot be read are left out and named. An empty file lists none.
pub fn read(bytes: &[u8]) -> Result<Instruments, InstrumentsError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut instruments = Instruments::default();
    if bytes.trim_ascii().is_empty() {
        return Ok(instruments);
    }
    let mut lines = csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(bytes);
    let header = lines.headers()?.clone();
    let symbols = header.iter().position(|name| name == "symbol").ok_or(InstrumentsError::NoSymbols)?;
    for record in lines.records() {
        let read = record.map_err(|error| fault(error.position(), None, cause(error.kind())));
        let read = read.and_then(|record| {
            let symbol = || record.get(symbols).and_then(|text| text.parse().ok());
            if record.len() != header.len() {
                let cells = format!("{} cells where the header has {}", record.len(), header.len());
                return Err(fault(record.position(), symbol(), cells));
            }
            let line = record.deserialize::<Line>(Some(&header));
            let line = line.map_err(|error| fault(record.position(), symbol(), cause(error.kind())))?;
            if instruments.listings.contains_key(&line.symbol) {
                let repeated = format!("{} has two lines", line.symbol);
                return Err(fault(record.position(), Some(line.symbol), repeated));
            }
            Ok(listing(line))
        });
        match read {
            Ok(listing) => {
                instruments.listings.insert(listing.instrument.symbol.clone(), listing);
            }
            Err(fault) => instruments.faults.push(fault),
        }
    }
    Ok(instruments)
}

fn fault(position: Option<&csv::Position>, symbol: Option<Symbol>, fault: String) -> LineFault {
    LineFault { line: position.map(csv::Position::line), symbol, fault }
}

fn cause(kind: &csv::ErrorKind) -> String {
    match kind {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        _ => "it is not text in UTF-8".to_owned(),
    }
}

fn listing(line: Line) -> Listing {
    let unlisted = Instrument::unlisted(line.symbol);
    let unit = line.currency.unwrap_or_else(|| PriceUnit::of(unlisted.currency));
    let instrument = Instrument {
        name: line.name.unwrap_or(unlisted.name),
        instrument_type: line.instrument_type.unwrap_or(unlisted.instrument_type),
        currency: unit.currency,
        exchange: line.exchange,
        sector: line.sector,
        symbol: unlisted.symbol,
    };
    Listing { instrument, in_hundredths: unit.is_hundredth }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol(text: &str) -> Symbol {
        text.parse().unwrap()
    }

    fn instrument(instruments: &Instruments, text: &str) -> Instrument {
        instruments.listing(&symbol(text)).unwrap().instrument
    }

    #[test]
    fn what_a_line_leaves_open_is_as_for_a_symbol_without_a_line() {
        let instruments =
            read(b"symbol,name,instrument_type,currency,exchange,sector\nbmw.de,\"Bayer. Motoren Werke, AG\",,EUR,XETRA,\nSPY,,etf,,,\n")
                .unwrap();
        let bmw = instrument(&instruments, "BMW.DE");
        assert_eq!(bmw.name, "Bayer. Motoren Werke, AG");
        assert_eq!((bmw.currency.code(), bmw.exchange.as_deref(), &bmw.sector), ("EUR", Some("XETRA"), &None));
        let spy = instrument(&instruments, "SPY");
        assert_eq!((spy.name.as_str(), spy.instrument_type, spy.currency.code()), ("SPY", InstrumentType::Etf, "USD"));
        assert_eq!(instrument(&instruments, "AAPL"), Instrument::unlisted(symbol("AAPL")));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_and_takes_no_other_away() {
        let text = b"symbol,instrument_type,currency\nAAPL,,USD\nBMW,,EURO\nX,share,USD\n../etc,,USD\nY,,USD,NYSE\nSAP,,EUR\naapl,,USD\n\xff,,\n";
        let instruments = read(text).unwrap();
        let faults: Vec<String> = instruments.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults[0], "line 3: not a code of ISO 4217 for a currency in use");
        assert!(faults[1].starts_with("line 4: unknown variant `share`"), "{faults:?}");
        assert!(faults[2].starts_with("line 5: "), "{faults:?}");
        assert_eq!(faults[3..5], ["line 6: 4 cells where the header has 3", "line 8: AAPL has two lines"]);
        assert_eq!(faults[5], "line 9: it is not text in UTF-8");
        assert_eq!(instrument(&instruments, "SAP").currency.code(), "EUR");
        for (text, line) in [("BMW", 3), ("X", 4), ("Y", 6), ("AAPL", 8)] {
            assert_eq!(instruments.listing(&symbol(text)).unwrap_err().line, Some(line), "{text}");
        }
    }

    #[test]
    fn a_file_without_symbols_is_no_list_and_an_empty_one_lists_none() {
        assert_eq!(read(b"name\nApple\n").unwrap_err().to_string(), "the header has no column `symbol`");
        for text in ["", "\n", "symbol,name\n"] {
            assert!(read(text.as_bytes()).unwrap().listings.is_empty());
        }
    }

    #[test]
    fn lines_may_end_with_a_carriage_return_alone() {
        let instruments = read(b"symbol,currency\rVOD.L,GBp\rSAP,EUR\r").unwrap();
        assert_eq!(instruments.faults(), []);
        let vodafone = instruments.listing(&symbol("VOD.L")).unwrap();
        assert_eq!((vodafone.instrument.currency.code(), vodafone.in_hundredths), ("GBP", true));
    }
}
