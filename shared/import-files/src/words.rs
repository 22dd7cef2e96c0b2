//! The words by which other programs name the types of activities.

use ledger::ActivityType;
use serde::Deserialize as _;
use serde::de::IntoDeserializer;
use serde::de::value::Error;

use crate::fields::normalised;

/// What the word of a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeWord {
    /// An activity.
    Known(ActivityType),
    /// An activity that is not recorded, for this reason.
    Skipped(&'static str),
    /// An activity that has a name here, but is not recorded yet.
    NotYet(&'static str),
    /// No word for an activity.
    Unknown,
}

/// The names of all types, with the normalised words of other programs.
const WORDS: &[(&str, &[&str])] = &[
    ("buy", &["b", "bought", "purchase", "kauf", "achat"]),
    ("sell", &["s", "sold", "sale", "verkauf", "vente"]),
    (
        "transfer_in",
        &["transferinbound", "transfer(inbound)", "deliveryinbound", "delivery(inbound)", "addholding", "einlieferung"],
    ),
    (
        "transfer_out",
        &[
            "transferoutbound",
            "transfer(outbound)",
            "deliveryoutbound",
            "delivery(outbound)",
            "removeholding",
            "auslieferung",
        ],
    ),
    ("deposit", &["cashin", "contribution", "einlage", "einzahlung"]),
    ("withdrawal", &["withdraw", "cashout", "removal", "entnahme", "auszahlung"]),
    ("exchange", &["fx", "currencyexchange", "forex"]),
    ("dividend", &["div", "dividends", "cashdividend", "dividende"]),
    ("reinvested_dividend", &["drip", "dividendreinvestment", "reinvestment", "reinvest"]),
    ("interest", &["zinsen", "interestincome"]),
    ("fee", &["fees", "commission", "gebühr", "gebühren"]),
    ("tax", &["taxes", "withholdingtax", "steuer", "steuern"]),
    ("split", &["stocksplit", "aktiensplit"]),
    ("return_of_capital", &["capitalreturn"]),
    ("spin_off", &[]),
    ("merger", &[]),
    ("symbol_change", &["tickerchange"]),
    ("adjustment", &["correction"]),
];

/// Words for what is no purchase or sale of units held.
const SHORTS: &[&str] =
    &["short", "sellshort", "shortsell", "buytocover", "buytoopen", "selltoopen", "buytoclose", "selltoclose"];

/// The type that a word names.
#[must_use]
pub fn type_named(word: &str) -> TypeWord {
    let word = normalised(word);
    if SHORTS.contains(&word.as_str()) {
        return TypeWord::Skipped("Short sales, options and futures are not recorded.");
    }
    let named = |(name, words): &&(&str, &[&str])| normalised(name) == word || words.contains(&word.as_str());
    let Some((name, _)) = WORDS.iter().find(named) else { return TypeWord::Unknown };
    let kind = ActivityType::deserialize(IntoDeserializer::<Error>::into_deserializer(*name));
    kind.map_or(TypeWord::NotYet(name), TypeWord::Known)
}

/// Whether a symbol is that of an option: ticker, date, C or P, and the strike.
#[must_use]
pub fn is_option(symbol: &str) -> bool {
    let compact: Vec<u8> = symbol.bytes().filter(|byte| *byte != b' ').collect();
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    let Some((ticker, rest)) = compact.len().checked_sub(15).and_then(|at| compact.split_at_checked(at)) else {
        return false;
    };
    let (day, side, strike) = (rest.get(..6), rest.get(6), rest.get(7..));
    !ticker.is_empty() && day.is_some_and(digits) && matches!(side, Some(b'C' | b'P')) && strike.is_some_and(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_programs_name_types() {
        for (word, kind) in
            [("BUY", ActivityType::Buy), ("Verkauf", ActivityType::Sell), ("Stock Split", ActivityType::Split)]
        {
            assert_eq!(type_named(word), TypeWord::Known(kind), "{word}");
        }
        assert!(matches!(type_named("Sell short"), TypeWord::Skipped(_)));
        assert_eq!(type_named("borrow"), TypeWord::Unknown);
    }

    #[test]
    fn every_type_is_named_by_itself() {
        for (name, _) in WORDS {
            assert!(matches!(type_named(name), TypeWord::Known(_) | TypeWord::NotYet(_)), "{name}");
        }
        assert_eq!(type_named("transfer_in"), TypeWord::Known(ActivityType::TransferIn));
    }

    #[test]
    fn an_option_is_known_by_its_symbol() {
        assert!(is_option("AAPL  240119C00150000") && is_option("AAPL240119P00150000"));
        assert!(!is_option("AAPL") && !is_option("US0378331005"));
    }
}
