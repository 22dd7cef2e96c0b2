//! Small files that once gave wrong results, from the file to the customer's response; they are in `tests/cases` of the
//! workspace.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use books::holdings;
use books::imports::{self, Duplicates, Format, ImportReport, ImportRequest};
use books::investments::{self, Purchase};
use books::performance::{self, PerformanceSpan};
use books::trades::{self, RequestSize, Trade, TradeRequest};
use books::wallets::{self, Transfer};
use domain::portfolio::PortfolioType;
use domain::{Currency, Money, PortfolioId, Quantity};
use ledger::Side;
use market::{CallBudget, Folder, OnBehalfOf, Provider as _};
use market_data::{MarketData, instruments, market_clock};
use research::backtests::{self, Fill, Strategy};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testing::exchange::{day, price, symbol};
use testing::people::{open_portfolio, opening};
use testing::portfolios::Market;

fn path(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases").join(case)
}

fn folder(path: &Path) -> Folder {
    Folder::open(path, Arc::new(|| day("2026-11-30"))).unwrap()
}

/// A customer of a platform on a folder of prices.
struct Case {
    world: testing::exchange::World,
    platform: MarketData,
}

impl Case {
    fn of(name: &str) -> Self {
        Self::on(&path(name))
    }

    fn on(prices: &Path) -> Self {
        let world = testing::exchange::World::at("2026-11-30T17:00:00Z");
        let platform = world.on(world.table.clone(), Arc::new(folder(prices)));
        Self { world, platform }
    }

    async fn opened(&self) -> PortfolioId {
        open_portfolio(&self.platform.app, self.world.customer, opening(PortfolioType::Brokerage)).await
    }

    /// A portfolio with one lot held elsewhere.
    async fn with_lot(&self, name: &str, quantity: &str, purchase_price: &str, date: &str) -> PortfolioId {
        let id = self.opened().await;
        let purchase = Purchase {
            ticker_symbol: symbol(name),
            quantity: Quantity::parse(quantity).unwrap(),
            purchase_price: price(purchase_price),
            purchase_date: day(date),
            fee: Decimal::ZERO,
            currency: None,
        };
        investments::record(&self.platform, self.world.customer, id, &purchase, None).await.unwrap();
        id
    }

    async fn held(&self, id: PortfolioId) -> Value {
        serde_json::to_value(holdings::compute(&self.platform, self.world.customer, id).await.unwrap()).unwrap()
    }

    async fn performed(&self, id: PortfolioId, benchmark: Option<&str>) -> Value {
        let span = PerformanceSpan { benchmark: benchmark.map(symbol), ..PerformanceSpan::default() };
        let found = performance::compute(&self.platform, self.world.customer, id, &span).await.unwrap();
        serde_json::to_value(found).unwrap()
    }

    async fn buy(&self, id: PortfolioId, name: &str, size: RequestSize) -> Trade {
        deposit(&self.platform, self.world.customer).await;
        ordered(&self.platform, self.world.customer, id, Side::Buy, name, size).await
    }

    async fn import(&self, id: PortfolioId, file: &str) -> ImportReport {
        let file = std::fs::read(path("imports").join(file)).unwrap();
        let import = ImportRequest { file: &file, format: Format::Csv, duplicates: Duplicates::Skip, dry_run: false };
        imports::import(&self.platform, self.world.customer, id, &import, None).await.unwrap().value
    }

    async fn backtest(&self, name: &str, initial_investment: &str) -> Value {
        held_all_along(&self.platform, self.world.customer, name, initial_investment).await
    }
}

async fn deposit(platform: &MarketData, customer: domain::CustomerId) {
    let much = Money::parse("20000", Currency::USD).unwrap();
    wallets::transfer(platform, customer, Transfer::Deposit, much, Some("deposit")).await.unwrap();
}

async fn ordered(
    platform: &MarketData,
    customer: domain::CustomerId,
    id: PortfolioId,
    side: Side,
    name: &str,
    size: RequestSize,
) -> Trade {
    let request =
        TradeRequest { side, symbol: symbol(name), size, fee: Decimal::ZERO, lots: vec![], expected_price: None };
    let key = format!("{side:?} {name}");
    trades::execute(platform, customer, id, &request, Some(&key)).await.unwrap().value
}

/// Buys at the first close and never sells.
async fn held_all_along(
    platform: &MarketData,
    customer: domain::CustomerId,
    name: &str,
    initial_investment: &str,
) -> Value {
    let money = |text: &str| Money::parse(text, Currency::USD).unwrap();
    let strategy = Strategy {
        initial_investment: money(initial_investment),
        buy: backtests::Rule::parse("close > 0").unwrap(),
        sell: backtests::Rule::parse("close < 0").unwrap(),
        fill: Fill::Close,
        commission_percent: 0.0,
        commission_minimum: money("0"),
        slippage_percent: 0.0,
        fractional: false,
        risk_free_rate: 0.0,
    };
    let order = backtests::BacktestRequest { symbol: symbol(name), from: None, to: None, strategy };
    serde_json::from_slice(&backtests::run(platform, customer, &order, None, None).await.unwrap().json).unwrap()
}

fn units(text: &str) -> RequestSize {
    RequestSize::Quantity(Quantity::parse(text).unwrap())
}

fn codes(answer: &Value) -> Vec<&str> {
    answer["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

fn assert_near(found: &Value, expected: f64, within: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() <= within, "{found} is not within {within} of {expected}");
}

#[tokio::test]
async fn a_dividend_in_adjusted_closes_counts_everywhere_with_a_warning() {
    let case = Case::of("yahoo-adjclose");
    let (adjusted, own) = (
        case.with_lot("YADJ", "10", "101.6829", "2019-10-02").await,
        case.with_lot("OWN", "10", "101.6829", "2019-10-02").await,
    );
    let (held_adjusted, held_own) = (case.held(adjusted).await, case.held(own).await);
    assert_eq!((&held_adjusted["value"], &held_own["value"]), (&json!("914.88"), &json!("914.88")));
    let (of_adjusted, of_own) = (case.performed(adjusted, Some("YADJ")).await, case.performed(own, Some("OWN")).await);
    assert_near(&of_adjusted["metrics"]["twr"], of_own["metrics"]["twr"].as_f64().unwrap(), 1e-4);
    assert_near(&of_own["metrics"]["twr"], (91.4883 + 10.0) / 101.6829 - 1.0, 0.01);
    for found in [&of_adjusted, &of_own] {
        assert_near(&found["metrics"]["alpha"], 0.0, 1e-4);
        assert_near(&found["metrics"]["tracking_error"], 0.0, 1e-4);
    }
    let (run_adjusted, run_own) = (case.backtest("YADJ", "10000").await, case.backtest("OWN", "10000").await);
    for run in [&run_adjusted, &run_own] {
        assert_near(&run["metrics"]["final_equity"], 10_148.83, 0.05);
    }
    for (answer, of_columns) in [(held_adjusted, held_own), (of_adjusted, of_own), (run_adjusted, run_own)] {
        assert_eq!((codes(&answer), codes(&of_columns)), (vec!["splits_unknown", "dividends_derived"], vec![]));
    }
}

#[tokio::test]
async fn a_tiny_price_keeps_its_digits_in_returns_and_purchases() {
    let case = Case::of("small-price");
    let id = case.with_lot("C1-USD", "100000000000", "0.0000000149", "2019-12-30").await;
    let held = case.held(id).await;
    assert_eq!((&held["value"], &held["day_change"]), (&json!("1510.00"), &json!("20.00")));
    assert_near(&case.performed(id, None).await["metrics"]["twr"], 0.013_42, 5e-6);
    let id = case.opened().await;
    let trade = case.buy(id, "C1-USD", RequestSize::Amount(Decimal::from(10_000))).await;
    assert_eq!(trade.price.to_string(), "0.0000000151");
    let value: Decimal = case.held(id).await["value"].as_str().unwrap().parse().unwrap();
    assert!((Decimal::new(999_999, 2)..=Decimal::from(10_000)).contains(&value), "{value}");
}

#[tokio::test]
async fn forty_five_units_become_one_after_a_one_for_forty_five_split() {
    let folder = folder(&path("reverse-split"));
    let name = symbol("REV45");
    let market = Market::new(day("2019-11-01"));
    let budget = CallBudget::of(OnBehalfOf::Platform);
    let history = folder.fetch_daily(&name, budget).await.unwrap();
    market.list(folder.fetch_instrument(&name, budget).await.unwrap(), history.bars);
    let world = testing::portfolios::World::new(market, Currency::USD).await;
    let (platform, customer, portfolio) = (&world.platform, world.customer, world.portfolio);
    deposit(platform, customer).await;
    ordered(platform, customer, portfolio, Side::Buy, "REV45", units("45")).await;
    world.market.move_to(day("2019-12-31"));
    let held = serde_json::to_value(holdings::compute(platform, customer, portfolio).await.unwrap()).unwrap();
    assert_eq!((&held["items"][0]["quantity"], &held["value"]), (&json!("1"), &json!("45.00")));
    ordered(platform, customer, portfolio, Side::Sell, "REV45", units("1")).await;
    assert_eq!(holdings::compute(platform, customer, portfolio).await.unwrap().items.len(), 0, "sold whole");
    let run = held_all_along(platform, customer, "REV45", "45").await;
    assert_eq!((&run["trades"], &run["open_trade"]["quantity"]), (&json!([]), &json!(45.0)));
    assert_near(&run["open_trade"]["split_factor"], 1.0 / 45.0, 1e-15);
    assert_near(&run["metrics"]["final_equity"], 45.0, 1e-9);
}

#[tokio::test]
async fn a_column_of_stock_splits_multiplies_units_and_value() {
    let case = Case::of("yfinance-splits");
    let id = case.with_lot("YFSPLIT", "10", "406.32", "2019-10-02").await;
    let held = case.held(id).await;
    // 40 × 115.17.
    assert_eq!((&held["items"][0]["quantity"], &held["value"]), (&json!("40"), &json!("4606.80")));
    assert_near(&case.performed(id, None).await["metrics"]["twr"], 115.17 / 101.58 - 1.0, 1e-9);
    assert_eq!(codes(&held), [""; 0]);
}

#[tokio::test]
async fn a_mistyped_year_in_one_file_does_not_block_trading() {
    let case = Case::of("year-2109");
    assert_eq!(market_clock::market_day(&case.platform), day("2019-12-31"));
    let id = case.opened().await;
    let trade = case.buy(id, "AAA", units("1")).await;
    assert_eq!((trade.price.to_string(), trade.market_day), ("78.69".to_owned(), day("2019-12-31")));
    let run = case.backtest("TYPO", "10000").await;
    assert_eq!(
        (&run["data"]["bars"], codes(&run)),
        (&json!(65), vec!["rows_dropped", "splits_unknown", "dividends_not_included"])
    );
    let detail = run["warnings"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("2109-10-29"), "{detail}");
}

#[tokio::test]
async fn the_new_rows_of_a_grown_file_are_imported() {
    let case = Case::on(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/prices"));
    let id = case.opened().await;
    let first = case.import(id, "growing-1.csv").await;
    assert_eq!((first.imported, first.duplicates), (1, 0));
    let grown = case.import(id, "growing-2.csv").await;
    assert_eq!((grown.imported, grown.duplicates), (2, 1));
    assert_eq!(case.held(id).await["items"][0]["quantity"], "4");
}

#[tokio::test]
async fn a_name_in_chinese_characters_is_read_completely() {
    let case = Case::of("names");
    let instrument = instruments::look_up(
        &case.platform,
        case.world.customer,
        &symbol("HAN"),
        case.platform.budget_for(case.world.customer),
    )
    .await
    .unwrap();
    assert_eq!(instrument.name, "贵州茅台酒股份有限公司");
}
