//! Investments are the open lots of a portfolio's activities.

use app::listing::{ListOrder, PageRequest};
use app::{Precondition, ServiceError};
use books::activities::{self, ActivityRecord, NewActivity};
use books::imports::{self, Format};
use books::investments::{self, InvestmentCorrection, InvestmentFilter, InvestmentNow, Purchase};
use books::portfolios::{self, Change};
use domain::portfolio::PortfolioState;
use domain::{Bar, Bars, Currency, Day, Price, Quantity};
use ledger::{ActivityFields, ActivitySource, ActivityType};
use rust_decimal::Decimal;
use testing::exchange;
use testing::portfolios::{Market, World, stock};
use uuid::Uuid;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A portfolio on a market where ACME closes at 12 on its last day and split two for one in between.
async fn world() -> World {
    let market = Market::new(day("2013-03-01"));
    let bar = |date: &str, close: f64, split_ratio: f64| Bar { split_ratio, ..exchange::bar(day(date), close) };
    let bars = [bar("2012-01-03", 20.0, 1.0), bar("2012-06-01", 11.0, 2.0), bar("2013-03-01", 12.0, 1.0)];
    market.list(stock("ACME", "USD", None), Bars::from_rows(bars).unwrap());
    World::new(market, Currency::USD).await
}

fn purchase(quantity: &str, date: &str) -> Purchase {
    Purchase {
        ticker_symbol: "ACME".parse().unwrap(),
        quantity: Quantity::parse(quantity).unwrap(),
        purchase_price: Price::parse("20").unwrap(),
        purchase_date: day(date),
        fee: Decimal::ONE,
        currency: None,
    }
}

async fn invest(world: &World, quantity: &str, date: &str) -> InvestmentNow {
    let purchase = purchase(quantity, date);
    investments::record(&world.platform, world.customer, world.portfolio, &purchase, None).await.unwrap().value
}

async fn act(world: &World, kind: ActivityType, date: &str, units: &str, price: Option<&str>) -> ActivityRecord {
    let fields = ActivityFields {
        symbol: "ACME".parse().ok(),
        quantity: units.parse().ok(),
        unit_price: price.map(|price| price.parse().unwrap()),
        cost_unknown: kind == ActivityType::TransferIn && price.is_none(),
        ..ActivityFields::new(kind)
    };
    let new = NewActivity { date: day(date), time: None, fields, note: Some("why".to_owned()), external_id: None };
    activities::record(&world.platform, world.customer, world.portfolio, &new, None).await.unwrap().value
}

async fn list(world: &World) -> Vec<InvestmentNow> {
    let page = PageRequest { limit: 200, order: ListOrder::Asc, cursor: None };
    let filter = InvestmentFilter::default();
    investments::list(&world.platform, world.customer, world.portfolio, &filter, &page).await.unwrap().items
}

async fn find(world: &World, id: Uuid) -> Result<InvestmentNow, ServiceError> {
    investments::find(&world.platform, world.customer, world.portfolio, id).await
}

/// `recorded units:units left:cost:value:gain`.
fn shown(one: &InvestmentNow) -> String {
    let text = |figure: &Option<String>| figure.clone().unwrap_or_default();
    let left = one.current_quantity.map_or(String::new(), |units| units.to_string());
    format!("{}:{left}:{}:{}:{}", one.quantity, text(&one.cost), text(&one.value), text(&one.gain))
}

#[tokio::test]
async fn an_investment_is_a_purchase_among_the_activities() {
    let world = world().await;
    let lot = invest(&world, "10", "2012-01-03").await;
    let activity = activities::find(&world.platform, world.customer, world.portfolio, lot.id).await.unwrap();
    assert_eq!((activity.kind, activity.source), (ActivityType::Buy, ActivitySource::Investment));
    assert_eq!((activity.amount, activity.fee, activity.version), ("200".parse().ok(), Decimal::ONE, 1));
    assert_eq!(shown(&lot), "10:20:201.00:240.00:39.00");
}

#[tokio::test]
async fn a_recorded_sale_leaves_the_rest_of_a_lot_and_takes_a_used_up_one_off_the_list() {
    let world = world().await;
    let first = invest(&world, "10", "2012-01-03").await;
    invest(&world, "1", "2012-07-02").await;
    act(&world, ActivityType::Sell, "2012-08-01", "5", Some("15")).await;
    let listed = list(&world).await;
    assert_eq!(listed.iter().map(shown).collect::<Vec<_>>(), ["10:15:150.75:180.00:29.25", "1:1:21.00:12.00:-9.00"]);
    act(&world, ActivityType::Sell, "2012-08-02", "15", Some("15")).await;
    assert_eq!(list(&world).await.iter().map(shown).collect::<Vec<_>>(), ["1:1:21.00:12.00:-9.00"]);
    assert_eq!(shown(&find(&world, first.id).await.unwrap()), "10:0:0.00:0.00:0.00", "its address stays");
}

#[tokio::test]
async fn units_of_a_transfer_or_an_adjustment_are_investments_if_their_cost_is_known() {
    let world = world().await;
    let moved = act(&world, ActivityType::TransferIn, "2012-07-02", "3", Some("7")).await;
    let found = act(&world, ActivityType::Adjustment, "2012-07-03", "2", Some("1")).await;
    let unknown = act(&world, ActivityType::TransferIn, "2012-07-04", "4", None).await;
    let listed = list(&world).await;
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [moved.id, found.id]);
    assert_eq!(listed.iter().map(shown).collect::<Vec<_>>(), ["3:3:21.00:36.00:15.00", "2:2:2.00:24.00:22.00"]);
    let missing = find(&world, unknown.id).await.unwrap_err();
    assert!(matches!(missing, ServiceError::NotFound { what: "investment" }), "{missing:?}");
    let World { platform, customer, portfolio, .. } = &world;
    let change = InvestmentCorrection { fee: Some(Decimal::ONE), ..InvestmentCorrection::default() };
    let refused = investments::correct(platform, *customer, *portfolio, moved.id, &Precondition::Any, &change).await;
    assert!(matches!(refused, Err(ServiceError::NotCorrectable { .. })), "{refused:?}");
    investments::remove(platform, *customer, *portfolio, moved.id, &Precondition::Any).await.unwrap();
    assert_eq!(list(&world).await.len(), 1);
}

#[tokio::test]
async fn a_change_of_an_investment_keeps_the_version_before_and_later_sales_their_units() {
    let world = world().await;
    let World { platform, customer, portfolio, .. } = &world;
    let lot = invest(&world, "10", "2012-07-02").await;
    let sale = act(&world, ActivityType::Sell, "2012-08-01", "8", Some("15")).await;
    let correct = async |units: &str| {
        let quantity = Some(Quantity::parse(units).unwrap());
        let change = InvestmentCorrection { quantity, ..InvestmentCorrection::default() };
        investments::correct(platform, *customer, *portfolio, lot.id, &Precondition::Any, &change).await
    };
    let corrected = correct("9").await.unwrap();
    assert_eq!((shown(&corrected).as_str(), corrected.version), ("9:1:20.11:12.00:-8.11", 2));
    let kept = activities::list_versions(platform, *customer, *portfolio, lot.id).await.unwrap();
    assert_eq!(kept.iter().map(|one| one.quantity.unwrap().to_string()).collect::<Vec<_>>(), ["9", "10"]);
    let removed = investments::remove(platform, *customer, *portfolio, lot.id, &Precondition::Any).await;
    for refused in [correct("7").await.map(drop), removed] {
        let is_named =
            matches!(refused, Err(ServiceError::HistoryConflict { activity_id, .. }) if activity_id == sale.id);
        assert!(is_named, "{refused:?}");
    }
}

#[tokio::test]
async fn a_portfolio_is_closed_once_recorded_sales_have_left_nothing() {
    let world = world().await;
    let World { platform, customer, portfolio, .. } = &world;
    invest(&world, "10", "2012-07-02").await;
    let close = async || {
        let change = Change { state: Some(PortfolioState::Closed), ..Change::default() };
        portfolios::change(platform, *customer, *portfolio, &Precondition::Any, &change).await
    };
    let refused = close().await.unwrap_err();
    assert_eq!(refused.to_string(), "The portfolio still holds 1 investments. Sell it first.");
    act(&world, ActivityType::Sell, "2012-08-01", "10", Some("15")).await;
    close().await.unwrap();
}

#[tokio::test]
async fn an_export_has_the_open_lots_as_they_were_recorded() {
    let world = world().await;
    invest(&world, "10", "2012-01-03").await;
    invest(&world, "4", "2012-07-02").await;
    act(&world, ActivityType::Sell, "2012-08-01", "21", Some("15")).await;
    let file = imports::export(&world.platform, world.customer, world.portfolio, Format::Csv).await.unwrap();
    let rows = String::from_utf8(file).unwrap();
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), ["ACME,4,20,2012-07-02,1.00,USD"]);
}
