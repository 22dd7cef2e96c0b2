//! Realised gains: over random histories of both books they are what holdings say was realised.

use std::collections::BTreeMap;

use app::precondition::Precondition;
use books::activities::{self, NewActivity};
use books::holdings::gains::{self, GainOrigin, PortfolioGains};
use books::portfolios::{self, Change};
use chrono::Weekday;
use domain::{Bars, Currency, Day};
use ledger::{ActivityFields, ActivityType, LotMethod, Side};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testing::portfolios::{Market, SeededRandom, World, stock};
use uuid::Uuid;

use super::{Recorded, acme, bars, day, decimal, symbol};

const METHODS: [LotMethod; 5] =
    [LotMethod::Fifo, LotMethod::Lifo, LotMethod::Hifo, LotMethod::Average, LotMethod::Specific];
const YEARS: [i32; 4] = [2010, 2011, 2012, 2013];
const TODAY: &str = "2013-03-01";

async fn listed(world: &World, year: Option<i32>) -> PortfolioGains {
    gains::compute(&world.platform, world.customer, world.portfolio, year).await.unwrap()
}

async fn choose(world: &World, method: LotMethod) {
    let change = Change { lot_method: Some(method), ..Change::default() };
    let any = Precondition::Any;
    portfolios::change(&world.platform, world.customer, world.portfolio, &any, &change).await.unwrap();
}

/// The trading days of three years, weekends left out.
fn days() -> Vec<Day> {
    let all = (0..).map(|number| day("2010-01-04").plus_days(number)).take_while(|date| *date <= day(TODAY));
    all.filter(|date| ![Weekday::Sat, Weekday::Sun].contains(&date.weekday())).collect()
}

/// A history of both books in two currencies, the same for a seed. Without unknown costs if `known`.
async fn random(seed: u64, traded_by: LotMethod, known: bool) -> World {
    let (mut random, days) = (SeededRandom(seed), days());
    let market = Market::new(day(TODAY));
    for (name, currency) in [("ONE", "USD"), ("EURO", "EUR")] {
        market.list(stock(name, currency, None), random.random_walk(&days));
    }
    let texts: Vec<(String, f64)> =
        days.iter().map(|date| (date.to_string(), 1.0 + random.below(6_000) as f64 / 1e4)).collect();
    let rates: Vec<(&str, f64, f64)> = texts.iter().map(|(date, rate)| (date.as_str(), *rate, 1.0)).collect();
    market.list(stock("EURUSD=X", "USD", None), bars(&rates));
    let mut world = World::new(market, Currency::USD).await;
    world.lot_method = traded_by;
    for _ in 0..50 {
        let kind = match random.below(10) {
            0..=4 => ActivityType::Buy,
            5..=7 => ActivityType::Sell,
            8 => ActivityType::TransferIn,
            _ => ActivityType::TransferOut,
        };
        let name = ["ONE", "EURO"][random.below(2)];
        let number = |below: usize, decimals| Decimal::new(below as i64 + 1, decimals);
        let mut fields = ActivityFields { symbol: Some(symbol(name)), ..ActivityFields::new(kind) };
        fields.quantity = Some(number(random.below(100_000), 3));
        if matches!(kind, ActivityType::Buy | ActivityType::Sell) {
            fields.amount = Some(number(random.below(1_000_000), 2));
            (fields.fee, fields.tax) = (number(random.below(500), 2), number(random.below(300), 2));
        }
        if kind == ActivityType::TransferIn {
            fields.cost_unknown = !known && random.below(2) == 0;
            fields.unit_price = (!fields.cost_unknown).then(|| number(random.below(20_000), 2));
            fields.acquired_on = (random.below(2) == 0).then(|| day("2009-06-01"));
        }
        let date = days[random.below(days.len())];
        let new = NewActivity { date, time: None, fields, note: None, external_id: None };
        // Some would lack units, and are refused.
        let _ = activities::record(&world.platform, world.customer, world.portfolio, &new, None).await;
    }
    for step in days.chunks(40) {
        let (date, name) = (step[random.below(step.len())], symbol(["ONE", "EURO"][random.below(2)]));
        let held = world.units_of(&name, date);
        let sold = (held * Decimal::new(random.below(900) as i64 + 100, 3)).round_dp(2).min(held);
        if random.below(2) == 0 && !sold.is_zero() {
            world.trade(Side::Sell, &name, &sold.to_string(), date).await;
        } else {
            let units = Decimal::new(random.below(9_000) as i64 + 1, 2);
            world.trade(Side::Buy, &name, &units.to_string(), date).await;
        }
    }
    world
}

async fn realized(world: &World, as_of: Option<Day>) -> Option<Decimal> {
    let book = Recorded { world, id: world.portfolio };
    let held = book.held_as(as_of.map(|day| day.to_string()).as_deref(), None).await;
    held["realized_gain"].as_str().map(decimal)
}

/// Checks that the shown rows sum to the totals shown.
fn assert_sums(gains: &PortfolioGains) {
    let sum =
        |of: &dyn Fn(&gains::RealizedGain) -> Option<Decimal>| gains.items.iter().map(of).sum::<Option<Decimal>>();
    let total = &gains.total.amounts;
    assert_eq!(sum(&|row| row.base.gain), total.gain);
    assert_eq!(sum(&|row| row.base.cost), total.cost);
    assert_eq!(sum(&|row| row.base.proceeds), total.proceeds);
    assert_eq!(sum(&|row| row.base.fee), total.fee);
    assert_eq!(sum(&|row| row.base.tax), total.tax);
    for of_symbol in &gains.by_symbol {
        let own = gains.items.iter().filter(|row| row.symbol == of_symbol.symbol);
        let own: Option<Decimal> = own.map(|row| row.amounts.gain).sum();
        assert_eq!(own, of_symbol.amounts.gain, "{}", of_symbol.symbol);
    }
    for row in &gains.items {
        for amounts in [&row.amounts, &row.base] {
            let difference = amounts.proceeds.zip(amounts.cost).map(|(proceeds, cost)| proceeds - cost);
            assert_eq!(difference, amounts.gain, "{row:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gains_of_each_year_are_what_holdings_say_was_realised_in_it() {
    let mut sold = 0;
    for (seed, traded_by) in (1..).zip([LotMethod::Fifo, LotMethod::Average, LotMethod::Lifo, LotMethod::Hifo]) {
        let world = random(seed, traded_by, true).await;
        for method in METHODS {
            choose(&world, method).await;
            let whole = listed(&world, None).await;
            assert_sums(&whole);
            assert_eq!(whole.total.amounts.gain, realized(&world, None).await, "{seed} {method}");
            let mut before = Decimal::ZERO;
            for year in YEARS {
                let of_year = listed(&world, Some(year)).await;
                assert_sums(&of_year);
                let evening = Day::new(year, 12, 31).unwrap().min(day(TODAY));
                let until = realized(&world, Some(evening)).await.unwrap();
                assert_eq!(of_year.total.amounts.gain, Some(until - before), "{seed} {method} {year}");
                let listed = whole.by_year.iter().find(|listed| listed.year == year).map(|listed| &listed.totals);
                assert_eq!(listed.is_some(), !of_year.items.is_empty());
                assert!(listed.is_none_or(|listed| *listed == of_year.total), "{seed} {method} {year}");
                before = until;
            }
            sold += whole.items.len();
        }
    }
    assert!(sold > 500, "the histories sell enough: {sold}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_total_that_rests_on_an_unknown_cost_is_null_here_and_in_holdings() {
    let mut unknown = 0;
    for seed in 11..15 {
        let world = random(seed, LotMethod::Fifo, false).await;
        for method in METHODS {
            choose(&world, method).await;
            let whole = listed(&world, None).await;
            assert_eq!(whole.total.amounts.gain, realized(&world, None).await, "{seed} {method}");
            assert_eq!(whole.total.unavailable.contains_key("gain"), whole.total.amounts.gain.is_none());
            unknown += usize::from(whole.total.amounts.gain.is_none());
        }
    }
    assert!(unknown > 0, "no history sells units of unknown cost");
}

#[tokio::test(flavor = "multi_thread")]
async fn at_average_cost_the_units_sold_are_the_oldest() {
    for seed in 21..24 {
        let world = random(seed, LotMethod::Average, true).await;
        let mut lots = BTreeMap::new();
        for method in [LotMethod::Fifo, LotMethod::Average] {
            choose(&world, method).await;
            let rows = listed(&world, None).await.items;
            let recorded = rows.iter().filter(|row| row.origin == GainOrigin::Activity);
            let places: Vec<_> = recorded.map(|row| (row.sale_id, row.lot_id, row.quantity, row.days_held)).collect();
            lots.insert(method.to_string(), places);
        }
        assert_eq!(lots["fifo"], lots["average"]);
    }
}

#[tokio::test]
async fn a_sale_without_units_by_a_split_that_became_known_has_no_gain() {
    let market = Market::new(day("2012-01-10"));
    let rows = [("2012-01-03", 100.0, 1.0), ("2012-01-05", 90.0, 1.0), ("2012-01-10", 80.0, 1.0)];
    market.list(stock("ACME", "USD", None), bars(&rows));
    let world = World::new(market, Currency::USD).await;
    let book = Recorded::new(&world).await;
    book.traded(ActivityType::Buy, "ACME", "2012-01-03", "10", "100", "0").await;
    book.traded(ActivityType::Sell, "ACME", "2012-01-10", "10", "80", "1").await;
    let found = |id| gains::compute(&world.platform, world.customer, id, None);
    assert_eq!(found(book.id).await.unwrap().total.amounts.gain, Some(decimal("-201")));
    let late = [("2012-01-03", 100.0, 1.0), ("2012-01-05", 900.0, 0.1), ("2012-01-10", 800.0, 1.0)];
    world.market.list(stock("ACME", "USD", None), bars(&late));
    let platform = world.restarted();
    let answer = gains::compute(&platform, world.customer, book.id, None).await.unwrap();
    let answer = serde_json::to_value(answer).unwrap();
    let row = &answer["items"][0];
    assert_eq!((&row["gain"], &row["proceeds"]), (&Value::Null, &json!("799.00")));
    assert_eq!(row["unavailable"]["gain"], "split_conflict");
    assert_eq!(answer["total"]["unavailable"]["gain"], "split_conflict");
}

#[tokio::test]
async fn without_a_rate_the_gain_in_the_instruments_currency_stays() {
    let market = Market::new(day("2012-01-05"));
    market.list(stock("SAP", "EUR", None), Bars::default());
    let world = World::new(market, Currency::USD).await;
    let book = Recorded::new(&world).await;
    book.traded(ActivityType::Buy, "SAP", "2012-01-03", "2", "100", "0").await;
    book.traded(ActivityType::Sell, "SAP", "2012-01-05", "2", "150", "1").await;
    let answer = gains::compute(&world.platform, world.customer, book.id, None).await.unwrap();
    let row = &answer.items[0];
    assert_eq!((row.amounts.gain, row.base.gain), (Some(decimal("99")), None));
    assert_eq!(row.unavailable, BTreeMap::from([("base/gain".to_owned(), "fx_unavailable".to_owned())]));
    assert_eq!(answer.by_symbol[0].amounts.gain, Some(decimal("99")));
    assert_eq!(answer.total.unavailable["gain"], "fx_unavailable");
}

#[tokio::test]
async fn a_sale_after_the_markets_today_is_not_listed_yet_and_named() {
    let world = World::new(acme(), Currency::USD).await;
    let book = super::whole_history(&world).await;
    let found = |id| gains::compute(&world.platform, world.customer, id, None);
    let before = found(book.id).await.unwrap();
    let sale: Uuid = book.traded(ActivityType::Sell, "ACME", "2012-01-11", "1", "60", "0").await;
    let after = found(book.id).await.unwrap();
    assert_eq!((after.items.len(), after.total.clone()), (before.items.len(), before.total));
    assert!(after.items.iter().all(|row| row.sale_id != sale));
    assert_eq!(after.warnings.last().unwrap().code, "activities_to_come");
}
