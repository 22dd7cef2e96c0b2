//! A test of the tests: tampered books are detected.

use std::sync::Arc;

use app::ServiceError;
use books::trades::{RequestSize, Side, TradeRequest};
use books::wallets::{self, Transfer};
use domain::{Currency, CustomerId, LotMethod, Money, PortfolioId, Quantity};
use ledger::Refusal;
use market_data::MarketData;
use operations::verification::{self, Interrupted, Results};
use rust_decimal::Decimal;
use store::{Body, DeleteExpect, Key, Table, Write, keys};
use store_sqlite::SqliteTable;

use crate::ledger::customer::{self, Platform};
use crate::ledger::market::{SessionClock, symbol};
use crate::ledger::system::{Given, Wanted, send};

/// What a verification of all books finds.
async fn verify_all(platform: &MarketData) -> Results {
    verification::verify_all(platform, Interrupted::Continue, None).await.unwrap().results
}

/// The tampering of an item: a text in it is replaced, or the whole item is removed.
enum Damage {
    Rewrite(&'static str, &'static str),
    Remove,
}

/// Books with a deposit of 1,000.00 and a purchase of three units, and the keys of their items.
struct Books {
    table: SqliteTable,
    platform: Platform,
    customer: CustomerId,
    portfolio: PortfolioId,
    trade: uuid::Uuid,
}

fn deposit(cents: i64) -> Wanted {
    Wanted::Transfer(Transfer::Deposit, Money::new(Decimal::new(cents, 2), Currency::USD).unwrap())
}

async fn books() -> Books {
    let clock = SessionClock::default().reader();
    let table = SqliteTable::in_memory(clock.clone()).unwrap();
    let platform = Platform::start(Arc::new(table.clone()), clock);
    let customer = customer::settle(&table).await;
    let portfolio = customer::open(&platform.platform, customer, "Altered", LotMethod::Fifo).await;
    send(&platform.platform, customer, &deposit(100_000), "deposit").await.unwrap();
    let size = RequestSize::Quantity(Quantity::parse("3").unwrap());
    let order = TradeRequest {
        side: Side::Buy,
        symbol: symbol(0),
        size,
        fee: Decimal::ONE,
        lots: Vec::new(),
        expected_price: None,
    };
    let (given, _) = send(&platform.platform, customer, &Wanted::Trade(portfolio, order), "order").await.unwrap();
    let Given::Trade(trade) = given else { panic!("{given:?}") };
    // Three at 123.45 and the fee of one.
    assert_eq!(trade.cash_after, Decimal::new(62_865, 2));
    Books { table, platform, customer, portfolio, trade: trade.id }
}

impl Books {
    async fn suffer(&self, key: &Key, damage: &Damage) {
        let item = self.table.get(key).await.unwrap().unwrap();
        let write = match damage {
            Damage::Remove => Write::Delete { key: key.clone(), expect: DeleteExpect::Any },
            Damage::Rewrite(from, to) => {
                let Body::Json(text) = item.body else { panic!("{key} holds bytes") };
                assert!(text.contains(from), "{text}");
                Write::update(key.clone(), Body::Json(text.replacen(from, to, 1)), item.version)
            }
        };
        self.table.transact(vec![write]).await.unwrap();
    }

    fn damages(&self) -> [(&'static str, Key, Damage); 9] {
        let (customer, portfolio) = (self.customer, self.portfolio);
        let (head, first, second) =
            (keys::wallet_head(customer), keys::wallet_entry(customer, 1), keys::wallet_entry(customer, 2));
        let (trade, position) = (keys::trade(portfolio, self.trade), keys::position(portfolio, &symbol(0)));
        [
            ("a balance", head.clone(), Damage::Rewrite("628.65", "728.65")),
            ("a number of entries", head, Damage::Rewrite("\"seq\":2", "\"seq\":1")),
            ("an amount", first.clone(), Damage::Rewrite("1000.00", "1100.00")),
            ("a missing entry", first, Damage::Remove),
            ("a leg", second, Damage::Rewrite("-370.35", "-370.34")),
            ("a fill", trade.clone(), Damage::Rewrite("\"quantity\":\"3\"", "\"quantity\":\"4\"")),
            ("a missing trade", trade, Damage::Remove),
            ("units of a lot", position.clone(), Damage::Rewrite("\"quantity\":\"3\"", "\"quantity\":\"30\"")),
            ("a missing position", position, Damage::Remove),
        ]
    }
}

#[tokio::test]
async fn verification_finds_any_tampering_and_freezes_the_wallet() {
    let number = books().await.damages().len();
    for place in 0..number {
        let books = books().await;
        let platform = &books.platform.platform;
        let report = verify_all(platform).await;
        assert!(report.unsound.is_empty() && report.unverified.is_empty(), "{report:?}");
        let (what, key, damage) = &books.damages()[place];
        books.suffer(key, damage).await;
        let report = verify_all(platform).await;
        assert_eq!(report.unsound.len(), 1, "{what}: {report:?}");
        assert_eq!(report.unsound[0].customer_id, books.customer);
        assert!(!report.unsound[0].discrepancies.is_empty(), "{what}");
        assert!(wallets::show(&platform.app, books.customer).await.unwrap().frozen, "{what}");
        let refused = send(platform, books.customer, &deposit(1), "later").await;
        assert!(matches!(refused, Err(ServiceError::Refused(Refusal::WalletFrozen))), "{what}: {refused:?}");
    }
}

#[tokio::test]
async fn a_wallet_is_unfrozen_once_its_books_add_up_again() {
    let books = books().await;
    let platform = &books.platform.platform;
    let head = keys::wallet_head(books.customer);
    books.suffer(&head, &Damage::Rewrite("628.65", "728.65")).await;
    assert_eq!(verify_all(platform).await.unsound.len(), 1);
    books.suffer(&head, &Damage::Rewrite("728.65", "628.65")).await;
    assert!(verify_all(platform).await.unsound.is_empty());
    assert!(!wallets::show(&platform.app, books.customer).await.unwrap().frozen);
    send(platform, books.customer, &deposit(1), "later").await.unwrap();
}
