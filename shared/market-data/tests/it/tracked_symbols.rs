//! The scheduled refresh requests tracked symbols, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use accounts::erasure;
use app::push::{Push, PushError};
use app::{App, Channels, Parts, Precondition};
use async_trait::async_trait;
use books::holdings;
use books::imports::{self, Duplicates, Format, ImportRequest};
use books::investments::{self, InvestmentCorrection, Purchase};
use books::portfolios::{self, NewPortfolio};
use books::trades::{self, RequestSize, Side, TradeRequest};
use books::wallets::{self, Transfer};
use chrono::{SecondsFormat, TimeDelta};
use domain::alert::{Condition, Repeat};
use domain::portfolio::{PortfolioState, PortfolioType};
use domain::{Currency, CustomerId, Money, PortfolioId, Quantity};
use identity::password::Password;
use identity::profile::Person;
use identity::sessions::{self, SessionKind};
use identity::{authorization, registration};
use market_data::MarketData;
use notifications::alerts::{self, NewAlert};
use notifications::{live, watchlist};
use objects::FolderObjects;
use rust_decimal::Decimal;
use store::{Table as _, documents, keys};
use testing::exchange::{World, bars_through, day, price, quote, symbol};
use testing::people::{open_portfolio, opening};
use uuid::Uuid;

/// The exchange opens, on a Friday.
const OPENING: &str = "2026-11-20T14:30:00Z";
const PASSWORD: &str = "correct horse battery";

/// A world in which ACME and OTHER are listed and not tracked.
fn world() -> World {
    let world = World::at(OPENING);
    for name in ["ACME", "OTHER"] {
        world.exchange.list(name, bars_through("2026-11-19", 30, 10.0));
    }
    world
}

/// A connection that accepts every message.
struct AcceptingPush;

#[async_trait]
impl Push for AcceptingPush {
    async fn post(&self, _connection: &str, _text: &str) -> Result<(), PushError> {
        Ok(())
    }

    async fn close(&self, _connection: &str) -> Result<(), PushError> {
        Ok(())
    }
}

/// A process of this world that reaches live connections.
fn listened_to(world: &World) -> MarketData {
    let folder = tempfile::tempdir().unwrap();
    let objects = FolderObjects::open(folder.path(), [7; 32], world.clock.reader()).unwrap();
    MarketData::new(
        App::new(Parts {
            table: world.table.clone(),
            objects: Arc::new(objects),
            clock: world.clock.reader(),
            channels: Channels { push: Arc::new(AcceptingPush), ..Channels::none() },
        }),
        world.exchange.clone(),
    )
}

/// The symbols that a slot requests after every grace period is over.
async fn asked(world: &World) -> BTreeSet<String> {
    asked_after(world, TimeDelta::minutes(65)).await
}

async fn asked_after(world: &World, span: TimeDelta) -> BTreeSet<String> {
    world.clock.forward(span);
    let now = world.clock.now();
    for name in ["ACME", "OTHER"] {
        let of_now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        world.exchange.quote_at(name, Ok(quote(name, "10.5", "2026-11-20", Some(&of_now))));
    }
    world.exchange.calls();
    let did = refresh::refresh(&world.restarted(), now, Duration::from_mins(4)).await.unwrap();
    assert_eq!(did.failed, 0, "{did:?}");
    world.exchange.calls().into_iter().map(|call| call.split_once(' ').unwrap().1.to_owned()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

async fn portfolio(platform: &MarketData, customer: CustomerId) -> PortfolioId {
    portfolio_in(platform, customer, Currency::USD).await
}

async fn portfolio_in(platform: &MarketData, customer: CustomerId, base_currency: Currency) -> PortfolioId {
    let opening = NewPortfolio { base_currency, ..opening(PortfolioType::Brokerage) };
    open_portfolio(&platform.app, customer, opening).await
}

async fn trade(world: &World, portfolio: PortfolioId, side: Side, units: &str, key: &str) {
    let size = RequestSize::Quantity(Quantity::parse(units).unwrap());
    let request =
        TradeRequest { side, symbol: symbol("ACME"), size, fee: Decimal::ZERO, lots: Vec::new(), expected_price: None };
    trades::execute(&world.platform, world.customer, portfolio, &request, Some(key)).await.unwrap();
}

fn purchase(name: &str) -> Purchase {
    Purchase {
        ticker_symbol: symbol(name),
        quantity: Quantity::parse("1").unwrap(),
        purchase_price: price("9"),
        purchase_date: day("2026-11-02"),
        fee: Decimal::ZERO,
        currency: None,
    }
}

async fn registered(world: &World) -> CustomerId {
    let person = Person {
        email: "ada@example.com".parse().unwrap(),
        first_name: "Ada".to_owned(),
        last_name: "Lovelace".to_owned(),
        phone: None,
        address: None,
    };
    registration::register(&world.platform.app, person, Password::typed(PASSWORD.to_owned())).await.unwrap().profile.id
}

#[tokio::test]
async fn a_watched_symbol_is_tracked_until_the_last_watcher_is_gone() {
    let world = world();
    let other = CustomerId(Uuid::from_u128(8));
    for customer in [world.customer, other] {
        watchlist::put(&world.platform, customer, &symbol("ACME")).await.unwrap();
    }
    assert_eq!(asked(&world).await, names(&["ACME"]));
    watchlist::remove(&world.platform.app, other, &symbol("ACME")).await.unwrap();
    assert_eq!(asked(&world).await, names(&["ACME"]), "one still watches it");
    watchlist::remove(&world.platform.app, world.customer, &symbol("ACME")).await.unwrap();
    assert_eq!(asked(&world).await, names(&[]));
    assert!(world.table.get(&keys::registered_symbol(&symbol("ACME"))).await.unwrap().is_none());
    watchlist::put(&world.platform, other, &symbol("ACME")).await.unwrap();
    assert_eq!(asked(&world).await, names(&["ACME"]), "and is tracked again");
}

#[tokio::test]
async fn a_position_is_tracked_until_its_last_unit_is_sold() {
    let world = world();
    let cash = Money::parse("1000", Currency::USD).unwrap();
    wallets::transfer(&world.platform, world.customer, Transfer::Deposit, cash, Some("cash")).await.unwrap();
    let portfolio = portfolio(&world.platform, world.customer).await;
    trade(&world, portfolio, Side::Buy, "3", "one").await;
    assert_eq!(asked(&world).await, names(&["ACME"]));
    trade(&world, portfolio, Side::Sell, "2", "two").await;
    assert_eq!(asked(&world).await, names(&["ACME"]));
    trade(&world, portfolio, Side::Sell, "1", "three").await;
    assert_eq!(asked(&world).await, names(&[]));
    trade(&world, portfolio, Side::Buy, "1", "four").await;
    assert_eq!(asked(&world).await, names(&["ACME"]));
}

#[tokio::test]
async fn a_lot_held_elsewhere_is_tracked_until_its_symbol_changes_or_it_is_deleted() {
    let world = world();
    let (platform, customer) = (&world.platform, world.customer);
    let portfolio = portfolio(platform, customer).await;
    let lot = investments::record(platform, customer, portfolio, &purchase("ACME"), None).await.unwrap().value;
    assert_eq!(asked(&world).await, names(&["ACME"]));
    let correction = InvestmentCorrection { ticker_symbol: Some(symbol("OTHER")), ..InvestmentCorrection::default() };
    investments::correct(platform, customer, portfolio, lot.id, &Precondition::Any, &correction).await.unwrap();
    assert_eq!(asked(&world).await, names(&["OTHER"]));
    investments::remove(platform, customer, portfolio, lot.id, &Precondition::Any).await.unwrap();
    assert_eq!(asked(&world).await, names(&[]));
}

#[tokio::test]
async fn symbols_of_an_import_are_tracked_and_those_of_a_dry_run_are_not() {
    let world = world();
    let portfolio = portfolio(&world.platform, world.customer).await;
    let file = "ticker_symbol,quantity,purchase_price,purchase_date\nACME,1,9,2026-11-02\nOTHER,1,9,2026-11-02\n";
    let import =
        |dry_run| ImportRequest { file: file.as_bytes(), format: Format::Csv, duplicates: Duplicates::Ask, dry_run };
    imports::import(&world.platform, world.customer, portfolio, &import(true), None).await.unwrap();
    assert_eq!(asked(&world).await, names(&[]));
    imports::import(&world.platform, world.customer, portfolio, &import(false), None).await.unwrap();
    assert_eq!(asked(&world).await, names(&["ACME", "OTHER"]));
}

#[tokio::test]
async fn an_alert_is_tracked_until_it_has_fired_for_the_last_time() {
    let world = world();
    let condition = Condition::Above { price: price("10") };
    let alert = NewAlert { symbol: symbol("ACME"), condition, repeat: Repeat::Once, email: false };
    alerts::create(&world.platform, world.customer, &alert, None).await.unwrap();
    assert_eq!(asked(&world).await, names(&["ACME"]));
    let quote = market_data::quote_store::read(&world.platform.app, &symbol("ACME")).await.unwrap().unwrap();
    assert_eq!(alerts::evaluate(&world.platform, &[quote]).await.unwrap().fired, 1);
    assert_eq!(asked(&world).await, names(&[]));
}

#[tokio::test]
async fn subscriptions_of_a_live_connection_are_tracked_until_it_ends() {
    let world = world();
    let customer = registered(&world).await;
    let (email, password) = ("ada@example.com".parse().unwrap(), Password::typed(PASSWORD.to_owned()));
    let token = sessions::sign_in(&world.platform.app, &email, password, SessionKind::Api).await.unwrap().token;
    let session = authorization::authorize(&world.platform.app, &token).await.unwrap().unwrap().session;
    let ticket = live::issue_ticket(&world.platform.app, customer, &session).await.unwrap().ticket;
    let platform = listened_to(&world);
    assert!(live::connect(&platform, "c1=", &ticket).await.unwrap());
    live::receive(&platform, "c1=", r#"{"action": "subscribe", "symbols": ["ACME"]}"#).await.unwrap();
    assert_eq!(asked(&world).await, names(&["ACME"]));
    live::disconnect(&platform.app, "c1=").await.unwrap();
    assert_eq!(asked_after(&world, TimeDelta::minutes(15)).await, names(&[]));
}

#[tokio::test]
async fn a_currency_pair_is_tracked_for_two_months_after_a_valuation() {
    let world = world();
    let (platform, customer) = (&world.platform, world.customer);
    world.exchange.list("EURUSD=X", bars_through("2026-11-19", 30, 1.5));
    let portfolio = portfolio_in(platform, customer, "EUR".parse().unwrap()).await;
    investments::record(platform, customer, portfolio, &purchase("ACME"), None).await.unwrap();
    let held = holdings::compute(platform, customer, portfolio).await.unwrap();
    assert!(held.unavailable.is_empty(), "{:?}", held.unavailable);
    assert_eq!(asked(&world).await, names(&["ACME", "EURUSD=X"]));
    // Fridays at the same time of day.
    assert_eq!(asked_after(&world, TimeDelta::days(56)).await, names(&["ACME", "EURUSD=X"]));
    assert_eq!(asked_after(&world, TimeDelta::days(7)).await, names(&["ACME"]));
}

#[tokio::test]
async fn an_erased_customer_tracks_nothing() {
    let world = world();
    let (platform, customer) = (&world.platform, registered(&world).await);
    let portfolio = portfolio(platform, customer).await;
    watchlist::put(platform, customer, &symbol("ACME")).await.unwrap();
    investments::record(platform, customer, portfolio, &purchase("OTHER"), None).await.unwrap();
    assert_eq!(asked(&world).await, names(&["ACME", "OTHER"]));
    erasure::erase(&platform.app, customer, Password::typed(PASSWORD.to_owned())).await.unwrap();
    for name in ["ACME", "OTHER"] {
        let trackers = keys::trackers(&symbol(name));
        let query = store::Query::forward(trackers.partition, trackers.range, 10);
        assert!(world.table.query(&query).await.unwrap().items.is_empty(), "{name}");
    }
    assert_eq!(asked(&world).await, names(&[]));
}

#[tokio::test]
async fn no_symbol_is_removed_between_its_registration_and_the_write_of_its_tracker() {
    let world = world();
    // An old entry: the portfolio held it once.
    let portfolio = portfolio(&world.platform, world.customer).await;
    let lot =
        investments::record(&world.platform, world.customer, portfolio, &purchase("ACME"), None).await.unwrap().value;
    investments::remove(&world.platform, world.customer, portfolio, lot.id, &Precondition::Any).await.unwrap();
    world.clock.forward(TimeDelta::hours(2));
    // A second lot, whose transaction is refused: when a run checks, only its registration exists.
    let closed = portfolios::Change { state: Some(PortfolioState::Closed), ..portfolios::Change::default() };
    portfolios::change(&world.platform, world.customer, portfolio, &Precondition::Any, &closed).await.unwrap();
    let refused = investments::record(&world.platform, world.customer, portfolio, &purchase("ACME"), None).await;
    assert!(refused.is_err());
    let now = world.clock.now();
    refresh::refresh(&world.restarted(), now, Duration::from_mins(4)).await.unwrap();
    for key in [keys::registered_symbol(&symbol("ACME")), keys::tracking_portfolio(&symbol("ACME"), portfolio)] {
        assert!(world.table.get(&key).await.unwrap().is_some(), "{key:?} was removed");
    }
    assert_eq!(asked(&world).await, names(&[]));
    assert!(world.table.get(&keys::tracking_portfolio(&symbol("ACME"), portfolio)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_symbol_registered_before_trackers_were_stored_stays() {
    let world = world();
    documents::put_first(&*world.table, &keys::registered_symbol(&symbol("ACME")), symbol("ACME")).await.unwrap();
    assert_eq!(asked(&world).await, names(&["ACME"]));
    watchlist::put(&world.platform, world.customer, &symbol("ACME")).await.unwrap();
    watchlist::remove(&world.platform.app, world.customer, &symbol("ACME")).await.unwrap();
    assert_eq!(asked(&world).await, names(&["ACME"]), "other holders are not known");
}
