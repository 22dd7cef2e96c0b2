//! Which source of prices the platform uses.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use domain::Symbol;
use market::Provider;
use market::alpha_vantage::{self, AlphaVantage};
use secrecy::SecretString;
use services::quota::DurableBudget;
use store::{Clock, Table};

/// What to try when the source cannot say which symbols it has.
const WELL_KNOWN_SYMBOL: &str = "AAPL";

/// Where prices come from.
#[derive(Clone, Debug)]
pub enum Prices {
    /// The sample files that are part of the program.
    Sample,
    /// A folder of CSV files.
    Folder(PathBuf),
    /// Alpha Vantage.
    AlphaVantage {
        /// The API key.
        key: SecretString,
        /// Another address than the provider's own, for tests.
        base_url: Option<String>,
    },
}

/// A source that is open.
pub struct Source {
    /// The source.
    pub provider: Arc<dyn Provider>,
    /// What it is, for a person.
    pub description: String,
    /// A symbol that it has.
    pub example: Symbol,
}

impl Prices {
    /// Opens the source; calls to a provider are counted in `table`. Blocks on the file system.
    pub fn open(&self, table: &Arc<dyn Table>, clock: &Clock) -> anyhow::Result<Source> {
        let well_known: Symbol = WELL_KNOWN_SYMBOL.parse()?;
        match self {
            Self::Sample => {
                let sample = market::Sample::new();
                let description = format!(
                    "the sample files of {}; set ALPHA_VANTAGE_API_KEY or SEXTANT_PRICES for others",
                    listed(&sample.symbols())
                );
                Ok(Source { provider: Arc::new(sample), description, example: well_known })
            }
            Self::Folder(path) => {
                let folder =
                    market::Folder::open(path).with_context(|| format!("SEXTANT_PRICES={}", path.display()))?;
                let symbols = folder.symbols();
                let example = symbols.iter().find(|symbol| **symbol == well_known).or(symbols.first());
                let example = example.cloned().unwrap_or(well_known);
                let description = format!("the files in {}: {}", path.display(), listed(&symbols));
                Ok(Source { provider: Arc::new(folder), description, example })
            }
            Self::AlphaVantage { key, base_url } => {
                let settings = match base_url {
                    Some(base_url) => alpha_vantage::Settings::with_base(key.clone(), base_url),
                    None => alpha_vantage::Settings::new(key.clone()),
                };
                let budget = DurableBudget::alpha_vantage(table.clone(), clock.clone());
                let provider = AlphaVantage::new(settings?, Arc::new(budget))?;
                let description =
                    format!("Alpha Vantage, at most {} calls in 24 hours", alpha_vantage::FREE_CALLS_A_DAY);
                Ok(Source { provider: Arc::new(provider), description, example: well_known })
            }
        }
    }
}

/// The first few symbols, and how many more there are.
fn listed(symbols: &[Symbol]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<&str> = symbols.iter().take(SHOWN).map(Symbol::as_str).collect();
    match symbols.len().saturating_sub(SHOWN) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_of_symbols_is_cut_short() {
        let symbols = |count: u32| (0..count).map(|number| format!("S{number}").parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(listed(&symbols(2)), "S0, S1");
        assert_eq!(listed(&symbols(10)), "S0, S1, S2, S3, S4, S5, S6, S7 and 2 more");
    }
}
