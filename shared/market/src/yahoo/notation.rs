//! Yahoo's notation of symbols, and the currencies of its exchanges.

use domain::{Currency, Symbol};

use crate::error::ProviderError;
use crate::symbols::{Named, named};

/// Share classes that others write with a dot: `BRK.B`. No exchange at Yahoo has these suffixes.
const CLASSES: [&str; 2] = ["A", "B"];

/// Suffixes of exchanges and the currency of their prices. London, Johannesburg and Tel Aviv are missing: they quote
/// only some instruments in hundredths, which only the response reveals.
const EXCHANGES: [(&str, &str); 40] = [
    ("AS", "EUR"),
    ("AT", "EUR"),
    ("AX", "AUD"),
    ("BE", "EUR"),
    ("BK", "THB"),
    ("BO", "INR"),
    ("BR", "EUR"),
    ("CO", "DKK"),
    ("DE", "EUR"),
    ("DU", "EUR"),
    ("F", "EUR"),
    ("HE", "EUR"),
    ("HK", "HKD"),
    ("HM", "EUR"),
    ("IC", "ISK"),
    ("IR", "EUR"),
    ("IS", "TRY"),
    ("JK", "IDR"),
    ("KL", "MYR"),
    ("KQ", "KRW"),
    ("KS", "KRW"),
    ("LS", "EUR"),
    ("MC", "EUR"),
    ("MI", "EUR"),
    ("MU", "EUR"),
    ("MX", "MXN"),
    ("NS", "INR"),
    ("NZ", "NZD"),
    ("OL", "NOK"),
    ("PA", "EUR"),
    ("PR", "CZK"),
    ("SA", "BRL"),
    ("SI", "SGD"),
    ("SS", "CNY"),
    ("ST", "SEK"),
    ("SW", "CHF"),
    ("SZ", "CNY"),
    ("T", "JPY"),
    ("TO", "CAD"),
    ("VI", "EUR"),
];

/// The symbol in Yahoo's notation, with what it names.
///
/// Errors: a symbol whose form Yahoo does not have: a custom instrument or a commodity by unit.
pub(super) fn to_yahoo(symbol: &Symbol) -> Result<(String, Named), ProviderError> {
    let named = named(symbol).filter(|_| !symbol.is_custom());
    match named.ok_or(ProviderError::UnknownSymbol)? {
        Named::Metal(..) | Named::Commodity(_) => Err(ProviderError::UnknownSymbol),
        named => Ok((written(symbol), named)),
    }
}

fn written(symbol: &Symbol) -> String {
    match symbol.as_str().split_once('.') {
        Some((ticker, class)) if CLASSES.contains(&class) => format!("{ticker}-{class}"),
        _ => symbol.to_string(),
    }
}

/// The currency of the prices of a Yahoo symbol, if its form determines it.
pub(super) fn currency_of(symbol: &Symbol) -> Option<Currency> {
    match named(symbol)? {
        Named::Pair { quote, .. } => Some(quote),
        Named::Coin { currency, .. } => Some(currency),
        Named::Metal(..) | Named::Commodity(_) => None,
        Named::Listed => match symbol.as_str().rsplit_once('.') {
            None => Some(Currency::USD),
            Some((_, suffix)) => {
                let known = EXCHANGES.iter().find(|(exchange, _)| *exchange == suffix);
                known.and_then(|(_, currency)| currency.parse().ok())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written_as(text: &str) -> Option<String> {
        to_yahoo(&text.parse().unwrap()).ok().map(|(written, _)| written)
    }

    #[test]
    fn classes_of_shares_are_written_with_a_dash() {
        assert_eq!(written_as("BRK.B").as_deref(), Some("BRK-B"));
        for same in ["AAPL", "BRK-B", "^GSPC", "EURUSD=X", "BTC-USD", "GC=F", "VOD.L", "7203.T"] {
            assert_eq!(written_as(same).as_deref(), Some(same));
        }
        for none in ["MY:HOUSE", "XAU=OZT", "WTI=BBL", "A=B"] {
            assert_eq!(written_as(none), None, "{none}");
        }
    }

    #[test]
    fn the_currency_follows_from_the_exchange() {
        let currency = |text: &str| currency_of(&text.parse().unwrap()).map(Currency::code);
        assert_eq!(currency("AAPL"), Some("USD"));
        assert_eq!((currency("SAP.DE"), currency("7203.T")), (Some("EUR"), Some("JPY")));
        assert_eq!((currency("EURCHF=X"), currency("BTC-EUR")), (Some("CHF"), Some("EUR")));
        assert_eq!((currency("VOD.L"), currency("A.XYZ")), (None, None));
        assert!(EXCHANGES.iter().all(|(_, code)| code.parse::<Currency>().is_ok()));
    }
}
