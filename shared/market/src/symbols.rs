//! What a symbol names, derived from its form alone: currency pairs, coins, metals and other commodities.
//!
//! Pairs and coins are written as at Yahoo, `EURUSD=X` and `BTC-USD`. A commodity is written with the unit of its
//! price, `XAU=G`, since a price without a unit has no meaning.

use domain::{Currency, Instrument, InstrumentType, Symbol};
use rust_decimal::Decimal;

/// What a symbol names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A share, a fund or an index: only a source knows.
    Listed,
    /// `EURUSD=X`: the price of one unit of `base` in `quote`.
    Pair { base: Currency, quote: Currency },
    /// `BTC-USD`: the price of one coin.
    Coin { coin: String, currency: Currency },
    /// `XAU=G`: the price of a precious metal in US dollars.
    Metal(Metal, MetalUnit),
    /// `WTI=BBL`: the price of another commodity in US dollars.
    Commodity(&'static Commodity),
}

/// A precious metal, by its code in ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Metal {
    pub(crate) code: &'static str,
    name: &'static str,
}

/// The unit of weight of a precious metal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetalUnit {
    TroyOunce,
    Gram,
    Kilogram,
}

/// A commodity that has its own function at Alpha Vantage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Commodity {
    symbol: &'static str,
    name: &'static str,
    pub(crate) function: &'static str,
    /// The interval of prices: `daily` or `monthly`.
    pub(crate) interval: &'static str,
    /// The unit as the provider names it, in lower case and singular.
    pub(crate) unit: &'static str,
    /// Units of the provider's price in a dollar: 100 if it quotes in cents.
    pub(crate) units_a_dollar: u32,
}

/// Grams in a troy ounce, exactly (International Yard and Pound Agreement, 1959: 480 grains of 64.79891 mg).
const GRAMS_A_TROY_OUNCE: Decimal = Decimal::from_parts(311_034_768, 0, 0, false, 7);

const METALS: [Metal; 4] = [
    Metal { code: "XAU", name: "Gold" },
    Metal { code: "XAG", name: "Silver" },
    Metal { code: "XPT", name: "Platinum" },
    Metal { code: "XPD", name: "Palladium" },
];

const COMMODITIES: [Commodity; 10] = [
    daily("WTI=BBL", "Crude oil WTI, barrel", "WTI", "dollar per barrel"),
    daily("BRENT=BBL", "Crude oil Brent, barrel", "BRENT", "dollar per barrel"),
    daily("NATGAS=MMBTU", "Natural gas Henry Hub, million BTU", "NATURAL_GAS", "dollar per million btu"),
    monthly("COPPER=T", "Copper, tonne", "COPPER", "dollar per metric ton"),
    monthly("ALUMINUM=T", "Aluminum, tonne", "ALUMINUM", "dollar per metric ton"),
    monthly("WHEAT=T", "Wheat, tonne", "WHEAT", "dollar per metric ton"),
    monthly("CORN=T", "Corn, tonne", "CORN", "dollar per metric ton"),
    in_cents("COTTON=LB", "Cotton, pound", "COTTON"),
    in_cents("SUGAR=LB", "Sugar, pound", "SUGAR"),
    in_cents("COFFEE=LB", "Coffee, pound", "COFFEE"),
];

const fn daily(symbol: &'static str, name: &'static str, function: &'static str, unit: &'static str) -> Commodity {
    Commodity { symbol, name, function, interval: "daily", unit, units_a_dollar: 1 }
}

const fn monthly(symbol: &'static str, name: &'static str, function: &'static str, unit: &'static str) -> Commodity {
    Commodity { interval: "monthly", ..daily(symbol, name, function, unit) }
}

const fn in_cents(symbol: &'static str, name: &'static str, function: &'static str) -> Commodity {
    Commodity { units_a_dollar: 100, ..monthly(symbol, name, function, "cent per pound") }
}

/// Coins and currencies that a search lists; others can be requested by their symbols.
const COINS: [(&str, &str); 10] = [
    ("BTC", "Bitcoin"),
    ("ETH", "Ethereum"),
    ("XRP", "XRP"),
    ("SOL", "Solana"),
    ("ADA", "Cardano"),
    ("DOGE", "Dogecoin"),
    ("LTC", "Litecoin"),
    ("BCH", "Bitcoin Cash"),
    ("DOT", "Polkadot"),
    ("LINK", "Chainlink"),
];
const CURRENCIES: [(&str, &str); 12] = [
    ("EUR", "Euro"),
    ("GBP", "Pound sterling"),
    ("JPY", "Japanese yen"),
    ("CHF", "Swiss franc"),
    ("AUD", "Australian dollar"),
    ("CAD", "Canadian dollar"),
    ("NZD", "New Zealand dollar"),
    ("CNY", "Chinese yuan"),
    ("INR", "Indian rupee"),
    ("SEK", "Swedish krona"),
    ("NOK", "Norwegian krone"),
    ("PLN", "Polish zloty"),
];

impl MetalUnit {
    const ALL: [(&'static str, &'static str, Self); 3] =
        [("OZT", "troy ounce", Self::TroyOunce), ("G", "gram", Self::Gram), ("KG", "kilogram", Self::Kilogram)];

    /// The price of this unit, given the price of a troy ounce.
    pub(crate) fn price(self, of_troy_ounce: Decimal) -> Option<Decimal> {
        match self {
            Self::TroyOunce => Some(of_troy_ounce),
            Self::Gram => of_troy_ounce.checked_div(GRAMS_A_TROY_OUNCE),
            Self::Kilogram => of_troy_ounce.checked_mul(Decimal::ONE_THOUSAND)?.checked_div(GRAMS_A_TROY_OUNCE),
        }
    }

    /// Troy ounces in this unit, for the floats of bars.
    pub(crate) fn troy_ounces(self) -> f64 {
        match self {
            Self::TroyOunce => 1.0,
            Self::Gram => 1.0 / 31.103_476_8,
            Self::Kilogram => 1000.0 / 31.103_476_8,
        }
    }
}

/// What the symbol names. `None` for a form reserved for commodities that names no known one.
pub(crate) fn named(symbol: &Symbol) -> Option<Named> {
    let text = symbol.as_str();
    if let Some((base, unit)) = text.split_once('=') {
        return match unit {
            // Yahoo's futures, `GC=F`.
            "F" => Some(Named::Listed),
            "X" => pair(base),
            unit => commodity(base, unit),
        };
    }
    Some(coin(text).unwrap_or(Named::Listed))
}

fn pair(codes: &str) -> Option<Named> {
    let (base, quote) = codes.split_at_checked(3)?;
    let (base, quote) = (Currency::of_record(base).ok()?, Currency::of_record(quote).ok()?);
    (base != quote).then_some(Named::Pair { base, quote })
}

fn coin(text: &str) -> Option<Named> {
    let (coin, currency) = text.rsplit_once('-')?;
    let plain = (2..=10).contains(&coin.len()) && coin.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let currency = currency.parse().ok().filter(|_| plain)?;
    Some(Named::Coin { coin: coin.to_owned(), currency })
}

fn commodity(base: &str, unit: &str) -> Option<Named> {
    if let Some(metal) = METALS.into_iter().find(|metal| metal.code == base) {
        let (_, _, unit) = MetalUnit::ALL.into_iter().find(|(code, ..)| *code == unit)?;
        return Some(Named::Metal(metal, unit));
    }
    let symbol_of = |commodity: &&Commodity| commodity.symbol.split_once('=') == Some((base, unit));
    COMMODITIES.iter().find(symbol_of).map(Named::Commodity)
}

/// The metadata of instruments that need no source; `None` for listed instruments.
pub(crate) fn instrument(symbol: &Symbol, named: &Named) -> Option<Instrument> {
    let usd = Currency::USD;
    let (name, instrument_type, currency) = match named {
        Named::Listed => return None,
        Named::Pair { base, quote } => (format!("{base}/{quote}"), InstrumentType::Fx, *quote),
        Named::Coin { coin, currency } => {
            let known = COINS.iter().find(|(code, _)| code == coin).map(|(_, name)| (*name).to_owned());
            (known.unwrap_or_else(|| coin.clone()), InstrumentType::Crypto, *currency)
        }
        Named::Metal(metal, unit) => {
            let unit = MetalUnit::ALL.into_iter().find(|(.., known)| known == unit).map_or("", |(_, name, _)| name);
            (format!("{}, {unit}", metal.name), InstrumentType::Commodity, usd)
        }
        Named::Commodity(commodity) => (commodity.name.to_owned(), InstrumentType::Commodity, usd),
    };
    Some(Instrument { symbol: symbol.clone(), name, instrument_type, currency, exchange: None, sector: None })
}

/// Whether the instrument certainly exists. A coin can have any name, so only a source knows those that are not in the
/// table.
pub(crate) fn is_certain(named: &Named) -> bool {
    match named {
        Named::Listed => false,
        Named::Coin { coin, .. } => COINS.iter().any(|(code, _)| code == coin),
        Named::Pair { .. } | Named::Metal(..) | Named::Commodity(_) => true,
    }
}

/// Matches for an Alpha Vantage search that need no call: commodities by unit, coins, and currencies in US dollars.
#[must_use]
pub fn mentioning(text: &str) -> Vec<Instrument> {
    let metals = METALS.iter().flat_map(|metal| MetalUnit::ALL.map(|(unit, ..)| format!("{}={unit}", metal.code)));
    let commodities = COMMODITIES.iter().map(|commodity| commodity.symbol.to_owned());
    let coins = COINS.iter().map(|(code, _)| format!("{code}-USD"));
    let known = metals.chain(commodities).chain(coins);
    let described = known.filter_map(|symbol| described(&symbol));
    let pairs = CURRENCIES.iter().filter_map(|(code, name)| {
        // Matched by name too, so that "yen" is found without its code.
        Some(Instrument { name: format!("{name} in US dollars"), ..described_pair(code)? })
    });
    described.chain(pairs).filter(|instrument| instrument.mentions(text)).collect()
}

/// The instrument of a symbol whose form alone identifies it: a currency pair, a metal or other commodity by unit, a
/// well-known coin.
#[must_use]
pub fn describe_by_form(symbol: &Symbol) -> Option<Instrument> {
    let named = named(symbol).filter(is_certain)?;
    instrument(symbol, &named)
}

/// The instrument of a symbol whose form says what it names, whether or not it is certain to exist.
pub(crate) fn describe(symbol: &Symbol) -> Option<Instrument> {
    instrument(symbol, &named(symbol)?)
}

fn described(symbol: &str) -> Option<Instrument> {
    describe(&symbol.parse().ok()?)
}

fn described_pair(code: &str) -> Option<Instrument> {
    described(&format!("{code}USD=X"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(symbol: &str) -> Option<Named> {
        named(&symbol.parse().unwrap())
    }

    #[test]
    fn the_form_of_a_symbol_determines_what_it_names() {
        let (usd, eur): (Currency, Currency) = (Currency::USD, "EUR".parse().unwrap());
        assert_eq!(of("EURUSD=X"), Some(Named::Pair { base: eur, quote: usd }));
        assert_eq!(of("BTC-EUR"), Some(Named::Coin { coin: "BTC".to_owned(), currency: eur }));
        assert_eq!(of("XAU=KG"), Some(Named::Metal(METALS[0], MetalUnit::Kilogram)));
        assert_eq!(of("BRENT=BBL"), Some(Named::Commodity(&COMMODITIES[1])));
        for listed in ["AAPL", "BRK-B", "BRK.B", "^GSPC", "GC=F", "MBG.DEX", "A"] {
            assert_eq!(of(listed), Some(Named::Listed), "{listed}");
        }
        for none in ["XAU=LB", "WTI=T", "GOLD=OZT", "EUREUR=X", "EURXYZ=X", "EUR=X", "A=B"] {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_troy_ounce_has_31_1034768_grams_exactly() {
        let ounce: Decimal = "31.1034768".parse().unwrap();
        assert_eq!(MetalUnit::Gram.price(ounce), Some(Decimal::ONE));
        assert_eq!(MetalUnit::Kilogram.price(ounce), Some(Decimal::ONE_THOUSAND));
        assert_eq!(MetalUnit::TroyOunce.price(ounce), Some(ounce));
        assert!((MetalUnit::Gram.troy_ounces() * 31.103_476_8 - 1.0).abs() < 1e-15);
    }

    #[test]
    fn every_symbol_of_the_tables_is_found_by_its_name() {
        let names = |text: &str| mentioning(text).into_iter().map(|found| found.symbol.to_string()).collect::<Vec<_>>();
        assert_eq!(names("gold"), ["XAU=OZT", "XAU=G", "XAU=KG"]);
        assert_eq!(names("brent"), ["BRENT=BBL"]);
        assert_eq!(names("bitcoin"), ["BTC-USD", "BCH-USD"]);
        assert_eq!(names("YEN"), ["JPYUSD=X"]);
        assert_eq!(mentioning("").len(), 12 + 10 + 10 + 12);
    }

    #[test]
    fn an_instrument_named_by_its_form_needs_no_source() {
        let gold = described("XAU=G").unwrap();
        assert_eq!((gold.name.as_str(), gold.instrument_type), ("Gold, gram", InstrumentType::Commodity));
        let pair = described("EURJPY=X").unwrap();
        assert_eq!((pair.name.as_str(), pair.currency.code()), ("EUR/JPY", "JPY"));
        assert_eq!(described("PEPE-USD").unwrap().name, "PEPE");
        let certain = |symbol: &str| is_certain(&of(symbol).unwrap());
        assert!(certain("XAU=G") && certain("EURJPY=X") && certain("BTC-EUR") && certain("COPPER=T"));
        assert!(!certain("PEPE-USD") && !certain("AAPL"));
        assert_eq!(described("AAPL"), None);
    }
}
