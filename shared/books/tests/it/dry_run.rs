//! A dry run writes nothing at all: no entry, no key, no tracked symbol, no stored refusal.

use std::sync::Arc;

use app::{Platform as _, Precondition};
use books::investments::{self, InvestmentCorrection, Purchase};
use books::trades::{self, RequestSize, Side, TradeRequest};
use books::wallets::{self, Transfer};
use domain::portfolio::PortfolioType;
use domain::{Currency, CustomerId, Money, PortfolioId, Price, Quantity};
use market::Sample;
use market_data::MarketData;
use rust_decimal::Decimal;
use testing::people::{open_portfolio, opening};
use testing::{CountingTable, TestBed, load};
use uuid::Uuid;

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::USD).unwrap()
}

fn order(side: Side, symbol: &str, quantity: &str) -> TradeRequest {
    let size = RequestSize::Quantity(Quantity::parse(quantity).unwrap());
    TradeRequest {
        side,
        symbol: symbol.parse().unwrap(),
        size,
        fee: Decimal::ZERO,
        lots: Vec::new(),
        expected_price: None,
    }
}

fn purchase(symbol: &str) -> Purchase {
    Purchase {
        ticker_symbol: symbol.parse().unwrap(),
        quantity: Quantity::parse("2").unwrap(),
        purchase_price: Price::parse("100").unwrap(),
        purchase_date: "2010-01-04".parse().unwrap(),
        fee: Decimal::ZERO,
        currency: None,
    }
}

/// An app on a counting table, a customer with cash, and a portfolio with a share of AAPL and a lot of IBM.
struct World {
    platform: MarketData,
    table: Arc<CountingTable>,
    customer: CustomerId,
    portfolio: PortfolioId,
    lot: Uuid,
    deposit: Uuid,
    _test_bed: TestBed,
}

async fn world() -> World {
    let test_bed = TestBed::at("2026-11-20T12:00:00Z");
    let table = Arc::new(CountingTable::new(Arc::new(test_bed.table())));
    let platform = test_bed.platform(table.clone(), Arc::new(Sample::new()));
    let customer = CustomerId(Uuid::from_u128(7));
    let portfolio = open_portfolio(&platform.app, customer, opening(PortfolioType::Brokerage)).await;
    wallets::transfer(&platform, customer, Transfer::Deposit, usd("1000"), Some("cash")).await.unwrap();
    let deposit =
        wallets::transfer(&platform, customer, Transfer::Deposit, usd("5"), Some("more")).await.unwrap().value.id;
    trades::execute(&platform, customer, portfolio, &order(Side::Buy, "AAPL", "1"), Some("buy")).await.unwrap();
    let lot = investments::record(&platform, customer, portfolio, &purchase("IBM"), None).await.unwrap().value.id;
    World { platform, table, customer, portfolio, lot, deposit, _test_bed: test_bed }
}

#[tokio::test]
async fn a_dry_run_writes_nothing_at_all() {
    let world = world().await;
    let World { customer, portfolio, lot, deposit, .. } = world;
    // Reading prices stores them, as for every request: here they are available already.
    for symbol in ["AAPL", "FB", "GOOG", "IBM"] {
        load(&world.platform, &symbol.parse().unwrap()).await.unwrap();
    }
    world.table.take_counts();
    let platform = &world.platform.dry_run();
    wallets::transfer(platform, customer, Transfer::Deposit, usd("10"), None).await.unwrap();
    wallets::transfer(platform, customer, Transfer::Withdrawal, usd("10"), None).await.unwrap();
    wallets::transfer(platform, customer, Transfer::Withdrawal, usd("9999"), Some("w")).await.unwrap_err();
    wallets::reverse_entry(platform, customer, deposit, None).await.unwrap();
    trades::execute(platform, customer, portfolio, &order(Side::Buy, "FB", "1"), Some("key")).await.unwrap();
    trades::execute(platform, customer, portfolio, &order(Side::Sell, "AAPL", "1"), None).await.unwrap();
    trades::execute(platform, customer, portfolio, &order(Side::Sell, "AAPL", "9"), Some("s")).await.unwrap_err();
    investments::record(platform, customer, portfolio, &purchase("GOOG"), Some("lot")).await.unwrap();
    let correction =
        InvestmentCorrection { ticker_symbol: Some("FB".parse().unwrap()), ..InvestmentCorrection::default() };
    investments::correct(platform, customer, portfolio, lot, &Precondition::Any, &correction).await.unwrap();
    investments::remove(platform, customer, portfolio, lot, &Precondition::Any).await.unwrap();
    assert_eq!(world.table.take_counts().transactions, 0);
    // The same request without a dry run does write.
    wallets::transfer(&world.platform, customer, Transfer::Deposit, usd("10"), Some("k")).await.unwrap();
    assert_eq!(world.table.take_counts().transactions, 1);
}
