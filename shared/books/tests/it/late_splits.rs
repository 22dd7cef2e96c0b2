//! Splits that become known after a sale, and positions stored by earlier code.

use app::ServiceError;
use books::holdings;
use books::investments::{self, Purchase};
use books::performance::{self, PerformanceSpan};
use books::portfolios::NewPortfolio;
use books::trades::{self, RequestSize, Side, Trade, TradeRequest};
use books::wallets::{self, Transfer};
use domain::calendar::is_trading_day;
use domain::portfolio::{LotMethod, PortfolioType};
use domain::{Bar, Bars, Currency, CustomerId, Day, Money, PortfolioId, Price, Quantity, Symbol};
use identity::password::Password;
use identity::profile::Person;
use identity::registration::register;
use ledger::Refusal;
use operations::verification::{Interrupted, VerificationReport, verify_all};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use store::{Body, Key, Table as _, Write, keys};
use testing::people::{open_portfolio, opening};
use testing::portfolios::{Market, World, stock};

const SPLIT_DAY: &str = "2012-02-03";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn acme() -> Symbol {
    "ACME".parse().unwrap()
}

/// Bars at 20, and at 20 ÷ 2 from the day of the split on, as the market quotes them whether or not the split is known.
fn bars(split_ratio: f64) -> Bars {
    let days = (0..90).map(|days| day("2012-01-03").plus_days(days)).filter(|&day| is_trading_day(day));
    let bar = |date: Day| {
        let close = if date < day(SPLIT_DAY) { 20.0 } else { 10.0 };
        let split_ratio = if date == day(SPLIT_DAY) { split_ratio } else { 1.0 };
        let (open, high, low, adjusted_close) = (close, close, close, close);
        Bar { date, open, high, low, close, volume: 1e6, adjusted_close, split_ratio, dividend: 0.0 }
    };
    Bars::from_rows(days.map(bar)).unwrap()
}

/// A registered customer with 1,000.00 and a portfolio on a market with this split; a ratio of 1 means none.
struct Customer {
    world: World,
    id: CustomerId,
    portfolio: PortfolioId,
    orders: u32,
}

impl Customer {
    async fn new(split_ratio: f64, lot_method: LotMethod) -> Self {
        let market = Market::new(day("2012-02-01"));
        market.list(stock("ACME", "USD", None), bars(split_ratio));
        let world = World::new(market, Currency::USD).await;
        let person = Person {
            email: "ada@example.com".parse().unwrap(),
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            phone: None,
            address: None,
        };
        let password = Password::typed("correct horse battery".to_owned());
        let id = register(&world.platform.app, person, password).await.unwrap().profile.id;
        let opening = NewPortfolio { lot_method, ..opening(PortfolioType::Brokerage) };
        let portfolio = open_portfolio(&world.platform.app, id, opening).await;
        let cash = Money::parse("1000", Currency::USD).unwrap();
        wallets::transfer(&world.platform, id, Transfer::Deposit, cash, Some("deposit")).await.unwrap();
        Self { world, id, portfolio, orders: 0 }
    }

    async fn order(&mut self, side: Side, units: &str) -> Result<Trade, ServiceError> {
        self.orders += 1;
        let size = RequestSize::Quantity(Quantity::parse(units).unwrap());
        let request =
            TradeRequest { side, symbol: acme(), size, fee: Decimal::ZERO, lots: Vec::new(), expected_price: None };
        let key = format!("order {}", self.orders);
        let made = trades::execute(&self.world.platform, self.id, self.portfolio, &request, Some(&key)).await?;
        Ok(made.value)
    }

    /// Buys 10 before the day of the split and sells 8 after it.
    async fn bought_and_sold(split_ratio: f64, lot_method: LotMethod) -> Self {
        let mut customer = Self::new(split_ratio, lot_method).await;
        customer.order(Side::Buy, "10").await.unwrap();
        customer.world.market.move_to(day("2012-02-06"));
        customer.order(Side::Sell, "8").await.unwrap();
        customer
    }

    fn correct(&self, split_ratio: f64) {
        self.world.market.list(stock("ACME", "USD", None), bars(split_ratio));
    }

    async fn holdings(&self) -> Value {
        let found = holdings::compute(&self.world.platform, self.id, self.portfolio).await.unwrap();
        serde_json::to_value(found).unwrap()
    }

    async fn performance(&self) -> Value {
        let found = performance::compute(&self.world.platform, self.id, self.portfolio, &PerformanceSpan::default())
            .await
            .unwrap();
        serde_json::to_value(found).unwrap()
    }

    async fn verified(&self) -> VerificationReport {
        verify_all(&self.world.platform, Interrupted::Continue, None).await.unwrap()
    }

    /// Rewrites a stored item.
    async fn rewrite(&self, key: Key, change: impl FnOnce(&mut Value)) {
        let item = self.world.watched.table.get(&key).await.unwrap().unwrap();
        let Body::Json(text) = item.body else { unreachable!("{key} holds bytes") };
        let mut value = serde_json::from_str(&text).unwrap();
        change(&mut value);
        let write = Write::update(key, Body::Json(value.to_string()), item.version);
        self.world.watched.table.transact(vec![write]).await.unwrap();
    }
}

#[tokio::test]
async fn holdings_performance_and_sellable_units_agree_after_a_late_split() {
    let mut customer = Customer::bought_and_sold(1.0, LotMethod::Fifo).await;
    assert_eq!(customer.holdings().await["items"][0]["quantity"], "2");
    assert!(customer.verified().await.is_clean());

    customer.correct(2.0);
    let held = customer.holdings().await;
    // 10 became 20, of which 8 were sold; they had cost 80 of the 200.
    assert_eq!((&held["items"][0]["quantity"], &held["items"][0]["cost"]), (&json!("12"), &json!("120.00")));
    assert_eq!((&held["value"], &held["realized_gain"]), (&json!("120.00"), &json!("0.00")));
    let last = customer.performance().await["series"].as_array().unwrap().last().unwrap()["value"].clone();
    assert_eq!(last, "120.00");
    assert!(customer.verified().await.is_clean());
    customer.world.watched.take();
    customer.holdings().await;
    assert_eq!(customer.world.watched.take().get("TRADE"), None, "it is replayed once");

    let too_much = customer.order(Side::Sell, "12.5").await;
    assert!(matches!(too_much, Err(ServiceError::Refused(Refusal::InsufficientUnits { .. }))), "{too_much:?}");
    let rest = customer.order(Side::Sell, "12").await.unwrap();
    assert_eq!((rest.position.quantity, rest.realized_gain), (Quantity::ZERO, Some(Decimal::new(0, 2))));
    assert_eq!(customer.holdings().await["items"], json!([]));
    assert!(customer.verified().await.is_clean());
}

#[tokio::test]
async fn a_sale_counts_a_split_that_no_request_has_read_before() {
    for method in [LotMethod::Fifo, LotMethod::Average] {
        let mut customer = Customer::bought_and_sold(1.0, method).await;
        customer.correct(2.0);
        let sale = customer.order(Side::Sell, "7").await.unwrap();
        assert_eq!((sale.position.quantity.to_string(), sale.position.cost.to_string()), ("5".into(), "50.00".into()));
        assert!(customer.verified().await.is_clean());
        customer.correct(1.0);
        assert!(!customer.verified().await.is_clean(), "without the split more was sold than bought");
        customer.correct(2.0);
        assert_eq!(customer.holdings().await["items"][0]["quantity"], "5");
        assert!(customer.verified().await.is_clean());
    }
}

#[tokio::test]
async fn a_sale_that_lacks_units_after_a_late_split_is_reported() {
    let mut customer = Customer::bought_and_sold(1.0, LotMethod::Fifo).await;
    customer.correct(0.1);
    let held = customer.holdings().await;
    assert_eq!((&held["unavailable"], &held["value"]), (&json!({"ACME": "split_conflict"}), &json!("0.00")));
    assert_eq!(customer.performance().await["unavailable"]["ACME"], "split_conflict");
    let report = customer.verified().await;
    assert!(
        report.results.unsound[0].discrepancies.iter().any(|said| said.starts_with("split_conflict")),
        "{report:?}"
    );
    let wallet = wallets::show(&customer.world.platform.app, customer.id).await.unwrap();
    assert!(!wallet.frozen, "the books are sound");
    assert!(matches!(customer.order(Side::Sell, "1").await, Err(ServiceError::Refused(_))));
    customer.correct(2.0);
    assert_eq!(customer.holdings().await["items"][0]["quantity"], "12");
    assert!(customer.verified().await.is_clean());
}

#[tokio::test]
async fn later_and_external_units_hide_no_split_conflict() {
    for elsewhere in [false, true] {
        let mut customer = Customer::bought_and_sold(1.0, LotMethod::Fifo).await;
        let units = if elsewhere {
            let purchase = Purchase {
                ticker_symbol: acme(),
                quantity: Quantity::parse("100").unwrap(),
                purchase_price: Price::parse("20").unwrap(),
                purchase_date: day("2012-02-01"),
                fee: Decimal::ZERO,
                currency: None,
            };
            investments::record(&customer.world.platform, customer.id, customer.portfolio, &purchase, None)
                .await
                .unwrap();
            "102"
        } else {
            customer.order(Side::Buy, "4").await.unwrap();
            "6"
        };
        let held = customer.holdings().await;
        assert_eq!(held["items"][0]["quantity"], units);
        let last = customer.performance().await["series"].as_array().unwrap().last().unwrap()["value"].clone();
        assert_eq!(last, held["value"]);
        // Ten are five by then, of which eight were sold; five and four, or five and fifty, less eight would be left.
        customer.correct(0.5);
        for answer in [customer.performance().await, customer.holdings().await, customer.performance().await] {
            assert_eq!(answer["unavailable"]["ACME"], "split_conflict", "{answer}");
        }
        assert_eq!(customer.holdings().await["value"], "0.00");
        assert_eq!(customer.performance().await["attribution"]["end_value"], "0.00");
        customer.correct(1.0);
        let last = customer.performance().await["series"].as_array().unwrap().last().unwrap()["value"].clone();
        assert_eq!(last, customer.holdings().await["value"]);
    }
}

#[tokio::test]
async fn a_position_of_older_code_has_folded_the_splits_of_its_trades() {
    let mut customer = Customer::bought_and_sold(2.0, LotMethod::Fifo).await;
    let key = keys::position(customer.portfolio, &acme());
    let of_older_code = |item: &mut Value| drop(item.as_object_mut().unwrap().remove("folded").unwrap());
    customer.rewrite(key.clone(), of_older_code).await;
    assert!(customer.verified().await.is_clean());
    assert_eq!(customer.holdings().await["items"][0]["quantity"], "12");
    customer.rewrite(key.clone(), |item| assert_eq!(item["folded"]["splits"][0]["ratio"], "2")).await;
    customer.rewrite(key, of_older_code).await;
    customer.correct(3.0);
    assert_eq!(customer.holdings().await["items"][0]["quantity"], "22");
    let sale = customer.order(Side::Sell, "22").await.unwrap();
    assert!(sale.position.quantity.is_zero());
    assert!(customer.verified().await.is_clean());
}
