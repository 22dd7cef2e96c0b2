//! Instruments: name, kind, currency, exchange and sector.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::money::Currency;
use crate::symbol::Symbol;

/// The kind of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum InstrumentType {
    /// A share of a company.
    Stock,
    /// An exchange-traded fund.
    Etf,
    /// A fund that is not traded on an exchange.
    Fund,
    /// A bond.
    Bond,
    /// A commodity, priced by its unit.
    Commodity,
    /// A cryptocurrency.
    Crypto,
    /// A pair of currencies.
    Fx,
    /// A custom instrument with dated valuations.
    Item,
}

impl fmt::Display for InstrumentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stock => "stock",
            Self::Etf => "etf",
            Self::Fund => "fund",
            Self::Bond => "bond",
            Self::Commodity => "commodity",
            Self::Crypto => "crypto",
            Self::Fx => "fx",
            Self::Item => "item",
        })
    }
}

/// An instrument's metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Instrument {
    /// Ticker symbol of the instrument.
    pub symbol: Symbol,
    /// Name as its issuer writes it; the symbol if nothing is known.
    pub name: String,
    /// Kind of the instrument.
    pub instrument_type: InstrumentType,
    /// Currency of its prices.
    pub currency: Currency,
    /// Exchange that it is quoted on; null if unknown.
    #[schema(required)]
    pub exchange: Option<String>,
    /// Economic sector; null if unknown.
    #[schema(required)]
    pub sector: Option<String>,
}

impl Instrument {
    /// Whether its symbol or name contains `text`, ignoring case.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        [self.symbol.as_str(), &self.name].iter().any(|part| part.to_lowercase().contains(&text))
    }

    /// The default for a symbol without metadata: a stock in US dollars.
    #[must_use]
    pub fn unlisted(symbol: Symbol) -> Self {
        Self {
            name: symbol.to_string(),
            symbol,
            instrument_type: InstrumentType::Stock,
            currency: Currency::USD,
            exchange: None,
            sector: None,
        }
    }
}
