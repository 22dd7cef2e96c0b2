//! Ticker symbols as customers type them and providers know them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest symbol, without the prefix of a custom instrument.
pub const MAX_SYMBOL_LENGTH: usize = 20;

const CUSTOM_PREFIX: &str = "MY:";

/// A ticker symbol in upper case: `^(MY:)?[A-Z0-9^][A-Z0-9._\-=^]{0,19}$`.
///
/// `MY:` marks a custom instrument, visible only to its owner. Since a slash or colon can stand nowhere else, a symbol
/// is safe in a path, a key and a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^(MY:)?[A-Z0-9^][A-Z0-9._\\-=^]{0,19}$", example = "AAPL")]
pub struct Symbol(String);

/// Why a text is not a [`Symbol`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// The text is empty.
    #[error("must have at least one character")]
    Empty,
    /// More than [`MAX_SYMBOL_LENGTH`] characters.
    #[error("must have at most {MAX_SYMBOL_LENGTH} characters")]
    TooLong,
    /// A character that no ticker has; the message names it.
    #[error("must not have {character:?} at position {position}")]
    Character {
        /// The offending character.
        character: char,
        /// Its position, counted from 1.
        position: usize,
    },
}

impl Symbol {
    /// The symbol in upper case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a custom instrument (`MY:NAME`).
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.0.starts_with(CUSTOM_PREFIX)
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        // Length first: there is no need to upper-case a megabyte.
        if text.len() > MAX_SYMBOL_LENGTH + CUSTOM_PREFIX.len() {
            return Err(SymbolError::TooLong);
        }
        let upper = text.to_ascii_uppercase();
        let ticker = upper.strip_prefix(CUSTOM_PREFIX).unwrap_or(&upper);
        if ticker.is_empty() {
            return Err(SymbolError::Empty);
        }
        let offset = upper.len() - ticker.len();
        for (index, character) in ticker.chars().enumerate() {
            let plain = character.is_ascii_alphanumeric() || character == '^';
            let inner = index > 0 && matches!(character, '.' | '_' | '-' | '=');
            if !plain && !inner {
                return Err(SymbolError::Character { character, position: offset + index + 1 });
            }
        }
        if ticker.len() > MAX_SYMBOL_LENGTH {
            return Err(SymbolError::TooLong);
        }
        Ok(Self(upper))
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Symbol {
    type Error = SymbolError;

    fn try_from(text: String) -> Result<Self, SymbolError> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_upper_cased_when_parsed() {
        assert_eq!("brk.b".parse::<Symbol>().unwrap().as_str(), "BRK.B");
        assert_eq!("my:house-1".parse::<Symbol>().unwrap().as_str(), "MY:HOUSE-1");
    }

    #[test]
    fn tickers_of_indices_currencies_and_shares_are_symbols() {
        for text in ["AAPL", "^GSPC", "EURUSD=X", "BTC-USD", "0700.HK", "A"] {
            assert!(text.parse::<Symbol>().is_ok(), "{text}");
        }
    }

    #[test]
    fn paths_links_and_blanks_are_refused() {
        for text in ["../etc", "A/B", "http://x", "A B", ".A", "-A", "MY:", "X:Y", "ÄÖ", "A\0"] {
            assert!(text.parse::<Symbol>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_length_limit_is_twenty_characters_without_the_prefix() {
        let longest = "A".repeat(20);
        assert!(longest.parse::<Symbol>().is_ok());
        assert!(format!("MY:{longest}").parse::<Symbol>().is_ok());
        assert_eq!(format!("{longest}A").parse::<Symbol>(), Err(SymbolError::TooLong));
        assert_eq!("A".repeat(1 << 20).parse::<Symbol>(), Err(SymbolError::TooLong));
    }
}
