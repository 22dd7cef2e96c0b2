//! The files that Stooq offers for download, by their names.
//!
//! Its bulk file unpacks to `data/daily/us/nasdaq stocks/1/aapl.us.txt` and the like; the download of one symbol is
//! `aapl_us_d.csv`. Its markets are named as at no other source, so the names are converted to our notation where it has
//! one.

use std::path::Path;

use domain::{Currency, Symbol};

/// A market of Stooq: its name in file names, our suffix, and the currency of its prices. London is quoted in pence, but
/// some of its instruments in pounds, dollars or euros, which the file does not say.
const MARKETS: [(&str, &str, Option<&str>); 7] = [
    ("us", "", Some("USD")),
    ("uk", ".L", None),
    ("de", ".DE", Some("EUR")),
    ("jp", ".T", Some("JPY")),
    ("hk", ".HK", Some("HKD")),
    ("hu", ".HU", Some("HUF")),
    (WARSAW, ".PL", Some("PLN")),
];
/// The files of Warsaw have no suffix, and are in a folder of this name.
const WARSAW: &str = "pl";
/// The folder of exchange rates.
const CURRENCIES: &str = "currencies";
/// The suffix of coins, which are priced in dollars.
const COINS: &str = "v";
/// Hong Kong's codes have at least this many digits elsewhere.
const HONG_KONG_DIGITS: usize = 4;

/// What a file of Stooq contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StooqFile {
    pub(super) symbol: Symbol,
    pub(super) currency: FileCurrency,
}

/// The currency of a file's prices, if there is no line about its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileCurrency {
    /// That of the market.
    Known(Currency),
    /// A currency pair or a coin: the name says it.
    ByForm,
    /// Only a line can say it.
    Unknown,
}

/// The contents of a file, by its path below the folder; `None` for a file that is not one of Stooq's.
pub(super) fn recognise(path: &Path) -> Option<StooqFile> {
    let stem = path.file_stem()?.to_str()?.to_ascii_lowercase();
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "txt" => match stem.rsplit_once('.') {
            Some((coin, COINS)) => by_form(&format!("{coin}-USD")),
            Some((ticker, market)) => listed(ticker, market),
            None if is_below(path, CURRENCIES) && stem.len() == 6 => by_form(&format!("{stem}=X")),
            None if is_below(path, WARSAW) => listed(&stem, WARSAW),
            None => None,
        },
        "csv" => {
            let (ticker, market) = stem.strip_suffix("_d")?.rsplit_once('_')?;
            listed(ticker, market)
        }
        _ => None,
    }
}

fn listed(ticker: &str, market: &str) -> Option<StooqFile> {
    let (_, suffix, currency) = MARKETS.into_iter().find(|(name, ..)| *name == market)?;
    let is_short_code = market == "hk" && ticker.bytes().all(|byte| byte.is_ascii_digit());
    let ticker = if is_short_code { format!("{ticker:0>HONG_KONG_DIGITS$}") } else { ticker.to_owned() };
    let symbol: Symbol = format!("{ticker}{suffix}").parse().ok()?;
    let currency = match currency {
        Some(code) => FileCurrency::Known(code.parse().ok()?),
        None => FileCurrency::Unknown,
    };
    Some(StooqFile { symbol, currency })
}

/// A file of an instrument that its form identifies.
fn by_form(symbol: &str) -> Option<StooqFile> {
    let symbol: Symbol = symbol.parse().ok()?;
    let named = crate::symbols::named(&symbol)?;
    crate::symbols::instrument(&symbol, &named)?;
    Some(StooqFile { symbol, currency: FileCurrency::ByForm })
}

/// Whether one of the folders that a path names is this one.
fn is_below(path: &Path, folder: &str) -> bool {
    let folders = path.parent().into_iter().flat_map(Path::components);
    folders.into_iter().any(|part| part.as_os_str().eq_ignore_ascii_case(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<(String, FileCurrency)> {
        recognise(Path::new(path)).map(|file| (file.symbol.to_string(), file.currency))
    }

    #[test]
    fn names_are_converted_to_our_notation() {
        let known = |code: &str| FileCurrency::Known(code.parse().unwrap());
        for (path, symbol, currency) in [
            ("data/daily/us/nasdaq stocks/1/aapl.us.txt", "AAPL", known("USD")),
            ("brk-b.us.txt", "BRK-B", known("USD")),
            ("aapl_us_d.csv", "AAPL", known("USD")),
            ("data/daily/de/xetra stocks/sap.de.txt", "SAP.DE", known("EUR")),
            ("7203.jp.txt", "7203.T", known("JPY")),
            ("700.hk.txt", "0700.HK", known("HKD")),
            ("9988.hk.txt", "9988.HK", known("HKD")),
            ("otp.hu.txt", "OTP.HU", known("HUF")),
            ("data/daily/pl/wse stocks/cdr.txt", "CDR.PL", known("PLN")),
            ("vod.uk.txt", "VOD.L", FileCurrency::Unknown),
            ("data/daily/world/currencies/major/eurusd.txt", "EURUSD=X", FileCurrency::ByForm),
            ("data/daily/world/cryptocurrencies/btc.v.txt", "BTC-USD", FileCurrency::ByForm),
        ] {
            assert_eq!(of(path), Some((symbol.to_owned(), currency)), "{path}");
        }
    }

    #[test]
    fn other_files_are_not_taken_for_prices() {
        for path in [
            "notes.txt",
            "data/daily/world/indices/^spx.txt",
            "10yusy.b.txt",
            "data/daily/world/currencies/major/xyzabc.txt",
            "AAPL.csv",
            "my_data_d.csv",
            "aapl.us.zip",
            "a b.us.txt",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
