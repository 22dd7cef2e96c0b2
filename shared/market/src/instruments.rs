//! Instrument metadata from a CSV file: `symbol,name,instrument_type,currency,exchange,sector`.

use std::collections::BTreeMap;
use std::fmt;

use csv::{ByteRecord, StringRecord};
use domain::{Instrument, InstrumentType, Symbol};
use serde::Deserialize;

use crate::price_unit::{Listing, PriceUnit};

/// The instruments of a file, and its lines that cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Instruments {
    listings: BTreeMap<Symbol, Listing>,
    faults: Vec<LineFault>,
}

/// A line that cannot be read. Its symbol is left out too, since a guessed currency would give wrong values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// The line, counted from 1; `None` if unknown.
    pub line: Option<u64>,
    /// The symbol of the line, if it can be read.
    pub symbol: Option<Symbol>,
    /// What is wrong with the line.
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

/// Why a file is not a list of instruments.
#[derive(Debug, thiserror::Error)]
pub enum InstrumentsError {
    /// The header has no `symbol` column.
    #[error("the header has no column `symbol`")]
    NoSymbols,
    /// The header is not text.
    #[error("the header is not UTF-8 text")]
    HeaderNotText,
    /// The cells of a line cannot be separated.
    #[error("the file cannot be read: {0}")]
    Cells(#[from] csv::Error),
    /// The file exists but cannot be read, or is too large.
    #[error("the file cannot be read")]
    Unreadable,
}

/// A line. Only the symbol is required; the other cells default as for a symbol without a line.
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
    /// The instrument of a symbol and the unit of its prices; without a line, a stock in US dollars.
    ///
    /// Errors: the fault of the symbol's line.
    pub(crate) fn listing(&self, symbol: &Symbol) -> Result<Listing, &LineFault> {
        Ok(self.listed(symbol)?.unwrap_or_else(|| Instrument::unlisted(symbol.clone()).into()))
    }

    /// The instrument of a symbol that has a line.
    ///
    /// Errors: the fault of the line.
    pub(crate) fn listed(&self, symbol: &Symbol) -> Result<Option<Listing>, &LineFault> {
        match self.faults.iter().find(|fault| fault.symbol.as_ref() == Some(symbol)) {
            Some(fault) => Err(fault),
            None => Ok(self.listings.get(symbol).cloned()),
        }
    }

    /// The symbols that have a line, sorted.
    pub fn symbols(&self) -> impl Iterator<Item = &Symbol> {
        self.listings.keys()
    }

    /// The lines that cannot be read, in file order.
    #[must_use]
    pub fn faults(&self) -> &[LineFault] {
        &self.faults
    }
}

/// Reads a list of instruments line by line. Lines that cannot be read are left out and reported. An empty file is an
/// empty list. No cell continues beyond its line, so an unclosed quote affects only its own line.
pub fn read(bytes: &[u8]) -> Result<Instruments, InstrumentsError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut instruments = Instruments::default();
    let mut lines = numbered_lines(bytes).filter(|(_, line)| !line.trim_ascii().is_empty());
    let Some((_, header)) = lines.next() else { return Ok(instruments) };
    let header =
        StringRecord::from_byte_record(record_of(header)?.cells).map_err(|_| InstrumentsError::HeaderNotText)?;
    let symbols = header.iter().position(|name| name == "symbol").ok_or(InstrumentsError::NoSymbols)?;
    for (number, text) in lines {
        let record = record_of(text)?;
        let symbol = symbol_of(&record.cells, symbols).or_else(|| symbol_of(&plain_cells(text), symbols));
        let fault = |fault| LineFault { line: Some(number), symbol: symbol.clone(), fault };
        match read_line(record, &header) {
            Ok(line) if instruments.listings.contains_key(&line.symbol) => {
                instruments.faults.push(fault(format!("{} has two lines", line.symbol)));
            }
            Ok(line) => {
                instruments.listings.insert(line.symbol.clone(), listing(line));
            }
            Err(cause) => instruments.faults.push(fault(cause)),
        }
    }
    Ok(instruments)
}

/// The lines of a text without their line ends, numbered from 1 as in an editor. LF, CRLF and CR each end a line.
fn numbered_lines(text: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = Some(text);
    let lines = std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else { return rest.take() };
        let (line, after) = text.split_at(end);
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..));
        Some(line)
    });
    (1..).zip(lines)
}

/// The cells of a line.
struct CsvRecord {
    cells: ByteRecord,
    /// Whether a quote is still open at the end of the line.
    is_open: bool,
}

fn record_of(line: &[u8]) -> Result<CsvRecord, csv::Error> {
    // A line break within a quoted cell is part of the cell.
    let ended = [line, b"\n"].concat();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(ended.as_slice());
    let mut cells = ByteRecord::new();
    reader.read_byte_record(&mut cells)?;
    let is_open = cells.iter().next_back().is_some_and(|cell| cell.ends_with(b"\n"));
    cells.trim();
    Ok(CsvRecord { cells, is_open })
}

/// The cells of a line with quotes ignored, to read what is possible of a line with a broken quote.
fn plain_cells(line: &[u8]) -> ByteRecord {
    let is_around = |byte: &u8| *byte == b'"' || byte.is_ascii_whitespace();
    let bare = |cell: &[u8]| {
        let start = cell.iter().position(|byte| !is_around(byte)).unwrap_or(cell.len());
        let end = cell.iter().rposition(|byte| !is_around(byte)).map_or(start, |last| last + 1);
        cell[start..end].to_vec()
    };
    line.split(|byte| *byte == b',').map(bare).collect()
}

fn symbol_of(cells: &ByteRecord, column: usize) -> Option<Symbol> {
    str::from_utf8(cells.get(column)?).ok()?.parse().ok()
}

/// Errors: what is wrong with the line.
fn read_line(record: CsvRecord, header: &StringRecord) -> Result<Line, String> {
    if record.is_open {
        return Err("a quote is not closed".to_owned());
    }
    let cells = StringRecord::from_byte_record(record.cells).map_err(|_| "the line is not UTF-8 text".to_owned())?;
    if cells.len() != header.len() {
        return Err(format!("{} cells where the header has {}", cells.len(), header.len()));
    }
    cells.deserialize::<Line>(Some(header)).map_err(|error| match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
        _ => error.to_string(),
    })
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
    fn empty_cells_default_as_for_a_symbol_without_a_line() {
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
    fn a_bad_line_is_reported_and_affects_no_other() {
        let text = b"symbol,instrument_type,currency\nAAPL,,USD\nBMW,,EURO\nX,share,USD\n../etc,,USD\nY,,USD,NYSE\nSAP,,EUR\naapl,,USD\n\xff,,\n";
        let instruments = read(text).unwrap();
        let faults: Vec<String> = instruments.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults[0], "line 3: must be the ISO 4217 code of a currency in use");
        assert!(faults[1].starts_with("line 4: unknown variant `share`"), "{faults:?}");
        assert!(faults[2].starts_with("line 5: "), "{faults:?}");
        assert_eq!(faults[3..5], ["line 6: 4 cells where the header has 3", "line 8: AAPL has two lines"]);
        assert_eq!(faults[5], "line 9: the line is not UTF-8 text");
        assert_eq!(instrument(&instruments, "SAP").currency.code(), "EUR");
        for (text, line) in [("BMW", 3), ("X", 4), ("Y", 6), ("AAPL", 8)] {
            assert_eq!(instruments.listing(&symbol(text)).unwrap_err().line, Some(line), "{text}");
        }
    }

    #[test]
    fn a_file_without_a_symbol_column_is_refused_and_an_empty_one_lists_nothing() {
        assert_eq!(read(b"name\nApple\n").unwrap_err().to_string(), "the header has no column `symbol`");
        for text in ["", "\n", "symbol,name\n"] {
            assert!(read(text.as_bytes()).unwrap().listings.is_empty());
        }
    }

    #[test]
    fn lines_may_end_with_a_bare_carriage_return() {
        let instruments = read(b"symbol,currency\rVOD.L,GBp\rSAP,EUR\r").unwrap();
        assert_eq!(instruments.faults(), []);
        let vodafone = instruments.listing(&symbol("VOD.L")).unwrap();
        assert_eq!((vodafone.instrument.currency.code(), vodafone.in_hundredths), ("GBP", true));
    }

    #[test]
    fn an_unclosed_quote_affects_only_its_own_line() {
        let text = b"symbol,name,currency\nAAA,\"open quote,EUR\nBBB,B,EUR\n\"DDD,D,EUR\nEEE,E,\"EUR\nCCC,\"C, \"\"the\"\" third\",GBP\nFFF,5\" gun,EUR";
        let instruments = read(text).unwrap();
        let faults: Vec<String> = instruments.faults().iter().map(ToString::to_string).collect();
        assert_eq!(faults, [2, 4, 5].map(|line| format!("line {line}: a quote is not closed")));
        for (text, line) in [("AAA", 2), ("DDD", 4), ("EEE", 5)] {
            assert_eq!(instruments.listing(&symbol(text)).unwrap_err().line, Some(line), "{text}");
        }
        for (text, currency, name) in
            [("BBB", "EUR", "B"), ("CCC", "GBP", "C, \"the\" third"), ("FFF", "EUR", "5\" gun")]
        {
            let read = instrument(&instruments, text);
            assert_eq!((read.currency.code(), read.name.as_str()), (currency, name), "{text}");
        }
    }

    #[test]
    fn a_line_in_another_encoding_is_left_out_without_guessing_its_currency() {
        let instruments = read(b"symbol,name,currency\nGLE,Soci\xe9t\xe9,EUR\nSAP,SAP,EUR\n").unwrap();
        let fault = instruments.listing(&symbol("GLE")).unwrap_err();
        assert_eq!(fault.to_string(), "line 2: the line is not UTF-8 text");
        assert_eq!(instrument(&instruments, "SAP").currency.code(), "EUR");
        assert_eq!(read(b"symbol,\xff\nSAP,EUR\n").unwrap_err().to_string(), "the header is not UTF-8 text");
    }

    #[test]
    fn lines_are_numbered_as_in_an_editor() {
        let instruments = read(b"\n  \rsymbol,currency\r\n\r\nAAA,EURO\rBBB,EURO\n\nCCC,EURO").unwrap();
        let lines: Vec<_> = instruments.faults().iter().filter_map(|fault| fault.line).collect();
        assert_eq!(lines, [5, 6, 8]);
    }
}
