//! Figures of portfolios that are recorded by activities: `cash`, `gains`, `holdings`, `invested` and `splits` by hand,
//! `returns` also against the same trades made from the wallet.

mod cash;
mod currencies;
mod gains;
mod holdings;
mod invested;
mod returns;
mod splits;
mod verification;

use books::activities::{self, ActivityChange, NewActivity};
use books::holdings::{AutomaticLotMethod, HoldingsRequest};
use books::performance::{self, PerformanceSpan};
use books::portfolios::NewPortfolio;
use domain::portfolio::PortfolioType;
use domain::{Bar, Bars, Day, PortfolioId, Symbol};
use ledger::{ActivityFields, ActivityType};
use market_data::MarketData;
use rust_decimal::Decimal;
use serde_json::Value;
use testing::people::{open_portfolio, opening};
use testing::portfolios::{Market, World, stock};
use uuid::Uuid;

pub fn day(text: &str) -> Day {
    text.parse().unwrap()
}

pub fn symbol(text: &str) -> Symbol {
    text.parse().unwrap()
}

pub fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// Bars of these days, closes and split ratios.
pub fn bars(rows: &[(&str, f64, f64)]) -> Bars {
    let bar = |&(date, close, split_ratio): &(&str, f64, f64)| {
        let (date, open, high, low, adjusted_close) = (day(date), close, close, close, close);
        Bar { date, open, high, low, close, volume: 1.0, adjusted_close, split_ratio, dividend: 0.0 }
    };
    Bars::from_rows(rows.iter().map(bar)).unwrap()
}

/// A portfolio that is recorded by activities.
pub struct Recorded<'a> {
    pub world: &'a World,
    pub id: PortfolioId,
}

impl<'a> Recorded<'a> {
    pub async fn new(world: &'a World) -> Self {
        let id = open_portfolio(&world.platform.app, world.customer, opening(PortfolioType::Brokerage)).await;
        Self { world, id }
    }

    pub async fn record(&self, kind: ActivityType, name: &str, on: Day, with: impl Fn(&mut ActivityFields)) -> Uuid {
        let mut fields = ActivityFields { symbol: Some(symbol(name)), ..ActivityFields::new(kind) };
        with(&mut fields);
        let note = (kind == ActivityType::Adjustment).then(|| "counted".to_owned());
        let new = NewActivity { date: on, time: None, fields, note, external_id: None };
        let made = activities::record(&self.world.platform, self.world.customer, self.id, &new, None).await;
        made.unwrap().value.id
    }

    pub async fn traded(&self, kind: ActivityType, name: &str, on: &str, units: &str, price: &str, fee: &str) -> Uuid {
        let with = |fields: &mut ActivityFields| {
            (fields.quantity, fields.unit_price) = (Some(decimal(units)), Some(decimal(price)));
            fields.fee = decimal(fee);
        };
        self.record(kind, name, day(on), with).await
    }

    pub async fn split(&self, name: &str, on: &str, ratio: &str) -> Uuid {
        let with = |fields: &mut ActivityFields| fields.ratio = Some(ratio.parse().unwrap());
        self.record(ActivityType::Split, name, day(on), with).await
    }

    pub async fn moved(&self, kind: ActivityType, name: &str, on: &str, units: &str) -> Uuid {
        self.record(kind, name, day(on), |fields| fields.quantity = Some(decimal(units))).await
    }

    pub async fn remove(&self, id: Uuid) {
        let precondition = app::precondition::Precondition::None;
        activities::remove(&self.world.platform, self.world.customer, self.id, id, &precondition).await.unwrap();
    }

    pub async fn correct_price(&self, id: Uuid, price: &str) {
        let change = ActivityChange { unit_price: Some(Some(decimal(price))), ..ActivityChange::default() };
        let precondition = app::precondition::Precondition::Any;
        let (platform, customer) = (&self.world.platform, self.world.customer);
        activities::correct(platform, customer, self.id, id, &precondition, &change).await.unwrap();
    }

    pub async fn held_as(&self, as_of: Option<&str>, lot_method: Option<AutomaticLotMethod>) -> Value {
        let request = HoldingsRequest { as_of: as_of.map(day), lot_method };
        let found = books::holdings::compute_as(&self.world.platform, self.world.customer, self.id, request).await;
        serde_json::to_value(found.unwrap()).unwrap()
    }

    pub async fn held(&self) -> Value {
        self.held_as(None, None).await
    }

    pub async fn performed_on(&self, platform: &MarketData, as_of: Option<Day>) -> Value {
        let span = PerformanceSpan { as_of, ..PerformanceSpan::default() };
        let found = performance::compute(platform, self.world.customer, self.id, &span).await;
        serde_json::to_value(found.unwrap()).unwrap()
    }

    pub async fn performed(&self) -> Value {
        self.performed_on(&self.world.platform, None).await
    }
}

/// Why these symbols have no value.
pub fn without_value(answer: &Value) -> Vec<&Value> {
    ["ACME", "GONE", "ONE", "TWO", "EURO"].iter().filter_map(|name| answer["unavailable"].get(name)).collect()
}

pub fn last_value(performance: &Value) -> &Value {
    performance["series"].as_array().unwrap().last().map_or(&Value::Null, |row| &row["value"])
}

/// `acquired_on:units:cost` of each lot of an item.
pub fn lots(item: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("unknown").to_owned();
    let lots = item["lots"].as_array().unwrap().iter();
    lots.map(|lot| ["acquired_on", "quantity", "cost"].map(|field| text(&lot[field])).join(":")).collect()
}

/// An answer without what names a record or its book, and with lots in an order of their own.
pub fn unnamed(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("portfolio_id");
    for item in answer.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
        let lots = item["lots"].as_array_mut().unwrap();
        for lot in &mut *lots {
            lot.as_object_mut().unwrap().retain(|field, _| !["lot_id", "origin"].contains(&field.as_str()));
        }
        lots.sort_by_key(Value::to_string);
    }
    answer
}

/// Ten bought at 100 for a fee of 1.00, ten more at 110, split two for one on 2012-01-05, five of the new ones sold at 60
/// for a fee of 0.50, three transferred away at a close of 58, and a symbol bought and sold.
pub async fn whole_history(world: &World) -> Recorded<'_> {
    let portfolio = Recorded::new(world).await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-03", "10", "100", "1").await;
    portfolio.traded(ActivityType::Buy, "ACME", "2012-01-04", "10", "110", "0").await;
    portfolio.traded(ActivityType::Sell, "ACME", "2012-01-06", "5", "60", "0.5").await;
    portfolio.moved(ActivityType::TransferOut, "ACME", "2012-01-09", "3").await;
    portfolio.traded(ActivityType::Buy, "GONE", "2012-01-04", "4", "50", "0").await;
    portfolio.traded(ActivityType::Sell, "GONE", "2012-01-06", "4", "55", "0").await;
    portfolio
}

pub fn acme() -> Market {
    let market = Market::new(day("2012-01-10"));
    let acme = [
        ("2012-01-03", 100.0, 1.0),
        ("2012-01-04", 110.0, 1.0),
        ("2012-01-05", 56.0, 2.0),
        ("2012-01-06", 60.0, 1.0),
        ("2012-01-09", 58.0, 1.0),
        ("2012-01-10", 59.0, 1.0),
    ];
    market.list(stock("ACME", "USD", Some("Anvils")), bars(&acme));
    market.list(stock("GONE", "USD", None), bars(&[("2012-01-04", 50.0, 1.0), ("2012-01-06", 55.0, 1.0)]));
    market
}
