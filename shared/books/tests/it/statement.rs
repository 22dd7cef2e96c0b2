//! The statement: filtered, one entry by its id, and the balances as of a day.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::ServiceError;
use app::listing::{DayRange, Filter as _, ListOrder, PageRequest};
use books::statement::{self, EntryFilter, EntryType};
use chrono::TimeDelta;
use domain::{CustomerId, Day, Money};
use ledger::wallet::{deposit, withdraw};
use ledger::{Account, Booked, Entry, Leg, LegAmount, Stamp, StatementLine, Wallet};
use market_data::MarketData;
use rust_decimal::Decimal;
use store::{Write, documents, keys};
use testing::portfolios::Market;
use testing::{CountingTable, TestBed};
use uuid::Uuid;

const ENTRIES: u64 = 2_500;
const TODAY: &str = "2026-11-20";

/// A long ledger with market days that do not increase with `seq`.
struct Books {
    platform: MarketData,
    table: Arc<CountingTable>,
    customer: CustomerId,
    entries: Vec<Entry>,
    _test_bed: TestBed,
}

impl Books {
    async fn new() -> Self {
        let test_bed = TestBed::at("2026-11-20T12:00:00Z");
        let table = Arc::new(CountingTable::new(Arc::new(test_bed.table())));
        let platform = test_bed.platform(table.clone(), Arc::new(Market::new(day(TODAY))));
        let customer = CustomerId(Uuid::from_u128(7));
        let (mut wallet, mut entries) = (Wallet::new(customer), Vec::new());
        for number in 0..ENTRIES {
            test_bed.clock.forward(TimeDelta::seconds(i64::try_from(number % 3).unwrap() * 400));
            let booked = booked(&wallet, number, &stamp(&platform, number));
            wallet = booked.wallet;
            entries.push(if number % 1_100 == 700 { bought(&booked.entry) } else { booked.entry });
        }
        let mut writes = vec![created(keys::wallet_head(customer), &wallet)];
        writes.extend(entries.iter().map(|entry| created(keys::wallet_entry(customer, entry.seq), entry)));
        for some in writes.chunks(100) {
            platform.app.table().transact(some.to_vec()).await.unwrap();
        }
        table.take_counts();
        Self { platform, table, customer, entries, _test_bed: test_bed }
    }

    async fn find(&self, customer: CustomerId, id: Uuid) -> Result<StatementLine, ServiceError> {
        statement::find(&self.platform.app, customer, id).await
    }

    /// The balances at the end of a day by adding up amounts, in another way than the code does.
    fn replayed(&self, day: Day) -> BTreeMap<String, String> {
        let mut sums: BTreeMap<String, Decimal> = BTreeMap::new();
        for line in self.entries.iter().map(StatementLine::from).filter(|line| line.market_day <= day) {
            *sums.entry(line.currency.code().to_owned()).or_default() += line.amount;
        }
        sums.into_iter().map(|(code, sum)| (code, sum.to_string())).collect()
    }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Days go back and forth by some weeks, and to the day after the market's today, as trades during a session do.
fn stamp(platform: &MarketData, number: u64) -> Stamp {
    let days = i32::try_from(number * 7_919 % 45).unwrap() - i32::try_from((ENTRIES - number) / 4).unwrap();
    let market_day = day(TODAY).plus_days(days.min(1));
    Stamp { entry_id: platform.app.new_id(), market_day, created_at: platform.app.now() }
}

fn booked(wallet: &Wallet, number: u64, stamp: &Stamp) -> Booked {
    let amount = |text: &str, code: &str| Money::parse(text, code.parse().unwrap()).unwrap();
    match number % 5 {
        3 => withdraw(wallet, amount("1.01", "USD"), stamp).unwrap(),
        4 => deposit(wallet, amount("500", "JPY"), stamp).unwrap(),
        _ => deposit(wallet, amount(&format!("{}.25", number % 90 + 2), "USD"), stamp).unwrap(),
    }
}

/// The entry as one of a purchase.
fn bought(entry: &Entry) -> Entry {
    let account = Account::Holdings { portfolio_id: Uuid::nil() };
    let units = LegAmount::Units { symbol: "AAPL".parse().unwrap(), units: Decimal::ONE };
    Entry { entry_type: EntryType::Buy, legs: vec![Leg { account, amount: units }], ..entry.clone() }
}

fn created(key: store::Key, value: &impl serde::Serialize) -> Write {
    let body = documents::body(&key, value).unwrap();
    Write::create(key, body)
}

#[tokio::test]
async fn the_balances_as_of_a_day_are_those_of_a_replay_of_the_entries() {
    let books = Books::new().await;
    let app = &books.platform.app;
    let latest = books.entries.iter().map(|entry| entry.market_day).max().unwrap();
    let earliest = books.entries.iter().map(|entry| entry.market_day).min().unwrap();
    assert_eq!(latest, day("2026-11-21"), "there are entries of the day after the market's today");
    assert!(books.entries.windows(2).any(|pair| pair[0].market_day > pair[1].market_day));
    for on in [earliest, earliest.plus_days(60), day("2026-01-01"), day("2026-11-01"), day(TODAY), latest] {
        let shown = statement::show_as_of(&books.platform, books.customer, on).await.unwrap();
        let replayed = books.replayed(on);
        assert_eq!((&shown.balance, shown.as_of), (&replayed["USD"], Some(on)));
        assert_eq!(shown.balances, replayed, "{on}");
    }
    let now = books::wallets::show(app, books.customer).await.unwrap();
    assert_eq!(now.balances, books.replayed(latest));
    assert_eq!(now.as_of, None);
}

#[tokio::test]
async fn the_balances_before_the_first_entry_are_zero_and_a_later_day_than_today_is_refused() {
    let books = Books::new().await;
    let earlier = statement::show_as_of(&books.platform, books.customer, day("2001-01-01")).await.unwrap();
    assert_eq!((earlier.balance.as_str(), earlier.balances.len()), ("0.00", 0));
    for (customer, on) in [(books.customer, "2026-11-22"), (CustomerId(Uuid::from_u128(8)), "2026-11-21")] {
        let refused = statement::show_as_of(&books.platform, customer, day(on)).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Field { field: "as_of", .. }), "{refused}");
    }
    let empty = statement::show_as_of(&books.platform, CustomerId(Uuid::from_u128(8)), day(TODAY)).await.unwrap();
    assert_eq!((empty.balance.as_str(), empty.balances.len()), ("0.00", 0));
}

#[tokio::test]
async fn a_rare_filter_on_a_long_ledger_reads_a_bounded_number_of_items_a_request() {
    let books = Books::new().await;
    let buys = EntryFilter { entry_type: Some(EntryType::Buy), ..EntryFilter::default() };
    let of_aapl = EntryFilter { symbol: "AAPL".parse().ok(), ..EntryFilter::default() };
    let sold = EntryFilter { entry_type: Some(EntryType::Sell), ..EntryFilter::default() };
    let (from, to) = (Some(day("2026-05-01")), Some(day("2026-05-03")));
    let of_days = EntryFilter { days: DayRange { from, to }, ..EntryFilter::default() };
    for (filter, some) in [(buys, true), (of_aapl, true), (sold, false), (of_days, true)] {
        for order in [ListOrder::Asc, ListOrder::Desc] {
            let (mut listed, mut page) = (Vec::new(), PageRequest { order, ..PageRequest::newest(50) });
            loop {
                let read = statement::list(&books.platform.app, books.customer, &filter, &page).await.unwrap();
                assert!(books.table.take_counts().reads <= 5);
                listed.extend(read.items);
                if read.next.is_none() {
                    break;
                }
                page = page.after(read.next);
            }
            let mut expected: Vec<_> =
                books.entries.iter().filter(|entry| filter.keeps(entry)).map(StatementLine::from).collect();
            if order == ListOrder::Desc {
                expected.reverse();
            }
            assert_eq!(!expected.is_empty(), some, "{filter:?}");
            assert_eq!(listed, expected, "{filter:?} {order:?}");
        }
    }
}

#[tokio::test]
async fn every_entry_is_found_by_its_id_with_few_reads() {
    let books = Books::new().await;
    for entry in books.entries.iter().step_by(97).chain(books.entries.last()) {
        assert_eq!(books.find(books.customer, entry.id).await.unwrap(), StatementLine::from(entry));
        let reads = books.table.take_counts().reads;
        assert!(reads <= 2 + 2 * 12 + 1, "a pointer, the head, two searches among 2,500 entries, one page: {reads}");
    }
}

#[tokio::test]
async fn a_foreign_or_missing_entry_is_not_found() {
    let books = Books::new().await;
    let is_missing = |found| matches!(found, Err(ServiceError::NotFound { what: "entry" }));
    let other = CustomerId(Uuid::from_u128(8));
    assert!(is_missing(books.find(other, books.entries[1_000].id).await));
    for id in [Uuid::nil(), Uuid::max(), Uuid::from_u128(9), books.platform.app.new_id()] {
        assert!(is_missing(books.find(books.customer, id).await), "{id}");
        assert!(is_missing(books.find(other, id).await), "{id}");
    }
}
