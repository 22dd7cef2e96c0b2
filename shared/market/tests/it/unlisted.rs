//! Instruments that no exchange lists, from Alpha Vantage: commodities by unit, currency pairs, coins; and its search.

use std::sync::Arc;

use domain::{InstrumentType, Symbol};
use market::{Note, Provider, ProviderError};

use crate::budget::caller;
use crate::scripted::{KEY, Which, limits};
use crate::server::{Reply, Server};

const GOLD_RATE: &str = r#"{"Realtime Currency Exchange Rate": {"1. From_Currency Code": "XAU", "3. To_Currency Code": "USD",
    "5. Exchange Rate": "1575.50000000", "6. Last Refreshed": "2013-03-01 21:59:02", "7. Time Zone": "UTC"}}"#;
const GOLD_DAYS: &str = r#"{"Meta Data": {"1. Information": "Forex Daily Prices", "2. From Symbol": "XAU", "3. To Symbol": "USD"},
    "Time Series FX (Daily)": {"2013-03-01": {"1. open": "1579", "2. high": "1586", "3. low": "1564", "4. close": "1575.5"},
    "2013-02-28": {"1. open": "1596", "2. high": "1599", "3. low": "1577", "4. close": "1579.0"}}}"#;
const BITCOIN_DAYS: &str = r#"{"Meta Data": {"1. Information": "Daily Prices and Volumes for Digital Currency",
    "2. Digital Currency Code": "BTC", "3. Digital Currency Name": "Bitcoin", "4. Market Code": "EUR", "5. Market Name": "Euro"},
    "Time Series (Digital Currency Daily)": {"2013-03-01": {"1. open": "25.5", "2. high": "26.8", "3. low": "25.1",
    "4. close": "26.65000000", "5. volume": "30.25"}}}"#;
const WTI: &str = r#"{"name": "Crude Oil Prices WTI", "interval": "daily", "unit": "dollars per barrel", "data": [
    {"date": "2013-03-04", "value": "."}, {"date": "2013-03-01", "value": "90.68"}, {"date": "2013-02-28", "value": "92.03"}]}"#;
const PREMIUM: &str = r#"{"Information": "this is a premium endpoint"}"#;

fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

async fn serving(answers: &[&str]) -> (Server, Arc<dyn Provider>) {
    let server = Server::start(answers.iter().map(|answer| Reply::json(answer)).collect()).await;
    let provider = Which::AlphaVantage.at(&server, limits());
    (server, provider)
}

fn asked(server: &Server) -> Vec<String> {
    let paths = server.requests();
    let tail = format!("&apikey={KEY}");
    paths
        .iter()
        .map(|path| path.strip_prefix("/query?function=").unwrap().strip_suffix(&tail).unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn gold_is_priced_exactly_in_each_unit() {
    // 1575.5/31.1034768 = 50.6535012188733833…
    for (unit, price) in [("XAU=OZT", "1575.5"), ("XAU=G", "50.653501218873"), ("XAU=KG", "50653.501218873383")] {
        let (server, provider) = serving(&[GOLD_RATE]).await;
        let quote = provider.fetch_quote(&symbol(unit), caller()).await.unwrap();
        assert_eq!((quote.price.to_string().as_str(), quote.currency.code()), (price, "USD"), "{unit}");
        assert_eq!(quote.as_of.unwrap().to_rfc3339(), "2013-03-01T21:59:02+00:00");
        assert_eq!((quote.day.to_string().as_str(), quote.source), ("2013-03-01", "alpha_vantage"));
        assert_eq!(asked(&server), ["CURRENCY_EXCHANGE_RATE&from_currency=XAU&to_currency=USD"]);
    }
}

#[tokio::test]
async fn the_history_of_gold_is_in_its_unit() {
    let (server, provider) = serving(&[GOLD_DAYS]).await;
    let ounces = provider.fetch_daily(&symbol("XAU=OZT"), caller()).await.unwrap();
    assert_eq!((ounces.bars.close(), ounces.notes.as_slice()), ([1579.0, 1575.5].as_slice(), [].as_slice()));
    let kilograms = provider.fetch_daily(&symbol("XAU=KG"), caller()).await.unwrap();
    assert!((kilograms.bars.close()[1] - 50_653.501_218_873).abs() < 1e-6);
    assert!((kilograms.bars.high()[1] / kilograms.bars.close()[1] - 1586.0 / 1575.5).abs() < 1e-12);
    assert_eq!(asked(&server)[0], "FX_DAILY&from_symbol=XAU&to_symbol=USD&outputsize=full");
}

#[tokio::test]
async fn a_currency_pair_has_a_rate_and_a_history() {
    let (rate, days) = (GOLD_RATE.replace("XAU", "EUR"), GOLD_DAYS.replace("XAU", "EUR"));
    let (server, provider) = serving(&[&rate, PREMIUM, &days, &days, &days.replace("EUR", "GBP")]).await;
    let pair = symbol("EURUSD=X");
    let quote = provider.fetch_quote(&pair, caller()).await.unwrap();
    assert_eq!((quote.price.to_string().as_str(), quote.currency.code()), ("1575.5", "USD"));
    for _ in 0..2 {
        let history = provider.fetch_daily(&pair, caller()).await.unwrap();
        assert_eq!((history.bars.len(), history.notes), (2, vec![Note::CompactHistory]));
    }
    let other = provider.fetch_daily(&pair, caller()).await;
    assert!(matches!(other, Err(ProviderError::Malformed { .. })), "a response about another pair");
    let compact = "FX_DAILY&from_symbol=EUR&to_symbol=USD&outputsize=compact";
    assert_eq!(asked(&server)[2..], [compact; 3], "the refusal of the whole history is remembered");
}

#[tokio::test]
async fn a_coin_has_a_history_in_any_currency() {
    let (server, provider) = serving(&[BITCOIN_DAYS, &BITCOIN_DAYS.replace("\"EUR\"", "\"USD\"")]).await;
    let history = provider.fetch_daily(&symbol("BTC-EUR"), caller()).await.unwrap();
    assert_eq!((history.bars.close(), history.bars.volume()), ([26.65].as_slice(), [30.25].as_slice()));
    assert_eq!((history.currency.code(), history.notes), ("EUR", vec![Note::CompactHistory]));
    assert_eq!(asked(&server), ["DIGITAL_CURRENCY_DAILY&symbol=BTC&market=EUR"]);
    let other = provider.fetch_daily(&symbol("BTC-EUR"), caller()).await;
    assert!(matches!(other, Err(ProviderError::Malformed { .. })), "a response in another currency");
}

#[tokio::test]
async fn a_commodity_has_one_price_a_day() {
    let (server, provider) = serving(&[WTI]).await;
    let quote = provider.fetch_quote(&symbol("WTI=BBL"), caller()).await.unwrap();
    assert_eq!((quote.price.to_string(), quote.day.to_string()), ("90.68".to_owned(), "2013-03-01".to_owned()));
    assert_eq!(quote.previous_close.unwrap().to_string(), "92.03");
    let history = provider.fetch_daily(&symbol("WTI=BBL"), caller()).await.unwrap();
    assert_eq!((history.bars.close(), history.bars.volume()), ([92.03, 90.68].as_slice(), [0.0, 0.0].as_slice()));
    assert_eq!(asked(&server), ["WTI&interval=daily"; 2]);
}

#[tokio::test]
async fn their_metadata_need_no_call() {
    let (server, provider) = serving(&["{}"]).await;
    for (text, name, kind) in [
        ("XAG=OZT", "Silver, troy ounce", InstrumentType::Commodity),
        ("BRENT=BBL", "Crude oil Brent, barrel", InstrumentType::Commodity),
        ("EURUSD=X", "EUR/USD", InstrumentType::Fx),
        ("ETH-USD", "Ethereum", InstrumentType::Crypto),
    ] {
        let instrument = provider.fetch_instrument(&symbol(text), caller()).await.unwrap();
        assert_eq!((instrument.name.as_str(), instrument.instrument_type), (name, kind));
    }
    assert_eq!(provider.fetch_instrument(&symbol("XAU=LB"), caller()).await, Err(ProviderError::UnknownSymbol));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn an_unlisted_coin_exists_if_it_has_a_price() {
    let rate = GOLD_RATE.replace("XAU", "PEPE");
    let (server, provider) = serving(&[r#"{"Error Message": "Invalid API call."}"#, &rate]).await;
    assert_eq!(provider.fetch_instrument(&symbol("PEPE-USD"), caller()).await, Err(ProviderError::UnknownSymbol));
    for _ in 0..2 {
        assert_eq!(
            provider.fetch_instrument(&symbol("PEPE-USD"), caller()).await.unwrap().instrument_type,
            InstrumentType::Crypto
        );
    }
    assert_eq!(asked(&server), ["CURRENCY_EXCHANGE_RATE&from_currency=PEPE&to_currency=USD"; 2]);
}

#[tokio::test]
async fn a_search_adds_built_in_matches_and_fails_without_a_response() {
    let found = r#"{"bestMatches": [{"1. symbol": "GOLD", "2. name": "Barrick Gold", "3. type": "Equity", "8. currency": "USD"}]}"#;
    let day_used_up = r#"{"Note": "our standard API rate limit is 25 requests per day"}"#;
    let (server, provider) = serving(&[found, day_used_up]).await;
    let symbols = |found: Vec<domain::Instrument>| {
        found.into_iter().map(|instrument| instrument.symbol.to_string()).collect::<Vec<_>>()
    };
    let gold = provider.search(" gold ", caller()).await.unwrap();
    assert_eq!(symbols(gold), ["XAU=OZT", "XAU=G", "XAU=KG", "GOLD"]);
    assert_eq!(asked(&server), ["SYMBOL_SEARCH&keywords=gold"]);
    assert_eq!(provider.fetch_instrument(&symbol("GOLD"), caller()).await.unwrap().name, "Barrick Gold", "remembered");
    for text in ["gold", "acme"] {
        let failed = provider.search(text, caller()).await;
        assert!(matches!(failed, Err(ProviderError::QuotaExhausted { .. })), "{failed:?}");
    }
    for text in ["", "  ", &"x".repeat(201)] {
        assert_eq!(provider.search(text, caller()).await, Ok(Vec::new()));
    }
    assert_eq!(server.requests().len(), 2);
}
