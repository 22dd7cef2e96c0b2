//! Instruments that are quoted abroad, while their metadata are not available.

use std::sync::Arc;

use async_trait::async_trait;
use books::investments;
use chrono::TimeDelta;
use domain::portfolio::PortfolioType;
use domain::{Currency, Instrument, Price, Quantity, Symbol};
use market::{CallBudget, History, MarketClock, OnBehalfOf, Provider, ProviderError, Quote};
use market_data::{MarketData, instruments};
use testing::exchange::{Exchange, World, bars_through, quote, symbol};
use testing::load;
use testing::people::{open_portfolio, opening};

use super::NOON;

/// The exchange with prices in euros and, as when a day's calls are used up, nothing about its instruments.
struct Frankfurt(Arc<Exchange>);

fn euro() -> Currency {
    "EUR".parse().unwrap()
}

#[async_trait]
impl Provider for Frankfurt {
    fn source(&self) -> &'static str {
        self.0.source()
    }

    fn clock(&self) -> MarketClock {
        MarketClock::Live
    }

    async fn fetch_daily(&self, symbol: &Symbol, budget: CallBudget) -> Result<History, ProviderError> {
        Ok(History { currency: euro(), ..self.0.fetch_daily(symbol, budget).await? })
    }

    async fn fetch_quote(&self, symbol: &Symbol, budget: CallBudget) -> Result<Quote, ProviderError> {
        Ok(Quote { currency: euro(), ..self.0.fetch_quote(symbol, budget).await? })
    }

    async fn fetch_instrument(&self, _symbol: &Symbol, _budget: CallBudget) -> Result<Instrument, ProviderError> {
        Err(ProviderError::QuotaExhausted { until: None })
    }
}

fn abroad() -> (World, MarketData) {
    let world = World::at(NOON);
    let platform = world.on(world.table.clone(), Arc::new(Frankfurt(world.exchange.clone())));
    (world, platform)
}

fn purchase(currency: Option<Currency>) -> investments::Purchase {
    investments::Purchase {
        ticker_symbol: symbol("MBG.DEX"),
        quantity: Quantity::parse("1").unwrap(),
        purchase_price: Price::parse("10").unwrap(),
        purchase_date: "2026-11-02".parse().unwrap(),
        fee: rust_decimal::Decimal::ZERO,
        currency,
    }
}

#[tokio::test]
async fn a_lot_of_an_instrument_without_metadata_is_recorded_in_the_currency_of_its_prices() {
    let (world, platform) = abroad();
    let id = open_portfolio(&platform.app, world.customer, opening(PortfolioType::Brokerage)).await;
    // Viewed before it had a price, it was assumed to be in dollars, which is stored for an hour.
    let assumed = instruments::find(&platform, &symbol("MBG.DEX"), None, platform.budget_for(OnBehalfOf::Platform))
        .await
        .unwrap();
    assert_eq!(assumed.currency, Currency::USD);
    world.exchange.list("MBG.DEX", bars_through("2026-11-19", 30, 10.0));
    for said in [None, Some(euro())] {
        let lot = investments::record(&platform, world.customer, id, &purchase(said), None).await.unwrap().value;
        assert_eq!((lot.currency, lot.value.as_deref()), (euro(), Some("10.00")));
        world.clock.forward(TimeDelta::hours(2));
    }
}

#[tokio::test]
async fn an_instrument_that_is_assumed_is_priced_in_the_currency_of_its_bars_or_quote() {
    let (world, platform) = abroad();
    let looked_up = async |name: &str| {
        instruments::look_up(&platform, world.customer, &symbol(name), platform.budget_for(world.customer))
            .await
            .unwrap()
    };
    world.exchange.list("BARS", bars_through("2026-11-19", 30, 10.0));
    load(&platform, &symbol("BARS")).await.unwrap();
    world.exchange.quote_at("QUOTE", Ok(quote("QUOTE", "40", "2026-11-20", None)));
    for name in ["BARS", "QUOTE"] {
        for _ in 0..2 {
            assert_eq!(looked_up(name).await.currency, euro(), "{name}");
        }
        assert_eq!(
            instruments::find(&platform, &symbol(name), None, platform.budget_for(OnBehalfOf::Platform))
                .await
                .unwrap()
                .currency,
            euro(),
            "{name}"
        );
    }
}
