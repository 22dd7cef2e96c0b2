//! Five shares built into the program, so that it runs without an API key or network.

use std::sync::OnceLock;

use async_trait::async_trait;
use domain::{Currency, Day, Instrument, Symbol};

use crate::call_budget::CallBudget;
use crate::csv_file;
use crate::error::ProviderError;
use crate::history::History;
use crate::instruments::{self, Instruments};
use crate::price_unit::PriceUnit;
use crate::provider::{MarketClock, Provider};
use crate::series::CheckedBars;

const FILES: [(&str, &[u8]); 5] = [
    ("AAPL", include_bytes!("../../../data/prices/AAPL.csv")),
    ("FB", include_bytes!("../../../data/prices/FB.csv")),
    ("GOOG", include_bytes!("../../../data/prices/GOOG.csv")),
    ("IBM", include_bytes!("../../../data/prices/IBM.csv")),
    ("MSFT", include_bytes!("../../../data/prices/MSFT.csv")),
];

const INSTRUMENTS: &[u8] = include_bytes!("../../../data/instruments.csv");

/// The source's name in responses.
pub const SOURCE: &str = "sample";

/// Last trading day of the sample, at which its market clock stands.
const LAST_DAY: (i32, u32, u32) = (2013, 3, 1);

/// The sample provider. Each file is parsed once, when its symbol is first requested.
#[derive(Debug, Default)]
pub struct Sample {
    series: [OnceLock<Result<CheckedBars, ProviderError>>; FILES.len()],
    /// Cached because it is needed at every request and a file is 180 KB.
    revisions: [OnceLock<String>; FILES.len()],
    instruments: OnceLock<Instruments>,
}

impl Sample {
    /// The sample.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The symbols of the sample.
    #[must_use]
    pub fn symbols(&self) -> Vec<Symbol> {
        FILES.iter().filter_map(|(symbol, _)| symbol.parse().ok()).collect()
    }

    fn file(symbol: &Symbol) -> Option<usize> {
        FILES.iter().position(|(name, _)| *name == symbol.as_str())
    }

    fn series(&self, symbol: &Symbol) -> Result<&CheckedBars, ProviderError> {
        let file = Self::file(symbol).ok_or(ProviderError::UnknownSymbol)?;
        let (name, bytes) = FILES[file];
        let unit = PriceUnit::of(Currency::USD);
        let read = || {
            csv_file::read(bytes, last_day(), unit)
                .map_err(|error| ProviderError::malformed(format!("{name}.csv, {error}")))
        };
        self.series[file].get_or_init(read).as_ref().map_err(Clone::clone)
    }
}

#[async_trait]
impl Provider for Sample {
    fn source(&self) -> &'static str {
        SOURCE
    }

    fn clock(&self) -> MarketClock {
        clock()
    }

    fn revision(&self, symbol: &Symbol) -> Option<String> {
        let file = Self::file(symbol)?;
        let hash = || format!("{:016x}", fnv1a(FILES[file].1));
        Some(self.revisions[file].get_or_init(hash).clone())
    }

    async fn fetch_daily(&self, symbol: &Symbol, _budget: CallBudget) -> Result<History, ProviderError> {
        let CheckedBars { bars, basis, notes, held_back } = self.series(symbol)?.clone();
        Ok(History { source: SOURCE, bars, basis, currency: Currency::USD, notes, held_back })
    }

    async fn list_symbols(&self) -> Vec<Symbol> {
        self.symbols()
    }

    async fn fetch_instrument(&self, symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        Self::file(symbol).ok_or(ProviderError::UnknownSymbol)?;
        let instruments = self.instruments.get_or_init(|| instruments::read(INSTRUMENTS).unwrap_or_default());
        let listing = instruments.listing(symbol);
        Ok(listing.map_err(|fault| ProviderError::malformed(fault.to_string()))?.instrument)
    }
}

/// The sample's market clock, for programs that need only it and should not link the prices.
#[must_use]
pub fn clock() -> MarketClock {
    MarketClock::StandsAt(last_day())
}

fn last_day() -> Day {
    let (year, month, day) = LAST_DAY;
    Day::new(year, month, day).unwrap_or(Day::LAST)
}

/// A fingerprint that stays the same from build to build (Fowler, Noll and Vo).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call_budget::caller;
    use crate::history::Basis;
    use crate::note::Note;

    fn symbol(text: &str) -> Symbol {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn no_bar_of_the_sample_is_left_out() {
        let sample = Sample::new();
        for (name, bars) in [("AAPL", 3270), ("MSFT", 3270), ("IBM", 3270), ("GOOG", 2148), ("FB", 196)] {
            let history = sample.fetch_daily(&symbol(name), caller()).await.unwrap();
            assert_eq!(history.bars.len(), bars, "{name}");
            assert_eq!((history.basis, history.currency), (Basis::Quoted, Currency::USD));
        }
    }

    #[tokio::test]
    async fn the_market_clock_stands_at_the_latest_bar_of_all() {
        let sample = Sample::new();
        let mut latest = Vec::new();
        for name in sample.symbols() {
            latest.push(sample.fetch_daily(&name, caller()).await.unwrap().bars.last().unwrap().date);
        }
        assert_eq!(sample.clock(), MarketClock::StandsAt(*latest.iter().max().unwrap()));
    }

    #[tokio::test]
    async fn apples_fall_of_2000_is_the_only_unexplained_move() {
        let sample = Sample::new();
        for name in sample.symbols() {
            let notes = sample.fetch_daily(&name, caller()).await.unwrap().notes;
            if name.as_str() == "AAPL" {
                let [Note::UnexplainedMove { date, fraction }] = notes[..] else { panic!("{notes:?}") };
                assert_eq!(date.to_string(), "2000-09-29");
                assert!((fraction - -0.5187).abs() < 5e-5, "{fraction}");
            } else {
                assert_eq!(notes, [], "{name}");
            }
        }
    }

    #[tokio::test]
    async fn only_the_samples_symbols_have_metadata() {
        let sample = Sample::new();
        assert_eq!(instruments::read(INSTRUMENTS).unwrap().symbols().cloned().collect::<Vec<_>>(), sample.symbols());
        let ibm = sample.fetch_instrument(&symbol("ibm"), caller()).await.unwrap();
        assert_eq!((ibm.exchange.as_deref(), ibm.currency), (Some("NYSE"), Currency::USD));
        assert_eq!(sample.fetch_instrument(&symbol("MSFT.X"), caller()).await, Err(ProviderError::UnknownSymbol));
        assert_eq!(sample.fetch_daily(&symbol("MY:AAPL"), caller()).await, Err(ProviderError::UnknownSymbol));
        assert_eq!(sample.revision(&symbol("X")), None);
    }

    #[test]
    fn the_revision_stands_for_the_content_of_one_file() {
        let sample = Sample::new();
        let revisions: std::collections::BTreeSet<_> =
            sample.symbols().iter().map(|symbol| sample.revision(symbol).unwrap()).collect();
        assert_eq!(revisions.len(), 5);
    }
}
