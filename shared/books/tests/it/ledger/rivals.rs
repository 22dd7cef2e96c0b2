//! Clients that use one wallet concurrently, over several processes and a failing store: the order is unpredictable,
//! and the books must be sound all the same.

use std::sync::Arc;

use app::ServiceError;
use books::trades::{RequestSize, Side, TradeRequest};
use books::wallets::Transfer;
use domain::{Currency, LotMethod, Money, PortfolioId, Quantity};
use futures::future::join_all;
use ledger::Refusal;
use market_data::MarketData;
use rust_decimal::Decimal;
use store::fault::{Faulty, Plan};
use store_sqlite::SqliteTable;

use crate::ledger::customer::{self, Platform, until_answered};
use crate::ledger::engines::{Engine as _, Failing};
use crate::ledger::invariants;
use crate::ledger::market::{SessionClock, symbol};
use crate::ledger::system::{Given, Wanted, send};

const PROCESSES: usize = 3;
const CLIENTS: usize = 6;
const COMMANDS: usize = 12;

fn usd(cents: i64) -> Money {
    Money::new(Decimal::new(cents, 2), Currency::USD).unwrap()
}

/// The command with a number: cash and units come and go, sometimes more than there are.
fn wanted(portfolio: PortfolioId, number: usize) -> Wanted {
    let trade = |side, instrument, size| {
        let request = TradeRequest {
            side,
            symbol: symbol(instrument),
            size,
            fee: Decimal::ZERO,
            lots: Vec::new(),
            expected_price: None,
        };
        Wanted::Trade(portfolio, request)
    };
    let units = |text: &str| RequestSize::Quantity(Quantity::parse(text).unwrap());
    match number % 5 {
        0 => Wanted::Transfer(Transfer::Deposit, usd(40_000)),
        1 => trade(Side::Buy, 0, units("3")),
        2 => trade(Side::Sell, 0, units("1.25")),
        3 => trade(Side::Buy, 1, RequestSize::Amount(Decimal::new(9_999, 2))),
        _ => Wanted::Transfer(Transfer::Withdrawal, usd(12_345)),
    }
}

/// One client's commands, each sent until it gets a response and then once more; returns the entries made.
async fn client(
    platform: &MarketData,
    customer: domain::CustomerId,
    portfolio: PortfolioId,
    client: usize,
) -> Vec<Given> {
    let mut made = Vec::new();
    for number in 0..COMMANDS {
        let (wanted, key) = (wanted(portfolio, client + number), format!("{client}-{number}"));
        let ask = async || send(platform, customer, &wanted, &key).await;
        let first = until_answered(&ask).await.0;
        let second = until_answered(&ask).await.0;
        match (first, second) {
            (Ok((first, _)), Ok((second, replayed))) => {
                assert!(replayed && first == second, "{first:?} became {second:?}");
                made.push(first);
            }
            (
                Err(ServiceError::Refused(first) | ServiceError::RefusedBefore(first)),
                Err(ServiceError::RefusedBefore(second)),
            ) => {
                assert_eq!(first, second);
                assert!(matches!(first, Refusal::InsufficientFunds { .. } | Refusal::InsufficientUnits { .. }));
            }
            (first, second) => panic!("{wanted:?}: {first:?}, then {second:?}"),
        }
    }
    made
}

/// Runs the clients on a new store whose faults start from this seed; returns the number of entries they made.
fn contest(seed: u64) -> usize {
    let runtime = Failing::runtime();
    runtime.block_on(async {
        let clock = SessionClock::default().reader();
        let table = SqliteTable::in_memory(clock.clone()).unwrap();
        let faulty = Faulty::new(table.clone(), Plan::seeded(seed, 0.2)).with_reads(Plan::seeded(!seed, 0.02));
        let front = Arc::new(faulty);
        let processes: Vec<Platform> = (0..PROCESSES).map(|_| Platform::start(front.clone(), clock.clone())).collect();
        let books = Platform::start(Arc::new(table.clone()), clock.clone());
        let customer = customer::settle(&table).await;
        let portfolio = customer::open(&books.platform, customer, "Contested", LotMethod::Hifo).await;
        let clients =
            (0..CLIENTS).map(|place| client(&processes[place % PROCESSES].platform, customer, portfolio, place));
        let made: Vec<Given> = join_all(clients).await.into_iter().flatten().collect();
        let given: Vec<&Given> = made.iter().collect();
        invariants::sound(&books.platform, customer, &[portfolio], &given).await.amounts.len()
    })
}

#[test]
fn concurrent_clients_on_a_failing_store_leave_sound_books() {
    let seeds = u64::from(10 * crate::ledger::times());
    let entries: usize = (0..seeds).map(contest).sum();
    println!("{seeds} contests: {entries} entries");
    assert!(entries > 20 * seeds as usize, "{entries}");
}

#[test]
fn lots_outside_the_head_are_moved_and_sold_despite_failures() {
    let runtime = Failing::runtime();
    runtime.block_on(async {
        let clock = SessionClock::default().reader();
        let table = SqliteTable::in_memory(clock.clone()).unwrap();
        let front = Arc::new(Faulty::new(table.clone(), Plan::seeded(7, 0.1)));
        let process = Platform::start(front, clock.clone());
        let books = Platform::start(Arc::new(table.clone()), clock);
        let customer = customer::settle(&table).await;
        let portfolio = customer::open(&books.platform, customer, "Many lots", LotMethod::Fifo).await;
        let trade = |side, units: &str| {
            let size = RequestSize::Quantity(Quantity::parse(units).unwrap());
            Wanted::Trade(
                portfolio,
                TradeRequest {
                    side,
                    symbol: symbol(1),
                    size,
                    fee: Decimal::ZERO,
                    lots: Vec::new(),
                    expected_price: None,
                },
            )
        };
        let buys = (0..430).map(|_| trade(Side::Buy, "1"));
        let sales = ["0.5", "100", "150.25", "179.25"].map(|units| trade(Side::Sell, units));
        let deposit = std::iter::once(Wanted::Transfer(Transfer::Deposit, usd(100_000)));
        let mut given = Vec::new();
        for (number, wanted) in deposit.chain(buys).chain(sales).enumerate() {
            let key = number.to_string();
            let answered = until_answered(async || send(&process.platform, customer, &wanted, &key).await).await;
            given.push(answered.0.unwrap().0);
        }
        let given: Vec<&Given> = given.iter().collect();
        let found = invariants::sound(&books.platform, customer, &[portfolio], &given).await;
        assert!(found.units.values().all(Decimal::is_zero), "{:?}", found.units);
    });
}
